//! Golden cases: each file under `tests/golden/inject` holds why it is there, a Restic, a workload, and the workload
//! after injection, so that a reviewer sees by eye what is injected.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use domain::decide::inject::Verdict;
use domain::objects::restic::Restic;
use domain::objects::workload::WorkloadKind;
use serde_json::Value;

use super::stored::stored;
use super::{after, decide};

struct Case {
    head: String,
    restic: Restic,
    kind: WorkloadKind,
    before: Value,
    after: Value,
}

fn cases() -> BTreeMap<String, Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/inject");
    let mut cases = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let mut documents = text.split("\n---\n");
        let mut next = || documents.next().unwrap_or_default().to_owned();
        let (restic, before, wanted) = (next(), next(), next());
        let read = |yaml: &str| -> Value {
            if yaml.trim().is_empty() { Value::Null } else { serde_saphyr::from_str(yaml).unwrap() }
        };
        let before_value = read(&before);
        let case = Case {
            kind: before_value["kind"].as_str().unwrap().parse().unwrap(),
            restic: serde_json::from_value(read(&restic)).unwrap(),
            after: read(&wanted),
            before: before_value,
            head: format!("{restic}\n---\n{before}\n---\n"),
        };
        assert!(case.head.starts_with("# "), "{name} must say why it is there");
        cases.insert(name, case);
    }
    cases
}

#[test]
fn every_case_becomes_what_its_file_says() {
    let mut wrong = Vec::new();
    for (name, case) in cases() {
        let found = after(case.kind, &case.before, std::slice::from_ref(&case.restic));
        if found != case.after {
            let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.yaml"));
            let yaml = serde_saphyr::to_string(&found).unwrap();
            fs::write(&file, format!("{}{}\n", case.head, yaml.trim_end())).unwrap();
            wrong.push(format!("{name}: compare with {}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "not as the files say; if it should be so, copy them:\n{}", wrong.join("\n"));
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
