//! What a restore writes, replaces and leaves alone.

use crate::fixture::{HOST, World, assert_same, describe, expect, menagerie, noise};
use engine::{BackupRequest, FailureReason, Quiet, RestoreRequest, Which};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

#[test]
fn brings_back_one_of_everything() {
    let world = World::new();
    menagerie(&world.source());
    let _socket = std::os::unix::net::UnixListener::bind(world.source().join("socket")).expect("a socket");
    // Debian's restic can do none of the following.
    let odd = std::ffi::OsStr::from_bytes(b"\xfe\xff");
    std::os::unix::fs::symlink(odd, world.source().join("odd link")).expect("a link");
    xattr::set(world.source().join("link"), "trusted.stash", b"on a link").expect("an attribute");
    let repository = world.open();
    world.backup(&repository);
    let outcome = world.restore(&repository, "restored").expect("a restore");
    assert_eq!(outcome.problems, []);
    assert_same(&describe(&world.source()), &describe(&world.path("restored")));
    assert_eq!(
        outcome.files,
        describe(&world.source()).values().filter(|l| !l.starts_with("folder")).count() as u64
    );
    let blocks = fs::metadata(world.path("restored/sparse")).expect("metadata").blocks();
    assert!(blocks * 512 < 1_000_000, "holes stay holes: {blocks} blocks");
}

#[test]
fn in_place_replaces_what_the_snapshot_holds_and_leaves_the_rest() {
    let world = World::new();
    let kept = world.write("deep/kept", b"as it was");
    world.write("gone", b"gone");
    let repository = world.open();
    world.backup(&repository);
    let before = describe(&world.source());

    fs::write(&kept, "altered").expect("a change");
    fs::remove_file(world.source().join("gone")).expect("a loss");
    let added = world.write("deep/added later", b"mine");
    world.restore(&repository, "source").expect("a restore");

    assert_eq!(fs::read(&added).expect("the file"), b"mine");
    fs::remove_file(added).expect("the file");
    let time = fs::metadata(world.source()).expect("metadata").mtime();
    let mut after = describe(&world.source());
    // Removing the added file has touched its folder again.
    after.insert("deep".into(), before[Path::new("deep")].clone());
    assert_same(&before, &after);
    assert!(time > 0);
}

#[test]
fn a_hard_link_restored_over_itself_leaves_nothing_behind() {
    let world = World::new();
    let a = world.write("a", b"content");
    fs::hard_link(&a, world.source().join("b")).expect("a hard link");
    let repository = world.open();
    world.backup(&repository);
    let before = describe(&world.source());
    for _ in 0..2 {
        world.restore(&repository, "source").expect("a restore");
        assert_same(&before, &describe(&world.source()));
    }
}

#[test]
fn links_in_the_target_lead_nothing_astray() {
    let world = World::new();
    world.write("folder/file", b"from the snapshot");
    world.write("file", b"from the snapshot");
    let repository = world.open();
    world.backup(&repository);
    let outside = world.path("outside");
    fs::create_dir(&outside).expect("a folder");
    fs::write(outside.join("file"), "untouched").expect("a file");

    let target = world.path("target");
    fs::create_dir(&target).expect("a folder");
    std::os::unix::fs::symlink(&outside, target.join("folder")).expect("a link");
    std::os::unix::fs::symlink(outside.join("file"), target.join("file")).expect("a link");
    world.restore(&repository, "target").expect("a restore");

    assert_eq!(fs::read(outside.join("file")).expect("the file"), b"untouched");
    assert_eq!(fs::read_dir(&outside).expect("a folder").count(), 1);
    assert_same(&describe(&world.source()), &describe(&target));
}

#[test]
fn a_target_that_is_a_link_is_where_it_leads() {
    let world = World::new();
    world.write("file", b"content");
    let repository = world.open();
    world.backup(&repository);
    fs::create_dir(world.path("real")).expect("a folder");
    std::os::unix::fs::symlink(world.path("real"), world.path("link")).expect("a link");
    world.restore(&repository, "link").expect("a restore");
    assert_eq!(fs::read(world.path("real/file")).expect("the file"), b"content");
}

#[test]
fn a_file_gives_way_to_a_folder_but_a_full_folder_not_to_a_file() {
    let world = World::new();
    world.write("was folder/file", b"content");
    world.write("was file", b"content");
    world.write("plain", b"content");
    let repository = world.open();
    world.backup(&repository);
    let target = world.path("target");
    fs::create_dir_all(target.join("was file")).expect("a folder");
    fs::write(target.join("was file/precious"), "mine").expect("a file");
    fs::write(target.join("was folder"), "in the way").expect("a file");

    let result = world.restore(&repository, "target");
    expect(result, FailureReason::TargetUnwritable, &["was file", "everything else was restored"]);
    assert_eq!(fs::read(target.join("was file/precious")).expect("the file"), b"mine");
    assert_eq!(fs::read(target.join("was folder/file")).expect("the file"), b"content");
    assert_eq!(fs::read(target.join("plain")).expect("the file"), b"content");

    fs::remove_file(target.join("was file/precious")).expect("the file");
    world.restore(&repository, "target").expect("an empty folder gives way");
    assert_same(&describe(&world.source()), &describe(&target));
}

#[test]
fn a_single_file_becomes_the_target() {
    let world = World::new();
    let path = world.write("folder/only", &noise(1, 100_000));
    let repository = world.open();
    repository.backup(&BackupRequest { path: path.clone(), ..world.request() }, &Quiet).expect("a backup");
    let request = RestoreRequest {
        host: HOST.to_owned(),
        path: path.display().to_string(),
        which: Which::Latest,
        target: world.path("new folder/restored"),
    };
    let outcome = repository.restore(&request, &Quiet).expect("a restore");
    assert_eq!((outcome.files, outcome.bytes), (1, 100_000));
    let found = fs::read(world.path("new folder/restored")).expect("the file");
    assert_eq!(found, fs::read(&path).expect("the file"));
}

#[test]
fn takes_the_latest_of_its_host_and_path_or_the_one_that_is_named() {
    let world = World::new();
    let path = world.write("file", b"first");
    let repository = world.open();
    let first = world.backup(&repository).snapshot;
    fs::write(&path, "second").expect("a change");
    world.backup(&repository);
    fs::write(&path, "of another host").expect("a change");
    let other_host = BackupRequest { host: "other".to_owned(), ..world.request() };
    let of_other_host = repository.backup(&other_host, &Quiet).expect("a backup").snapshot;
    let other_path = BackupRequest { path: path.clone(), ..world.request() };
    let of_other_path = repository.backup(&other_path, &Quiet).expect("a backup").snapshot;

    let content = |which: Which| {
        let request = RestoreRequest { which, ..world.restore_request("restored") };
        repository.restore(&request, &Quiet).map(|_| fs::read(world.path("restored/file")).expect("the file"))
    };
    assert_eq!(content(Which::Latest).expect("a restore"), b"second");
    assert_eq!(content(Which::Id(first.id.clone())).expect("a restore"), b"first");
    assert_eq!(content(Which::Id(of_other_host.id)).expect("a restore"), b"of another host");
    assert_eq!(content(Which::Id(first.id.chars().take(8).collect())).expect("a restore"), b"first");

    let refused = |which: Which, words: &[&str]| {
        expect(content(which), FailureReason::SnapshotMissing, words);
    };
    refused(Which::Id(of_other_path.id.clone()), &[&of_other_path.id, "/file"]);
    refused(Which::Id("0123456789".to_owned()), &["0123456789"]);
    refused(Which::Id("abc".to_owned()), &["abc"]);
    let nobody = RestoreRequest { host: "nobody".to_owned(), ..world.restore_request("restored") };
    expect(repository.restore(&nobody, &Quiet), FailureReason::SnapshotMissing, &["nobody"]);
}

#[test]
fn finds_the_path_in_a_snapshot_of_several_paths() {
    let world = World::new();
    world.write("a/file", b"in a");
    world.write("b/file", b"in b");
    world.restic(&["init"]);
    let (a, b) = (world.source().join("a"), world.source().join("b"));
    world.restic(&["backup", "--host", HOST, a.to_str().expect("UTF-8"), b.to_str().expect("UTF-8")]);
    let request = RestoreRequest { path: b.display().to_string(), ..world.restore_request("restored") };
    world.open().restore(&request, &Quiet).expect("a restore");
    assert_eq!(fs::read(world.path("restored/file")).expect("the file"), b"in b");
    assert_eq!(fs::read_dir(world.path("restored")).expect("a folder").count(), 1);
}
