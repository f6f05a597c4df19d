//! How an offline cycle ended, in words.

/// How a cycle ended. Whichever way it did, the replicas are back, or as somebody else wants them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum End {
    /// The backup ended well.
    Completed,
    /// It was not begun: the workload has no pods.
    NothingRuns,
    /// Its pods did not go in time, so nothing was backed up.
    PodsStayed,
    /// The init container failed too often.
    BackupFailed,
    /// The init container did not end in time.
    BackupTimedOut,
    /// Somebody else scaled the workload meanwhile.
    ScaledByOthers,
    /// The Restic is gone, or online now.
    Withdrawn,
    /// A cycle that 0.8.3 began was brought to its end.
    FromOldRelease,
}

impl End {
    /// Whether nobody has to do anything about it.
    #[must_use]
    pub fn is_good(self) -> bool {
        !matches!(self, End::PodsStayed | End::BackupFailed | End::BackupTimedOut)
    }

    /// For the event that tells it.
    #[must_use]
    pub fn note(self) -> &'static str {
        match self {
            End::Completed | End::FromOldRelease => {
                "the offline backup has ended; the workload has its replicas back"
            }
            End::NothingRuns => "no offline backup: the workload has no pods",
            End::ScaledByOthers => "the offline backup ends: somebody scaled the workload meanwhile",
            End::Withdrawn => "the offline backup ends: its Restic is gone, or online now",
            End::PodsStayed => {
                "no offline backup: the pods did not end in time; the workload has its replicas back"
            }
            End::BackupFailed => {
                "the offline backup failed; the application runs without it, see the events of the Repository"
            }
            End::BackupTimedOut => {
                "the offline backup did not end in time; the workload has its replicas back"
            }
        }
    }

    /// Reason of that event.
    #[must_use]
    pub fn reason(self) -> &'static str {
        if self.is_good() { "OfflineBackupEnded" } else { "OfflineBackupFailed" }
    }
}
