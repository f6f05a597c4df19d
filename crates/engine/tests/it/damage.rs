//! A damaged repository: every verb says what is damaged, none panics, and nothing more is lost.

use crate::fixture::{World, corrupt, credentials, expect, noise};
use domain::objects::restic::RetentionPolicy;
use engine::{
    Cancel, Environment, FailureReason, ForgetRequest, Quiet, Repository, RestoreRequest, Which, open,
};
use std::fs;
use std::path::{Path, PathBuf};

const DAMAGED: FailureReason = FailureReason::RepositoryDamaged;

fn name(path: &Path) -> String {
    path.file_name().expect("a name").to_string_lossy().into_owned()
}

fn remove(path: &Path) {
    fs::remove_file(path).expect("a file");
}

fn truncate(path: &Path) {
    fs::File::options().write(true).open(path).expect("a file").set_len(40).expect("a length");
}

/// Two snapshots, the second with one more file; returns the pack that holds only its content.
fn two_snapshots(world: &World) -> (Repository, String, PathBuf) {
    world.write("first", &noise(1, 500_000));
    let repository = world.open();
    let first = world.backup(&repository).snapshot.id;
    let before = world.stored("data");
    world.write("second", &noise(2, 500_000));
    world.backup(&repository);
    let mut new: Vec<PathBuf> = world.stored("data").into_iter().filter(|p| !before.contains(p)).collect();
    new.sort_by_key(|path| fs::metadata(path).map_or(0, |metadata| metadata.len()));
    (repository, first, new.pop().expect("a pack"))
}

#[test]
fn a_lost_pack_costs_its_files_only() {
    for damage in [remove, corrupt, truncate] {
        let world = World::new();
        let (repository, first, pack) = two_snapshots(&world);
        damage(&pack);
        let target = world.path("restored");
        fs::create_dir(&target).expect("a folder");
        fs::write(target.join("second"), "older, but whole").expect("a file");

        let line = expect(world.restore(&repository, "restored"), DAMAGED, &["second", &name(&pack)]);
        assert!(line.contains("restic repair"), "the remedy: {line}");
        assert_eq!(fs::read(target.join("first")).expect("the file"), noise(1, 500_000));
        assert_eq!(fs::read(target.join("second")).expect("the file"), b"older, but whole");
        assert_eq!(fs::read_dir(&target).expect("a folder").count(), 2, "no half-written file is left");

        let earlier = RestoreRequest { which: Which::Id(first.clone()), ..world.restore_request("earlier") };
        repository.restore(&earlier, &Quiet).expect("the earlier snapshot is whole");
        let by_restic = world.path("by-restic");
        world.restic(&["restore", &first, "--target", by_restic.to_str().expect("UTF-8")]);
    }
}

#[test]
fn a_lost_tree_is_an_error_that_names_the_folder() {
    let world = World::new();
    world.write("folder/file", b"content");
    let repository = world.open();
    world.backup(&repository);
    let packs = world.stored("data");
    let smallest_first = |path: &&PathBuf| fs::metadata(path).map_or(0, |metadata| metadata.len());
    let trees = packs.iter().max_by_key(smallest_first).expect("a pack");
    remove(trees);
    expect(world.restore(&repository, "restored"), DAMAGED, &[&name(trees)]);
}

#[test]
fn a_damaged_index_stops_every_verb_that_needs_it() {
    let world = World::new();
    let (repository, ..) = two_snapshots(&world);
    let index = world.stored("index").remove(0);
    corrupt(&index);
    let packs = world.stored("data");
    let named = name(&index);
    expect(repository.backup(&world.request(), &Quiet), DAMAGED, &["index", &named]);
    expect(world.restore(&repository, "restored"), DAMAGED, &["index", &named]);
    expect(repository.prune(&Quiet), DAMAGED, &["index", &named]);
    assert_eq!(world.stored("data"), packs);
    assert_eq!(world.stored("snapshots").len(), 2);
}

#[test]
fn a_damaged_snapshot_is_never_left_out_of_a_list() {
    let world = World::new();
    let (repository, ..) = two_snapshots(&world);
    let snapshot = world.stored("snapshots").remove(0);
    corrupt(&snapshot);
    let (packs, named) = (world.stored("data"), name(&snapshot));
    let words = ["snapshot", named.as_str()];
    let policy = RetentionPolicy { keep_last: 1, ..RetentionPolicy::default() };
    let path = world.source().display().to_string();
    let forget = ForgetRequest { host: crate::fixture::HOST.to_owned(), path, policy };
    expect(repository.snapshots(), DAMAGED, &words);
    expect(repository.forget(&forget), DAMAGED, &words);
    expect(repository.prune(&Quiet), DAMAGED, &words);
    expect(world.restore(&repository, "restored"), DAMAGED, &words);
    assert_eq!(world.stored("data"), packs);
    assert_eq!(world.stored("snapshots").len(), 2);
}

#[test]
fn a_missing_folder_is_not_an_empty_one() {
    for folder in ["snapshots", "index", "data"] {
        let world = World::new();
        let (repository, ..) = two_snapshots(&world);
        let aside = world.path("aside");
        fs::rename(world.repository_path().join(folder), &aside).expect("a folder");
        expect(repository.prune(&Quiet), DAMAGED, &[folder]);
        fs::rename(&aside, world.repository_path().join(folder)).expect("a folder");
        world.restic(&["check", "--read-data"]);
        assert_eq!(repository.snapshots().expect("a list").len(), 2);
    }
}

#[test]
fn a_damaged_key_or_configuration_is_told_from_a_wrong_password() {
    let opened =
        |world: &World| open(&world.location(), &credentials(), &Environment::default(), &Cancel::default());
    for damage in [corrupt, truncate] {
        let world = World::new();
        world.open();
        let key = world.stored("keys").remove(0);
        damage(&key);
        expect(opened(&world), DAMAGED, &["key", &name(&key)]);

        let world = World::new();
        world.open();
        damage(&world.repository_path().join("config"));
        expect(opened(&world), DAMAGED, &["config"]);
    }
    let world = World::new();
    world.open();
    remove(&world.stored("keys").remove(0));
    expect(opened(&world), DAMAGED, &["keys"]);

    let world = World::new();
    two_snapshots(&world);
    remove(&world.repository_path().join("config"));
    expect(opened(&world), DAMAGED, &["config"]);
    expect(engine::exists(&world.location()), DAMAGED, &["config"]);
}
