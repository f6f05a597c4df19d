//! The cluster that tests run on: one that somebody names, or one that is made here, proved, and taken down again.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::cluster;
use crate::test::tally::Tally;

/// Names the client configuration of a cluster that tests may use; by the same variable they find it.
///
/// `KUBECONFIG` is not read: what somebody's shell happens to point at is not theirs to test on.
const NAMED: &str = "STASH_TEST_KUBECONFIG";

/// What tests find a cluster of this machine by, so that they can reach into its node and break it: the node's network
/// namespace, its address, and this program. All are set or none.
const NODE: [&str; 3] = ["STASH_TEST_NODE_NAMESPACE", "STASH_TEST_NODE_ADDRESS", "STASH_TEST_XTASK"];

/// What is shown of a cluster that is made here, by the names that a filter knows.
const PROOFS: [&str; 2] = ["cluster verify", "cluster down"];

/// The cluster of one run of the tests.
#[derive(Default)]
pub(super) struct Testbed {
    /// What tests are told.
    variables: Vec<(&'static str, PathBuf)>,
    /// Whether it was made for this run and goes with it.
    is_ours: bool,
}

impl Testbed {
    /// Brings it. What goes wrong is told and counted, and the tests that need a cluster then fail for want of one.
    pub(super) fn bring(filter: Option<&str>, tally: &mut Tally) -> Self {
        let mut testbed = Self::default();
        if filter.is_some_and(|filter| !PROOFS.iter().any(|proof| proof.contains(filter))) {
            return testbed;
        }
        if let Err(error) = testbed.find_or_make(tally) {
            println!("cluster ... FAILED\n{error:#}");
            tally.one(false);
        }
        testbed
    }

    fn find_or_make(&mut self, tally: &mut Tally) -> Result<()> {
        if let Some(path) = variable(NAMED).map(PathBuf::from) {
            if !path.is_file() {
                bail!("{NAMED} names {}, which is not a file", path.display());
            }
            self.variables.push((NAMED, path));
            return Ok(());
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
        self.variables.push((NAMED, cluster::kubeconfig()?));
        let this = std::env::current_exe().context("this program does not know where it is")?;
        self.variables.extend(NODE.into_iter().zip([
            cluster::namespace()?,
            cluster::node_address()?.into(),
            this,
        ]));
        Ok(())
    }

    /// Makes it known to the tests that `command` starts.
    pub(super) fn hand_to(&self, command: &mut Command) {
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
    }

    /// Takes down what was made.
    pub(super) fn end(self, tally: &mut Tally) {
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
