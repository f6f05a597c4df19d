//! The kit of the end-to-end tests: what a test needs to prove something on a real cluster, from outside.
//!
//! Read in this order: `cluster` says which cluster it is, `namespace` gives a test its own and cleans up, `wait` is the
//! only way to wait, `dump` tells what a failed test leaves. `volume`, `prometheus` and `storage` are things to test
//! with, `faults` breaks them. `operator` installs ours, `object` reads and writes objects of any kind as one would with
//! kubectl, `workload` makes applications with data and what backs them up, `tree` is the data. `guide` follows what the documentation says.
//!
//! A test looks so:
//!
//! ```ignore
//! #[tokio::test]
//! async fn backup_something() -> Result<()> {
//!     in_namespace(async |space| {
//!         space.create::<Pod>(json!({ … })).await?;
//!         space.pod_ready("web").await
//!     })
//!     .await
//! }
//! ```
#![allow(
    clippy::print_stderr,
    reason = "what a failed test leaves behind is told to the person who reads its output"
)]

pub mod cluster;
pub mod dump;
pub mod faults;
pub mod guide;
pub mod image;
pub mod namespace;
pub mod object;
pub mod operator;
pub mod place;
pub mod pod;
pub mod process;
pub mod prometheus;
pub mod prometheus_operator;
pub mod storage;
pub mod tree;
pub mod volume;
pub mod wait;
pub mod workload;

pub use crate::cluster::Cluster;
pub use crate::namespace::{Namespace, alone_in_namespace, in_namespace};
pub use crate::operator::{Operator, alone_to_install, alone_with_operator, with_operator};
