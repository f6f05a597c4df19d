//! What is packed is what is unpacked; too much is left out; nothing that a stranger writes takes more than its bounds.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::objects::repository::Repository;

fn record(number: u64) -> Record {
    use sha2::{Digest as _, Sha256};
    use std::fmt::Write as _;
    let hex = |text: &str| {
        Sha256::digest(text).iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    };
    Record {
        id: hex(&format!("id {number}")),
        time: Timestamp::from_second(i64::try_from(number).unwrap() * 3600).unwrap(),
        tree: hex(&format!("tree {number}")),
        paths: vec!["/source/data".into()],
        hostname: "host-0".into(),
        username: "root".into(),
        size: Some(number * 1000),
        ..Record::default()
    }
}

fn catalogue(count: u64) -> Catalogue {
    Catalogue { listed: Timestamp::UNIX_EPOCH, left_out: 0, records: (0..count).map(record).collect() }
}

proptest! {
    #[test]
    fn what_is_packed_is_what_is_unpacked(
        count in 0_u64..40, tags in proptest::collection::vec(".{0,12}", 0..4), path in ".{0,40}",
        uid in any::<u32>(), size in any::<Option<u64>>(), left_out in 0_u64..9,
    ) {
        let mut all = catalogue(count);
        all.left_out = left_out;
        for record in &mut all.records {
            (record.tags, record.paths) = (tags.clone(), vec![path.clone()]);
            (record.uid, record.size) = (uid, size);
        }
        prop_assert_eq!(Catalogue::decode(&all.encode(MAX_PACKED).unwrap()).unwrap(), all);
    }

    #[test]
    fn nothing_else_is_taken_for_one(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Catalogue::decode(&bytes).is_err());
    }

    #[test]
    fn of_too_many_the_newest_are_kept_and_the_others_counted(count in 1_u64..300, max in 60_usize..9000) {
        let all = catalogue(count);
        let packed = all.encode(max).unwrap();
        let kept = Catalogue::decode(&packed).unwrap();
        prop_assert!(packed.len() <= max || kept.records.is_empty());
        prop_assert_eq!(kept.left_out + kept.records.len() as u64, count);
        prop_assert!(all.records.ends_with(&kept.records));
    }
}

#[test]
fn eight_thousand_snapshots_fit() {
    let all = catalogue(8000);
    let packed = all.encode(MAX_PACKED).unwrap();
    assert_eq!(Catalogue::decode(&packed).unwrap().left_out, 0, "{} bytes", packed.len());
}

#[test]
fn what_unpacks_to_too_much_is_refused() {
    let packed = pack(&vec![b' '; MAX_UNPACKED + 10]).unwrap();
    assert!(packed.len() < 100_000);
    assert!(matches!(Catalogue::decode(&packed), Err(CatalogueError::TooLarge)));
}

#[test]
fn an_id_is_whole_and_once() {
    let with = |ids: &[&str]| {
        let records: Vec<_> = ids
            .iter()
            .map(|id| json!({"i": id, "c": "2026-01-01T00:00:00Z", "r": "0", "p": ["/a"]}))
            .collect();
        let json = json!({"at": "2026-01-01T00:00:00Z", "snapshots": records, "later": "ignored"});
        Catalogue::decode(&pack(json.to_string().as_bytes()).unwrap())
    };
    let (a, b) = ("a".repeat(64), "b".repeat(64));
    assert_eq!(with(&[&a, &b]).unwrap().records.len(), 2);
    for wrong in [[a.as_str(), &a], [&a, "abcd"], [&a, &b.to_uppercase()], [&a, "../../../etc"]] {
        assert!(matches!(with(&wrong), Err(CatalogueError::Id(_))), "{wrong:?}");
    }
}

#[test]
fn the_object_is_found_by_its_label_and_goes_with_its_repository() {
    let repository: Repository = serde_json::from_value(json!({
        "apiVersion": "stash.appscode.com/v1alpha1", "kind": "Repository",
        "metadata": {"name": "deployment.web", "namespace": "shop", "uid": "1234"}, "spec": {},
    }))
    .unwrap();
    let all = catalogue(3);
    let object = config_map(&repository, &all).unwrap();
    assert_eq!(of(&object).unwrap(), all);
    assert_eq!(repository_of(&object.metadata), Some("deployment.web"));
    assert_eq!(listed_at(&object.metadata), Some(all.listed));
    let text = json!(object.metadata);
    assert_eq!(text["labels"]["stash.appscode.com/catalogue"], "true");
    assert_eq!(text["ownerReferences"][0]["uid"], "1234");
    // A ConfigMap of another name is nobody's catalogue.
    let mut other = object.metadata;
    other.name = Some("settings".into());
    assert_eq!(repository_of(&other), None);
}
