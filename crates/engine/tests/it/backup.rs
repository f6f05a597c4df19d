//! What a backup counts, keeps and refuses.

use crate::fixture::{World, expect, noise};
use engine::{BackupRequest, CheckRequest, Environment, FailureReason, Phase, Progress, Quiet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

#[test]
fn counts_new_changed_and_unmodified_files() {
    let world = World::new();
    world.write("same", &noise(1, 50_000));
    world.write("changing", &noise(2, 50_000));
    let repository = world.open();
    let first = world.backup(&repository).amount;
    assert_eq!(
        (first.files_new, first.files_changed, first.files_unmodified, first.files_skipped),
        (2, 0, 0, 0)
    );
    assert_eq!(first.bytes_processed, 100_000);
    assert!(first.bytes_added >= 100_000, "noise does not compress: {first:?}");

    world.write("changing", &noise(3, 60_000));
    world.write("new", b"new");
    let second = world.backup(&repository).amount;
    assert_eq!((second.files_new, second.files_changed, second.files_unmodified), (1, 1, 1));
    assert_eq!(second.bytes_processed, 110_003, "unmodified files count too");
    assert!(second.bytes_added < 80_000, "unmodified files are not stored again: {second:?}");
}

#[test]
fn takes_the_parent_from_its_own_host_and_path_only() {
    let world = World::new();
    world.write("a", b"content");
    let repository = world.open();
    world.backup(&repository);
    let other = BackupRequest { host: "other".to_owned(), ..world.request() };
    let amount = repository.backup(&other, &Quiet).expect("a backup").amount;
    assert_eq!((amount.files_new, amount.files_unmodified), (1, 0));
}

#[test]
fn notices_a_change_that_keeps_size_and_modification_time() {
    let world = World::new();
    let path = world.write("a", b"before");
    let time = fs::metadata(&path).expect("metadata").modified().expect("a time");
    let repository = world.open();
    world.backup(&repository);
    fs::write(&path, "after!").expect("a change");
    fs::File::options().write(true).open(&path).expect("the file").set_modified(time).expect("a time");
    assert_eq!(world.backup(&repository).amount.files_changed, 1);
    world.restore(&repository, "restored").expect("a restore");
    assert_eq!(fs::read(world.path("restored/a")).expect("the file"), b"after!");
}

#[test]
fn a_single_file_can_be_the_path() {
    let world = World::new();
    let path = world.write("folder/only", b"content");
    world.write("folder/other", b"other");
    let repository = world.open();
    let request = BackupRequest { path: path.clone(), ..world.request() };
    let outcome = repository.backup(&request, &Quiet).expect("a backup");
    assert_eq!((outcome.amount.files_new, outcome.amount.bytes_processed), (1, 7));
    assert_eq!(outcome.snapshot.paths, [path.display().to_string()]);
    let listed = world.restic(&["ls", &outcome.snapshot.id]);
    assert!(listed.contains("folder/only") && !listed.contains("other"), "{listed}");
}

#[test]
fn a_path_over_a_link_is_backed_up_under_the_name_it_was_given() {
    let world = World::new();
    world.write("folder/file", b"content");
    let link = world.path("link");
    std::os::unix::fs::symlink(world.source(), &link).expect("a link");
    let repository = world.open();
    for named in [link.clone(), link.join("folder")] {
        let request = BackupRequest { path: named.clone(), ..world.request() };
        let outcome = repository.backup(&request, &Quiet).expect("a backup");
        assert_eq!(outcome.amount.files_new, 1, "{}", named.display());
        let listed = world.restic(&["ls", &outcome.snapshot.id]);
        assert!(listed.contains(&format!("{}/folder/file", link.display())), "{listed}");
    }
}

#[test]
fn a_path_with_slashes_and_dots_to_spare_is_the_same_path() {
    let world = World::new();
    world.write("a", b"content");
    let odd = PathBuf::from(format!("{}/./source//", world.root.path().display()));
    let outcome =
        world.open().backup(&BackupRequest { path: odd, ..world.request() }, &Quiet).expect("a backup");
    assert_eq!(outcome.snapshot.paths, [world.source().display().to_string()]);
}

#[test]
fn a_missing_or_relative_path_is_an_error_and_no_snapshot() {
    let world = World::new();
    let repository = world.open();
    let try_path = |path: &str| {
        repository.backup(&BackupRequest { path: PathBuf::from(path), ..world.request() }, &Quiet)
    };
    let missing = world.path("missing");
    expect(try_path(missing.to_str().expect("UTF-8")), FailureReason::SourceMissing, &["missing", "mount"]);
    expect(try_path("relative/path"), FailureReason::InvalidSpec, &["relative/path", "absolute"]);
    expect(try_path("/a/../b"), FailureReason::InvalidSpec, &["/a/../b"]);
    assert_eq!(repository.snapshots().expect("a list"), []);
}

#[test]
fn the_time_of_the_snapshot_can_be_given_and_orders_the_list() {
    let world = World::new();
    world.write("a", b"content");
    let repository = world.open();
    for text in ["2024-03-01T12:00:00Z", "2023-03-01T12:00:00Z", "2025-03-01T12:00:00Z"] {
        let time = Some(text.parse().expect("a time"));
        repository.backup(&BackupRequest { time, ..world.request() }, &Quiet).expect("a backup");
    }
    let years: Vec<String> =
        repository.snapshots().expect("a list").iter().map(|s| s.time.to_string()).collect();
    assert_eq!(years, ["2023-03-01T12:00:00Z", "2024-03-01T12:00:00Z", "2025-03-01T12:00:00Z"]);
}

#[test]
fn a_cache_changes_nothing_but_the_speed() {
    let world = World::new();
    world.write("a", &noise(1, 10_000));
    let environment = Environment { cache_dir: Some(world.path("cache")) };
    let (repository, _) = engine::open_or_init(
        &world.location(),
        &crate::fixture::credentials(),
        &environment,
        &engine::Cancel::default(),
    )
    .expect("a repository");
    world.backup(&repository);
    assert_eq!(world.backup(&repository).amount.files_unmodified, 1);
    assert!(world.path("cache").is_dir());
    world.restore(&repository, "restored").expect("a restore");
    assert!(repository.check(CheckRequest { read_data: true }, &Quiet).expect("a check").is_ok());
}

#[derive(Default)]
struct Recorder(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    phases: Vec<Phase>,
    total: (u64, u64),
    done: (u64, u64),
    files: Vec<PathBuf>,
}

impl Progress for Recorder {
    fn phase(&self, phase: Phase) {
        self.0.lock().expect("a lock").phases.push(phase);
    }
    fn total(&self, files: u64, bytes: u64) {
        self.0.lock().expect("a lock").total = (files, bytes);
    }
    fn advance(&self, files: u64, bytes: u64) {
        let mut seen = self.0.lock().expect("a lock");
        seen.done = (seen.done.0 + files, seen.done.1 + bytes);
    }
    fn file(&self, path: &Path) {
        self.0.lock().expect("a lock").files.push(path.to_owned());
    }
}

#[test]
fn progress_ends_with_all_files_and_bytes_told() {
    let world = World::new();
    world.write("a", &noise(1, 30_000));
    let b = world.write("deep/b", &noise(2, 70_000));
    let repository = world.open();
    for _ in 0..2 {
        let recorder = Recorder::default();
        repository.backup(&world.request(), &recorder).expect("a backup");
        let seen = recorder.0.into_inner().expect("a lock");
        assert_eq!(seen.phases, [Phase::Scanning, Phase::BackingUp]);
        assert_eq!(seen.done, (2, 100_000), "unmodified files are progress too");
    }
    let recorder = Recorder::default();
    repository.restore(&world.restore_request("restored"), &recorder).expect("a restore");
    let seen = recorder.0.into_inner().expect("a lock");
    assert_eq!(seen.phases, [Phase::Scanning, Phase::Restoring]);
    assert_eq!((seen.total, seen.done), ((2, 100_000), (2, 100_000)));
    let last = seen.files.last().expect("a file");
    assert!(last.starts_with(world.path("restored")), "{}", last.display());
    assert!(b.exists());
}
