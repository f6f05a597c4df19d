//! Prune gives space back without ever taking what a snapshot, or a backup on its way, needs.

use crate::fixture::{World, expect, noise};
use engine::{CheckRequest, FailureReason, Quiet};
use std::fs;

#[test]
fn marks_what_no_snapshot_needs_and_leaves_the_rest_restorable() {
    let world = World::new();
    let going = world.write("going", &noise(1, 900_000));
    let repository = world.open();
    let first = world.backup(&repository).snapshot;
    fs::remove_file(going).expect("the file");
    world.write("staying", &noise(2, 300_000));
    world.backup(&repository);
    repository.forget_ids(&[first.id]).expect("a forget");

    let packs = world.stored("data");
    let outcome = repository.prune(&Quiet).expect("a prune");
    assert!(outcome.packs_marked > 0, "{outcome:?}");
    assert_eq!(outcome.bytes_freed, 0, "nothing goes on the day it is marked");
    let left = world.stored("data");
    assert!(packs.iter().all(|pack| left.contains(pack)), "a backup on its way may need any of them");

    world.restic(&["check", "--read-data"]);
    assert!(repository.check(CheckRequest { read_data: true }, &Quiet).expect("a check").is_ok());
    world.restore(&repository, "restored").expect("a restore");
    assert_eq!(fs::read(world.path("restored/staying")).expect("the file"), noise(2, 300_000));
    repository.prune(&Quiet).expect("a second prune");
    world.backup(&repository);
    world.restic(&["check", "--read-data"]);
}

#[test]
fn refuses_a_repository_whose_snapshots_have_all_gone() {
    let world = World::new();
    world.write("file", &noise(1, 10_000));
    let repository = world.open();
    world.backup(&repository);
    for snapshot in world.stored("snapshots") {
        fs::remove_file(snapshot).expect("a snapshot");
    }
    let packs = world.stored("data");
    expect(
        repository.prune(&Quiet),
        FailureReason::RepositoryDamaged,
        &["no snapshot", "put the snapshots back"],
    );
    assert_eq!(world.stored("data"), packs);
}

#[test]
fn an_empty_repository_has_nothing_to_prune() {
    let world = World::new();
    assert_eq!(world.open().prune(&Quiet).expect("a prune"), engine::PruneOutcome::default());
}
