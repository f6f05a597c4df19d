//! Where the programs that a test starts on this machine run and listen, and the little the environment tells about it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// Handed over by `cargo xtask e2e`, all or none: the node's network namespace, its address, and the program whose
/// `cluster` commands rule over its components.
const NODE_NAMESPACE: &str = "STASH_TEST_NODE_NAMESPACE";
const NODE_ADDRESS: &str = "STASH_TEST_NODE_ADDRESS";
const XTASK: &str = "STASH_TEST_XTASK";

/// Ports below those that clients get, above those that programs have by default.
const FIRST_PORT: u16 = 20_000;
const PORTS: u16 = 8_000;

/// A variable that is set to something.
#[expect(clippy::disallowed_methods, reason = "this is the one place of the kit that reads the environment")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The one node of this machine's own cluster.
#[derive(Clone, Debug)]
pub struct Node {
    /// The file that holds its network namespace.
    pub namespace: PathBuf,
    /// Its address, which pods and this machine reach.
    pub address: IpAddr,
    /// The program with the commands `cluster kill` and so on.
    pub xtask: PathBuf,
}

impl Node {
    pub(crate) fn of_environment() -> Result<Option<Self>> {
        match (variable(NODE_NAMESPACE), variable(NODE_ADDRESS), variable(XTASK)) {
            (None, None, None) => Ok(None),
            (Some(namespace), Some(address), Some(xtask)) => Ok(Some(Self {
                namespace: namespace.into(),
                address: address
                    .parse()
                    .with_context(|| format!("{NODE_ADDRESS} is no address: {address}"))?,
                xtask: xtask.into(),
            })),
            _ => {
                bail!("{NODE_NAMESPACE}, {NODE_ADDRESS} and {XTASK} go together; `cargo xtask e2e` sets them")
            }
        }
    }

    /// A command in the node's network.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", self.namespace.display())).arg("--").arg(program);
        command
    }
}

/// Where a server listens: in the node's network, so that pods reach it, or on the loopback address when there is no
/// node here. Never where another machine could reach it.
#[derive(Clone, Debug)]
pub struct Place {
    node: Option<Node>,
}

impl Place {
    /// The place that the environment names.
    pub fn chosen() -> Result<Self> {
        Ok(Self { node: Node::of_environment()? })
    }

    /// The address to listen on and to be reached at.
    pub fn address(&self) -> IpAddr {
        self.node.as_ref().map_or(Ipv4Addr::LOCALHOST.into(), |node| node.address)
    }

    /// A command that runs there and ends when this process does, however that ends.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]);
        if let Some(node) = &self.node {
            command.arg("nsenter").arg(format!("--net={}", node.namespace.display())).arg("--");
        }
        command.arg(program);
        command
    }

    /// An address nobody listens on. Tests of one process never get the same; other programs could take it before it
    /// is used, which shows as a server that does not start.
    pub fn free(&self) -> Result<SocketAddr> {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let offset = u16::try_from(std::process::id() % u32::from(PORTS))?;
        for _ in 0..PORTS {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let port = FIRST_PORT + (offset + number % PORTS) % PORTS;
            let address = SocketAddr::new(self.address(), port);
            if TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_err() {
                return Ok(address);
            }
        }
        bail!("every port from {FIRST_PORT} on is in use")
    }
}
