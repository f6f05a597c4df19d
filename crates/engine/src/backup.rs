//! Store the present state of a path as a snapshot.

use crate::error::{Error, Fault};
use crate::open::Repository;
use crate::progress::{Phase, Progress, watch};
use crate::snapshots::SnapshotInfo;
use crate::source::Source;
use crate::verb::{Broken, Verb};
use domain::report::{Amount, FailureReason, SkippedFile};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use nix::unistd::{Gid, Uid, User};
use rustic_core::repofile::SnapshotFile;
use rustic_core::{BackupOptions, SnapshotOptions};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

/// What to back up, and what to call it.
#[derive(Clone, Debug)]
pub struct BackupRequest {
    /// Absolute path of a folder or file. It may lead over symbolic links; the snapshot knows it under this name.
    pub path: PathBuf,
    /// Whose snapshot it is.
    pub host: String,
    /// Tags of the snapshot.
    pub tags: Vec<String>,
    /// The time of the snapshot, now when `None`.
    pub time: Option<Timestamp>,
}

/// A snapshot that was made.
#[derive(Clone, Debug)]
pub struct BackupOutcome {
    /// The snapshot.
    pub snapshot: SnapshotInfo,
    /// What it took. It is incomplete when `files_skipped` is not 0.
    pub amount: Amount,
    /// The first 100 files and folders that are missing from it, or from which something is.
    pub skipped: Vec<SkippedFile>,
}

impl Repository {
    /// Backs up one path into a snapshot of its own.
    ///
    /// Files whose size and times are those of the latest snapshot of the same host and path are not read again.
    /// The metadata of the path itself and of all folders above it are kept. A file that cannot be read does not
    /// end the backup: it is counted and named. What vanishes while the backup runs is not counted.
    ///
    /// # Errors
    /// `SourceMissing` and `SourceUnreadable` speak of the path itself; `InvalidSpec` when it is not absolute. On
    /// every error, cancelling included, no snapshot was made and the earlier ones are as they were.
    pub fn backup(&self, request: &BackupRequest, progress: &dyn Progress) -> Result<BackupOutcome, Error> {
        let verb =
            self.verb(format!("cannot back up {} to repository {}", request.path.display(), self.location));
        let source = Source::new(&request.path, &verb.stop, &verb.meter)
            .map_err(|fault| Error::from_fault(&verb.what, fault))?;
        progress.phase(Phase::Scanning);
        let made = watch(progress, &verb.meter, || {
            verb.run(|| {
                let repository = self.connect(&verb)?.to_indexed_ids()?;
                progress.phase(Phase::BackingUp);
                let mut options = BackupOptions::default();
                options.no_scan = true;
                let enough = AtomicBool::new(false);
                std::thread::scope(|scope| {
                    scope.spawn(|| source.scan(&enough));
                    let _enough = Set(&enough);
                    let paths = [source.path().to_owned()];
                    Ok(repository.archive(&options, &source, describe(request)?, &paths)?)
                })
            })
        })?;
        outcome(&verb, &source, &made)
    }
}

/// The snapshot before there is anything in it.
fn describe(request: &BackupRequest) -> Result<SnapshotFile, Broken> {
    let mut options = SnapshotOptions::default();
    options.host = Some(request.host.clone());
    // Otherwise the arguments of the process are stored, and whoever can read the repository reads them.
    options.command = Some("stash backup".to_owned());
    options.time = request.time.map(|time| time.to_zoned(TimeZone::system()));
    let mut snapshot = options.to_snapshot()?;
    for tag in &request.tags {
        snapshot.tags.add(tag.clone());
    }
    let uid = Uid::current();
    snapshot.program_version = format!("stash {}", env!("CARGO_PKG_VERSION"));
    snapshot.username = User::from_uid(uid).ok().flatten().map(|user| user.name).unwrap_or_default();
    snapshot.uid = uid.as_raw();
    snapshot.gid = Gid::current().as_raw();
    Ok(snapshot)
}

fn outcome(verb: &Verb, source: &Source, made: &SnapshotFile) -> Result<BackupOutcome, Error> {
    let Some(summary) = &made.summary else {
        let fault = Fault::new(FailureReason::Internal, "the snapshot has no summary");
        return Err(Error::from_fault(&verb.what, fault));
    };
    source.tally().reconcile(source.path(), summary.total_files_processed);
    let (files_skipped, skipped) = source.tally().skipped();
    Ok(BackupOutcome {
        snapshot: made.into(),
        amount: Amount {
            files_new: summary.files_new,
            files_changed: summary.files_changed,
            files_unmodified: summary.files_unmodified,
            files_skipped,
            bytes_processed: summary.total_bytes_processed,
            bytes_added: summary.data_added_packed,
        },
        skipped,
    })
}

/// Ends the scan when the backup is over, however it ended.
struct Set<'a>(&'a AtomicBool);

impl Drop for Set<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_snapshot_names_the_program_but_not_its_command_line() {
        let request = BackupRequest {
            path: PathBuf::from("/data"),
            host: "host".to_owned(),
            tags: Vec::new(),
            time: None,
        };
        let Ok(snapshot) = describe(&request) else { unreachable!("nothing can fail") };
        assert!(snapshot.program_version.starts_with("stash "));
        assert_eq!(snapshot.summary.map(|summary| summary.command).as_deref(), Some("stash backup"));
    }
}
