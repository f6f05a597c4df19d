//! The cluster that tests run on: one that somebody names, or one that is made here, proved, and taken down again.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::test::tally::Tally;
use crate::{cluster, e2e};

/// Names the client configuration of a cluster that tests may use; by the same variable they find it.
///
/// `cargo xtask test` does not read `KUBECONFIG`: what somebody's shell happens to point at is not its to test on.
const NAMED: &str = "STASH_TEST_KUBECONFIG";

/// What tests find a cluster of this machine by, so that they can reach into its node and break it: the node's network
/// namespace, its address, and this program. All are set or none.
const NODE: [&str; 3] = ["STASH_TEST_NODE_NAMESPACE", "STASH_TEST_NODE_ADDRESS", "STASH_TEST_XTASK"];

/// What is shown of a cluster that is made here, by the names that a filter knows.
const PROOFS: [&str; 2] = ["cluster verify", "cluster down"];

/// What every client of Kubernetes reads. Only `cargo xtask e2e` does, where asking for it is the point.
const USUAL: &str = "KUBECONFIG";

/// The cluster of one run of the tests.
#[derive(Default)]
pub(crate) struct Testbed {
    /// What tests are told.
    variables: Vec<(&'static str, PathBuf)>,
    /// Whether it was made for this run and goes with it.
    is_ours: bool,
}

impl Testbed {
    /// Brings it. What goes wrong is told and counted, and the tests that need a cluster then fail for want of one.
    pub(crate) fn bring(filter: Option<&str>, tally: &mut Tally) -> Self {
        let mut testbed = Self::default();
        let wanted = |filter| {
            PROOFS.iter().any(|proof| proof.contains(filter)) || e2e::has(Some(filter)).unwrap_or(true)
        };
        if !filter.is_none_or(wanted) {
            return testbed;
        }
        if let Err(error) = testbed.find_or_make(tally) {
            println!("cluster ... FAILED\n{error:#}");
            tally.one(false);
        }
        testbed
    }

    /// For the end-to-end tests alone. A cluster that is made for them stays.
    pub(crate) fn for_e2e() -> Result<Self> {
        let mut testbed = Self::default();
        match [NAMED, USUAL].into_iter().find_map(variable) {
            Some(path) => testbed.take(path.into())?,
            None => {
                cluster::up().context("the cluster did not come up")?;
                testbed.take_own()?;
            }
        }
        Ok(testbed)
    }

    /// Takes one that somebody named.
    fn take(&mut self, kubeconfig: PathBuf) -> Result<()> {
        if !kubeconfig.is_file() {
            bail!("{} was named as a client configuration and is not a file", kubeconfig.display());
        }
        self.variables.push((NAMED, kubeconfig));
        Ok(())
    }

    /// Takes the one of this machine, which is up.
    fn take_own(&mut self) -> Result<()> {
        let this = std::env::current_exe().context("this program does not know where it is")?;
        let node = [cluster::namespace()?, cluster::node_address()?.into(), this];
        self.variables.push((NAMED, cluster::kubeconfig()?));
        self.variables.extend(NODE.into_iter().zip(node));
        Ok(())
    }

    /// Whether there is one to run tests on.
    pub(crate) fn is_there(&self) -> bool {
        !self.variables.is_empty()
    }

    /// Whether it is this machine's own, so that its node is here.
    pub(crate) fn is_made_here(&self) -> bool {
        self.variables.len() > 1
    }

    fn find_or_make(&mut self, tally: &mut Tally) -> Result<()> {
        if let Some(path) = variable(NAMED).map(PathBuf::from) {
            return self.take(path);
        }
        if let Some(obstacle) = cluster::obstacle() {
            let line =
                format!("the tests on a cluster do not run: {obstacle}, or {NAMED} naming another one");
            if variable("CI").is_some_and(|value| value == "true") {
                bail!("{line}");
            }
            println!("{line}");
            return Ok(());
        }
        self.is_ours = !cluster::is_there()?;
        cluster::up().context("the cluster did not come up")?;
        let verified = cluster::verify().and_then(|code| {
            if code == ExitCode::SUCCESS {
                Ok(())
            } else {
                bail!("the cluster does not do what the tests rely on")
            }
        });
        show(PROOFS[0], verified, tally);
        self.take_own()
    }

    /// Makes it known to the tests that `command` starts.
    pub(crate) fn hand_to(&self, command: &mut Command) {
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
    }

    /// Takes down what was made.
    pub(crate) fn end(self, tally: &mut Tally) {
        if self.is_ours {
            show(PROOFS[1], cluster::down(), tally);
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the variables are this command's interface to its caller and the tests"
)]
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

fn show(name: &str, outcome: Result<()>, tally: &mut Tally) {
    tally.one(outcome.is_ok());
    match outcome {
        Ok(()) => println!("{name} ... ok"),
        Err(error) => println!("{name} ... FAILED\n{error:#}"),
    }
}
