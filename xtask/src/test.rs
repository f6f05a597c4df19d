//! `cargo xtask test [filter]`: fetch what is missing, run every test, count, and close with `N passed, N failed`.

pub(crate) mod provision;
pub(crate) mod tally;
pub(crate) mod testbed;

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context, Result};

use crate::fuzz::Fuzzer;
use crate::test::tally::Tally;
use crate::test::testbed::Testbed;
use crate::{ci, e2e, fuzz, program};

/// How long each fuzz target looks for new inputs; `cargo xtask fuzz` takes longer.
const FUZZ_SECONDS: u32 = 15;

pub(crate) fn run(filter: Option<&str>) -> Result<ExitCode> {
    let start = Instant::now();
    let tools = match provision::run() {
        Ok(tools) => tools,
        Err(error) => {
            // A missing tool is a failure of the run, never a reason to leave tests out.
            eprintln!("error: {error:#}");
            println!("0 passed, 1 failed");
            return Ok(ExitCode::FAILURE);
        }
    };

    let mut tally = Tally::default();
    let testbed = Testbed::bring(filter, &mut tally);
    let mut command = program::cargo();
    command.args(["test", "--workspace", "--no-fail-fast"]);
    if let Some(filter) = filter {
        command.args(["--", filter]);
    }
    tools.hand_to(&mut command, &[])?;
    testbed.hand_to(&mut command);
    let mut succeeded = count(&mut command, &mut tally)?;
    if testbed.is_there() && e2e::has(filter)? {
        match e2e::on(&testbed, filter, &tools, &mut tally) {
            Ok(held) => succeeded &= held,
            Err(error) => {
                println!("error: {error:#}");
                tally.one(false);
            }
        }
    }
    testbed.end(&mut tally);
    fuzz_for_a_while(filter, &mut tally);
    close(&tally, succeeded, filter, start)
}

/// Runs cargo, shows what it prints, counts the results of tests in it, and says whether cargo was content.
pub(crate) fn count(command: &mut Command, tally: &mut Tally) -> Result<bool> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("could not start `{}`", program::line(command)))?;
    let output = child.stdout.take().context("the standard output of cargo was not handed over")?;
    let mut out = std::io::stdout().lock();
    for line in BufReader::new(output).split(b'\n') {
        let line = line.context("reading what cargo prints")?;
        out.write_all(&line)?;
        out.write_all(b"\n")?;
        out.flush()?;
        tally.line(&String::from_utf8_lossy(&line));
    }
    Ok(child.wait().context("waiting for cargo")?.success())
}

/// Says the verdict; the last line is `N passed, N failed`.
pub(crate) fn close(
    tally: &Tally,
    succeeded: bool,
    filter: Option<&str>,
    start: Instant,
) -> Result<ExitCode> {
    let verdict = tally.verdict(succeeded, filter);
    for complaint in &verdict.complaints {
        println!("error: {complaint}");
    }
    println!("tests: {}", ci::seconds(start.elapsed()));
    println!("{} passed, {} failed", verdict.passed, verdict.failed);
    Ok(if verdict.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Each fuzz target counts as one test, by the name `fuzz TARGET`.
fn fuzz_for_a_while(filter: Option<&str>, tally: &mut Tally) {
    let outcome = fuzz::targets().and_then(|mut targets| {
        targets.retain(|target| filter.is_none_or(|filter| format!("fuzz {target}").contains(filter)));
        if targets.is_empty() {
            return Ok(());
        }
        println!("\nfuzzing each of {} targets for {FUZZ_SECONDS} s", targets.len());
        let fuzzer = Fuzzer::build()?;
        for target in targets {
            let outcome = fuzzer.run(&target, FUZZ_SECONDS)?;
            outcome.print();
            tally.one(outcome.failure.is_none());
        }
        Ok(())
    });
    if let Err(error) = outcome {
        println!("error: {error:#}");
        tally.one(false);
    }
}
