//! The first thing a newcomer runs, on a copy of this repository's own files.

use std::path::Path;
use std::process::Command;

use crate::kit::{PROGRAM, run, tree};

#[test]
fn the_quickstart_backs_up_the_documentation_keeps_five_and_restores_it() {
    let clone = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    run(Command::new("cp").arg("-r").arg(root.join("docs")).arg(clone.path())).expect(0);
    let quickstart = clone.path().join("examples/quickstart");
    std::fs::create_dir_all(&quickstart).unwrap();
    for entry in std::fs::read_dir(root.join("examples/quickstart")).unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_file() {
            std::fs::copy(entry.path(), quickstart.join(entry.file_name())).unwrap();
        }
    }
    for _ in 0..7 {
        run(Command::new(PROGRAM).arg("standalone").arg(&quickstart).arg("--once")).expect(0);
    }
    assert_eq!(tree(&quickstart.join("restored")), tree(&clone.path().join("docs")));
    let list =
        run(Command::new(PROGRAM).args(["snapshots", "-o", "json", "--dir"]).arg(&quickstart)).expect(0).out;
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    assert_eq!(list.as_array().unwrap().len(), 5);
    // A restic user recognises it.
    let restic = Command::new("restic")
        .args(["check", "--read-data", "--no-cache", "-r"])
        .arg(
            std::fs::read_dir(quickstart.join("backup/host"))
                .unwrap()
                .next()
                .unwrap()
                .unwrap()
                .path()
                .join("quickstart"),
        )
        .env("RESTIC_PASSWORD", "changeit")
        .output()
        .expect("restic has to be installed: apt-get install restic");
    assert!(restic.status.success(), "{}", String::from_utf8_lossy(&restic.stderr));
}
