//! `cargo xtask cluster status`: what runs, as seen now.

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
    let programs = Programs::bring()?;
    let mut is_whole = true;
    println!("{:<24} {:>8} {:<8} {:<10} version", "component", "pid", "state", "health");
    for component in Component::all() {
        let state = process::state(place, *component);
        let health = match state {
            State::Running(_) => health::check(place, &programs, *component),
            // A frozen one would be asked in vain until the time is up.
            _ => Err(anyhow::anyhow!("does not run")),
        };
        is_whole &= health.is_ok();
        println!(
            "{:<24} {:>8} {:<8} {:<10} {}",
            component.name(),
            state.pid().map_or_else(|| "-".to_owned(), |pid| pid.to_string()),
            word(state),
            if health.is_ok() { "ok" } else { "not ok" },
            version(place, &programs, *component)
        );
    }
    println!();
    let nodes =
        program::stdout(health::kubectl(place, &programs).args(["get", "nodes", "--request-timeout=5s"]));
    is_whole &= nodes.is_ok();
    println!("{}", nodes.unwrap_or_else(|error| format!("the apiserver does not answer: {error:#}")));
    println!("address     {} (from the host, and of the node)", place.server());
    println!("kubeconfig  {}", place.kubeconfig().display());
    println!("kubectl     {}", programs.kube("kubectl").display());
    println!("namespace   {} (nsenter --net=)", place.namespace().display());
    println!("state       {}", place.state().display());
    println!("logs        {}", place.logs().display());
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
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
