//! A program that a test starts and that ends with it.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::net::TcpStream;

use crate::place::Place;
use crate::wait;

/// Longer than the slowest of them takes on a busy machine.
const START: Duration = Duration::from_secs(180);

/// How much of a log an error shows.
const TAIL: usize = 4000;

/// A running program. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `program` at the place; what it prints goes to a file in `folder`. `prepare` adds arguments and
    /// environment.
    pub fn start(
        place: &Place,
        program: &str,
        folder: &Path,
        prepare: impl FnOnce(&mut Command),
    ) -> Result<Self> {
        let name = program.rsplit('/').next().unwrap_or(program).to_owned();
        let log = folder.join(format!("{name}.log"));
        let output = std::fs::File::create(&log).with_context(|| format!("making {}", log.display()))?;
        let mut command = place.command(program);
        prepare(&mut command);
        command.current_dir(folder).stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let child = command.spawn().with_context(|| format!("could not start {name}"))?;
        Ok(Self { name, child, log })
    }

    /// Waits until it takes connections.
    pub async fn listens(&mut self, address: SocketAddr) -> Result<()> {
        let what = format!("{} to listen on {address}", self.name);
        wait::until(&what, START, async || {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended before it listened: {status}", self.name);
            }
            Ok(TcpStream::connect(address).await.is_ok().then_some(()))
        })
        .await
        .with_context(|| self.tail())
    }

    /// The end of what it printed, for error messages.
    pub fn tail(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(text.get(text.len().saturating_sub(TAIL)..).unwrap_or_default())
            .into_owned();
        format!("{} said: {}", self.name, text.trim_end())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only when it has ended, which is what they are for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a command that reads `text`, and fails with what it says when it fails.
pub fn fed(command: &mut Command, text: &str) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("could not start {name}"))?;
    let mut input = child.stdin.take().context("it takes no input")?;
    input.write_all(text.as_bytes())?;
    drop(input);
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("{name} says: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

/// Runs a program to its end and returns what it printed. The arguments are shown in errors, the environment is not.
pub fn output(command: &mut Command) -> Result<String> {
    let line = format!("{command:?}");
    // The debug form begins with the variables that were set, which may be secrets.
    let line =
        line.find(&format!("{:?}", command.get_program())).map_or(line.as_str(), |at| line.split_at(at).1);
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("could not start {line}"))?;
    if !output.status.success() {
        bail!(
            "{line} failed: {}\n{}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
