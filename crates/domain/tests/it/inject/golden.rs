//! Golden cases: each file under `tests/golden/inject` holds why it is there, a Restic, a workload, and the workload
//! after injection, so that a reviewer sees by eye what is injected.

use std::collections::BTreeMap;

use domain::decide::inject::Verdict;
use domain::objects::restic::Restic;
use domain::objects::workload::WorkloadKind;
use serde_json::Value;

use super::stored::stored;
use super::{after, decide};

struct Case {
    restic: Restic,
    kind: WorkloadKind,
    before: Value,
}

fn cases() -> BTreeMap<String, Case> {
    let read = |(name, case): (String, crate::golden::Case)| {
        let [restic, before] = case.given().map(Clone::clone);
        let kind = before["kind"].as_str().unwrap().parse().unwrap();
        (name, Case { restic: serde_json::from_value(restic).unwrap(), kind, before })
    };
    crate::golden::cases("inject").into_iter().map(read).collect()
}

#[test]
fn every_case_becomes_what_its_file_says() {
    let read = cases();
    crate::golden::compare("inject", |name| {
        let case = &read[name];
        after(case.kind, &case.before, std::slice::from_ref(&case.restic))
    });
}

#[test]
fn there_is_a_case_of_every_kind_and_type() {
    let names: Vec<String> = cases().into_keys().collect();
    for kind in WorkloadKind::ALL.into_iter().filter(|kind| *kind != WorkloadKind::Host) {
        for backup_type in ["online", "offline"] {
            let name = format!("{}-{backup_type}", kind.lowercase());
            assert!(names.contains(&name), "tests/golden/inject/{name}.yaml is missing");
        }
    }
}

#[test]
fn every_case_is_steady_once_the_api_server_has_stored_it() {
    for (name, case) in cases() {
        let restics = std::slice::from_ref(&case.restic);
        let once = after(case.kind, &case.before, restics);
        for there in [once.clone(), stored(&once)] {
            let again = decide(case.kind, &there, restics);
            assert!(matches!(again.verdict, Verdict::Injected { .. }), "{name}");
            assert_eq!(again.write, None, "{name}");
        }
    }
}
