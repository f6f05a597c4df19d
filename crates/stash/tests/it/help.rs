//! `--help` teaches, and wrong usage is told from failure.

use std::process::Command;

use crate::kit::{PROGRAM, run};

#[test]
fn every_subcommand_explains_itself() {
    let overview = run(Command::new(PROGRAM).arg("--help")).expect(0).out;
    for command in [
        "standalone",
        "backup",
        "recover",
        "snapshots",
        "forget",
        "check",
        "pushgateway",
        "install",
        "uninstall",
        "version",
    ] {
        assert!(overview.contains(command), "{command} is missing in:\n{overview}");
        let help = run(Command::new(PROGRAM).args([command, "--help"])).expect(0).out;
        assert!(help.contains("Usage: stash"), "{help}");
        let about = help.lines().next().unwrap_or_default();
        assert!(about.len() > 20 && !about.starts_with("Usage"), "what it does comes first:\n{help}");
    }
    for command in ["standalone", "backup", "recover", "snapshots", "forget", "check", "install", "uninstall"]
    {
        let help = run(Command::new(PROGRAM).args([command, "--help"])).out;
        assert!(help.contains("Example"), "{command} shows no example:\n{help}");
    }
}

#[test]
fn wrong_usage_ends_with_2() {
    run(Command::new(PROGRAM).arg("standalone")).expect(2).says(&["<DIR>"]);
    run(Command::new(PROGRAM).arg("bakcup")).expect(2).says(&["backup"]);
}

#[test]
fn a_folder_that_does_not_exist_is_named() {
    run(Command::new(PROGRAM).args(["standalone", "/nowhere/at/all", "--once"]))
        .expect(1)
        .says(&["cannot find the folder /nowhere/at/all"]);
}

#[test]
fn version_tells_what_this_is() {
    let short = run(Command::new(PROGRAM).args(["version", "--short"])).expect(0).out;
    assert_eq!(short.trim(), env!("CARGO_PKG_VERSION"));
    let long = run(Command::new(PROGRAM).arg("version")).expect(0).out;
    assert!(long.contains("Version = ") && long.contains("Arch = "), "{long}");
}
