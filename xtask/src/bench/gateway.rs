//! `cargo xtask bench gateway`: our release build and prometheus-pushgateway, in turns under the same load: connections
//! that push backup sessions in a closed loop, with and without scrapes beside them, to stores of several sizes.

mod client;
mod figures;
mod goals;
mod load;
mod payload;
mod process;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context, Result};

use self::figures::{Figures, median};
use self::load::Form;
use self::payload::Requests;
use self::process::{Gateway, Program};
use super::release;
use crate::flags::GatewayBench;
use crate::test::provision;
use crate::{program, root};

/// How long each kind of load runs.
struct Times {
    push: Duration,
    scrape: Duration,
    lone: Duration,
    /// Between the end of a load and the look at the memory that stays.
    rest: Duration,
}

/// A gateway under measurement.
struct Contender {
    name: &'static str,
    program: Program,
    /// Further flags while the store is filled.
    filling: &'static [&'static str],
}

/// The figures of one size of store: ours, then the reference's when it takes part.
struct Size {
    groups: usize,
    ours: Figures,
    theirs: Option<Figures>,
}

pub(super) fn execute(flags: &GatewayBench) -> Result<ExitCode> {
    let contenders = contenders(flags.ours_only)?;
    let work = root::path().join("target/bench-gateway");
    let _ = std::fs::remove_dir_all(&work);
    std::fs::create_dir_all(&work).with_context(|| format!("making {}", work.display()))?;
    let seconds = if flags.quick { [3, 1, 1, 1] } else { [10, 3, 3, 2] };
    let [push, scrape, lone, rest] = seconds.map(Duration::from_secs);
    let times = Times { push, scrape, lone, rest };
    let rounds = if flags.quick { 1 } else { flags.rounds.max(1) };
    println!(
        "8 connections in a closed loop for {} s, {rounds} rounds, medians; ratio = stash / reference",
        push.as_secs()
    );

    let mut sizes = Vec::new();
    for &groups in &flags.groups {
        let requests = Requests::new(groups);
        let mut figures: Vec<Vec<Figures>> = Vec::new();
        for contender in &contenders {
            let state = work.join(format!("{}-{groups}", contender.name));
            figures.push(vec![fill(contender, &requests, &state, &times)?]);
        }
        for round in 1..=rounds {
            for (contender, figures) in contenders.iter().zip(&mut figures) {
                eprintln!("{groups} groups, round {round}: {}", contender.name);
                let state = work.join(format!("{}-{groups}", contender.name));
                figures.push(measure(contender, &requests, &state, &times)?);
            }
        }
        let mut medians = figures.iter().map(|rounds| median(rounds));
        let size = Size { groups, ours: medians.next().unwrap_or_default(), theirs: medians.next() };
        figures::print(&size);
        sizes.push(size);
    }
    std::fs::remove_dir_all(&work)?;
    let all_met = goals::print(&sizes);
    Ok(if flags.check && !all_met { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn contenders(ours_only: bool) -> Result<Vec<Contender>> {
    let stash = release()?;
    let arguments = vec!["pushgateway".to_owned(), "--log-level=error".to_owned()];
    let mut contenders =
        vec![Contender { name: "stash", program: Program { path: stash, arguments }, filling: &[] }];
    if !ours_only {
        let path: PathBuf = provision::reference_gateway()?;
        let version = program::stdout(Command::new(&path).arg("--version"))?;
        println!("reference: {}", version.lines().next().unwrap_or_default());
        contenders.push(Contender {
            name: "reference",
            program: Program { path, arguments: vec!["--log.level=error".to_owned()] },
            // Checked pushes to ten thousand groups would take it ten hours.
            filling: &["--push.disable-consistency-check"],
        });
    }
    Ok(contenders)
}

/// Pushes every group once into an empty store and leaves the state file behind.
fn fill(contender: &Contender, requests: &Requests, state: &Path, times: &Times) -> Result<Figures> {
    eprintln!("{} groups: filling {}", requests.groups(), contender.name);
    let mut figures = Figures::new();
    let gateway = Gateway::start(&contender.program, contender.filling, state)?;
    load::fill(&gateway, requests)?;
    std::thread::sleep(times.rest);
    figures.insert("filled", gateway.usage().resident()?);
    gateway.stop()?;
    Ok(figures)
}

/// One round: a start with the filled state, then every load in turn.
fn measure(contender: &Contender, requests: &Requests, state: &Path, times: &Times) -> Result<Figures> {
    let mut figures = Figures::new();
    let gateway = Gateway::start(&contender.program, &[], state)?;
    figures.insert("ready", gateway.ready_after.as_secs_f64() * 1000.0);
    std::thread::sleep(times.rest);
    figures.insert("started", gateway.usage().resident()?);
    gateway.usage().forget_peak()?;

    // The first push after a start makes both save; by the time of the next load that is over.
    figures.insert("lone p50", load::lone_push(&gateway, requests, times.lone)?);
    let pushes = load::push(&gateway, requests, times.push)?;
    figures.insert("push rate", pushes.rate);
    figures.insert("push p50", pushes.p50_ms);
    figures.insert("push p99", pushes.p99_ms);
    figures.insert("push cpu", pushes.cpu_ms);
    let (pushes, scrapes) = load::push_beside_scrapes(&gateway, requests, times.push)?;
    figures.insert("scraped push rate", pushes.rate);
    figures.insert("scraped push p50", pushes.p50_ms);
    figures.insert("scraped push p99", pushes.p99_ms);
    figures.insert("pushed scrape", scrapes.total_ms);
    for (form, [total, first, cpu, bytes]) in [
        (Form::Text, ["text", "text first", "text cpu", "text bytes"]),
        (Form::Gzip, ["gzip", "gzip first", "gzip cpu", "gzip bytes"]),
        (Form::Protobuf, ["proto", "proto first", "proto cpu", "proto bytes"]),
    ] {
        let Some(scrapes) = load::scrape(&gateway, form, times.scrape)? else { continue };
        figures.insert(total, scrapes.total_ms);
        figures.insert(first, scrapes.first_byte_ms);
        figures.insert(cpu, scrapes.cpu_ms);
        figures.insert(bytes, scrapes.bytes / 1024.0);
    }
    figures.insert("peak", gateway.usage().peak()?);
    std::thread::sleep(times.rest);
    figures.insert("after", gateway.usage().resident()?);
    figures.insert("stop", gateway.stop()?.as_secs_f64() * 1000.0);
    let file = std::fs::metadata(state).with_context(|| format!("looking at {}", state.display()))?;
    figures.insert("file", file.len() as f64 / 1024.0);
    Ok(figures)
}
