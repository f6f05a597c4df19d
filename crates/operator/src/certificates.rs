//! The certificate that the operator serves, and the authority that others trust it by.
//!
//! The operator makes both itself and renews them ([`CertificateSettings::Managed`]), so that no installer has to, or it
//! serves what somebody else puts into files ([`CertificateSettings::Files`]). In both cases the certificate is replaced
//! between two handshakes, and whoever hands the authority on is told of a new one.
//!
//! What to do at each moment is decided by [`plan`], without a clock and without a cluster.

mod bootstrap;
mod content;
mod files;
mod keeper;
mod make;
mod managed;
mod plan;
mod published;
mod served;

use std::path::PathBuf;

pub use bootstrap::Bootstrap;
pub use content::Content;
pub use files::FileError;
pub use keeper::{Keeper, KeeperError};
pub use make::{MakeError, Settled, settle};
pub use plan::{Flaw, Plan, plan};
pub use published::Published;
pub use served::Served;

/// Key of the Secret: the certificate that is served, and what leads from it to the authority, in PEM.
pub const CERTIFICATE: &str = "tls.crt";
/// Key of the Secret: the private key of [`CERTIFICATE`].
pub const KEY: &str = "tls.key";
/// Key of the Secret: the authorities to trust, the one that signs first. Nothing in it is secret.
pub const AUTHORITIES: &str = "ca.crt";
/// Key of the Secret: the private key of the authority that signs. It stands beside the others, since whoever reads
/// [`KEY`] can already pretend to be this operator, which is all that this authority is trusted for. Its name is that
/// of the pair with [`AUTHORITIES`], as `tls.key` is that of the pair with `tls.crt`.
pub const AUTHORITY_KEY: &str = "ca.key";

/// Where certificates come from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CertificateSettings {
    /// The operator makes them, and keeps them in a Secret.
    Managed {
        /// Namespace of the operator, its Service and the Secret.
        namespace: String,
        /// Name of the Secret; `stash-apiserver-cert` by default.
        secret: String,
        /// Name of the operator's Service, which clients connect to.
        service: String,
    },
    /// Somebody else makes them: `--tls-cert-file`, `--tls-private-key-file`, `--tls-ca-file`.
    Files {
        /// The certificate, and what leads from it to the authority, in PEM.
        certificate: PathBuf,
        /// Its private key in PEM.
        key: PathBuf,
        /// The authorities in PEM; `ca.crt` beside the certificate by default.
        authorities: Option<PathBuf>,
    },
}

/// The authorities that the operator's clients have to trust, in PEM. Nothing in it is secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CaBundle(String);

impl CaBundle {
    /// Puts certificates in PEM into the type.
    #[must_use]
    pub fn new(pem: String) -> Self {
        Self(pem)
    }

    /// Certificates in PEM.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.0
    }
}

/// The names under which a Service of a cluster is reached, and that of the host itself for whoever forwards a port.
#[must_use]
pub fn names(service: &str, namespace: &str) -> Vec<String> {
    vec![
        format!("{service}.{namespace}.svc"),
        format!("{service}.{namespace}"),
        format!("{service}.{namespace}.svc.cluster.local"),
        "localhost".to_owned(),
    ]
}
