//! How a running verb is told to stop, and how it tells itself.

use crate::error::Fault;
use domain::report::FailureReason;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A wish to stop, shared by everybody who holds a clone. It cannot be taken back.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks every verb that was given this value (or a clone) to stop; they do within seconds.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether somebody asked.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// The state of one run of one verb: whether it must stop, and the first thing that went wrong in it.
///
/// A new one is made for every verb, because threads that rustic_core leaves behind after a failure must not be
/// able to disturb the next verb.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    cancel: Cancel,
    tripped: AtomicBool,
    fatal: Mutex<Option<Fault>>,
    noted: Mutex<Option<Fault>>,
}

impl Stop {
    pub(crate) fn new(cancel: &Cancel) -> Self {
        Self { cancel: cancel.clone(), ..Self::default() }
    }

    /// Whether nothing more may be read from the source or done to the storage.
    pub(crate) fn is_stopped(&self) -> bool {
        self.cancel.is_cancelled() || self.tripped.load(Ordering::SeqCst)
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    /// Remembers a failure that may yet be overcome (a parent tree that cannot be read, for instance).
    pub(crate) fn note(&self, fault: Fault) {
        first(&self.noted, fault);
    }

    /// Remembers a failure that makes everything else pointless, and stops the verb.
    pub(crate) fn trip(&self, fault: Fault) {
        first(&self.fatal, fault);
        self.tripped.store(true, Ordering::SeqCst);
    }

    /// The failure that explains best why the verb did not succeed.
    pub(crate) fn cause(&self) -> Option<Fault> {
        let fatal = self.fatal.lock().unwrap_or_else(PoisonError::into_inner).clone();
        fatal.or_else(|| self.noted.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// Takes the last noted failure away, so that the next one is told apart from it.
    pub(crate) fn take_noted(&self) -> Option<Fault> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// What a storage call or a reader answers once it must not go on.
    pub(crate) fn refusal(&self) -> Fault {
        if self.is_cancelled() {
            Fault::new(FailureReason::Cancelled, "it was cancelled")
        } else {
            self.cause().unwrap_or_else(|| Fault::new(FailureReason::Internal, "it was stopped"))
        }
    }
}

fn first(slot: &Mutex<Option<Fault>>, fault: Fault) {
    slot.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(fault);
}
