//! What goes wrong in real clusters, done on purpose and healed afterwards.
//!
//! Every fault is refused against a cluster that was not made for these tests. One that stops a component for everybody
//! belongs into a test that runs alone, see [`crate::alone_in_namespace`]. A fault that is not healed by the test is
//! healed when it is dropped; until then the cluster is broken for whoever uses it.

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

use crate::cluster::Cluster;
use crate::namespace::Namespace;
use crate::object::named;
use crate::place::Node;
use crate::process::output;
use crate::volume::SmallVolume;

/// A part of the cluster that can be broken, by the name of its program.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the names are those of Kubernetes")]
pub enum Component {
    Etcd,
    KubeApiserver,
    KubeControllerManager,
    KubeScheduler,
    Containerd,
    Kubelet,
}

impl Component {
    fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::KubeApiserver => "kube-apiserver",
            Self::KubeControllerManager => "kube-controller-manager",
            Self::KubeScheduler => "kube-scheduler",
            Self::Containerd => "containerd",
            Self::Kubelet => "kubelet",
        }
    }
}

/// Something that is broken until it is healed.
#[must_use = "a fault heals when it is dropped, so one that is not kept breaks nothing"]
pub struct Fault {
    what: String,
    /// What to run, in this order, to undo it. Empty once healed.
    remedies: Vec<Command>,
}

impl Fault {
    /// Undoes it, and returns when what was broken works again.
    pub fn heal(mut self) -> Result<()> {
        self.undo()
    }

    fn undo(&mut self) -> Result<()> {
        let mut outcome = Ok(());
        // Each is tried, whatever became of the one before.
        for mut remedy in std::mem::take(&mut self.remedies) {
            outcome =
                outcome.and(output(&mut remedy).map(drop).with_context(|| format!("healing {}", self.what)));
        }
        outcome
    }
}

impl Drop for Fault {
    fn drop(&mut self) {
        if let Err(error) = self.undo() {
            eprintln!("the cluster stays broken: {error:#}");
        }
    }
}

/// Kills a component with everything it had in mind. Nothing starts it until the fault is healed.
pub fn kill(cluster: &Cluster, component: Component) -> Result<Fault> {
    fault(cluster, "kill", component, "restart")
}

/// Stops a component in its tracks: connections to it stay open and are not answered. This is what an overloaded
/// machine looks like, and it is worse than a dead one.
pub fn freeze(cluster: &Cluster, component: Component) -> Result<Fault> {
    fault(cluster, "freeze", component, "thaw")
}

/// Stops and starts a component, and returns when it is well again.
pub fn restart(cluster: &Cluster, component: Component) -> Result<()> {
    output(&mut command(cluster.own()?, "restart", component)).map(drop)
}

fn fault(cluster: &Cluster, verb: &str, component: Component, remedy: &str) -> Result<Fault> {
    let node = cluster.own()?;
    // The remedy is ready before anything is broken.
    let fault = Fault { what: component.name().to_owned(), remedies: vec![command(node, remedy, component)] };
    output(&mut command(node, verb, component))?;
    Ok(fault)
}

fn command(node: &Node, verb: &str, component: Component) -> Command {
    let mut command = Command::new(&node.xtask);
    command.args(["cluster", verb, component.name()]);
    command
}

/// Cuts a pod off: nothing that it sends arrives anywhere, and nothing reaches it. It keeps its address and its
/// connections, and is not told.
pub async fn cut_network(space: &Namespace, pod: &str) -> Result<Fault> {
    let node = space.cluster.own()?;
    let found = space.api::<Pod>().get(pod).await.with_context(|| format!("pod {pod}"))?;
    let address =
        found.status.and_then(|status| status.pod_ip).with_context(|| format!("pod {pod} has no address"))?;
    let address: IpAddr = address.parse().with_context(|| format!("pod {pod} has the address {address}"))?;
    // Before any other rule, also for what the node itself sends, and for answers of connections that are open.
    let rule = |action: &str, chain: &str, direction: &str| {
        let mut command = node.command("iptables");
        command.args([
            "--wait",
            "--table",
            "raw",
            action,
            chain,
            direction,
            &address.to_string(),
            "--jump",
            "DROP",
        ]);
        command
    };
    let rules = [("PREROUTING", "--source"), ("PREROUTING", "--destination"), ("OUTPUT", "--destination")];
    let mut fault = Fault { what: format!("the network of pod {pod}"), remedies: Vec::new() };
    for (chain, direction) in rules {
        output(&mut rule("--insert", chain, direction))?;
        fault.remedies.push(rule("--delete", chain, direction));
    }
    Ok(fault)
}

/// Kills what runs in a container of a pod, as the kernel does for want of memory: behind the back of the kubelet, which
/// starts it anew. Works while the apiserver is away; `pod` is what it said of the pod before.
pub fn kill_container(cluster: &Cluster, pod: &Value, container: &str) -> Result<()> {
    signal_container(cluster, pod, container, "KILL")
}

/// Asks what runs in a container of a pod to end, as a kubelet does that will start it anew.
pub fn end_container(cluster: &Cluster, pod: &Value, container: &str) -> Result<()> {
    signal_container(cluster, pod, container, "TERM")
}

fn signal_container(cluster: &Cluster, pod: &Value, container: &str, signal: &str) -> Result<()> {
    cluster.own()?;
    let id = named(&pod["status"]["containerStatuses"], container)
        .and_then(|status| status["containerID"].as_str()?.rsplit('/').next())
        .with_context(|| format!("the pod has no container {container} that runs"))?;
    let mut told = 0;
    for entry in std::fs::read_dir("/proc").context("looking for processes")? {
        let folder = entry?.path();
        let Some(process) = folder.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok()) else {
            continue;
        };
        // One that has ended meanwhile is in no group.
        let groups = std::fs::read_to_string(folder.join("cgroup")).unwrap_or_default();
        if groups.contains(id) {
            output(Command::new("kill").args([&format!("-{signal}"), &process.to_string()]))?;
            told += 1;
        }
    }
    ensure!(told > 0, "no process of container {container} was found");
    Ok(())
}

/// Fills what is left of a volume.
pub fn fill(volume: &SmallVolume) -> Result<Fault> {
    let folder = &volume.folder;
    let filler: PathBuf = folder.join(".filler");
    let mut remedy = Command::new("rm");
    remedy.arg("--").arg(&filler);
    let mut file = std::fs::File::create(&filler).with_context(|| format!("making {}", filler.display()))?;
    let fault = Fault { what: format!("the volume in {}", folder.display()), remedies: vec![remedy] };
    match std::io::copy(&mut std::io::repeat(0), &mut file) {
        Err(error) if error.kind() == std::io::ErrorKind::StorageFull => Ok(fault),
        Err(error) => Err(error).with_context(|| format!("filling {}", folder.display())),
        Ok(_) => anyhow::bail!("{} has no end", folder.display()),
    }
}
