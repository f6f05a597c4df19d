//! What changes is told once, in order, and what is not known any more is said to be so.

use domain::catalogue::{Catalogue, config_map};
use serde_json::json;

use super::*;

fn repository(labels: serde_json::Value) -> Repository {
    serde_json::from_value(json!({
        "apiVersion": "stash.appscode.com/v1alpha1", "kind": "Repository",
        "metadata": {"name": "deployment.web", "namespace": "shop", "uid": "1", "labels": labels}, "spec": {},
    }))
    .unwrap()
}

fn catalogue(digits: &[char]) -> Kept {
    let records =
        digits.iter().map(|digit| Record { id: digit.to_string().repeat(64), ..Record::default() }).collect();
    let list = Catalogue { records, ..Catalogue::default() };
    Kept::from(config_map(&repository(json!({})), &list).unwrap())
}

fn job(digit: char, failed: bool) -> Job {
    let id = digit.to_string().repeat(64);
    let condition = json!([{"type": if failed { "Failed" } else { "Suspended" }, "status": "True"}]);
    serde_json::from_value(json!({
        "metadata": {
            "name": "stash-forget-1", "namespace": "shop", "labels": {"operation": "forget"},
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "ownerReferences": [{
                "apiVersion": "stash.appscode.com/v1alpha1", "kind": "Repository", "name": "deployment.web",
                "uid": "1",
            }],
        },
        "spec": {"template": {"spec": {"containers": [{"name": "stash", "args": ["forget", id]}]}}},
        "status": {"conditions": condition},
    }))
    .unwrap()
}

fn index() -> Index {
    Index::new(Timestamp::from_microsecond(1000).unwrap())
}

fn told(index: &Index, since: &mut u64) -> Vec<(What, char)> {
    let (version, changes) = index.since(*since).unwrap();
    *since = version;
    assert!(changes.windows(2).all(|pair| pair[0].version < pair[1].version));
    changes.iter().map(|change| (change.what, change.item.record.id.chars().next().unwrap())).collect()
}

#[test]
fn each_change_is_told_once() {
    let (index, mut at) = (index(), 1000);
    index.saw_catalogue(None, Some(&catalogue(&['a', 'b'])));
    assert_eq!(told(&index, &mut at), [], "not before the Repository is known");
    index.saw_repository(None, Some(&repository(json!({"app": "web"}))));
    assert_eq!(told(&index, &mut at), [(What::Added, 'a'), (What::Added, 'b')]);
    index.saw_repository(None, Some(&repository(json!({"app": "web"}))));
    index.saw_catalogue(None, Some(&catalogue(&['a', 'b'])));
    assert_eq!(told(&index, &mut at), []);
    index.saw_catalogue(None, Some(&catalogue(&['b', 'c'])));
    assert_eq!(told(&index, &mut at), [(What::Added, 'c'), (What::Deleted, 'a')]);
    index.saw_job(None, Some(&job('b', false)));
    assert_eq!(told(&index, &mut at), [(What::Modified, 'b')]);
    assert!(index.find("shop", "deployment.web", "bbbb").unwrap()[0].deleting.is_some());
    index.saw_job(None, Some(&job('b', true)));
    assert_eq!(told(&index, &mut at), [(What::Modified, 'b')], "given up, so it is there as before");
    index.saw_repository(None, Some(&repository(json!({"app": "shop"}))));
    assert_eq!(told(&index, &mut at), [(What::Modified, 'b'), (What::Modified, 'c')]);
    index.saw_repository(Some(&repository(json!({}))), None);
    assert_eq!(told(&index, &mut at), [(What::Deleted, 'b'), (What::Deleted, 'c')]);
    assert!(index.find("shop", "deployment.web", "").is_none());
}

#[test]
fn who_was_away_for_too_long_is_told_so() {
    let index = index();
    index.saw_repository(None, Some(&repository(json!({}))));
    for round in 0..=REMEMBERED {
        let digit = if round % 2 == 0 { 'a' } else { 'b' };
        index.saw_catalogue(None, Some(&catalogue(&[digit])));
    }
    assert!(index.since(1000).is_none());
    assert!(index.since(999).is_none(), "of an earlier process");
    let (now, _) = index.parts(None);
    assert!(index.since(now + 1).is_none(), "of another process");
    assert_eq!(index.since(now).unwrap().1.len(), 0);
}

#[test]
fn what_is_missing_is_said() {
    let index = index();
    let mut object = repository(json!({}));
    index.saw_repository(None, Some(&object));
    let warning = |index: &Index| index.parts(Some("shop")).1.remove(0).warning;
    assert!(warning(&index).unwrap().contains("no snapshots yet"));
    index.saw_catalogue(None, Some(&catalogue(&['a'])));
    assert_eq!(warning(&index), None);
    object.status = serde_json::from_value(json!({
        "lastFailureReason": "storage_unreachable", "lastError": "no route to host",
    }))
    .unwrap();
    index.saw_repository(None, Some(&object));
    assert!(warning(&index).unwrap().contains("no route to host"));
    let mut damaged = config_map(&object, &Catalogue::default()).unwrap();
    damaged.binary_data = None;
    index.saw_catalogue(None, Some(&Kept::from(damaged)));
    assert!(warning(&index).unwrap().contains("cannot be read"));
    assert!(index.parts(Some("other")).1.is_empty());
}
