//! Bringing a cluster up, and making one whole again.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use nix::sys::signal::Signal;
use sha2::{Digest, Sha256};

use crate::cluster::component::Component;
use crate::cluster::place::{NODE, Place};
use crate::cluster::process::{self, State};
use crate::cluster::programs::Programs;
use crate::cluster::{down, health, images, machine, network, pki};
use crate::program;

/// What the cluster holds from the first.
const MANIFESTS: &str = include_str!("../../../testbed/manifests/dns.yaml");

pub(super) fn run(place: Place, programs: &Programs) -> Result<()> {
    let _lock = machine::lock()?;
    if place.state().exists() && !is_of_this_making(place, programs) {
        eprintln!("the cluster here is of other versions, or its network is gone: making a new one");
        down::run(place)?;
    }
    if !place.state().exists() {
        create(place, programs)?;
    }
    network::up(place)?;
    for component in Component::all() {
        ensure(place, programs, *component)?;
        match component {
            Component::Etcd => health::wait(place, programs, *component)?,
            Component::KubeApiserver => {
                health::wait(place, programs, *component)?;
                apply(place, programs, MANIFESTS)?;
            }
            Component::Containerd => {
                health::wait(place, programs, *component)?;
                images::load(place, programs)?;
            }
            _ => {}
        }
    }
    for component in Component::all() {
        health::wait(place, programs, *component)?;
    }
    ready(place, programs)
}

/// Everything before the first component. The mark of its making is written last: without it this is done anew.
fn create(place: Place, programs: &Programs) -> Result<()> {
    machine::note()?;
    let logs = place.logs();
    if logs.exists() {
        std::fs::remove_dir_all(&logs).with_context(|| format!("removing {}", logs.display()))?;
    }
    let state = place.state();
    std::fs::create_dir_all(&state).with_context(|| format!("making {}", state.display()))?;
    network::up(place)?;
    down::note_namespace(place)?;
    machine::make_cgroups(place)?;
    pki::make(place)?;
    std::fs::write(making_file(place), making(place, programs)?)
        .context("noting what the cluster was made from")
}

fn making_file(place: Place) -> PathBuf {
    place.state().join("made-from")
}

/// A name for everything the components are run with, and for this start of the machine.
fn making(place: Place, programs: &Programs) -> Result<String> {
    let mut hash = Sha256::new();
    for component in Component::all() {
        hash.update(format!("{:?}\n", component.plan(place, programs)));
    }
    let digest: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("{digest} {}", machine::boot()?))
}

fn is_of_this_making(place: Place, programs: &Programs) -> bool {
    let made = std::fs::read_to_string(making_file(place));
    made.ok() == making(place, programs).ok() && down::namespace_is_as_noted(place)
}

/// Starts what does not run, and wakes what is frozen.
fn ensure(place: Place, programs: &Programs, component: Component) -> Result<()> {
    match process::state(place, component) {
        State::Running(_) => Ok(()),
        State::Frozen(_) => process::signal(place, component, Signal::SIGCONT),
        State::Absent | State::Dead => process::start(place, component, &component.plan(place, programs)),
    }
}

/// Stops a component, if it runs, starts it and waits until it is healthy.
pub(super) fn restart(place: Place, programs: &Programs, component: Component) -> Result<()> {
    process::stop(place, component)?;
    process::start(place, component, &component.plan(place, programs))?;
    health::wait(place, programs, component)
}

/// Healthy components may still have to find each other.
fn ready(place: Place, programs: &Programs) -> Result<()> {
    let kubectl = |arguments: &[&str]| {
        let mut kubectl = health::kubectl(place, programs);
        kubectl.args(arguments);
        kubectl
    };
    health::until("the node", || {
        let node = format!("node/{NODE}");
        Ok(program::stdout(&mut kubectl(&["wait", "--for=condition=Ready", &node, "--timeout=10s"])))
    })?;
    // Pods are refused until the controllers have made it.
    health::until("the service account of new pods", || {
        Ok(program::stdout(&mut kubectl(&["get", "serviceaccount", "default", "--namespace=default"])))
    })?;
    Ok(())
}

/// Makes the cluster hold these objects.
pub(super) fn apply(place: Place, programs: &Programs, yaml: &str) -> Result<()> {
    let mut command: Command = health::kubectl(place, programs);
    command.args(["apply", "--filename=-"]).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child =
        command.spawn().with_context(|| format!("could not start `{}`", program::line(&command)))?;
    // Closed at the end of this statement, which is the end of the file for kubectl.
    child
        .stdin
        .take()
        .context("the standard input of kubectl was not handed over")?
        .write_all(yaml.as_bytes())?;
    let status = child.wait()?;
    anyhow::ensure!(status.success(), "kubectl did not apply the objects: {status}");
    Ok(())
}
