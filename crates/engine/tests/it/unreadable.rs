//! What cannot be read is counted and named. The tests take root's rights from one thread to see it.

use crate::fixture::{World, credentials, expect, needs_root, noise, run};
use engine::{BackupRequest, Cancel, Environment, FailureReason, Quiet, Repository, open};
use nix::unistd::{Uid, setfsuid};
use std::fs;
use std::path::{Path, PathBuf};

const NOBODY: u32 = 65_534;

/// Runs `work` in a thread for which, and for whose threads, file permissions are those of a user without rights.
pub(crate) fn as_nobody(world: &World, work: impl FnOnce(&Repository) + Send) {
    needs_root();
    let joined = std::thread::scope(|scope| {
        scope
            .spawn(|| {
                setfsuid(Uid::from_raw(NOBODY));
                assert_eq!(setfsuid(Uid::from_raw(NOBODY)).as_raw(), NOBODY, "rights are gone");
                let repository =
                    open(&world.location(), &credentials(), &Environment::default(), &Cancel::default());
                work(&repository.expect("a repository"));
            })
            .join()
    });
    if let Err(panic) = joined {
        std::panic::resume_unwind(panic);
    }
}

/// Lets everybody read what is in the world.
pub(crate) fn open_to_all(world: &World) {
    run("chmod", &["-R", "a+rX", world.root.path().to_str().expect("UTF-8")]);
}

fn close(path: &Path) {
    rustix::fs::chmod(path, rustix::fs::Mode::empty()).expect("a mode");
}

/// Gives the repository to the user without rights.
fn ready(world: &World) {
    world.open();
    open_to_all(world);
    run("chown", &["-R", &NOBODY.to_string(), world.repository_path().to_str().expect("UTF-8")]);
}

#[test]
fn an_unreadable_file_and_folder_make_the_backup_incomplete_not_failed() {
    let world = World::new();
    world.write("readable", &noise(1, 1000));
    let file = world.write("closed file", b"secret");
    let inside = world.write("closed folder/inside", b"secret");
    let folder = inside.parent().expect("a folder").to_owned();
    ready(&world);
    close(&file);
    close(&folder);
    as_nobody(&world, |repository| {
        let outcome = repository.backup(&world.request(), &Quiet).expect("a backup");
        assert_eq!(outcome.amount.files_skipped, 2, "{outcome:?}");
        let mut paths: Vec<_> = outcome.skipped.iter().map(|skipped| PathBuf::from(&skipped.path)).collect();
        paths.sort();
        assert_eq!(paths, [file.clone(), folder.clone()]);
        assert!(outcome.skipped.iter().all(|skipped| skipped.error.contains("Permission denied")));
        assert_eq!(outcome.amount.files_new, 1);
        // Again, with the snapshot as parent: it must not hide what is missing.
        let again = repository.backup(&world.request(), &Quiet).expect("a backup");
        assert_eq!(again.amount.files_skipped, 2);
    });
    world.restic(&["check", "--read-data"]);
}

#[test]
fn only_the_first_hundred_are_named_but_all_are_counted() {
    let world = World::new();
    let files: Vec<_> = (0..130).map(|number| world.write(&number.to_string(), b"secret")).collect();
    ready(&world);
    files.iter().for_each(|file| close(file));
    as_nobody(&world, |repository| {
        let outcome = repository.backup(&world.request(), &Quiet).expect("a backup");
        assert_eq!((outcome.amount.files_skipped, outcome.skipped.len()), (130, 100));
    });
}

#[test]
fn an_unreadable_path_is_an_error_and_no_snapshot() {
    let world = World::new();
    let file = world.write("file", b"secret");
    ready(&world);
    close(&file);
    close(&world.source());
    as_nobody(&world, |repository| {
        let folder = repository.backup(&world.request(), &Quiet);
        expect(folder, FailureReason::SourceUnreadable, &["source", "Permission denied"]);
    });
    open_to_all(&world);
    close(&file);
    as_nobody(&world, |repository| {
        let single = repository.backup(&BackupRequest { path: file.clone(), ..world.request() }, &Quiet);
        expect(single, FailureReason::SourceUnreadable, &["file", "Permission denied"]);
        assert_eq!(repository.snapshots().expect("a list"), []);
    });
}

/// Puts the memory of this process in the place of a file: it opens, and the first read fails.
struct FailsWhenRead(PathBuf);

impl FailsWhenRead {
    fn new(file: PathBuf) -> Self {
        needs_root();
        let memory = format!("/proc/{}/mem", std::process::id());
        run("mount", &["--bind", &memory, file.to_str().expect("UTF-8")]);
        Self(file)
    }
}

impl Drop for FailsWhenRead {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_file_that_fails_while_it_is_read_is_counted_and_absent() {
    let world = World::new();
    world.write("a", b"before");
    world.write("z", b"after");
    let failing = FailsWhenRead::new(world.write("failing", b""));
    let repository = world.open();
    let outcome = world.backup(&repository);
    assert_eq!(outcome.amount.files_skipped, 1);
    assert_eq!(outcome.skipped.first().map(|s| PathBuf::from(&s.path)), Some(failing.0.clone()));
    let listed = world.restic(&["ls", &outcome.snapshot.id]);
    assert!(listed.contains("source/a") && listed.contains("source/z") && !listed.contains("failing"));
}

#[test]
fn a_path_that_fails_while_it_is_read_is_an_error_and_no_snapshot() {
    let world = World::new();
    let failing = FailsWhenRead::new(world.write("failing", b""));
    let repository = world.open();
    let request = BackupRequest { path: failing.0.clone(), ..world.request() };
    expect(repository.backup(&request, &Quiet), FailureReason::SourceUnreadable, &["failing"]);
    assert_eq!(repository.snapshots().expect("a list"), []);
}

#[test]
fn what_vanishes_during_the_backup_is_not_missing() {
    let world = World::new();
    let names: Vec<PathBuf> = (0..300).map(|n| world.write(&format!("{n:03}"), &noise(n, 20_000))).collect();
    let repository = world.open();
    let outcome = std::thread::scope(|scope| {
        scope.spawn(|| names.iter().rev().for_each(|path| fs::remove_file(path).expect("the file")));
        world.backup(&repository)
    });
    assert_eq!(outcome.skipped, [], "whichever files were gone when their turn came");
}
