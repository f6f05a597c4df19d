//! `cargo xtask cluster`: a real Kubernetes on this machine, for the tests and for whoever wants to try something.
//!
//! Nothing about an operator is proved by a mock. One node, every component a process of the host, all of them in one
//! network namespace; images come from files. `docs/contributing/testing.md` says what it is for.

mod component;
mod control_plane;
mod down;
pub(crate) mod go;
mod health;
pub(crate) mod images;
mod machine;
mod network;
mod node;
mod pki;
mod place;
mod process;
mod programs;
mod report;
mod up;
mod verify;

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;
use nix::unistd::Uid;

pub(crate) use self::component::Component;
use self::place::Place;
use self::programs::Programs;
use crate::ci;
use crate::flags::Cluster;

pub(crate) fn run(what: Cluster) -> Result<ExitCode> {
    let place = Place::chosen()?;
    match what {
        Cluster::Up => up()?,
        Cluster::Down => down()?,
        Cluster::Status => return report::print(place),
        Cluster::Kubeconfig => {
            println!("{}", kubeconfig()?.display());
        }
        Cluster::Kubectl { arguments } => {
            place.must_be_up()?;
            let error = health::kubectl(place, &Programs::bring()?).args(arguments).exec();
            return Err(error).context("could not start kubectl");
        }
        Cluster::Import { archive } => import(&archive)?,
        Cluster::Verify => return verify(),
        Cluster::Kill { component } => process::kill_now(place, component)?,
        Cluster::Freeze { component } => process::signal(place, component, Signal::SIGSTOP)?,
        Cluster::Thaw { component } => process::signal(place, component, Signal::SIGCONT)?,
        Cluster::Restart { component } => {
            place.must_be_up()?;
            up::restart(place, &Programs::bring()?, component)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Why no cluster can be made on this machine, if so.
pub(crate) fn obstacle() -> Option<&'static str> {
    if !cfg!(target_os = "linux") {
        Some("a cluster of processes needs Linux")
    } else if !Uid::effective().is_root() {
        Some("a cluster of processes needs root")
    } else {
        None
    }
}

/// Brings the cluster up, or makes one whole that is half up. One that is up stays as it is.
pub(crate) fn up() -> Result<()> {
    if let Some(obstacle) = obstacle() {
        bail!("{obstacle}; to run tests on another cluster see docs/contributing/testing.md");
    }
    let start = Instant::now();
    let place = Place::chosen()?;
    let programs = Programs::bring()?;
    up::run(place, &programs)?;
    println!("the cluster is up ({}): {}", ci::seconds(start.elapsed()), place.kubeconfig().display());
    Ok(())
}

/// Takes the cluster down and fails when anything of it is left.
pub(crate) fn down() -> Result<()> {
    let start = Instant::now();
    let _lock = machine::lock()?;
    down::run(Place::chosen()?)?;
    println!("the cluster is down and nothing of it is left ({})", ci::seconds(start.elapsed()));
    Ok(())
}

/// Proves on the cluster that is up that it does what the tests rely on.
pub(crate) fn verify() -> Result<ExitCode> {
    let place = Place::chosen()?;
    place.must_be_up()?;
    verify::run(place, Programs::bring()?)
}

/// Loads an image archive, of OCI or of `docker save`, into the node of the cluster that is up.
pub(crate) fn import(archive: &Path) -> Result<()> {
    let place = Place::chosen()?;
    place.must_be_up()?;
    images::import(place, &Programs::bring()?, archive)
}

/// Whether a cluster was made here; `up` makes it whole if it is not.
pub(crate) fn is_there() -> Result<bool> {
    Ok(Place::chosen()?.kubeconfig().is_file())
}

/// The file with which a client has all rights in the cluster that is up.
pub(crate) fn kubeconfig() -> Result<PathBuf> {
    let place = Place::chosen()?;
    place.must_be_up()?;
    Ok(place.kubeconfig())
}

/// The cluster's own kubectl, with all rights in the cluster that is up.
pub(crate) fn kubectl() -> Result<Command> {
    let place = Place::chosen()?;
    place.must_be_up()?;
    Ok(health::kubectl(place, &Programs::bring()?))
}

/// The file that holds the node's network namespace, for `nsenter --net=`.
pub(crate) fn namespace() -> Result<PathBuf> {
    Ok(Place::chosen()?.namespace())
}

/// The node's address, which the host and pods reach.
pub(crate) fn node_address() -> Result<String> {
    Ok(Place::chosen()?.node())
}
