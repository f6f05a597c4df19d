//! What a candidate does with the Lease it sees. Pure: the Lease, the answers and the time come in as values.
//!
//! Time is what the candidate's own monotonic clock says. Whether a Lease has expired is judged by how long it has
//! not changed *as seen from here*, never by the time written in it, as client-go does: the clocks of nodes differ.

use std::time::Duration;

use super::{Standing, Timing};

/// What a Lease says, without its metadata.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Record {
    /// Who holds it; empty when it was released.
    pub(super) holder: String,
    /// For how long after a change nobody else may take it.
    pub(super) valid_for: Duration,
    /// When the holder became it, as text of whoever wrote it: only carried on, never compared.
    pub(super) acquired: String,
    /// When it was renewed, likewise. A change of it is a sign of life.
    pub(super) renewed: String,
    /// How often the holder has changed.
    pub(super) transitions: i32,
}

/// What to do next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Step {
    /// There is no Lease: create it.
    Create,
    /// It is ours: say so again.
    Renew,
    /// It is nobody's any more: take it.
    Take,
    /// Somebody else's.
    Wait,
}

/// A candidate: what it has seen and since when, and when it last wrote that it leads.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    identity: String,
    timing: Timing,
    seen: Option<(Record, Duration)>,
    /// When the last successful renewal was *begun*: its answer may have been long on its way.
    renewed: Option<Duration>,
}

impl Candidate {
    pub(super) fn new(identity: &str, timing: Timing) -> Self {
        Self { identity: identity.to_owned(), timing, seen: None, renewed: None }
    }

    /// The Lease as it was read, and what follows from it.
    pub(super) fn read(&mut self, lease: Option<Record>, now: Duration) -> Step {
        let Some(record) = lease else {
            self.seen = None;
            return Step::Create;
        };
        let since = match &self.seen {
            Some((before, since)) if *before == record => *since,
            _ => now,
        };
        let valid_for = if record.valid_for.is_zero() { self.timing.lease } else { record.valid_for };
        let step = if record.holder == self.identity {
            Step::Renew
        } else if record.holder.is_empty() || since + valid_for <= now {
            Step::Take
        } else {
            // Somebody else was seen to hold it: whatever we had is lost.
            self.renewed = None;
            Step::Wait
        };
        self.seen = Some((record, since));
        step
    }

    /// The Lease as it has to be written for `step`; `time` is the wall clock as text.
    pub(super) fn write(&self, step: &Step, time: &str) -> Record {
        let before = self.seen.as_ref().map(|(record, _)| record);
        let keeps = *step == Step::Renew;
        Record {
            holder: self.identity.clone(),
            valid_for: self.timing.lease,
            acquired: before
                .filter(|_| keeps)
                .map_or_else(|| time.to_owned(), |record| record.acquired.clone()),
            renewed: time.to_owned(),
            transitions: before.map_or(0, |record| record.transitions.saturating_add(i32::from(!keeps))),
        }
    }

    /// What was written, by a request begun at `begun`.
    pub(super) fn wrote(&mut self, record: Record, begun: Duration, now: Duration) {
        self.seen = Some((record, now));
        self.renewed = Some(begun);
    }

    /// When certainty ends, if there is any.
    pub(super) fn certain_until(&self) -> Option<Duration> {
        self.renewed.map(|begun| begun + self.timing.renew)
    }

    /// Where the candidate stands.
    pub(super) fn standing(&self, now: Duration) -> Standing {
        match self.certain_until() {
            Some(end) if now < end => Standing::Leading,
            Some(_) => Standing::Unsure,
            None => {
                let holder = self.seen.as_ref().map(|(record, _)| record.holder.clone());
                Standing::Waiting { holder: holder.filter(|name| !name.is_empty() && *name != self.identity) }
            }
        }
    }
}

#[cfg(test)]
mod tests;
