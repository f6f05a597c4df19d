//! The node's network: one namespace with its own addresses, routes and rules.
//!
//! The host's rules stay as they are, and nothing that the cluster sends leaves the machine: the namespace's way out
//! ends at the host, which does not pass it on. The host reaches the node, the pods and the Services by routes, so
//! tests run as ordinary processes of the host.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::cluster::place::Place;
use crate::cluster::process;
use crate::program;

/// The kernel filters what crosses a bridge only with this loaded. Without it a pod cannot reach itself by its Service.
const BRIDGE_FILTER: &str = "br_netfilter";

pub(super) fn up(place: Place) -> Result<()> {
    if is_up(place) {
        return Ok(());
    }
    // Half of one is of no use.
    down(place)?;
    let name = place.name();
    let inside = |arguments: &[&str]| ip(&[&["-n", &name], arguments].concat());
    ip(&["netns", "add", &name])?;
    inside(&["link", "set", "lo", "up"])?;
    ip(&["link", "add", &name, "type", "veth", "peer", "name", "eth0", "netns", &name])?;
    ip(&["address", "add", &format!("{}/24", place.host()), "dev", &name])?;
    ip(&["link", "set", &name, "up"])?;
    setting(&format!("net.ipv4.conf.{name}.forwarding=0"), Command::new("sysctl"))?;
    inside(&["address", "add", &format!("{}/24", place.node()), "dev", "eth0"])?;
    inside(&["link", "set", "eth0", "up"])?;
    // It leads nowhere but must be there: the apiserver and the kubelet look for an address by it, and a packet to a
    // Service needs some route before the rules send it to a pod.
    inside(&["route", "add", "default", "via", &place.host()])?;
    setting("net.ipv4.ip_forward=1", process::inside(place, Path::new("sysctl")))?;
    if !Path::new("/proc/sys/net/bridge").exists() {
        // A kernel that has it built in needs no loading, and one without it fails in the next step.
        let _ = program::stdout(Command::new("modprobe").arg(BRIDGE_FILTER));
    }
    setting("net.bridge.bridge-nf-call-iptables=1", process::inside(place, Path::new("sysctl")))
        .with_context(|| format!("the kernel module {BRIDGE_FILTER} is needed"))?;
    for range in [place.pods(), place.services()] {
        ip(&["route", "add", &range, "via", &place.node(), "dev", &name]).with_context(|| {
            format!("the cluster needs the addresses {range}; STASH_CLUSTER=1 chooses others")
        })?;
    }
    Ok(())
}

fn is_up(place: Place) -> bool {
    let routes = program::stdout(Command::new("ip").args(["route", "show", "dev", &place.name()]));
    let is_routed =
        |routes: String| [place.pods(), place.services()].iter().all(|range| routes.contains(range));
    place.namespace().exists() && routes.is_ok_and(is_routed)
}

pub(super) fn down(place: Place) -> Result<()> {
    let name = place.name();
    if place.namespace().exists() {
        ip(&["netns", "delete", &name])?;
    }
    // The host's end goes with the other one, but not at the same instant.
    if Path::new("/sys/class/net").join(&name).exists()
        && ip(&["link", "delete", &name]).is_err()
        && Path::new("/sys/class/net").join(&name).exists()
    {
        bail!("the interface {name} cannot be removed: `ip link delete {name}`");
    }
    Ok(())
}

fn ip(arguments: &[&str]) -> Result<()> {
    program::stdout(Command::new("ip").args(arguments)).map(|_| ())
}

fn setting(setting: &str, mut sysctl: Command) -> Result<()> {
    program::stdout(sysctl.args(["-q", "-w", setting])).map(|_| ())
}
