//! Check finds damage, whatever is damaged, and nothing where there is none.

use crate::fixture::{World, corrupt, noise};
use engine::{CheckRequest, Quiet};
use std::fs;

#[test]
fn finds_nothing_in_a_sound_repository() {
    let world = World::new();
    world.write("file", &noise(1, 100_000));
    let repository = world.open();
    for read_data in [false, true] {
        assert!(repository.check(CheckRequest { read_data }, &Quiet).expect("a check").is_ok(), "empty");
    }
    world.backup(&repository);
    for read_data in [false, true] {
        let found = repository.check(CheckRequest { read_data }, &Quiet).expect("a check");
        assert_eq!(found, engine::CheckOutcome::default());
    }
}

#[test]
fn a_changed_byte_is_found_when_the_data_are_read() {
    let world = World::new();
    world.write("file", &noise(1, 1_000_000));
    let repository = world.open();
    world.backup(&repository);
    let biggest = world
        .stored("data")
        .into_iter()
        .max_by_key(|path| fs::metadata(path).map_or(0, |metadata| metadata.len()))
        .expect("a pack");
    corrupt(&biggest);
    // Findings name packs the short way.
    let name: String = biggest.file_name().expect("a name").to_string_lossy().chars().take(8).collect();
    assert!(repository.check(CheckRequest { read_data: false }, &Quiet).expect("a check").is_ok());
    let found = repository.check(CheckRequest { read_data: true }, &Quiet).expect("a check");
    assert!(found.errors.iter().any(|line| line.contains(&name)), "{found:?}");
    let error = found.as_error(&repository).expect("an error").to_string();
    assert!(error.contains(&name) && !error.contains('\n'), "{error}");
}

#[test]
fn a_missing_or_changed_file_of_any_kind_is_found() {
    for folder in ["data", "index", "snapshots"] {
        for change in [corrupt as fn(&std::path::Path), |path| fs::remove_file(path).expect("a file")] {
            let world = World::new();
            world.write("file", &noise(1, 10_000));
            let repository = world.open();
            world.backup(&repository);
            let stored = world.stored(folder);
            change(&stored[0]);
            let removed = !stored[0].exists();
            let found = repository.check(CheckRequest { read_data: true }, &Quiet).expect("a check");
            if folder == "snapshots" && removed {
                // That a snapshot was there, nothing else knows.
                assert!(found.is_ok());
            } else {
                assert!(!found.is_ok(), "{folder}: {found:?}");
            }
        }
    }
}
