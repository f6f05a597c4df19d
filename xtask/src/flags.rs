//! The tree of subcommands: one line each, the work is in the file of the same name.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::cluster::Component;

/// The developer's commands of Stash.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Everything CI checks, cheap to dear: fmt, tidy, deny, lint, codegen, then every test.
    Ci,
    /// Format every crate.
    Fmt {
        /// Change nothing; fail when something is not formatted.
        #[arg(long)]
        check: bool,
    },
    /// Clippy on every crate and every target, warnings denied.
    Lint,
    /// The repository's own rules: file sizes, module openings, crate arrows, names and paths in documents.
    Tidy,
    /// Licences, duplicate versions and sources of the dependencies.
    Deny,
    /// Write the files that are made from the types.
    Codegen {
        /// Write nothing; fail when a committed file differs from what would be written.
        #[arg(long)]
        check: bool,
    },
    /// A real Kubernetes on this machine: one node of ordinary processes in one network namespace. Needs root.
    Cluster {
        #[command(subcommand)]
        what: Cluster,
    },
    /// Compare our release build with the program it stands in for, in turns, on this machine; prints ratios.
    Bench {
        #[command(subcommand)]
        what: Bench,
    },
    /// Run the fuzz targets: the kept inputs first, then others made from them.
    Fuzz {
        /// How long each target looks for others.
        #[arg(long, default_value_t = 60)]
        seconds: u32,
        /// Run only this one.
        #[arg(long)]
        target: Option<String>,
        /// Add to the corpus what reaches code that nothing in it reaches.
        #[arg(long)]
        keep: bool,
    },
    /// Make the container image from the release build, without a daemon or a registry, and load it into the cluster.
    Image,
    /// Run the end-to-end tests on the cluster of this machine, made if need be, or on the one in STASH_TEST_KUBECONFIG
    /// or KUBECONFIG.
    E2e {
        /// Run only the tests whose name contains this.
        filter: Option<String>,
    },
    /// Fetch what the tests need and is missing, then run every test. The last line is `N passed, N failed`.
    Test {
        /// Run only the tests whose name contains this.
        filter: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Cluster {
    /// Bring it up: fetch or build what is missing, start what does not run, wait until a node is ready.
    Up,
    /// Take it down; fail when anything of it is left on the machine.
    Down,
    /// Print what runs, in which version and how it is; fail unless everything is well.
    Status,
    /// Print the path of the client configuration.
    Kubeconfig,
    /// Run the cluster's own kubectl.
    Kubectl {
        /// Its arguments.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Load an image archive, of OCI or of `docker save`, into the node.
    Import {
        /// The archive.
        archive: PathBuf,
    },
    /// Prove with pods, Services, volumes and webhooks that the cluster does what the tests rely on.
    Verify,
    /// Kill a component and leave it dead.
    Kill {
        /// Which.
        component: Component,
    },
    /// Stop a component in its tracks: it keeps its connections and answers nothing.
    Freeze {
        /// Which.
        component: Component,
    },
    /// Let a frozen component go on.
    Thaw {
        /// Which.
        component: Component,
    },
    /// Stop a component if it runs, start it, and wait until it is healthy.
    Restart {
        /// Which.
        component: Component,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// Backup and restore, against restic, over generated data.
    Backup {
        /// How many pairs of runs.
        #[arg(long, default_value_t = 3)]
        pairs: usize,
    },
    /// Pushes, scrapes, memory and restarts of the gateway, against prometheus-pushgateway.
    Gateway(GatewayBench),
    /// Time, calls of the API, processor and memory of the operator with many workloads, on the cluster of this machine.
    Operator(OperatorBench),
}

#[derive(Debug, Args)]
pub(crate) struct OperatorBench {
    /// How many namespaces, each with one Restic.
    #[arg(long, default_value_t = 50)]
    pub(crate) namespaces: usize,
    /// How many workloads in each of them.
    #[arg(long, default_value_t = 10)]
    pub(crate) workloads: usize,
    /// For how many seconds it must write nothing.
    #[arg(long, default_value_t = 60)]
    pub(crate) quiet: u64,
    /// Measure this program instead of the one that the image holds.
    #[arg(long)]
    pub(crate) program: Option<PathBuf>,
    /// Send the requests with this program instead of one that is built anew.
    #[arg(long)]
    pub(crate) requests: Option<PathBuf>,
    /// Fail when a goal is missed.
    #[arg(long)]
    pub(crate) check: bool,
}

#[derive(Debug, Args)]
pub(crate) struct GatewayBench {
    /// How many groups the stores hold.
    #[arg(long, value_delimiter = ',', default_values_t = [100, 1000, 10_000])]
    pub(crate) groups: Vec<usize>,
    /// How often each program is measured at each size; medians are shown.
    #[arg(long, default_value_t = 3)]
    pub(crate) rounds: usize,
    /// One short round: for a look, not for figures.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Leave the other program out, and with it all ratios.
    #[arg(long)]
    pub(crate) ours_only: bool,
    /// Fail when a goal is missed.
    #[arg(long)]
    pub(crate) check: bool,
}
