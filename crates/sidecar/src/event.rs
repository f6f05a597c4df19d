//! What a report says to people: one Event per file group, on the Repository, with the names of 0.8.3.

use cluster::events::Notice;
use domain::objects::{GROUP, VERSION};
use domain::report::{Outcome, SessionReport};
use k8s_openapi::api::core::v1::ObjectReference;

/// A reference to one of our own objects.
pub(crate) fn about(kind: &str, namespace: &str, name: &str, uid: Option<&str>) -> ObjectReference {
    ObjectReference {
        api_version: Some(format!("{GROUP}/{VERSION}")),
        kind: Some(kind.to_owned()),
        namespace: Some(namespace.to_owned()),
        name: Some(name.to_owned()),
        uid: uid.map(str::to_owned),
        ..ObjectReference::default()
    }
}

/// The notices of a backup session, for its Repository.
pub(crate) fn of_backup(report: &SessionReport) -> Vec<Notice> {
    let mut notices = Vec::new();
    for group in &report.groups {
        let host = &report.identity.repository;
        if let Some(backup) = &group.backup {
            let why = backup.failure.as_ref().map_or("", |failure| failure.message.as_str());
            notices.push(match backup.outcome {
                Outcome::Succeeded => Notice::normal(
                    "SuccessfulBackup",
                    "Backup",
                    format!("backed up {} of {host}", group.path),
                ),
                _ => Notice::warning("FailedBackup", "Backup", format!("backup of {}: {why}", group.path)),
            });
        }
        if let Some(forget) = group.forget.as_ref().filter(|forget| forget.outcome != Outcome::Succeeded) {
            let why = forget.failure.as_ref().map_or("", |failure| failure.message.as_str());
            notices.push(Notice::warning(
                "FailedRetention",
                "Forget",
                format!("retention of {}: {why}", group.path),
            ));
        }
    }
    // A session that did not get as far as a group, or was stopped between two.
    let said = notices.iter().any(|notice| notice.warning);
    if let Some(failure) = report.failure.as_ref().filter(|_| !said) {
        notices.push(Notice::warning("FailedBackup", "Backup", failure.message.clone()));
    }
    notices
}

#[cfg(test)]
mod tests {
    use domain::report::{
        Failure, FailureReason, GroupReport, OperationReport, SessionIdentity, SessionKind,
    };

    use super::*;

    fn report() -> SessionReport {
        let identity = SessionIdentity {
            session: SessionKind::Backup,
            namespace: "shop".into(),
            config: "nightly".into(),
            kind: "Deployment".into(),
            app: "web".into(),
            repository: "deployment.web".into(),
        };
        SessionReport::begun(identity, jiff::Timestamp::UNIX_EPOCH)
    }

    fn operation(outcome: Outcome) -> Option<OperationReport> {
        let failure = (outcome != Outcome::Succeeded)
            .then(|| Failure { reason: FailureReason::SourceMissing, message: "no such folder".into() });
        Some(OperationReport { outcome, duration: std::time::Duration::ZERO, failure })
    }

    #[test]
    fn each_file_group_has_its_event_and_each_failure_names_its_group() {
        let mut report = report();
        let group = |path: &str, backup, forget| GroupReport {
            path: path.into(),
            backup,
            forget,
            ..GroupReport::default()
        };
        report.groups = vec![
            group("/a", operation(Outcome::Succeeded), operation(Outcome::Failed)),
            group("/b", operation(Outcome::Failed), None),
        ];
        let notices = of_backup(&report);
        let said: Vec<_> =
            notices.iter().map(|notice| (notice.reason.as_str(), notice.note.as_str())).collect();
        assert_eq!(said.len(), 3);
        assert_eq!(said[0].0, "SuccessfulBackup");
        assert!(said[1].0 == "FailedRetention" && said[1].1.contains("/a"));
        assert!(said[2].0 == "FailedBackup" && said[2].1.contains("/b"));
    }

    #[test]
    fn a_session_that_could_not_begin_has_one_warning() {
        let mut report = report();
        report.failure = Some(Failure { reason: FailureReason::SecretMissing, message: "no Secret".into() });
        let notices = of_backup(&report);
        assert_eq!(notices.len(), 1);
        assert!(notices[0].warning && notices[0].note == "no Secret");
    }
}
