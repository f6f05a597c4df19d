//! The reference of flags is what the program says of itself.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use crate::kit::{PROGRAM, run};

const HEAD: &str = "<!-- What `stash --help` says; a test of crates/stash compares it, and says how to bring it up to date. -->

# Flags

Everything `stash` can do, and every flag of it. One program has all roles: `stash run` is the operator, which an installation starts;
sidecars and Jobs run `backup`, `recover`, `check`, `forget` and `scaledown` with flags that the operator sets.
";

/// The program's help, as it is for everybody: whatever the environment holds is not in it.
fn help(arguments: &[&str]) -> String {
    let mut command = Command::new(PROGRAM);
    command.env_clear().env("COLUMNS", "110").args(arguments).arg("--help");
    run(&mut command).expect(0).out
}

/// The names below `Commands:`.
fn commands(help: &str) -> Vec<&str> {
    let list =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // What goes on in the next line is indented further.
    let names = list.filter_map(|line| line.strip_prefix("  ")).filter(|line| !line.starts_with(' '));
    names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").collect()
}

fn section(page: &mut String, title: &str, help: &str) {
    let trimmed: Vec<&str> = help.lines().map(str::trim_end).collect();
    // Writing to a String cannot fail.
    let _ = write!(page, "\n## `{title}`\n\n```text\n{}\n```\n", trimmed.join("\n").trim_end());
}

#[test]
fn the_reference_of_flags_is_what_the_program_says() {
    let overview = help(&[]);
    let mut page = HEAD.to_owned();
    section(&mut page, "stash", &overview);
    let commands = commands(&overview);
    assert!(commands.len() > 8, "{commands:?}");
    for command in commands {
        section(&mut page, &format!("stash {command}"), &help(&[command]));
    }
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/flags.md");
    if std::fs::read_to_string(&committed).unwrap_or_default() != page {
        let wanted = Path::new(env!("CARGO_TARGET_TMPDIR")).join("flags.md");
        std::fs::write(&wanted, page).unwrap();
        panic!("docs/reference/flags.md is not what the program says: copy {} there", wanted.display());
    }
}
