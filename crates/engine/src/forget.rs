//! Remove snapshots that a retention policy does not keep.

use crate::error::Error;
use crate::open::Repository;
use crate::snapshots::{SnapshotInfo, find, load};
use crate::verb::Broken;
use domain::objects::restic::RetentionPolicy;
use domain::report::{FailureReason, RetentionCount};
use domain::rules::retention::{self, Candidate};
use rustic_core::OpenStatus;
use rustic_core::repofile::SnapshotFile;
use std::collections::BTreeMap;

/// Which snapshots to decide about, and how.
#[derive(Clone, Debug)]
pub struct ForgetRequest {
    /// Only snapshots of this host,
    pub host: String,
    /// and of exactly this one path.
    pub path: String,
    /// The policy. Its `dry_run` removes nothing.
    pub policy: RetentionPolicy,
}

/// What was decided, and done unless it was a dry run.
#[derive(Clone, Debug, Default)]
pub struct ForgetOutcome {
    /// How many stayed and went.
    pub count: RetentionCount,
    /// What stays, newest first, with the reasons.
    pub kept: Vec<(SnapshotInfo, Vec<String>)>,
    /// What went, newest first.
    pub removed: Vec<SnapshotInfo>,
}

impl Repository {
    /// Removes the snapshots of one host and path that the policy does not keep. Their data stay until a
    /// [`prune`](Self::prune).
    ///
    /// # Errors
    /// When not all snapshots can be read nothing is removed.
    pub fn forget(&self, request: &ForgetRequest) -> Result<ForgetOutcome, Error> {
        let verb = self.verb(format!(
            "cannot forget snapshots of {} of host {} in repository {}",
            request.path, request.host, self.location
        ));
        verb.run(|| {
            let repository = self.connect(&verb)?;
            let files = load(&repository)?;
            let mut own: BTreeMap<String, &SnapshotFile> = files
                .iter()
                .filter(|file| file.hostname == request.host && (&file.paths).into_iter().eq([&request.path]))
                .map(|file| (file.id.to_hex().as_str().to_owned(), file))
                .collect();
            let candidates: Vec<Candidate> = own
                .values()
                .map(|file| SnapshotInfo::from(*file))
                .map(|info| Candidate { id: info.id, time: info.local_time, tags: info.tags })
                .collect();
            let mut outcome = ForgetOutcome::default();
            let mut going = Vec::new();
            for decision in retention::apply(&request.policy, &candidates) {
                let Some(file) = own.remove(&decision.id) else { continue };
                if decision.keep.is_empty() {
                    going.push(file);
                    outcome.removed.push(file.into());
                } else {
                    outcome.kept.push((file.into(), decision.keep));
                }
            }
            outcome.count =
                RetentionCount { kept: outcome.kept.len() as u64, removed: outcome.removed.len() as u64 };
            if !request.policy.dry_run {
                remove(&repository, &going, &verb.what)?;
            }
            Ok(outcome)
        })
    }

    /// Removes the named snapshots, whosever they are. An id may be shortened to eight digits or more.
    ///
    /// # Errors
    /// `SnapshotMissing` when an id fits none or several; then nothing is removed.
    pub fn forget_ids(&self, ids: &[String]) -> Result<ForgetOutcome, Error> {
        let verb = self.verb(format!("cannot forget snapshots in repository {}", self.location));
        verb.run(|| {
            let repository = self.connect(&verb)?;
            let files = load(&repository)?;
            let mut going: Vec<&SnapshotFile> = Vec::new();
            for id in ids {
                let file = find(&files, id, &verb)?;
                if !going.iter().any(|other| other.id == file.id) {
                    going.push(file);
                }
            }
            remove(&repository, &going, &verb.what)?;
            Ok(ForgetOutcome {
                count: RetentionCount {
                    kept: (files.len() - going.len()) as u64,
                    removed: going.len() as u64,
                },
                kept: Vec::new(),
                removed: going.into_iter().map(SnapshotInfo::from).collect(),
            })
        })
    }
}

fn remove(
    repository: &rustic_core::Repository<OpenStatus>,
    going: &[&SnapshotFile],
    what: &str,
) -> Result<(), Broken> {
    if going.is_empty() {
        return Ok(());
    }
    if repository.config().append_only == Some(true) {
        return Err(Error::new(FailureReason::StorageDenied, what, "the repository is append-only")
            .with_remedy("remove snapshots from a machine that may")
            .into());
    }
    let ids: Vec<_> = going.iter().map(|file| file.id).collect();
    Ok(repository.delete_snapshots(&ids)?)
}
