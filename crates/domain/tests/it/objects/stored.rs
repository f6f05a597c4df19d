//! Objects as a cluster may hold them since 0.8.3: odd, but readable, since one that cannot be read hides all others.

use domain::objects::recovery::Recovery;
use domain::objects::repository::Repository;
use domain::objects::restic::{BackupType, Restic};
use serde_json::json;

#[test]
fn a_generation_may_be_a_number_a_text_or_absent() {
    for (stored, expected) in [
        (json!(7), Some(7)),
        (json!("7"), Some(7)),
        (json!("7$abcdef"), Some(7)),
        (json!("$"), None),
        (json!(null), None),
    ] {
        let status = json!({ "observedGeneration": stored });
        let object = json!({ "metadata": { "name": "a" }, "spec": {}, "status": status });
        let restic: Restic = serde_json::from_value(object.clone()).unwrap();
        let recovery: Recovery = serde_json::from_value(object.clone()).unwrap();
        let repository: Repository = serde_json::from_value(object).unwrap();
        assert_eq!(restic.status.unwrap().observed_generation, expected);
        assert_eq!(recovery.status.unwrap().observed_generation, expected);
        assert_eq!(repository.status.unwrap().observed_generation, expected);
    }
}

#[test]
fn any_backup_type_is_read_and_only_two_are_meant() {
    for (stored, expected, printed) in [
        ("online", BackupType::Online, "online"),
        ("offline", BackupType::Offline, "offline"),
        ("", BackupType::Online, "online"),
        ("Offline", BackupType::Other("Offline".to_owned()), "Offline"),
    ] {
        let object = json!({ "metadata": { "name": "a" }, "spec": { "type": stored } });
        let restic: Restic = serde_json::from_value(object).unwrap();
        assert_eq!(restic.spec.backup_type, Some(expected));
        assert_eq!(serde_json::to_value(restic.spec.backup_type).unwrap(), json!(printed));
    }
}

#[test]
fn an_object_without_any_field_is_read() {
    let object = json!({ "metadata": {}, "spec": {} });
    serde_json::from_value::<Restic>(object.clone()).unwrap();
    serde_json::from_value::<Recovery>(object.clone()).unwrap();
    serde_json::from_value::<Repository>(object).unwrap();
}
