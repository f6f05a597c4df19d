//! `docs/reference/flags.md` is what the program says of itself.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::kit::{PROGRAM, run};

const HEAD: &str =
    "<!-- Made by `cargo test -p stash --test reference` from the program's own help. Do not edit. -->

# Commands and flags
";

pub(crate) fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/flags.md")
}

/// What the file has to be.
pub(crate) fn text() -> String {
    let overview = help(&[]);
    let listed = overview.split_once("Commands:\n").unwrap().1.split_once("\n\n").unwrap().0;
    let commands = listed.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let mut text = String::from(HEAD);
    for command in std::iter::once("").chain(commands.filter(|name| !name.is_empty() && *name != "help")) {
        let arguments: Vec<&str> = Some(command).filter(|name| !name.is_empty()).into_iter().collect();
        let said = help(&arguments);
        let title = ["stash"].into_iter().chain(arguments).collect::<Vec<_>>().join(" ");
        writeln!(text, "\n## {title}\n\n```text\n{}\n```", said.trim_end()).unwrap();
    }
    text
}

/// Without variables, whose values it would show, and without blanks at the ends of lines.
fn help(arguments: &[&str]) -> String {
    let said = run(Command::new(PROGRAM).args(arguments).arg("--help").env_clear()).expect(0).out;
    said.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_reference_of_flags_is_what_the_program_says() {
    let written = std::fs::read_to_string(file()).unwrap_or_default();
    assert!(
        written == text(),
        "docs/reference/flags.md differs from the program's help: run `cargo test -p stash --test reference`"
    );
}
