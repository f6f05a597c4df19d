//! What goes wrong at 3 a.m.: each gives an error that names object and remedy, a metric that says fail with the
//! reason, and loses no earlier snapshot.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::kit::{Folder, PROGRAM, RECOVERY, SECRET, eventually, metric, restic, run, tree};

const DEMO: [(&str, &str); 2] = [("stash_config", "demo"), ("session", "backup")];

/// The metrics of a finished run say that a session failed, and why.
#[track_caller]
fn metrics_say(folder: &Folder, config: &str, session: &str, reason: &str) {
    let metrics = folder.kept_metrics();
    let labels = [("stash_config", config), ("session", session)];
    assert_eq!(metric(&metrics, "restic_session_fail", &labels), Some(1.0), "{metrics:#?}");
    assert_eq!(metric(&metrics, "restic_session_success", &labels), Some(0.0));
    let labels = [("stash_config", config), ("session", session), ("reason", reason)];
    assert_eq!(metric(&metrics, "restic_session_failure_reason", &labels), Some(1.0), "{metrics:#?}");
}

/// Snapshots that `stash snapshots` lists.
fn snapshots(folder: &Folder) -> usize {
    let run = folder.stash("snapshots", &["--repo-name", "host.demo", "-o", "json"]).expect(0);
    serde_json::from_str::<serde_json::Value>(&run.out).unwrap().as_array().unwrap().len()
}

#[test]
fn unparsable_yaml_names_file_and_place() {
    let folder = Folder::with_demo("@every 1h");
    folder.write("objects/broken.yaml", "kind: Restic\nmetadata: {name: x\nspec:\n  - ]\n");
    folder.once().expect(1).says(&["broken.yaml is not YAML", "line"]);
    metrics_say(&folder, "broken.yaml", "backup", "invalid_spec");
    // The other file is not held up by it.
    assert_eq!(snapshots(&folder), 1);
}

#[test]
fn an_unknown_field_is_named_with_its_neighbour() {
    let folder = Folder::with_demo("@every 1h");
    let typo = folder.read("objects/demo.yaml").replace("retentionPolicyName", "retentionPolicyname");
    folder.write("objects/demo.yaml", &typo);
    folder.once().expect(1).says(&[
        "Restic default/demo in demo.yaml is refused",
        "spec.fileGroups[0].retentionPolicyname",
        "did you mean `retentionPolicyName`?",
    ]);
    metrics_say(&folder, "demo", "backup", "invalid_spec");
}

#[test]
fn two_restics_of_one_name_are_both_refused() {
    let folder = Folder::with_demo("@every 1h");
    folder.write("objects/again.yaml", &restic("demo", "@every 1h", "../data", "../elsewhere"));
    folder
        .once()
        .expect(1)
        .says(&["Restic default/demo is written 2 times (in again.yaml, demo.yaml)", "rename or remove"]);
    metrics_say(&folder, "demo", "backup", "invalid_spec");
    assert!(!folder.path("elsewhere").exists() && !folder.path("backup").exists());
}

#[test]
fn a_missing_secret_is_asked_for_by_name() {
    let folder = Folder::with_demo("@every 1h");
    folder.once().expect(0);
    std::fs::remove_file(folder.path("objects/secret.yaml")).unwrap();
    folder.once().expect(1).says(&["Restic default/demo needs Secret default/storage", "RESTIC_PASSWORD"]);
    metrics_say(&folder, "demo", "backup", "secret_missing");
    folder.write("objects/secret.yaml", SECRET);
    assert_eq!(snapshots(&folder), 1);
}

#[test]
fn a_secret_without_a_password_is_told_from_a_missing_one() {
    let folder = Folder::with_demo("@every 1h");
    folder.write("objects/secret.yaml", &SECRET.replace("RESTIC_PASSWORD", "PASSWORD"));
    folder.once().expect(1).says(&["Secret default/storage", "has no usable key RESTIC_PASSWORD"]);
    metrics_say(&folder, "demo", "backup", "secret_invalid");
}

#[test]
fn a_wrong_password_is_told_and_never_shown() {
    let folder = Folder::with_demo("@every 1h");
    folder.once().expect(0);
    folder.write("objects/secret.yaml", &SECRET.replace("correct horse", "wrong donkey"));
    let run = folder.once().expect(12).says(&["RESTIC_PASSWORD", "backup/host/tester/demo"]);
    assert!(!run.said.contains("donkey"), "{}", run.said);
    metrics_say(&folder, "demo", "backup", "wrong_password");
    folder.write("objects/secret.yaml", SECRET);
    assert_eq!(snapshots(&folder), 1);
}

#[test]
fn a_repository_path_that_is_a_file_is_left_alone() {
    let folder = Folder::with_demo("@every 1h");
    folder.write("backup/host/tester/demo", "precious");
    folder.once().expect(1).says(&["backup/host/tester/demo"]);
    metrics_say(&folder, "demo", "backup", "not_a_repository");
    assert_eq!(folder.read("backup/host/tester/demo"), "precious");
}

#[test]
fn a_source_that_is_gone_fails_and_keeps_every_snapshot() {
    let folder = Folder::with_demo("@every 1h");
    folder.once().expect(0);
    std::fs::rename(folder.path("data"), folder.path("moved")).unwrap();
    folder.once().expect(1).says(&["data", "correct the path"]);
    metrics_say(&folder, "demo", "backup", "source_missing");
    assert_eq!(snapshots(&folder), 1);
}

/// Files that cannot be read need a reader who may not read everything.
#[test]
fn a_file_that_cannot_be_read_makes_the_session_incomplete_and_forgets_nothing() {
    assert!(
        rustix::process::getuid().is_root(),
        "this test gives up its rights, so it has to be started as root"
    );
    let folder = Folder::with_demo("@every 1h");
    let program = folder.path("stash");
    std::fs::copy(PROGRAM, &program).unwrap();
    for name in ["", "objects", "data", "data/deep"] {
        std::fs::set_permissions(folder.path(name), PermissionsExt::from_mode(0o777)).unwrap();
    }
    let once = || {
        let mut command = Command::new(&program);
        command.arg("standalone").arg(folder.objects()).args(["--once", "--host-name", "tester"]);
        run(command.uid(65534).gid(65534))
    };
    // As many as the policy keeps: one more would push the first out.
    for _ in 0..3 {
        once().expect(0);
    }
    std::fs::set_permissions(folder.path("data/letter.txt"), PermissionsExt::from_mode(0o000)).unwrap();
    once().expect(3).says(&["INCOMPLETE", "data/letter.txt", "Permission denied"]);
    metrics_say(&folder, "demo", "backup", "source_unreadable");
    let metrics = folder.kept_metrics();
    let skipped = [("stash_config", "demo"), ("state", "skipped")];
    assert_eq!(metric(&metrics, "restic_session_files", &skipped), Some(1.0));
    assert_eq!(
        metric(&metrics, "restic_session_duration_seconds", &[("stash_config", "demo"), ("op", "forget")]),
        None
    );
    assert_eq!(snapshots(&folder), 4, "the incomplete snapshot must not push a good one out");
    assert!(
        folder.read("objects/status/default/repository.host.demo.yaml").contains("lastResult: Incomplete")
    );
}

#[test]
fn a_full_disk_is_named_and_earlier_snapshots_stay() {
    let folder = Folder::with_demo("@every 1h");
    std::fs::create_dir(folder.path("backup")).unwrap();
    let small = Tmpfs::mount(&folder.path("backup"), "4m");
    folder.once().expect(0);
    // Random bytes do not compress.
    let noise = run(Command::new("head")
        .args(["-c", "8M", "/dev/urandom"])
        .stdout(std::fs::File::create(folder.path("data/noise")).unwrap()));
    noise.expect(0);
    folder.once().expect(1).says(&["backup/host/tester/demo", "free space"]);
    metrics_say(&folder, "demo", "backup", "storage_full");
    assert_eq!(snapshots(&folder), 1);
    // With room again, the next session continues by itself.
    std::fs::remove_file(folder.path("data/noise")).unwrap();
    small.resize("64m");
    folder.once().expect(0);
    folder.stash("check", &["--read-data"]).expect(0);
    assert_eq!(snapshots(&folder), 2);
}

#[test]
fn a_corrupted_pack_fails_the_recovery_of_its_snapshot_only() {
    let folder = Folder::with_demo("@every 1h");
    folder.once().expect(0);
    let before = tree(&folder.repository().join("data"));
    folder.write("data/letter.txt", "Dear reader, this letter is new\n");
    folder.once().expect(0);
    let after = tree(&folder.repository().join("data"));
    folder.write("objects/back.yaml", RECOVERY);
    // The packs of the second snapshot; those of the first stay whole.
    for (name, content) in after.iter().filter(|(name, _)| !before.contains_key(*name)) {
        let mut content = content.clone();
        content[8] ^= 0xff;
        let path = folder.repository().join("data").join(name);
        std::fs::remove_file(&path).unwrap();
        std::fs::write(path, content).unwrap();
    }
    folder.stash("recover", &["--recovery-name", "back"]).expect(1).says(&["host/tester/demo", "repair"]);
    metrics_say(&folder, "back", "recovery", "repository_damaged");
    folder.stash("check", &["--read-data"]).expect(1).says(&["DAMAGED"]);
    assert!(folder.read("objects/status/default/repository.host.demo.yaml").contains("integrity: Damaged"));

    let list = folder.stash("snapshots", &["-o", "json"]).expect(0).out;
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    let first = list[0]["metadata"]["name"].as_str().unwrap();
    folder.write("objects/back.yaml", &RECOVERY.replace("spec:\n", &format!("spec:\n  snapshot: {first}\n")));
    folder.stash("recover", &["--recovery-name", "back"]).expect(0);
    assert_eq!(folder.read("restored/letter.txt"), "Dear reader,\n");
}

#[test]
fn a_broken_edit_leaves_the_last_good_version_in_force() {
    let folder = Folder::with_demo("@every 1s");
    let server = folder.serve();
    server.until("restic_session_success", &DEMO, 1.0);
    let good = folder.read("objects/demo.yaml");
    folder.write("objects/demo.yaml", "kind: Restic\nspec: [");
    server.until("restic_session_fail", &[("stash_config", "demo.yaml")], 1.0);
    let count = || {
        let status = folder.read("objects/status/default/repository.host.demo.yaml");
        let line = status.lines().find(|line| line.contains("backupCount")).unwrap().to_owned();
        line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()
    };
    let seen = count();
    eventually("another backup under the last good version", || (count() > seen).then_some(()));
    folder.write("objects/demo.yaml", &good);
    eventually("the problem to be gone", || {
        metric(&server.metrics(), "restic_session_fail", &[("stash_config", "demo.yaml")])
            .is_none()
            .then_some(())
    });
}

struct Tmpfs(std::path::PathBuf);

impl Tmpfs {
    fn mount(path: &std::path::Path, size: &str) -> Self {
        let mounted = run(Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(path));
        assert_eq!(
            mounted.code, 0,
            "this test mounts a small file system, so it has to be started as root: {}",
            mounted.said
        );
        Self(path.to_owned())
    }

    fn resize(&self, size: &str) {
        run(Command::new("mount").args(["-o", &format!("remount,size={size}")]).arg(&self.0)).expect(0);
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        run(Command::new("umount").arg(&self.0));
    }
}
