//! What we write restic reads, and the other way round, with everything that belongs to a file.

use crate::fixture::{HOST, World, assert_same, describe, menagerie, noise};
use engine::{CheckRequest, Quiet};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Where restic puts the content of `source` when it restores to `target`.
fn below(target: &Path, source: &Path) -> std::path::PathBuf {
    target.join(source.strip_prefix("/").expect("an absolute path"))
}

#[test]
fn restic_checks_and_restores_our_snapshot_with_all_metadata() {
    for world in World::beside_old_and_new_restic() {
        menagerie(&world.source());
        let repository = world.open();
        let outcome = world.backup(&repository);
        assert_eq!(outcome.skipped, [], "nothing is unreadable");

        world.restic(&["check", "--read-data"]);
        let target = world.path("by-restic");
        let shown = target.to_str().expect("UTF-8");
        world.restic(&["restore", &outcome.snapshot.id, "--target", shown]);
        assert_same(&describe(&world.source()), &describe(&below(&target, &world.source())));
    }
}

#[test]
fn restic_finds_the_metadata_of_the_folders_above_the_path() {
    for world in World::beside_old_and_new_restic() {
        let inner = world.source().join("volumes/data");
        fs::create_dir_all(&inner).expect("folders");
        fs::write(inner.join("file"), "content").expect("a file");
        rustix::fs::chmod(world.source(), rustix::fs::Mode::from_raw_mode(0o711)).expect("a mode");
        std::os::unix::fs::chown(world.source().join("volumes"), Some(7), Some(8)).expect("an owner");

        let mut request = world.request();
        request.path = inner.clone();
        let outcome = world.open().backup(&request, &Quiet).expect("a backup");

        let target = world.path("by-restic");
        world.restic(&["restore", &outcome.snapshot.id, "--target", target.to_str().expect("UTF-8")]);
        for path in [world.source(), world.source().join("volumes"), inner] {
            let wanted = fs::metadata(&path).expect("metadata");
            let found = fs::metadata(below(&target, &path)).expect("metadata");
            let facts = |m: &fs::Metadata| (m.mode(), m.uid(), m.gid(), m.mtime(), m.mtime_nsec());
            assert_eq!(facts(&wanted), facts(&found), "{}", path.display());
        }
    }
}

#[test]
fn we_check_and_restore_what_restic_wrote() {
    for world in World::beside_old_and_new_restic() {
        menagerie(&world.source());
        world.restic(&["init"]);
        let source = world.source();
        world.restic(&["backup", "--host", HOST, "--tag", "by-restic", source.to_str().expect("UTF-8")]);

        let repository = world.open();
        let found = repository.check(CheckRequest { read_data: true }, &Quiet).expect("a check");
        assert_eq!(found.errors, Vec::<String>::new());
        let restored = world.restore(&repository, "by-us").expect("a restore");
        assert_eq!(restored.problems, []);
        assert_eq!(restored.snapshot.tags, ["by-restic"]);
        assert_same(&describe(&world.source()), &describe(&world.path("by-us")));
    }
}

#[test]
fn snapshots_of_both_live_in_one_repository_and_know_each_others_files() {
    for world in World::beside_old_and_new_restic() {
        world.write("a", &noise(1, 200_000));
        world.write("b", &noise(2, 200_000));
        let repository = world.open();
        world.backup(&repository);
        let source = world.source();
        let text = world.restic(&["backup", "--host", HOST, source.to_str().expect("UTF-8")]);
        assert!(text.contains("2 unmodified"), "restic took our snapshot as parent: {text}");
        let ours = world.backup(&repository);
        assert_eq!((ours.amount.files_unmodified, ours.amount.files_new), (2, 0), "and we took its");

        assert_eq!(repository.snapshots().expect("a list").len(), 3);
        world.restic(&["check", "--read-data"]);
        assert!(repository.check(CheckRequest { read_data: true }, &Quiet).expect("a check").is_ok());
    }
}

#[test]
fn the_snapshot_tells_restic_who_made_it() {
    let world = World::new();
    world.write("a", b"content");
    let mut request = world.request();
    request.tags = vec!["nightly".to_owned(), "with,comma".to_owned()];
    let outcome = world.open().backup(&request, &Quiet).expect("a backup");
    let text = world.restic(&["cat", "snapshot", &outcome.snapshot.id]);
    let snapshot: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(snapshot["hostname"], HOST);
    assert_eq!(snapshot["paths"], serde_json::json!([world.source()]));
    assert_eq!(snapshot["tags"], serde_json::json!(["nightly", "with,comma"]));
    assert!(snapshot["username"].as_str().is_some_and(|name| !name.is_empty()));
}
