//! One report for every session that was due, whatever happened in it.

use std::path::Path;

use agent::measure::{self, Standing};
use agent::session::{BackupPlan, GroupPlan, Listing, backup};
use domain::objects::restic::RetentionPolicy;
use domain::report::{Failure, FailureReason, Outcome, SessionIdentity, SessionKind};
use domain::secret::Secret;
use engine::{Cancel, Credentials, Environment, Location, Quiet};
use exposition::{Family, Value};
use jiff::Timestamp;

fn identity() -> SessionIdentity {
    SessionIdentity {
        session: SessionKind::Backup,
        namespace: "shop".into(),
        config: "nightly".into(),
        kind: "Deployment".into(),
        app: "web".into(),
        repository: "deployment.web".into(),
    }
}

fn plan(root: &Path, paths: &[&str]) -> BackupPlan {
    let keep_one = RetentionPolicy { keep_last: 1, prune: true, ..RetentionPolicy::default() };
    BackupPlan {
        location: Location::Local(root.join("repository")),
        credentials: Credentials { password: Secret::new("secret") },
        environment: Environment::default(),
        host: "web".into(),
        groups: paths
            .iter()
            .map(|path| GroupPlan {
                path: root.join(path),
                tags: Vec::new(),
                retention: Some(keep_one.clone()),
            })
            .collect(),
        listing: Listing::default(),
    }
}

fn value(families: &[Family], name: &str, label: Option<(&str, &str)>) -> Option<f64> {
    let family = families.iter().find(|family| family.name == name)?;
    let sample = family.samples.iter().find(|sample| {
        label.is_none_or(|(name, value)| sample.labels.get(name).is_some_and(|got| got == value))
    })?;
    match sample.value {
        Value::Number(value) => Some(value),
        _ => None,
    }
}

#[test]
fn a_failing_group_is_reported_and_the_next_one_runs() {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir(root.path().join("good")).unwrap();
    std::fs::write(root.path().join("good/file"), "content").unwrap();
    let listing = Listing::default();
    let session = || {
        let listing = listing.clone();
        let prepare = || Ok(BackupPlan { listing, ..plan(root.path(), &["absent", "good"]) });
        backup(&identity(), Timestamp::now(), prepare, &Quiet, &Cancel::default())
    };
    session();
    let report = session();
    assert_eq!(report.outcome, Outcome::Failed);
    assert_eq!(report.failure.as_ref().unwrap().reason, FailureReason::SourceMissing);
    assert_eq!(report.groups.len(), 2);
    let good = &report.groups[1];
    assert_eq!(good.backup.as_ref().unwrap().outcome, Outcome::Succeeded);
    assert_eq!((good.retention.unwrap().kept, good.retention.unwrap().removed), (1, 1));
    assert_eq!(report.repository_snapshots, Some(1));
    let listed = listing.take().unwrap();
    assert_eq!(listed.len(), 1, "what was forgotten is not listed");
    assert_eq!((Some(&listed[0].id), listed[0].size), (good.snapshot.as_ref(), Some(7)));
    // Of a failed group nothing is measured but its time.
    assert_eq!((&report.groups[0].amount, &report.groups[0].forget), (&None, &None));

    let families = measure::families(Some(&report), &Standing::default());
    assert_eq!(value(&families, "restic_session_success", None), Some(0.0));
    assert_eq!(value(&families, "restic_session_fail", None), Some(1.0));
    assert_eq!(
        value(&families, "restic_session_failure_reason", Some(("reason", "source_missing"))),
        Some(1.0)
    );
    let file_group = root.path().join("absent").display().to_string().replace('/', "|");
    assert!(value(&families, "restic_session_duration_seconds", Some(("filegroup", &file_group))).is_some());
    assert_eq!(value(&families, "restic_session_bytes_processed", Some(("filegroup", &file_group))), None);
}

#[test]
fn what_fails_before_the_first_group_is_reported_too() {
    let failure = Failure { reason: FailureReason::SecretMissing, message: "no Secret".into() };
    let prepare = || Err(failure.clone());
    let report = backup(&identity(), Timestamp::now(), prepare, &Quiet, &Cancel::default());
    assert_eq!((report.outcome, report.failure), (Outcome::Failed, Some(failure)));
    assert!(report.groups.is_empty() && report.repository_bytes.is_none());
}

#[test]
fn a_panic_is_reported_and_not_passed_on() {
    let prepare = || panic!("a defect");
    let report = backup(&identity(), Timestamp::now(), prepare, &Quiet, &Cancel::default());
    assert_eq!(report.failure.unwrap().reason, FailureReason::Internal);
    assert_eq!(report.outcome, Outcome::Failed);
}

#[test]
fn a_cancelled_session_says_so_and_makes_no_snapshot() {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir(root.path().join("good")).unwrap();
    let run = |cancel: &Cancel| {
        backup(&identity(), Timestamp::now(), || Ok(plan(root.path(), &["good"])), &Quiet, cancel)
    };
    let cancel = Cancel::default();
    cancel.cancel();
    let report = run(&cancel);
    assert_eq!(report.outcome, Outcome::Cancelled, "{report:?}");
    assert_eq!(run(&Cancel::default()).repository_snapshots, Some(1));
}

#[test]
fn the_group_is_that_of_the_repository_and_holds_no_pod() {
    let key = measure::grouping_key(&identity()).unwrap();
    let labels: Vec<(&str, &str)> =
        key.labels().iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(
        labels,
        [
            ("app", "web"),
            ("job", "shop-nightly"),
            ("kind", "Deployment"),
            ("namespace", "shop"),
            ("repository", "deployment.web"),
            ("session", "backup"),
            ("stash_config", "nightly"),
        ]
    );
}
