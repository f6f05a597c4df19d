//! Taking a cluster down, however it was left, and proving that nothing of it is.
//!
//! Nothing is asked to stop: what a cluster knows goes with it, and a component that hangs is no obstacle.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::cluster::component::Component;
use crate::cluster::place::Place;
use crate::cluster::{machine, network, process};
use crate::program;

/// How long the kernel may take to end killed processes and let go of their mounts and cgroups.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn run(place: Place) -> Result<()> {
    // The namespace is known by this number also when its name is gone.
    let namespace = namespace(place);
    insist("processes", || {
        let left = processes(place, namespace)?;
        for pid in &left {
            // It may be gone by itself.
            let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
        }
        Ok(left)
    })?;
    insist("mounts", || {
        let left = mounts(place)?;
        for mount in left.iter().rev() {
            // One that is busy is tried again.
            let _ = nix::mount::umount(mount);
        }
        mounts(place)
    })?;
    network::down(place)?;
    insist("cgroups", || {
        for cgroup in cgroups(place)? {
            remove_cgroup(&cgroup);
        }
        cgroups(place)
    })?;
    unlink_logs(place)?;
    forget_networks(place)?;
    let state = place.state();
    if state.exists() {
        // No mount is left in it, so nothing but the cluster's own is removed.
        std::fs::remove_dir_all(&state).with_context(|| format!("removing {}", state.display()))?;
    }
    machine::put_back()?;
    let left = left(place, namespace)?;
    if !left.is_empty() {
        bail!("the cluster is down but left behind:\n{}", left.join("\n"));
    }
    Ok(())
}

/// Does it until nothing is left.
fn insist<T: std::fmt::Debug>(what: &str, mut pass: impl FnMut() -> Result<Vec<T>>) -> Result<()> {
    let start = Instant::now();
    loop {
        let left = pass()?;
        if left.is_empty() {
            return Ok(());
        }
        if start.elapsed() > PATIENCE {
            bail!("{what} that do not go away: {left:?}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// What of the cluster is still on the machine, each in words.
fn left(place: Place, namespace: Option<u64>) -> Result<Vec<String>> {
    let mut left = Vec::new();
    left.extend(processes(place, namespace)?.iter().map(|pid| format!("process {pid}")));
    left.extend(mounts(place)?.iter().map(|mount| format!("mount {}", mount.display())));
    left.extend(cgroups(place)?.iter().map(|cgroup| format!("cgroup {}", cgroup.display())));
    if Path::new("/sys/class/net").join(place.name()).exists() {
        left.push(format!("interface {}", place.name()));
    }
    let routes = program::stdout(Command::new("ip").args(["route", "show", "table", "all"]))?;
    let ours = [place.pods(), place.services(), place.node(), place.host()];
    let is_ours =
        |route: &&str| route.split_whitespace().any(|word| ours.iter().any(|address| address == word));
    left.extend(routes.lines().filter(is_ours).map(|route| format!("route {route}")));
    for path in [place.namespace(), place.state()] {
        if path.exists() {
            left.push(path.display().to_string());
        }
    }
    Ok(left)
}

/// The number of the cluster's network namespace, as the kernel has it and as it was noted when it was made.
fn namespace(place: Place) -> Option<u64> {
    let noted = || std::fs::read_to_string(note(place)).ok()?.trim().parse().ok();
    inode(&place.namespace()).or_else(noted)
}

fn note(place: Place) -> PathBuf {
    place.state().join("namespace")
}

/// Notes the number of the network namespace, for the case that somebody removes its name.
pub(super) fn note_namespace(place: Place) -> Result<()> {
    let number = inode(&place.namespace()).context("the cluster's network namespace is not there")?;
    std::fs::write(note(place), number.to_string()).context("noting the network namespace")
}

/// Whether the cluster's network namespace is the one in which its components were started.
pub(super) fn namespace_is_as_noted(place: Place) -> bool {
    let noted = std::fs::read_to_string(note(place)).ok().and_then(|number| number.trim().parse().ok());
    noted.is_some() && noted == inode(&place.namespace())
}

fn inode(path: &Path) -> Option<u64> {
    std::fs::metadata(path).ok().map(|metadata| metadata.ino())
}

/// Every process that is in the cluster's network or in a cgroup of its, or is one of its components.
fn processes(place: Place, namespace: Option<u64>) -> Result<Vec<i32>> {
    let mut found: BTreeSet<i32> =
        Component::all().iter().filter_map(|component| process::state(place, *component).pid()).collect();
    for cgroup in cgroups(place)? {
        let text = std::fs::read_to_string(cgroup.join("cgroup.procs")).unwrap_or_default();
        found.extend(text.lines().filter_map(|pid| pid.parse::<i32>().ok()));
    }
    for entry in std::fs::read_dir("/proc").context("reading /proc")? {
        let entry = entry?;
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        if namespace.is_some() && inode(&entry.path().join("ns/net")) == namespace {
            found.insert(pid);
        }
    }
    // Whoever calls this from inside of the namespace does not mean itself.
    found.remove(&i32::try_from(std::process::id())?);
    Ok(found.into_iter().collect())
}

fn mounts(place: Place) -> Result<Vec<PathBuf>> {
    let state = place.state();
    Ok(machine::mounts()?.into_iter().filter(|mount| mount.starts_with(&state)).collect())
}

/// The cluster's cgroups that are there, each after those it is in.
fn cgroups(place: Place) -> Result<Vec<PathBuf>> {
    let mut found: Vec<PathBuf> =
        machine::cgroups(place)?.into_iter().filter(|cgroup| cgroup.is_dir()).collect();
    let mut next = 0;
    while let Some(cgroup) = found.get(next) {
        // One that goes while it is read has nothing in it.
        let below = std::fs::read_dir(cgroup).into_iter().flatten().filter_map(Result::ok);
        let below: Vec<PathBuf> = below
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .map(|entry| entry.path())
            .collect();
        found.extend(below);
        next += 1;
    }
    Ok(found)
}

/// Innermost first; one that is still in use is tried again by the caller.
fn remove_cgroup(cgroup: &Path) {
    for entry in std::fs::read_dir(cgroup).into_iter().flatten().filter_map(Result::ok) {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_cgroup(&entry.path());
        }
    }
    let _ = std::fs::remove_dir(cgroup);
}

/// The network plugins note what they gave to each pod in a folder that all clusters of the machine share: a file for
/// the network, named after it and the pod's sandbox, and one for the loopback interface, named after the sandbox.
fn forget_networks(place: Place) -> Result<()> {
    let folder = Path::new("/var/lib/cni/results");
    let prefix = format!("{}-", place.name());
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let Some(sandbox) = name.strip_prefix(&prefix).and_then(|rest| rest.strip_suffix("-eth0")) else {
            continue;
        };
        for file in [name.clone(), format!("cni-loopback-{sandbox}-lo")] {
            match std::fs::remove_file(folder.join(&file)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error).with_context(|| format!("removing {file} in {}", folder.display()));
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// The kubelet links each container's log to a folder that all clusters of the machine share.
fn unlink_logs(place: Place) -> Result<()> {
    let logs = place.state();
    for entry in std::fs::read_dir("/var/log/containers").into_iter().flatten() {
        let link = entry?.path();
        if std::fs::read_link(&link).is_ok_and(|target| target.starts_with(&logs)) {
            std::fs::remove_file(&link).with_context(|| format!("removing {}", link.display()))?;
        }
    }
    Ok(())
}
