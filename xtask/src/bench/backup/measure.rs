//! What one run of a program cost, and how two programs compare.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use nix::sys::resource::{UsageWho, getrusage};

use crate::program;

/// The cost of one run.
#[derive(Clone, Copy)]
pub(super) struct Cost {
    wall: f64,
    cpu: f64,
    /// Highest resident memory in KiB, as sampled: a short peak may be missed.
    peak: u64,
}

/// Runs a program to its end; a failure is an error.
pub(super) fn run(command: &mut Command) -> Result<Cost> {
    let before = cpu()?;
    let start = Instant::now();
    let mut child = command.stdout(std::process::Stdio::null()).spawn()?;
    let mut peak = 0;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        peak = high_water(child.id()).unwrap_or(peak);
        std::thread::sleep(Duration::from_millis(5));
    };
    let wall = start.elapsed().as_secs_f64();
    if !status.success() {
        bail!("`{}` failed: {status}", program::line(command));
    }
    Ok(Cost { wall, cpu: cpu()? - before, peak })
}

/// User and system seconds of all children that have ended.
fn cpu() -> Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    Ok(seconds(usage.user_time()) + seconds(usage.system_time()))
}

fn high_water(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// One line: the ratios of wall clock and CPU, and the highest memory of either.
pub(super) fn print(what: &str, costs: &[(Cost, Cost)]) {
    let wall = spread(costs.iter().map(|(ours, theirs)| ours.wall / theirs.wall));
    let cpu = spread(costs.iter().map(|(ours, theirs)| ours.cpu / theirs.cpu));
    let ours = costs.iter().map(|(ours, _)| ours.peak).max().unwrap_or_default();
    let theirs = costs.iter().map(|(_, theirs)| theirs.peak).max().unwrap_or_default();
    println!("  {what:<26} {wall:>24} {cpu:>24} {:>15} / {}", ours >> 10, theirs >> 10);
}

fn spread(ratios: impl Iterator<Item = f64>) -> String {
    let mut ratios: Vec<f64> = ratios.collect();
    ratios.sort_by(f64::total_cmp);
    let (Some(least), Some(most)) = (ratios.first(), ratios.last()) else { return String::new() };
    let median = ratios.get(ratios.len() / 2).unwrap_or(most);
    format!("{least:.2} / {median:.2} / {most:.2}")
}
