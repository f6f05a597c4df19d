//! A certificate from the first moment on, so that the kubelet gets an answer while the API server, which keeps the real
//! one, does not answer: otherwise it would restart an operator that only has to wait.

use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;

use super::plan::certified;
use super::{Content, KeeperError, Served, settle};

/// Hands out a certificate of its own, which nobody trusts, until it is given the real ones.
#[derive(Debug)]
pub struct Bootstrap {
    own: Arc<CertifiedKey>,
    real: RwLock<Option<Arc<Served>>>,
}

impl Bootstrap {
    /// Makes the certificate.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn new(now: Timestamp, names: &[String]) -> Result<Self, KeeperError> {
        let settled = settle(&Content::default(), now, names)?;
        let own = certified(&settled.content.certificate, &settled.content.key)?;
        Ok(Self { own: Arc::new(own), real: RwLock::new(None) })
    }

    /// From now on these are served.
    pub fn give_way(&self, real: Arc<Served>) {
        *self.real.write().unwrap_or_else(PoisonError::into_inner) = Some(real);
    }
}

impl ResolvesServerCert for Bootstrap {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        match &*self.real.read().unwrap_or_else(PoisonError::into_inner) {
            Some(real) => real.resolve(hello),
            None => Some(Arc::clone(&self.own)),
        }
    }
}
