//! Whether a component does its work, as it says itself.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::cluster::component::Component;
use crate::cluster::place::Place;
use crate::cluster::process::{self, State};
use crate::cluster::programs::Programs;
use crate::cluster::{control_plane, images, node};
use crate::program;

/// A healthy component answers within milliseconds, on a busy machine within a second or two.
const ANSWER: Duration = Duration::from_secs(5);

/// How long a component may take to become healthy. Ten components may start at once on two busy cores.
const PATIENCE: Duration = Duration::from_secs(300);

/// Asks the component. `Ok` when it is healthy, else why not.
pub(crate) fn check(place: Place, programs: &Programs, component: Component) -> Result<()> {
    match component {
        Component::Etcd => plain(place, control_plane::ETCD_HEALTH_PORT, "/health"),
        Component::KubeApiserver => raw(kubectl(place, programs), "/readyz"),
        Component::KubeControllerManager => secure(place, programs, control_plane::CONTROLLERS_PORT),
        Component::KubeScheduler => secure(place, programs, control_plane::SCHEDULER_PORT),
        Component::Containerd => {
            program::stdout(images::ctr(place, programs).args(["--timeout", "5s", "version"])).map(|_| ())
        }
        Component::Kubelet => plain(place, node::KUBELET_HEALTH_PORT, "/healthz"),
        Component::KubeProxy => plain(place, node::PROXY_HEALTH_PORT, "/healthz"),
        Component::Coredns => plain(place, node::DNS_HEALTH_PORT, "/ready"),
    }
}

/// Waits until the component is healthy.
pub(crate) fn wait(place: Place, programs: &Programs, component: Component) -> Result<()> {
    let dead = || -> Result<()> {
        match process::state(place, component) {
            State::Running(_) => Ok(()),
            state => bail!(
                "{} is {state:?}; the end of its log:\n{}",
                component.name(),
                end_of_log(place, component)
            ),
        }
    };
    until(component.name(), || {
        dead()?;
        Ok(check(place, programs, component))
    })
    .with_context(|| format!("see {}", place.log(component).display()))
}

/// Asks again and again until the answer is `Ok(Ok(_))`; an outer error ends it at once.
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Result<Result<T>>) -> Result<T> {
    let start = Instant::now();
    loop {
        match ask()? {
            Ok(value) => return Ok(value),
            Err(error) if start.elapsed() > PATIENCE => {
                return Err(error.context(format!("{what} is not ready after {} s", PATIENCE.as_secs())));
            }
            Err(_) => std::thread::sleep(Duration::from_millis(100)),
        }
    }
}

/// kubectl as the administrator of this cluster.
pub(crate) fn kubectl(place: Place, programs: &Programs) -> Command {
    let mut command = Command::new(programs.kube("kubectl"));
    command.arg("--kubeconfig").arg(place.kubeconfig());
    command
}

fn raw(mut kubectl: Command, path: &str) -> Result<()> {
    let timeout = format!("--request-timeout={}s", ANSWER.as_secs());
    program::stdout(kubectl.args([&timeout, "get", "--raw", path])).map(|_| ())
}

/// Asks one that speaks TLS at another port of the node, with the same authority and the same rights.
fn secure(place: Place, programs: &Programs, port: u16) -> Result<()> {
    let mut kubectl = kubectl(place, programs);
    kubectl.arg(format!("--server=https://{}:{port}", place.node()));
    raw(kubectl, "/healthz")
}

fn plain(place: Place, port: u16, path: &str) -> Result<()> {
    let address: SocketAddr = format!("{}:{port}", place.node()).parse().context("the node's address")?;
    let mut stream =
        TcpStream::connect_timeout(&address, ANSWER).with_context(|| format!("connecting to {address}"))?;
    stream.set_read_timeout(Some(ANSWER))?;
    stream.set_write_timeout(Some(ANSWER))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).with_context(|| format!("waiting for {address}{path}"))?;
    if !answer.ends_with(b" 200") {
        bail!("{address}{path} answers {}", String::from_utf8_lossy(&answer));
    }
    Ok(())
}

/// The last lines of a component's log.
fn end_of_log(place: Place, component: Component) -> String {
    let log = std::fs::read(place.log(component)).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let lines: Vec<&str> = log.lines().collect();
    lines.get(lines.len().saturating_sub(15)..).unwrap_or_default().join("\n")
}
