//! Running other programs: what was run is always in the error.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The command as one would type it, for messages.
pub(crate) fn line(command: &Command) -> String {
    let mut line = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    line
}

/// Runs with the terminal of this program; an exit status other than 0 is an error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("could not start `{}`", line(command)))?;
    if !status.success() {
        bail!("`{}` failed: {status}", line(command));
    }
    Ok(())
}

/// Runs and returns what was printed; on failure the error holds what the program complained about.
pub(crate) fn stdout(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("could not start `{}`", line(command)))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        bail!("`{}` failed: {}\n{}", line(command), output.status, complaint.trim_end());
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{}` printed no UTF-8", line(command)))
}

/// Whether a program of this name can be started. It is asked for its version and its answer ignored.
pub(crate) fn exists(name: &str) -> bool {
    Command::new(name)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok()
}

/// Where the program of this name is.
#[expect(clippy::disallowed_methods, reason = "the path of this process is where programs are looked for")]
pub(crate) fn on_path(name: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = std::env::split_paths(&path).map(|folder| folder.join(name));
    places.find(|place| place.is_file()).with_context(|| format!("there is no {name} on the path"))
}

/// Major and minor version of a program, `None` when it cannot be started or names none in the words
/// `NAME, version MAJOR.MINOR…` of Prometheus' family.
pub(crate) fn version(name: &str) -> Option<(u64, u64)> {
    let output = Command::new(name).arg("--version").stdin(Stdio::null()).output().ok()?;
    // Older ones tell it where errors go.
    let said = [output.stdout, output.stderr].concat();
    version_in(&String::from_utf8_lossy(&said))
}

fn version_in(said: &str) -> Option<(u64, u64)> {
    let (_, version) = said.lines().next()?.split_once(", version ")?;
    let mut numbers = version.split(|letter: char| !letter.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// The cargo that started this program, so that the pinned toolchain is kept.
#[expect(clippy::disallowed_methods, reason = "cargo says by CARGO which cargo runs")]
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(crate::root::path());
    command
}

/// Where the program `name` is, by the messages of a `cargo build --message-format json-render-diagnostics`.
pub(crate) fn executable(messages: &str, name: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == name)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        let said =
            "pushgateway, version 1.11.2 (branch: debian/sid, revision: 1.11.2-1)\n  go version: go1.24\n";
        assert_eq!(version_in(said), Some((1, 11)));
        assert!(version_in("pushgateway, version 1.5.1+ds (branch: x)") < version_in(said));
        assert_eq!(version_in("restic 0.14.0 compiled with go1.19"), None);
        assert_eq!(version_in(""), None);
    }

    #[test]
    fn a_program_is_found_among_cargos_messages() {
        let messages = concat!(
            "{\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"domain\"},\"executable\":null}\n",
            "{\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"codegen\"},\"executable\":\"/t/debug/codegen\"}\n",
            "{\"reason\":\"build-finished\",\"success\":true}\n",
        );
        assert_eq!(executable(messages, "codegen"), Some(PathBuf::from("/t/debug/codegen")));
    }
}
