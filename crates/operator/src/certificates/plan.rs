//! What to do about certificates: a function of what there is, of the time, and of the names to be known by.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rcgen::{KeyPair, PublicKeyData as _};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::ServerCertVerifier as _;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::sign::CertifiedKey;

use super::content::{Content, Validity, certificates};
use super::{AUTHORITIES, AUTHORITY_KEY, CERTIFICATE, KEY};

/// An authority that has to be renewed still signs while it has so much left.
const SIGNS_STILL: i64 = 30 * 24 * 3600;

/// What to do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Plan {
    /// Nothing until this second, at which something has to be renewed.
    Keep {
        /// When to ask again.
        until: Timestamp,
    },
    /// Make a serving certificate, signed by the authority there is.
    Leaf(Flaw),
    /// Make an authority. The serving certificate stays as long as it is good: whoever learns of the new authority
    /// in the months until then has no moment without trust.
    Authority(Flaw),
}

/// Why something has to be made.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Flaw {
    /// The Secret has no such key.
    #[error("there is no {0}")]
    Missing(&'static str),
    /// It is not what it should be.
    #[error("{0} cannot be read")]
    Unreadable(&'static str),
    /// The private key is that of another certificate.
    #[error("{0} is not the key of {1}")]
    NoPair(&'static str, &'static str),
    /// It may not sign.
    #[error("the first certificate of {0} is not that of an authority")]
    NoAuthority(&'static str),
    /// Its time has not come, or is over.
    #[error("the first certificate of {0} is not valid at this time")]
    NotValid(&'static str),
    /// Two thirds of its life are over.
    #[error("two thirds of the life of {0} are over")]
    Due(&'static str),
    /// Clients would refuse it.
    #[error("clients that connect to {name} would refuse the certificate: {reason}")]
    Refused {
        /// The name they connect to.
        name: String,
        /// What they would say.
        reason: String,
    },
}

/// What to do at this moment.
///
/// A certificate is good when a client that trusts the authorities of the same Secret takes it under each of the names:
/// that is asked of the code that clients use. To do what it says, and to ask again, ends in [`Plan::Keep`] after three
/// times at most ([`super::settle`] does it).
#[must_use]
pub fn plan(content: &Content, now: Timestamp, names: &[String]) -> Plan {
    let now = now.as_second();
    let authority = match authority(content, now) {
        Ok(authority) => authority,
        Err(flaw) => return Plan::Authority(flaw),
    };
    let leaf = leaf(content, now, names)
        .and_then(|leaf| if leaf.due() <= now { Err(Flaw::Due(CERTIFICATE)) } else { Ok(leaf) });
    let is_due = authority.due() <= now;
    match leaf {
        Err(_) if is_due && authority.to.saturating_sub(now) < SIGNS_STILL => {
            Plan::Authority(Flaw::Due(AUTHORITIES))
        }
        // Before the authority: the new one is then long known when it signs for the first time.
        Err(flaw) => Plan::Leaf(flaw),
        Ok(_) if is_due => Plan::Authority(Flaw::Due(AUTHORITIES)),
        Ok(leaf) => {
            let until = Timestamp::from_second(leaf.due().min(authority.due()));
            Plan::Keep { until: until.unwrap_or(Timestamp::MAX) }
        }
    }
}

/// The authority that signs: the first of the bundle, whose key we have.
fn authority(content: &Content, now: i64) -> Result<Validity, Flaw> {
    let pem = &content.authorities;
    let first = certificates(pem).into_iter().next();
    let first = first.ok_or_else(|| missing_or_unreadable(pem, AUTHORITIES))?;
    let unreadable = || Flaw::Unreadable(AUTHORITIES);
    let (_, read) = x509_parser::parse_x509_certificate(&first).map_err(|_| unreadable())?;
    let key = KeyPair::from_pem(&content.authority_key);
    let key = key.map_err(|_| missing_or_unreadable(&content.authority_key, AUTHORITY_KEY))?;
    if read.public_key().raw != key.subject_public_key_info() {
        return Err(Flaw::NoPair(AUTHORITY_KEY, AUTHORITIES));
    }
    if !read.is_ca() {
        return Err(Flaw::NoAuthority(AUTHORITIES));
    }
    let validity = Validity::of(&first).ok_or_else(unreadable)?;
    if validity.holds(now) { Ok(validity) } else { Err(Flaw::NotValid(AUTHORITIES)) }
}

/// The serving certificate, looked at as clients do.
fn leaf(content: &Content, now: i64, names: &[String]) -> Result<Validity, Flaw> {
    let chain = certificates(&content.certificate);
    let [leaf, intermediates @ ..] = chain.as_slice() else {
        return Err(missing_or_unreadable(&content.certificate, CERTIFICATE));
    };
    let validity = Validity::of(leaf).ok_or(Flaw::Unreadable(CERTIFICATE))?;
    certified(&content.certificate, &content.key)?;
    let refused = |name: &str, reason: String| Flaw::Refused { name: name.to_owned(), reason };
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates(&content.authorities));
    let provider = Arc::new(ring::default_provider());
    let clients = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
    let clients = clients.map_err(|error| refused("it", error.to_string()))?;
    let now = UnixTime::since_unix_epoch(Duration::from_secs(now.try_into().unwrap_or_default()));
    for name in names {
        let server = ServerName::try_from(name.as_str()).map_err(|error| refused(name, error.to_string()))?;
        let taken = clients.verify_server_cert(leaf, intermediates, &server, &[], now);
        taken.map_err(|error| refused(name, error.to_string()))?;
    }
    Ok(validity)
}

/// Certificate and key, ready to be served.
pub(super) fn certified(certificate: &str, key: &str) -> Result<CertifiedKey, Flaw> {
    let chain = certificates(certificate);
    if chain.is_empty() {
        return Err(missing_or_unreadable(certificate, CERTIFICATE));
    }
    let private = PrivateKeyDer::from_pem_slice(key.as_bytes());
    let private = private.map_err(|_| missing_or_unreadable(key, KEY))?;
    CertifiedKey::from_der(chain, private, &ring::default_provider())
        .map_err(|_| Flaw::NoPair(KEY, CERTIFICATE))
}

fn missing_or_unreadable(text: &str, key: &'static str) -> Flaw {
    if text.is_empty() { Flaw::Missing(key) } else { Flaw::Unreadable(key) }
}

#[cfg(test)]
mod tests;
