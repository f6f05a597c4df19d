//! Whoever cancels waits for seconds, not for the end, and finds the repository as it was.

use crate::fixture::{World, expect, noise};
use engine::{Cancel, CheckRequest, FailureReason, Phase, Progress, Quiet};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// Cancels at the first sign of the chosen moment.
struct Saboteur {
    cancel: Cancel,
    at: Moment,
}

#[derive(PartialEq)]
enum Moment {
    Phase(Phase),
    FirstBytes,
}

impl Progress for Saboteur {
    fn phase(&self, phase: Phase) {
        if self.at == Moment::Phase(phase) {
            self.cancel.cancel();
        }
    }
    fn total(&self, _: u64, _: u64) {}
    fn advance(&self, _: u64, bytes: u64) {
        if self.at == Moment::FirstBytes && bytes > 0 {
            self.cancel.cancel();
        }
    }
    fn file(&self, _: &Path) {}
}

#[test]
fn in_the_middle_of_a_backup_leaves_no_snapshot() {
    let world = World::new();
    world.write("a", &noise(1, 100_000));
    let first = world.backup(&world.open()).snapshot;
    // Hours of reading, if nobody stopped it.
    let endless = fs::File::create(world.source().join("b")).expect("a file");
    endless.set_len(1 << 40).expect("a hole of a tebibyte");

    let cancel = Cancel::default();
    let repository = world.open_with(&cancel);
    let saboteur = Saboteur { cancel, at: Moment::FirstBytes };
    let begun = Instant::now();
    let result = repository.backup(&world.request(), &saboteur);
    expect(result, FailureReason::Cancelled, &["source", "repository", "cancelled"]);
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());

    let left: Vec<_> = world.open().snapshots().expect("a list").into_iter().map(|s| s.id).collect();
    assert_eq!(left, [first.id]);
    world.restic(&["check", "--read-data"]);
}

#[test]
fn every_verb_heeds_it() {
    let world = World::new();
    world.write("a", &noise(1, 100_000));
    world.backup(&world.open());
    let packs = world.stored("data");
    let run = |phase| {
        let cancel = Cancel::default();
        let repository = world.open_with(&cancel);
        (repository, Saboteur { cancel, at: Moment::Phase(phase) })
    };
    let cancelled = FailureReason::Cancelled;
    for phase in [Phase::Scanning, Phase::BackingUp] {
        let (repository, saboteur) = run(phase);
        expect(repository.backup(&world.request(), &saboteur), cancelled, &[]);
    }
    for phase in [Phase::Scanning, Phase::Restoring] {
        let (repository, saboteur) = run(phase);
        expect(repository.restore(&world.restore_request("target"), &saboteur), cancelled, &[]);
        let written = fs::read_dir(world.path("target")).map_or(0, Iterator::count);
        assert_eq!(written, 0, "nothing is left behind");
    }
    let (repository, saboteur) = run(Phase::Pruning);
    expect(repository.prune(&saboteur), cancelled, &[]);
    let (repository, saboteur) = run(Phase::Checking);
    expect(repository.check(CheckRequest { read_data: true }, &saboteur), cancelled, &[]);
    expect(repository.snapshots(), cancelled, &[]);
    assert_eq!(world.stored("data"), packs);
    assert_eq!(world.stored("snapshots").len(), 1);
    world.open().prune(&Quiet).expect("without cancelling it works");
}
