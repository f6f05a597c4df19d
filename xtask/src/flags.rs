//! The tree of subcommands: one line each, the work is in the file of the same name.

use clap::{Parser, Subcommand};

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
    /// Compare our release build with restic, in pairs, over generated data; prints ratios.
    Bench {
        /// What to compare.
        #[arg(default_value = "backup")]
        what: String,
        /// How many pairs of runs.
        #[arg(long, default_value_t = 3)]
        pairs: usize,
    },
    /// Fetch what the tests need and is missing, then run every test. The last line is `N passed, N failed`.
    Test {
        /// Run only the tests whose name contains this.
        filter: Option<String>,
    },
}
