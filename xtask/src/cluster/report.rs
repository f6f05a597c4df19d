//! `cargo xtask cluster status`: what runs, as seen now.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::cluster::component::Component;
use crate::cluster::health;
use crate::cluster::place::Place;
use crate::cluster::process::{self, State};
use crate::cluster::programs::Programs;
use crate::program;

/// Prints it. The exit code says whether everything runs and is healthy.
pub(super) fn print(place: Place) -> Result<ExitCode> {
    if !place.kubeconfig().is_file() {
        println!("no cluster: nothing in {}", place.state().display());
        return Ok(ExitCode::FAILURE);
    }
    let (text, is_whole) = describe(place, &Programs::bring()?)?;
    // At once, since a reader may want the first lines only.
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn describe(place: Place, programs: &Programs) -> Result<(String, bool)> {
    let mut is_whole = true;
    let mut text = format!("{:<24} {:>8} {:<8} {:<10} version\n", "component", "pid", "state", "health");
    for component in Component::all() {
        let state = process::state(place, *component);
        let health = match state {
            State::Running(_) => health::check(place, programs, *component),
            // A frozen one would be asked in vain until the time is up.
            _ => Err(anyhow::anyhow!("does not run")),
        };
        is_whole &= health.is_ok();
        let pid = state.pid().map_or_else(|| "-".to_owned(), |pid| pid.to_string());
        let health = if health.is_ok() { "ok" } else { "not ok" };
        let version = version(place, programs, *component);
        writeln!(text, "{:<24} {pid:>8} {:<8} {health:<10} {version}", component.name(), word(state))?;
    }
    let nodes =
        program::stdout(health::kubectl(place, programs).args(["get", "nodes", "--request-timeout=5s"]));
    is_whole &= nodes.is_ok();
    let nodes = nodes.unwrap_or_else(|error| format!("the apiserver does not answer: {error:#}\n"));
    writeln!(text, "\n{nodes}")?;
    for (what, value) in [
        ("server", place.server()),
        ("kubeconfig", place.kubeconfig().display().to_string()),
        ("kubectl", programs.kube("kubectl").display().to_string()),
        ("namespace", place.namespace().display().to_string()),
        ("state", place.state().display().to_string()),
        ("logs", place.logs().display().to_string()),
    ] {
        writeln!(text, "{what:<11} {value}")?;
    }
    Ok((text, is_whole))
}

fn word(state: State) -> &'static str {
    match state {
        State::Absent => "absent",
        State::Dead => "dead",
        State::Running(_) => "running",
        State::Frozen(_) => "frozen",
    }
}

/// What the program says of itself, in the first line that holds a number.
fn version(place: Place, programs: &Programs, component: Component) -> String {
    let plan = component.plan(place, programs);
    let flag = if component == Component::Coredns { "-version" } else { "--version" };
    let said = program::stdout(Command::new(&plan.program).arg(flag)).unwrap_or_default();
    let numbered = said.lines().find(|line| line.contains(|letter: char| letter.is_ascii_digit()));
    numbered.unwrap_or("unknown").trim().to_owned()
}
