//! `cargo xtask ci`: every check, cheap to dear. All cheap ones run even when one fails, so that one run tells all;
//! the tests, which are dear, run only when the rest holds. The last line is that of the tests.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::{codegen, deny, fmt, lint, test, tidy};

/// A check: what to type to run it alone, and the function that does.
type Step = (&'static str, fn() -> Result<ExitCode>);

const STEPS: [Step; 5] = [
    ("cargo xtask fmt --check", || fmt::run(true)),
    ("cargo xtask tidy", tidy::run),
    ("cargo xtask codegen --check", || codegen::run(true)),
    ("cargo xtask deny", deny::run),
    ("cargo xtask lint", lint::run),
];

pub(crate) fn run() -> Result<ExitCode> {
    let mut timings = Vec::new();
    for (line, step) in STEPS {
        println!("\n== {line}");
        let start = Instant::now();
        let held = match step() {
            Ok(code) => code == ExitCode::SUCCESS,
            Err(error) => {
                println!("error: {error:#}");
                false
            }
        };
        timings.push((line, held, start.elapsed()));
    }

    println!();
    for (line, held, took) in &timings {
        println!("{} {:>8}  {line}", if *held { "ok    " } else { "FAILED" }, seconds(*took));
    }
    let failed: Vec<&str> = timings.iter().filter(|(_, held, _)| !held).map(|(line, ..)| *line).collect();
    if !failed.is_empty() {
        println!("\nThe tests were not run. Run again what failed, one by one:");
        for line in failed {
            println!("    {line}");
        }
        return Ok(ExitCode::FAILURE);
    }

    println!("\n== cargo xtask test");
    test::run(None)
}

/// A duration for people: `12.3 s`.
pub(crate) fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}
