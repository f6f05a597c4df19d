//! A repository is created only where there is nothing, and opened only with its password.

use crate::fixture::{World, credentials, expect};
use engine::{Cancel, Credentials, Environment, FailureReason, Location, exists, init, open, open_or_init};
use std::fs;

#[test]
fn is_created_once_and_found_afterwards() {
    let world = World::new();
    assert!(!exists(&world.location()).expect("a look"));
    let open = || {
        open_or_init(&world.location(), &credentials(), &Environment::default(), &Cancel::default())
            .expect("a repository")
            .1
    };
    assert!(open());
    assert!(!open());
    assert!(exists(&world.location()).expect("a look"));
    expect(init(&world.location(), &credentials()), FailureReason::NotARepository, &["already"]);
    world.restic(&["check"]);
}

#[test]
fn is_of_the_version_that_restic_0_14_knows() {
    let world = World::new();
    world.open();
    let config: serde_json::Value = serde_json::from_str(&world.restic(&["cat", "config"])).expect("JSON");
    assert_eq!(config["version"], 2);
}

#[test]
fn a_file_is_not_a_repository() {
    let world = World::new();
    fs::write(world.repository_path(), "precious").expect("a file");
    for result in [exists(&world.location()).map(drop), init(&world.location(), &credentials())] {
        expect(result, FailureReason::NotARepository, &["repository", "is a file"]);
    }
    let below = Location::Local(world.repository_path().join("deeper"));
    expect(exists(&below), FailureReason::NotARepository, &["file"]);
    assert_eq!(fs::read(world.repository_path()).expect("the file"), b"precious");
}

#[test]
fn a_folder_of_other_things_is_not_a_repository() {
    let world = World::new();
    fs::create_dir(world.repository_path()).expect("a folder");
    fs::write(world.repository_path().join("photo.jpg"), "precious").expect("a file");
    expect(init(&world.location(), &credentials()), FailureReason::NotARepository, &["photo.jpg"]);
    let opened = open(&world.location(), &credentials(), &Environment::default(), &Cancel::default());
    expect(opened, FailureReason::NotARepository, &["photo.jpg"]);
    assert_eq!(fs::read_dir(world.repository_path()).expect("a folder").count(), 1);
}

#[test]
fn a_new_volume_and_an_interrupted_creation_are_as_good_as_nothing() {
    let world = World::new();
    fs::create_dir_all(world.repository_path().join("lost+found")).expect("a folder");
    world.open();
    // As if the process had been killed before it wrote the configuration.
    fs::remove_file(world.repository_path().join("config")).expect("the configuration");
    assert!(!exists(&world.location()).expect("a look"));
    world.write("a", b"content");
    world.backup(&world.open());
    assert_eq!(world.stored("keys").len(), 1, "the key of the interrupted creation is gone");
    world.restic(&["check", "--read-data"]);
}

#[test]
fn nothing_there_and_a_wrong_password_are_told_apart() {
    let world = World::new();
    let open_with = |password: &str| {
        let credentials = Credentials { password: domain::secret::Secret::new(password) };
        open(&world.location(), &credentials, &Environment::default(), &Cancel::default())
    };
    expect(open_with("any"), FailureReason::RepositoryMissing, &["repository"]);
    world.open();
    let line = expect(open_with("wrong"), FailureReason::WrongPassword, &["repository", "RESTIC_PASSWORD"]);
    assert!(!line.contains("wrong\""));
    expect(open_with(""), FailureReason::SecretInvalid, &["RESTIC_PASSWORD"]);
}

#[test]
fn a_remote_storage_is_refused_for_now() {
    let location = Location::Remote("s3:https://s3.example.com/bucket".to_owned());
    let line = expect(exists(&location), FailureReason::Unsupported, &["s3:", "not supported", "local"]);
    assert!(!line.contains("defect"));
}

#[test]
fn a_value_that_is_printed_for_debugging_keeps_its_secrets() {
    let world = World::new();
    let shown = format!("{:?} {:?}", world.open(), credentials());
    assert!(shown.contains("repository") && !shown.contains("horse"), "{shown}");
}
