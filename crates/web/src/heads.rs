//! Memory for the headers of requests, so that many large ones at once cannot take all there is.

use std::sync::Arc;

use http::HeaderMap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What every request may take without asking: how many there are is bounded by the number of connections.
const FREE: usize = 16 * 1024;

/// A head that is not whole yet may take this much without asking.
pub(crate) const FREE_UNREAD: usize = 64 * 1024;

/// Memory is handed out in pieces of this size.
const PIECE: usize = 1024;

/// What one header takes in the table beside its bytes, rounded up.
const ENTRY: usize = 128;

/// All memory that headers may take together.
#[derive(Clone, Debug)]
pub(crate) struct Heads(Arc<Semaphore>);

/// What one request has taken; given back when it is dropped.
pub(crate) type Taken = Option<OwnedSemaphorePermit>;

impl Heads {
    pub(crate) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new((bytes / PIECE).min(Semaphore::MAX_PERMITS))))
    }

    /// Takes what the headers of a request cost; `None` when there is no room.
    pub(crate) fn take(&self, headers: &HeaderMap) -> Option<Taken> {
        let bytes: usize =
            headers.iter().map(|(name, value)| name.as_str().len() + value.len() + ENTRY).sum();
        if bytes <= FREE { Some(None) } else { self.take_bytes(bytes).map(Some) }
    }

    /// Takes room for a head that has got large and may become as large as is allowed.
    pub(crate) fn take_bytes(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let pieces = u32::try_from(bytes.div_ceil(PIECE)).ok()?;
        Arc::clone(&self.0).try_acquire_many_owned(pieces).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    #[test]
    fn ordinary_headers_are_free_and_large_ones_wait_for_room() {
        let heads = Heads::new(64 * 1024);
        let ordinary = HeaderMap::from_iter([(http::header::HOST, HeaderValue::from_static("a"))]);
        assert!(matches!(heads.take(&ordinary), Some(None)));
        let value = HeaderValue::from_bytes(&[b'x'; 40 * 1024]).unwrap();
        let large = HeaderMap::from_iter([(HeaderName::from_static("x"), value)]);
        let first = heads.take(&large).unwrap();
        assert!(first.is_some());
        assert!(heads.take(&large).is_none());
        drop(first);
        assert!(heads.take(&large).is_some());
    }
}
