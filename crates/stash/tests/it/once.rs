//! `--once`: everything now, and an exit code that tells.

use std::process::Command;

use crate::kit::{Folder, PROGRAM, RECOVERY, SECRET, metric, restic, run, tree};

#[test]
fn sessions_run_before_recoveries_and_both_run_again_each_time() {
    let folder = Folder::with_demo("@every 1h");
    folder.write("objects/back.yaml", RECOVERY);
    folder.once().expect(0).says(&["backup demo succeeded", "recovery back succeeded"]);
    assert_eq!(tree(&folder.path("restored")), tree(&folder.path("data")));
    folder.write("data/letter.txt", "Dear reader, again,\n");
    folder.once().expect(0);
    assert_eq!(folder.read("restored/letter.txt"), "Dear reader, again,\n");
    let status = folder.read("objects/status/default/recovery.back.yaml");
    assert!(status.contains("phase: Succeeded"), "{status}");
}

#[test]
fn one_failing_restic_does_not_stop_the_others_but_shows_in_the_exit_code() {
    let folder = Folder::with_demo("@every 1h");
    folder.write("objects/absent.yaml", &restic("absent", "@every 1h", "../absent", "../backup"));
    folder.once().expect(1).says(&["backup absent FAILED", "backup demo succeeded"]);
    let metrics = folder.kept_metrics();
    assert_eq!(metric(&metrics, "restic_session_success", &[("stash_config", "demo")]), Some(1.0));
    assert_eq!(metric(&metrics, "restic_session_success", &[("stash_config", "absent")]), Some(0.0));
}

#[test]
fn a_failing_file_group_does_not_stop_the_next() {
    let folder = Folder::with_demo("@every 1h");
    let two =
        folder.read("objects/demo.yaml").replace("  fileGroups:\n", "  fileGroups:\n  - {path: ../gone}\n");
    folder.write("objects/demo.yaml", &two);
    folder.once().expect(1).says(&["gone", "2 new"]);
    let status = folder.read("objects/status/default/repository.host.demo.yaml");
    assert!(
        status.contains("lastFailureReason: source_missing") && status.contains("snapshotCount: 1"),
        "{status}"
    );
}

#[test]
fn a_paused_restic_is_left_out() {
    let folder = Folder::with_demo("@every 1h");
    let paused = folder.read("objects/demo.yaml").replace("spec:\n", "spec:\n  paused: true\n");
    folder.write("objects/demo.yaml", &paused);
    folder.once().expect(0).says(&["paused"]);
    assert!(!folder.path("backup").exists());
}

#[test]
fn a_recovery_of_an_unknown_repository_fails_with_the_way_to_name_one() {
    let folder = Folder::with_demo("@every 1h");
    folder.write("objects/back.yaml", &RECOVERY.replace("host.demo", "host.dmeo"));
    folder.once().expect(10).says(&["there is no Repository default/host.dmeo", "host.NAME"]);
}

/// The form is that of the guide: labels say whose backups they are, the backend where.
#[test]
fn another_machines_backups_are_restored_through_a_repository_written_by_hand() {
    let old = Folder::with_demo("@every 1h");
    old.once().expect(0);
    let folder = Folder::new();
    folder.write("objects/secret.yaml", SECRET);
    let repository = format!(
        "apiVersion: stash.appscode.com/v1alpha1
kind: Repository
metadata:
  name: host.demo
  labels: {{restic: demo, workload-kind: Host, workload-name: tester}}
spec:
  backend:
    storageSecretName: storage
    local:
      hostPath: {{path: {}}}
      subPath: host/tester/demo
",
        old.path("backup").display()
    );
    folder.write("objects/repository.yaml", &repository);
    let data = old.path("data").display().to_string();
    folder.write("objects/back.yaml", &RECOVERY.replace("../data", &data));
    let mut command = Command::new(PROGRAM);
    command.arg("standalone").arg(folder.objects()).args(["--once", "--host-name", "a-new-machine"]);
    run(&mut command).expect(0);
    assert_eq!(tree(&folder.path("restored")), tree(&old.path("data")));
    let labels = [("session", "recovery"), ("app", "tester"), ("repository", "host.demo")];
    assert_eq!(metric(&folder.kept_metrics(), "restic_session_success", &labels), Some(1.0));
}

#[test]
fn the_last_success_survives_a_failure() {
    let folder = Folder::with_demo("@every 1h");
    folder.once().expect(0);
    let labels = [("stash_config", "demo")];
    let success = metric(&folder.kept_metrics(), "restic_session_last_success_timestamp_seconds", &labels);
    std::fs::rename(folder.path("data"), folder.path("moved")).unwrap();
    folder.once().expect(1);
    let metrics = folder.kept_metrics();
    assert_eq!(metric(&metrics, "restic_session_success", &labels), Some(0.0));
    assert!(success.is_some());
    assert_eq!(metric(&metrics, "restic_session_last_success_timestamp_seconds", &labels), success);
}
