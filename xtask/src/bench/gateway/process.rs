//! One gateway as a process: started, waited for, measured by what the kernel says about it, and stopped.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::client::{Connection, get};
use crate::bench::usage::Usage;
use crate::program;

/// Longer than a start or stop takes.
const PATIENCE: Duration = Duration::from_secs(300);

/// How a gateway is started; the flags that all have follow by themselves.
#[derive(Clone)]
pub(super) struct Program {
    pub(super) path: PathBuf,
    pub(super) arguments: Vec<String>,
}

pub(super) struct Gateway {
    child: Child,
    pub(super) address: SocketAddr,
    /// From the start of the process to the first 200 of `/-/ready`.
    pub(super) ready_after: Duration,
}

impl Gateway {
    pub(super) fn start(program: &Program, more: &[&str], state: &Path) -> Result<Self> {
        // The port is free until somebody else takes it between here and the gateway's start.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut command = Command::new(&program.path);
        command
            .args(&program.arguments)
            .args(more)
            .arg(format!("--web.listen-address={address}"))
            .arg(format!("--persistence.file={}", state.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let start = Instant::now();
        let child =
            command.spawn().with_context(|| format!("could not start `{}`", program::line(&command)))?;
        let mut gateway = Self { child, address, ready_after: Duration::ZERO };
        loop {
            if gateway.is_ready() {
                gateway.ready_after = start.elapsed();
                return Ok(gateway);
            }
            if let Some(status) = gateway.child.try_wait()? {
                bail!("`{}` ended before it was ready: {status}", program::line(&command));
            }
            if start.elapsed() > PATIENCE {
                bail!("`{}` is not ready after {} s", program::line(&command), PATIENCE.as_secs());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn is_ready(&self) -> bool {
        Connection::open(self.address)
            .and_then(|mut connection| connection.exchange(&get("/-/ready", "")))
            .is_ok_and(|answer| answer.code == 200)
    }

    /// What it has taken of the machine.
    pub(super) fn usage(&self) -> Usage {
        Usage::of(self.child.id())
    }

    /// Asks it to stop, which saves the state, and says how long that took.
    pub(super) fn stop(mut self) -> Result<Duration> {
        let start = Instant::now();
        kill(Pid::from_raw(i32::try_from(self.child.id())?), Signal::SIGTERM)?;
        while start.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait()? {
                if !status.success() {
                    bail!("the gateway ended with {status}");
                }
                return Ok(start.elapsed());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        bail!("the gateway does not stop");
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // After a stop both fail, and nothing is left to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
