//! `cargo xtask e2e [filter]`: the end-to-end tests, on the cluster of this machine or on one that somebody names.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::test;
use crate::test::provision::{self, Tools, servers};
use crate::test::tally::Tally;
use crate::test::testbed::Testbed;
use crate::{cluster, image, program, root};

/// How many tests run at once, unless they run alone. They wait for the cluster most of the time, so there may be more of
/// them than this machine has processors.
const AT_ONCE: &str = "6";

/// The tests, one file each.
const TESTS: &str = "e2e/tests/cluster";

pub(crate) fn run(filter: Option<&str>) -> Result<ExitCode> {
    let start = Instant::now();
    let mut tally = Tally::default();
    let tools = provision::run()?;
    let testbed = Testbed::for_e2e()?;
    let succeeded = on(&testbed, filter, &tools, &mut tally)?;
    if testbed.is_made_here() {
        println!("the cluster stays up; `cargo xtask cluster down` takes it down");
    }
    test::close(&tally, succeeded, filter, start)
}

/// Runs the tests on the cluster of `testbed`, and says whether cargo was content.
pub(crate) fn on(testbed: &Testbed, filter: Option<&str>, tools: &Tools, tally: &mut Tally) -> Result<bool> {
    let servers = servers::bring()?;
    let mut archives = image::tools::build()?;
    archives.insert(0, image::build()?);
    if testbed.is_made_here() {
        archives.iter().try_for_each(|archive| cluster::import(archive))?;
    } else {
        archives.push(image::tools::build_shell()?);
        println!("these images must be in the cluster that was named; load those that are not:");
        archives.iter().for_each(|archive| println!("    {}", archive.display()));
    }
    let mut command = program::cargo();
    // Of the whole workspace, so that what it shares with the other tests is not compiled again with fewer features.
    command.args(["test", "--workspace", "--test", "cluster", "--no-fail-fast"]);
    if let Some(filter) = filter {
        command.args(["--", filter]);
    }
    // Errors say what was attempted, at each step; where in the kit that is helps nobody.
    command.env("RUST_LIB_BACKTRACE", "0").env("RUST_TEST_THREADS", AT_ONCE);
    command.env("STASH_TEST_PROMETHEUS_OPERATOR", cluster::go::prometheus_operator()?);
    command.env("STASH_TEST_PROGRAM", image::static_program()?);
    tools.hand_to(&mut command, &[servers])?;
    testbed.hand_to(&mut command);
    test::count(&mut command, tally)
}

/// Whether a test has a name that contains this; without a filter there always is one.
pub(crate) fn has(filter: Option<&str>) -> Result<bool> {
    let Some(filter) = filter else { return Ok(true) };
    let folder = root::path().join(TESTS);
    for entry in std::fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))? {
        let file = entry?.path();
        let module = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
        if names(&text).any(|name| format!("{module}::{name}").contains(filter)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The functions below a line that makes them a test.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines().zip(text.lines().skip(1));
    lines
        .filter(|(attribute, _)| attribute.starts_with("#[tokio::test"))
        .filter_map(|(_, function)| function.strip_prefix("async fn ")?.split('(').next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_known_by_name_before_they_are_compiled() {
        let text =
            "async fn helper() {}\n#[tokio::test(flavor = \"x\")]\nasync fn backup_it() -> Result<()> {\n";
        assert_eq!(names(text).collect::<Vec<_>>(), ["backup_it"]);
        assert!(has(None).unwrap() && has(Some("backup_standalone::")).unwrap());
        assert!(!has(Some("no test is called that")).unwrap());
    }
}
