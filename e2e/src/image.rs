//! The images that pods of the tests run. None is pulled: `cargo xtask e2e` makes them and loads them into the node;
//! for another cluster it says which archives to load.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::place::variable;

/// Ours.
pub const STASH: &str = "localhost/stash:dev";

/// Debian's Prometheus.
pub const PROMETHEUS: &str = "stash.test/prometheus:1";

/// The Prometheus operator, and what it puts beside each Prometheus.
pub const PROMETHEUS_OPERATOR: &str = "stash.test/prometheus-operator:1";
/// See [`PROMETHEUS_OPERATOR`].
pub const PROMETHEUS_RELOADER: &str = "stash.test/prometheus-config-reloader:1";

/// A restic of 0.17 or newer, which is not ours.
pub const RESTIC: &str = "stash.test/restic:1";

/// A shell and the usual small programs.
pub const SHELL: &str = "stash.test/busybox:1";

/// The restic of the image [`RESTIC`] as a program of this machine.
pub fn newer_restic() -> Result<PathBuf> {
    let name = "STASH_TEST_RESTIC_NEW";
    let path = variable(name)
        .with_context(|| format!("{name} must name a restic of 0.17 or newer; `cargo xtask e2e` sets it"))?;
    Ok(path.into())
}

/// The program of our image as one of this machine.
pub fn program() -> Result<PathBuf> {
    let name = "STASH_TEST_PROGRAM";
    let path = variable(name)
        .with_context(|| format!("{name} must name the program of the image; `cargo xtask e2e` sets it"))?;
    Ok(path.into())
}

/// The folder with the definitions of the Prometheus operator's kinds.
pub fn prometheus_definitions() -> Result<PathBuf> {
    let name = "STASH_TEST_PROMETHEUS_OPERATOR";
    let path = variable(name).with_context(|| {
        format!("{name} must name what testbed/prometheus-operator is built to; `cargo xtask e2e` sets it")
    })?;
    Ok(PathBuf::from(path).join("crds"))
}
