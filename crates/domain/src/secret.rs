//! A value that never prints itself.

use std::collections::BTreeMap;

/// Bytes that must not appear in logs, events, metrics, errors or process arguments.
#[derive(Clone, Eq, PartialEq)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Takes the bytes as they are.
    #[must_use]
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes, for the one place that needs them.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The bytes as text, when they are.
    #[must_use]
    pub fn expose_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The keys of a storage Secret.
pub type SecretData = BTreeMap<String, Secret>;

/// Key of the repository password; every backend needs it.
pub const RESTIC_PASSWORD: &str = "RESTIC_PASSWORD";
/// Key of the certificate authority of a private storage; optional.
pub const CA_CERT_DATA: &str = "CA_CERT_DATA";
