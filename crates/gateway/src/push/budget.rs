//! Memory for pushes that are being read, so that many large ones at once cannot take all there is.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::refusal::Refusal;
use crate::config::Limits;

/// What every push may take without asking: how many there are is bounded by the number of connections.
pub(super) const FREE: usize = 64 * 1024;

/// Memory is handed out in pieces of this size.
const PIECE: usize = 16 * 1024;

/// All memory that pushes may take together.
#[derive(Debug)]
pub(crate) struct Budget {
    pieces: Arc<Semaphore>,
    limit: usize,
    wait: Duration,
}

/// What one push has taken; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Reservation<'a> {
    budget: &'a Budget,
    taken: usize,
    permits: Option<OwnedSemaphorePermit>,
}

impl Budget {
    pub(crate) fn new(limits: &Limits) -> Self {
        // The semaphore's own limit is far above any memory.
        let pieces = limits.memory_bytes.div_ceil(PIECE).min(Semaphore::MAX_PERMITS);
        Self {
            pieces: Arc::new(Semaphore::new(pieces)),
            limit: limits.memory_bytes,
            wait: limits.memory_wait,
        }
    }

    pub(super) fn reservation(&self) -> Reservation<'_> {
        Reservation { budget: self, taken: 0, permits: None }
    }
}

impl Reservation<'_> {
    /// Takes more until there is enough for `bytes`, waiting for others to give some back.
    pub(super) async fn cover(&mut self, bytes: usize) -> Result<(), Refusal> {
        let Budget { pieces, limit, wait } = self.budget;
        if bytes.saturating_sub(FREE) > *limit {
            return Err(Refusal::TooMuchMemory { limit: *limit });
        }
        let missing = bytes.saturating_sub(FREE).div_ceil(PIECE).saturating_sub(self.taken);
        let Ok(count @ 1..) = u32::try_from(missing) else { return Ok(()) };
        let more = tokio::time::timeout(*wait, Arc::clone(pieces).acquire_many_owned(count)).await;
        let Ok(Ok(more)) = more else { return Err(Refusal::Busy { retry_after: *wait }) };
        self.taken += missing;
        match &mut self.permits {
            Some(permits) => permits.merge(more),
            none => *none = Some(more),
        }
        Ok(())
    }

    /// What is taken, to be kept elsewhere.
    pub(super) fn into_permits(self) -> Option<OwnedSemaphorePermit> {
        self.permits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget() -> Budget {
        let limits = Limits { memory_bytes: 10 * PIECE, memory_wait: Duration::ZERO, ..Limits::default() };
        Budget::new(&limits)
    }

    #[tokio::test]
    async fn small_pushes_take_nothing() {
        let budget = budget();
        budget.reservation().cover(FREE).await.unwrap();
        assert_eq!(budget.pieces.available_permits(), 10);
    }

    #[tokio::test]
    async fn what_is_taken_is_given_back() {
        let budget = budget();
        let mut first = budget.reservation();
        first.cover(FREE + 1).await.unwrap();
        first.cover(FREE + 9 * PIECE).await.unwrap();
        assert_eq!(budget.pieces.available_permits(), 1);
        let mut second = budget.reservation();
        assert!(matches!(second.cover(FREE + 2 * PIECE).await, Err(Refusal::Busy { .. })));
        drop(first);
        second.cover(FREE + 10 * PIECE).await.unwrap();
    }

    #[tokio::test]
    async fn a_push_that_never_fits_is_not_kept_waiting() {
        let budget = budget();
        let refused = budget.reservation().cover(FREE + 10 * PIECE + 1).await;
        assert!(matches!(refused, Err(Refusal::TooMuchMemory { .. })));
    }
}
