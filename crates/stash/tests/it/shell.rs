//! The commands of the shell over a standalone folder, alone and beside a running process.

use crate::kit::{Folder, RECOVERY, metric, tree};

#[test]
fn a_backup_by_hand_is_listed_checked_restored_and_forgotten() {
    let folder = Folder::with_demo("@every 1h");
    folder.stash("backup", &["--restic-name", "demo"]).expect(0);
    let table = folder.stash("snapshots", &[]).expect(0).out;
    assert!(table.starts_with("NAME") && table.contains("host.demo-"), "{table}");
    let json = folder.stash("snapshots", &["-o", "json"]).expect(0).out;
    let list: serde_json::Value = serde_json::from_str(&json).unwrap();
    let snapshot = &list[0];
    assert_eq!(snapshot["kind"], "Snapshot");
    assert_eq!(snapshot["metadata"]["labels"]["workload-name"], "tester");
    assert_eq!(snapshot["metadata"]["labels"]["repository"], "host.demo");
    assert_eq!(snapshot["status"]["tags"][0], "test");
    assert_eq!(snapshot["status"]["hostname"], "tester");
    folder.stash("check", &[]).expect(0).says(&["the repository is whole"]);
    assert!(folder.read("objects/status/default/repository.host.demo.yaml").contains("integrity: Ok"));
    folder.write("objects/back.yaml", RECOVERY);
    folder.stash("recover", &["--recovery-name", "back"]).expect(0);
    assert_eq!(tree(&folder.path("restored")), tree(&folder.path("data")));
    folder.stash("backup", &[]).expect(0);
    let name = snapshot["metadata"]["name"].as_str().unwrap();
    folder.stash("forget", &[name]).expect(0).says(&["snapshot removed"]);
    let left: serde_json::Value =
        serde_json::from_str(&folder.stash("snapshots", &["-o", "json"]).expect(0).out).unwrap();
    assert_eq!(left.as_array().unwrap().len(), 1);
    folder.stash("check", &["--read-data"]).expect(0);
}

#[test]
fn what_is_not_there_is_told_with_what_is() {
    let folder = Folder::with_demo("@every 1h");
    folder
        .stash("backup", &["--restic-name", "dmeo"])
        .expect(1)
        .says(&["no usable Restic default/dmeo", "default/demo"]);
    folder
        .stash("recover", &["--recovery-name", "back"])
        .expect(1)
        .says(&["no usable Recovery default/back"]);
    folder.stash("snapshots", &[]).expect(10).says(&["backup/host/tester/demo"]);
    assert!(!folder.path("backup").exists(), "only a backup may create a repository");
    folder.stash("backup", &[]).expect(0);
    folder.stash("forget", &["12345678"]).expect(1);
    folder.stash("snapshots", &["12345678"]).expect(1).says(&["no snapshot 12345678"]);
}

#[test]
fn a_backup_beside_a_running_process_shows_in_its_metrics() {
    let folder = Folder::with_demo("@every 1h");
    let server = folder.serve();
    server.until("restic_session_paused", &[("stash_config", "demo")], 0.0);
    assert_eq!(metric(&server.metrics(), "restic_session_success", &[]), None);
    folder.stash("backup", &[]).expect(0);
    server.until("restic_session_success", &[("stash_config", "demo"), ("session", "backup")], 1.0);
}

#[test]
fn a_second_server_over_one_folder_is_refused() {
    let folder = Folder::with_demo("@every 1h");
    let server = folder.serve();
    let objects = folder.objects();
    let second = crate::kit::run(
        std::process::Command::new(crate::kit::PROGRAM)
            .arg("standalone")
            .arg(objects)
            .args(["--listen-address", "127.0.0.1:0"]),
    );
    second.expect(1).says(&["already serves this folder", server.address()]);
}
