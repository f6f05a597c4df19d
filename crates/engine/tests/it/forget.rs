//! Which snapshots forget removes, and which it never touches.

use crate::fixture::{HOST, World, expect};
use domain::objects::restic::RetentionPolicy;
use engine::{BackupRequest, FailureReason, ForgetRequest, Quiet, Repository, SnapshotInfo};

fn snapshot(world: &World, repository: &Repository, host: &str, path: &str, day: u8) -> SnapshotInfo {
    let request = BackupRequest {
        path: world.source().join(path),
        host: host.to_owned(),
        tags: Vec::new(),
        time: Some(format!("2024-05-{day:02}T12:00:00Z").parse().expect("a time")),
    };
    repository.backup(&request, &Quiet).expect("a backup").snapshot
}

fn ids(repository: &Repository) -> Vec<String> {
    repository.snapshots().expect("a list").into_iter().map(|snapshot| snapshot.id).collect()
}

fn request(world: &World, policy: RetentionPolicy) -> ForgetRequest {
    ForgetRequest { host: HOST.to_owned(), path: world.source().join("a").display().to_string(), policy }
}

#[test]
fn keeps_what_the_policy_keeps_and_never_touches_other_hosts_and_paths() {
    let world = World::new();
    world.write("a/file", b"a");
    world.write("b/file", b"b");
    let repository = world.open();
    let old = snapshot(&world, &repository, HOST, "a", 1);
    let other_host = snapshot(&world, &repository, "other", "a", 2);
    let other_path = snapshot(&world, &repository, HOST, "b", 3);
    let new = snapshot(&world, &repository, HOST, "a", 4);

    let policy = RetentionPolicy { keep_last: 1, ..RetentionPolicy::default() };
    let outcome = repository.forget(&request(&world, policy)).expect("a forget");
    assert_eq!((outcome.count.kept, outcome.count.removed), (1, 1));
    assert_eq!(outcome.removed, [old]);
    assert_eq!(outcome.kept.first().map(|(kept, reasons)| (kept, reasons.is_empty())), Some((&new, false)));
    assert_eq!(ids(&repository), [other_host.id, other_path.id, new.id]);
    world.restic(&["check"]);
}

#[test]
fn a_dry_run_only_says_what_would_go() {
    let world = World::new();
    world.write("a/file", b"a");
    let repository = world.open();
    let all: Vec<_> = (1..=3).map(|day| snapshot(&world, &repository, HOST, "a", day).id).collect();
    let policy = RetentionPolicy { keep_last: 1, dry_run: true, ..RetentionPolicy::default() };
    let outcome = repository.forget(&request(&world, policy)).expect("a forget");
    assert_eq!((outcome.count.kept, outcome.count.removed), (1, 2));
    assert_eq!(ids(&repository), all);
}

#[test]
fn a_policy_without_rules_keeps_everything() {
    let world = World::new();
    world.write("a/file", b"a");
    let repository = world.open();
    snapshot(&world, &repository, HOST, "a", 1);
    let outcome = repository.forget(&request(&world, RetentionPolicy::default())).expect("a forget");
    assert_eq!((outcome.count.kept, outcome.count.removed), (1, 0));
    assert_eq!(ids(&repository).len(), 1);
}

#[test]
fn named_snapshots_go_all_or_none() {
    let world = World::new();
    world.write("a/file", b"a");
    let repository = world.open();
    let all: Vec<_> = (1..=3).map(|day| snapshot(&world, &repository, HOST, "a", day).id).collect();
    let short: String = all[0].chars().take(8).collect();
    let missing = repository.forget_ids(&[short.clone(), "00000000".to_owned()]);
    expect(missing, FailureReason::SnapshotMissing, &["00000000"]);
    expect(repository.forget_ids(&[all[0][..7].to_owned()]), FailureReason::SnapshotMissing, &["8"]);
    assert_eq!(ids(&repository).len(), 3);

    let outcome = repository.forget_ids(&[short, all[0].clone()]).expect("a forget");
    assert_eq!((outcome.count.kept, outcome.count.removed), (2, 1));
    assert_eq!(ids(&repository), all[1..]);
}
