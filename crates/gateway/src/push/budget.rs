//! Memory for pushes that are being read, so that many large ones at once cannot take all there is, and one address
//! cannot keep it from the others.

mod ledger;

use std::future::{Future, pending};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use web::Peer;

use super::refusal::Refusal;
use crate::config::Limits;
use ledger::{Id, Ledger};

/// What every push may take without asking: how many there are is bounded by the number of connections.
pub(super) const FREE: usize = 64 * 1024;

/// Memory is handed out in pieces of this size.
const PIECE: usize = 16 * 1024;

/// How long pushes of others may go on before they have to give way. Those of clients that are not slow end by then.
const PATIENCE: Duration = Duration::from_secs(1);

/// All memory that pushes may take together.
#[derive(Clone, Debug)]
pub(crate) struct Budget(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    ledger: Mutex<Ledger>,
    limit: usize,
    wait: Duration,
}

/// What one push has taken; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Reservation {
    budget: Budget,
    peer: Peer,
    taken: usize,
    /// Its entry in the ledger, once it has to ask.
    entry: Option<(Id, CancellationToken)>,
}

impl Budget {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self(Arc::new(Shared {
            ledger: Mutex::new(Ledger::new(limits.memory_bytes.div_ceil(PIECE))),
            limit: limits.memory_bytes,
            wait: limits.memory_wait,
        }))
    }

    /// Of a push that `peer` sends.
    pub(super) fn reservation(&self, peer: Peer) -> Reservation {
        Reservation { budget: self.clone(), peer, taken: 0, entry: None }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.0.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reservation {
    /// Takes more until there is enough for `bytes`, waiting for others to give some back.
    pub(super) async fn cover(&mut self, bytes: usize) -> Result<(), Refusal> {
        let Shared { limit, wait, .. } = *self.budget.0;
        if bytes.saturating_sub(FREE) > limit {
            return Err(Refusal::TooMuchMemory { limit });
        }
        if self.entry.as_ref().is_some_and(|(_, give_way)| give_way.is_cancelled()) {
            return Err(Refusal::GaveWay { retry_after: wait });
        }
        let missing = bytes.saturating_sub(FREE).div_ceil(PIECE).saturating_sub(self.taken);
        if missing > 0 {
            self.take(missing, wait).await?;
            self.taken += missing;
        }
        Ok(())
    }

    async fn take(&mut self, pieces: usize, wait: Duration) -> Result<(), Refusal> {
        let (budget, peer) = (&self.budget, self.peer);
        let (id, give_way) = self.entry.get_or_insert_with(|| {
            let give_way = CancellationToken::new();
            (budget.ledger().enter(peer, give_way.clone()), give_way)
        });
        let told = budget.ledger().ask(peer, *id, pieces);
        let mut told = pin!(told);
        let waiting = async {
            let patience = PATIENCE.min(wait / 2);
            if let Ok(told) = timeout(patience, &mut told).await {
                return told.is_ok();
            }
            budget.ledger().make_way(peer, pieces);
            timeout(wait.saturating_sub(patience), &mut told).await.is_ok_and(|told| told.is_ok())
        };
        tokio::select! {
            biased;
            got = waiting => if got { return Ok(()) },
            () = give_way.cancelled() => return Err(Refusal::GaveWay { retry_after: wait }),
        }
        // Between the end of the time and here it may have got them.
        if budget.ledger().withdraw(peer, *id) { Err(Refusal::Busy { retry_after: wait }) } else { Ok(()) }
    }

    /// Done when others need what this push holds.
    pub(super) fn must_give_way(&self) -> impl Future<Output = Refusal> {
        let give_way = self.entry.as_ref().map(|(_, give_way)| give_way.clone());
        let retry_after = self.budget.0.wait;
        async move {
            match give_way {
                Some(give_way) => give_way.cancelled_owned().await,
                None => pending().await,
            }
            Refusal::GaveWay { retry_after }
        }
    }

    /// From now on the push waits for its client no more: it ends by itself, and need not give way.
    pub(super) fn is_whole(&self) {
        if let Some((id, _)) = &self.entry {
            self.budget.ledger().store(self.peer, *id);
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if let Some((id, _)) = &self.entry {
            self.budget.ledger().leave(self.peer, *id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(wait: Duration) -> Budget {
        Budget::new(&Limits { memory_bytes: 10 * PIECE, memory_wait: wait, ..Limits::default() })
    }

    fn of(budget: &Budget, cid: u32) -> Reservation {
        budget.reservation(Peer::Machine(cid))
    }

    #[tokio::test]
    async fn small_pushes_take_nothing() {
        let budget = budget(Duration::ZERO);
        let mut small = of(&budget, 1);
        small.cover(FREE).await.unwrap();
        of(&budget, 2).cover(FREE + 10 * PIECE).await.unwrap();
    }

    #[tokio::test]
    async fn what_is_taken_is_given_back() {
        let budget = budget(Duration::ZERO);
        let mut first = of(&budget, 1);
        first.cover(FREE + 1).await.unwrap();
        first.cover(FREE + 9 * PIECE).await.unwrap();
        let mut second = of(&budget, 1);
        assert!(matches!(second.cover(FREE + 2 * PIECE).await, Err(Refusal::Busy { .. })));
        drop(first);
        second.cover(FREE + 10 * PIECE).await.unwrap();
    }

    #[tokio::test]
    async fn a_push_that_never_fits_is_not_kept_waiting() {
        let budget = budget(Duration::ZERO);
        let refused = of(&budget, 1).cover(FREE + 10 * PIECE + 1).await;
        assert!(matches!(refused, Err(Refusal::TooMuchMemory { .. })));
    }

    #[tokio::test(start_paused = true)]
    async fn others_give_way_to_one_that_waited_for_some_time() {
        let budget = budget(Duration::from_secs(5));
        let mut greedy = [of(&budget, 1), of(&budget, 1)];
        for push in &mut greedy {
            push.cover(FREE + 5 * PIECE).await.unwrap();
        }
        let [mut first, second] = greedy;
        let reading = tokio::spawn(async move {
            let refused = first.must_give_way().await;
            // And it is told so when it asks for more before it looks.
            assert!(matches!(first.cover(FREE + 5 * PIECE).await, Err(Refusal::GaveWay { .. })));
            refused
        });
        let began = tokio::time::Instant::now();
        of(&budget, 2).cover(FREE + 5 * PIECE).await.unwrap();
        assert_eq!(began.elapsed().as_secs(), 1);
        assert!(matches!(reading.await.unwrap(), Refusal::GaveWay { .. }));
        second.is_whole();
        assert!(matches!(of(&budget, 2).cover(FREE + 6 * PIECE).await, Err(Refusal::Busy { .. })));
        assert_eq!(began.elapsed().as_secs(), 6);
    }
}
