//! How far a recovery is, as its status tells it.

use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use domain::objects::recovery::{RecoveryPhase, RecoveryStatus};
use engine::{Phase, Progress};

/// Counts along; the status is made from it now and again.
#[derive(Debug)]
pub(super) struct Told {
    paths: usize,
    /// The path that is being restored, counted from 1; 0 before the first.
    path: AtomicUsize,
    done: AtomicU64,
    total: AtomicU64,
}

impl Told {
    pub(super) fn new(paths: usize) -> Self {
        Self { paths, path: AtomicUsize::new(0), done: AtomicU64::new(0), total: AtomicU64::new(0) }
    }

    /// The status at this moment, from the one at the beginning.
    pub(super) fn status(&self, running: &RecoveryStatus) -> RecoveryStatus {
        let path = self.path.load(Ordering::Relaxed);
        let (done, total) = (self.done.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed));
        let mut status = running.clone();
        for (index, stats) in status.stats.iter_mut().enumerate() {
            // That an earlier one succeeded is not known until the report.
            if index + 1 == path {
                stats.phase = Some(RecoveryPhase::Running);
            }
        }
        // A total that is not known yet is no progress.
        if path > 0 && total > 0 {
            let percent = done.min(total).saturating_mul(100) / total;
            status.progress = if self.paths > 1 {
                format!("{percent}% of path {path}/{}", self.paths)
            } else {
                format!("{percent}%")
            };
        }
        status
    }
}

impl Progress for Told {
    fn phase(&self, phase: Phase) {
        if phase == Phase::Restoring {
            self.done.store(0, Ordering::Relaxed);
            self.total.store(0, Ordering::Relaxed);
            self.path.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn total(&self, _: u64, bytes: u64) {
        self.total.store(bytes, Ordering::Relaxed);
    }

    fn advance(&self, _: u64, bytes: u64) {
        self.done.fetch_add(bytes, Ordering::Relaxed);
    }

    fn file(&self, _: &Path) {}
}

#[cfg(test)]
mod tests {
    use domain::rules::status::recovery_running;

    use super::*;

    #[test]
    fn the_status_says_how_far_it_is_and_nothing_that_is_not_known() {
        let running = recovery_running(&["/a".into(), "/b".into()], "2026-01-01T00:00:00Z".parse().unwrap());
        let told = Told::new(2);
        assert_eq!(told.status(&running).progress, "");
        told.phase(Phase::Restoring);
        assert_eq!(told.status(&running).progress, "", "the total is not known");
        told.total(3, 200);
        told.advance(1, 100);
        let half = told.status(&running);
        assert_eq!(half.progress, "50% of path 1/2");
        assert_eq!(half.stats[0].phase, Some(RecoveryPhase::Running));
        assert_eq!(half.stats[1].phase, Some(RecoveryPhase::Pending));
        told.phase(Phase::Restoring);
        assert_eq!(told.status(&running).stats[1].phase, Some(RecoveryPhase::Running));
    }
}
