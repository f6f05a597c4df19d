//! The certificate of the next handshake.

use std::sync::{Arc, PoisonError, RwLock};

use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;

use super::content::Validity;

/// The certificate of the next handshake; connections that are open go on with theirs.
#[derive(Debug)]
pub struct Served(RwLock<Arc<CertifiedKey>>);

impl Served {
    pub(super) fn new(certified: CertifiedKey) -> Self {
        Self(RwLock::new(Arc::new(certified)))
    }

    /// When it ends, in seconds since 1970.
    pub(crate) fn ends(&self) -> Option<i64> {
        let served = Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner));
        Validity::of(served.cert.first()?).map(|validity| validity.to)
    }

    pub(super) fn replace(&self, certified: CertifiedKey) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(certified);
    }
}

impl ResolvesServerCert for Served {
    /// The same for every name: clients reach the operator under several, and there is one certificate for all.
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}
