//! A storage that is full, closed or gone.

use crate::fixture::{World, expect, needs_root, noise, run};
use engine::{CheckRequest, FailureReason, Quiet};
use std::fs;
use std::path::{Path, PathBuf};

/// A small file system in memory, for as long as the value lives.
struct Small(PathBuf);

impl Small {
    fn mount(at: &Path, size: &str) -> Self {
        needs_root();
        fs::create_dir(at).expect("a folder");
        run("mount", &["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs", at.to_str().expect("UTF-8")]);
        Self(at.to_owned())
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_storage_fails_the_backup_and_keeps_the_earlier_snapshot() {
    let world = World::new();
    let _small = Small::mount(&world.repository_path(), "6m");
    world.write("first", &noise(1, 200_000));
    let repository = world.open();
    let first = world.backup(&repository).snapshot;

    for number in 0..60 {
        world.write(&format!("more/{number}"), &noise(100 + number, 1_000_000));
    }
    let result = repository.backup(&world.request(), &Quiet);
    expect(result, FailureReason::StorageFull, &["repository", "No space left", "free space"]);

    let left: Vec<_> = repository.snapshots().expect("a list").into_iter().map(|s| s.id).collect();
    assert_eq!(left, [first.id]);
    let drafts: Vec<_> =
        world.stored("").into_iter().filter(|p| p.to_string_lossy().contains("-tmp-")).collect();
    assert_eq!(drafts, Vec::<PathBuf>::new());
    world.restic(&["check", "--read-data"]);
    assert!(repository.check(CheckRequest { read_data: true }, &Quiet).expect("a check").is_ok());
    world.restore(&repository, "restored").expect("a restore");
    assert_eq!(fs::read(world.path("restored/first")).expect("the file"), noise(1, 200_000));

    // With room again, the same value works again.
    fs::remove_dir_all(world.source().join("more")).expect("the files");
    world.backup(&repository);
}

#[test]
fn a_full_target_ends_the_restore_and_leaves_whole_files_only() {
    let world = World::new();
    for number in 0..8 {
        world.write(&number.to_string(), &noise(number, 1_000_000));
    }
    let repository = world.open();
    world.backup(&repository);
    let small = Small::mount(&world.path("small"), "3m");
    expect(world.restore(&repository, "small"), FailureReason::TargetUnwritable, &["small", "No space left"]);
    for entry in fs::read_dir(&small.0).expect("a folder") {
        assert_eq!(entry.expect("an entry").metadata().expect("metadata").len(), 1_000_000);
    }
}

#[test]
fn a_storage_that_may_not_be_read_is_neither_empty_nor_missing() {
    needs_root();
    let world = World::new();
    world.write("file", b"content");
    world.backup(&world.open());
    crate::unreadable::open_to_all(&world);
    let closed = world.repository_path().join("snapshots");
    rustix::fs::chmod(&closed, rustix::fs::Mode::empty()).expect("a mode");
    crate::unreadable::as_nobody(&world, |repository| {
        expect(repository.snapshots(), FailureReason::StorageDenied, &["snapshots"]);
        expect(repository.prune(&Quiet), FailureReason::StorageDenied, &["snapshots"]);
    });
    rustix::fs::chmod(&closed, rustix::fs::Mode::RWXU).expect("a mode");
    world.restic(&["check", "--read-data"]);
}

#[test]
fn a_storage_that_may_not_be_written_refuses_the_backup() {
    needs_root();
    let world = World::new();
    world.write("file", b"content");
    world.open();
    crate::unreadable::open_to_all(&world);
    crate::unreadable::as_nobody(&world, |repository| {
        let result = repository.backup(&world.request(), &Quiet);
        expect(result, FailureReason::StorageDenied, &["Permission denied", "permission"]);
    });
    assert_eq!(world.stored("snapshots").len(), 0);
}

#[test]
fn a_repository_that_went_away_is_said_to_be_missing() {
    let world = World::new();
    world.write("file", b"content");
    let repository = world.open();
    world.backup(&repository);
    fs::remove_dir_all(world.repository_path()).expect("the repository");
    let error = repository.backup(&world.request(), &Quiet).expect_err("there is nothing");
    assert_eq!(error.reason(), FailureReason::RepositoryMissing, "{error}");
    assert!(!world.repository_path().exists(), "a verb never creates a repository");
}

#[test]
fn the_size_is_that_of_all_files() {
    let world = World::new();
    world.write("file", &noise(1, 100_000));
    let repository = world.open();
    world.backup(&repository);
    let expected: u64 = world.stored("").iter().map(|path| fs::metadata(path).expect("metadata").len()).sum();
    assert_eq!(repository.size().expect("a size"), expected);
}
