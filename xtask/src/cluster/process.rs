//! Starting, finding and signalling the components' processes.
//!
//! A component is known by its process number and the moment that process was started: a number alone may belong to a
//! stranger by the time it is read again.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::cluster::component::{Component, Plan};
use crate::cluster::place::Place;
use crate::program;

/// How long a component has to end by itself. A kubelet or an apiserver on a busy machine takes seconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// What became of a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It was not started, or stopped in order.
    Absent,
    /// It was started and is gone.
    Dead,
    Running(i32),
    /// Stopped by a signal: it holds its connections and answers nothing.
    Frozen(i32),
}

impl State {
    /// The number of the process, if there is one.
    pub(crate) fn pid(self) -> Option<i32> {
        match self {
            Self::Absent | Self::Dead => None,
            Self::Running(pid) | Self::Frozen(pid) => Some(pid),
        }
    }
}

pub(crate) fn state(place: Place, component: Component) -> State {
    let Ok(text) = std::fs::read_to_string(place.pid(component)) else { return State::Absent };
    let mut words = text.split_whitespace();
    let (Some(pid), Some(started)) = (words.next().and_then(|pid| pid.parse().ok()), words.next()) else {
        return State::Dead;
    };
    match stat(pid) {
        Some(stat) if stat.started == started => match stat.state {
            // A zombie: only its parent has not noticed yet.
            'Z' | 'X' => State::Dead,
            'T' | 't' => State::Frozen(pid),
            _ => State::Running(pid),
        },
        _ => State::Dead,
    }
}

/// What the kernel says of a process.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    state: char,
    /// Ticks since the machine was started.
    started: String,
}

fn stat(pid: i32) -> Option<Stat> {
    parse_stat(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// See proc_pid_stat(5): the name is in parentheses and may hold anything, the state is the third field, the start the
/// twenty-second.
fn parse_stat(text: &str) -> Option<Stat> {
    let (_, fields) = text.rsplit_once(')')?;
    let mut fields = fields.split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some(Stat { state, started: fields.nth(18)?.to_owned() })
}

/// A command in the cluster's network. `nsenter` and not `ip netns exec`: that mounts a fresh /sys over the cgroups.
pub(crate) fn inside(place: Place, program: &Path) -> Command {
    let mut command = Command::new("nsenter");
    command.arg(format!("--net={}", place.namespace().display())).arg("--").arg(program);
    command
}

/// Starts a component by its plan, with a log of its own, and leaves it to itself.
pub(crate) fn start(place: Place, component: Component, plan: &Plan) -> Result<()> {
    for (file, text) in &plan.files {
        write(file, text)?;
    }
    let log = place.log(component);
    let folder = log.parent().context("a log is in a folder")?;
    std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    let log = File::options()
        .create(true)
        .append(true)
        .open(&log)
        .with_context(|| format!("opening {}", log.display()))?;
    let mut command = inside(place, &plan.program);
    command
        .args(&plan.arguments)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        // An interrupt typed in this terminal is not meant for it.
        .process_group(0);
    let child = command.spawn().with_context(|| format!("could not start `{}`", program::line(&command)))?;
    let pid = i32::try_from(child.id()).context("the number of a process is too large")?;
    let started = stat(pid).with_context(|| format!("{} ended at once", component.name()))?.started;
    write(&place.pid(component), &format!("{pid} {started}\n"))
}

fn write(file: &Path, text: &str) -> Result<()> {
    let folder = file.parent().context("a file is in a folder")?;
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(file, text))
        .with_context(|| format!("writing {}", file.display()))
}

/// Sends a signal to a component that must be there.
pub(crate) fn signal(place: Place, component: Component, signal: Signal) -> Result<()> {
    let Some(pid) = state(place, component).pid() else {
        bail!(
            "{} does not run; `cargo xtask cluster restart {}` starts it",
            component.name(),
            component.name()
        );
    };
    kill(Pid::from_raw(pid), signal)
        .with_context(|| format!("sending {signal} to {}, process {pid}", component.name()))
}

/// Kills a component and waits until it is gone. It stays known as one that should run.
pub(crate) fn kill_now(place: Place, component: Component) -> Result<()> {
    signal(place, component, Signal::SIGKILL)?;
    if !gone_within(place, component, PATIENCE) {
        bail!("{} was killed and is still there after {} s", component.name(), PATIENCE.as_secs());
    }
    Ok(())
}

/// Asks a component to end, and makes it end when it does not.
pub(crate) fn stop(place: Place, component: Component) -> Result<()> {
    if let State::Frozen(_) = state(place, component) {
        signal(place, component, Signal::SIGCONT)?;
    }
    if state(place, component).pid().is_some() {
        signal(place, component, Signal::SIGTERM)?;
        if !gone_within(place, component, PATIENCE) {
            kill_now(place, component)?;
        }
    }
    match std::fs::remove_file(place.pid(component)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).context("forgetting a process")
        }
        _ => Ok(()),
    }
}

fn gone_within(place: Place, component: Component, patience: Duration) -> bool {
    let start = Instant::now();
    while state(place, component).pid().is_some() {
        if start.elapsed() > patience {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processs_name_does_not_confuse_what_is_read_after_it() {
        let rest = (4..22).map(|field| field.to_string()).collect::<Vec<_>>().join(" ");
        let text = format!("42 (a) S 7 (b)) T {rest} 123456 99 99");
        assert_eq!(parse_stat(&text), Some(Stat { state: 'T', started: "123456".to_owned() }));
        assert_eq!(parse_stat("42 (cut) S 1"), None);
    }

    #[test]
    fn this_process_is_found_alive_under_its_number() {
        let pid = i32::try_from(std::process::id()).unwrap();
        assert!(stat(pid).is_some_and(|stat| stat.state != 'Z' && stat.started.parse::<u64>().is_ok()));
    }
}
