//! What the Secret holds, and what can be read from it.

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::ByteString;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use super::{AUTHORITIES, AUTHORITY_KEY, CERTIFICATE, KEY};

/// What the Secret holds, in PEM; empty where it holds nothing, or no text.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Content {
    /// [`CERTIFICATE`].
    pub certificate: String,
    /// [`KEY`].
    pub key: String,
    /// [`AUTHORITIES`].
    pub authorities: String,
    /// [`AUTHORITY_KEY`].
    pub authority_key: String,
}

impl Content {
    /// Reads the data of a Secret.
    #[must_use]
    pub fn of(data: Option<&BTreeMap<String, ByteString>>) -> Self {
        let text = |key: &str| {
            let value = data.and_then(|data| data.get(key));
            value.and_then(|value| String::from_utf8(value.0.clone()).ok()).unwrap_or_default()
        };
        Self {
            certificate: text(CERTIFICATE),
            key: text(KEY),
            authorities: text(AUTHORITIES),
            authority_key: text(AUTHORITY_KEY),
        }
    }

    /// Writes it into the data of a Secret; other keys stay.
    pub fn write(&self, data: &mut BTreeMap<String, ByteString>) {
        for (key, value) in [
            (CERTIFICATE, &self.certificate),
            (KEY, &self.key),
            (AUTHORITIES, &self.authorities),
            (AUTHORITY_KEY, &self.authority_key),
        ] {
            data.insert(key.to_owned(), ByteString(value.clone().into_bytes()));
        }
    }
}

/// Says which keys there are, and nothing of the private ones.
impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Content");
        shown.field("certificate", &self.certificate).field("authorities", &self.authorities);
        shown.finish_non_exhaustive()
    }
}

/// The certificates of a text in PEM; what is none is passed over.
pub(super) fn certificates(pem: &str) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem.as_bytes()).filter_map(Result::ok).collect()
}

/// When a certificate is valid, in seconds since 1970.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Validity {
    /// The first second.
    pub(super) from: i64,
    /// The last one.
    pub(super) to: i64,
}

impl Validity {
    /// Of a certificate; `None` when it cannot be read.
    pub(super) fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let (_, read) = x509_parser::parse_x509_certificate(certificate).ok()?;
        let validity = read.validity();
        Some(Self { from: validity.not_before.timestamp(), to: validity.not_after.timestamp() })
    }

    /// When it has to be renewed: at two thirds of its life, so that a third is left for whatever goes wrong.
    pub(super) fn due(self) -> i64 {
        self.from.saturating_add(self.to.saturating_sub(self.from) / 3 * 2)
    }

    pub(super) fn holds(self, now: i64) -> bool {
        self.from <= now && now <= self.to
    }
}
