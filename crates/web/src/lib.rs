//! Serve HTTP and HTTPS within limits, to whoever may ask.
//!
//! - [`Server`] takes connections, and gives each no more time, memory and company than [`Limits`] say;
//! - [`Listener`] is where they come from: addresses, sockets of systemd, virtual sockets of a host;
//! - [`ConfigFile`] is the file with certificates, users, headers and a rate, in the format that Prometheus' own servers
//!   read (`--web.config.file`); it is read again when it changes. Without such a file, certificates can come from
//!   memory ([`Server::with_certificates`]);
//! - [`Counts`] says how often a limit was met.
//!
//! Sources: RFC 9110 and 9112 for what is answered, RFC 9113 for HTTP/2, and Prometheus' description of the file,
//! <https://prometheus.io/docs/prometheus/latest/configuration/https/>.

mod admission;
mod config;
mod connection;
mod counts;
mod guard;
mod heads;
mod limits;
mod listener;
mod server;
mod socket;

pub use config::{ConfigError, ConfigFile};
pub use connection::too_slow;
pub use counts::{Counts, Refused, TimedOut};
pub use limits::Limits;
pub use listener::{ListenError, Listener, Peer, PeerCertificates};
pub use server::Server;
