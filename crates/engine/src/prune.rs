//! Free the space of what no snapshot needs.

use crate::error::{Error, Fault};
use crate::open::Repository;
use crate::progress::{Phase, Progress, watch};
use crate::snapshots::load;
use domain::report::FailureReason;
use rustic_core::{FileType, LimitOption, PruneOptions};

/// What a prune did.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct PruneOutcome {
    /// Bytes of packs that were removed: those an earlier prune had marked.
    pub bytes_freed: u64,
    /// Bytes of packs that were written anew without what no snapshot needs.
    pub bytes_repacked: u64,
    /// Packs that are marked now and go with a prune of another day.
    pub packs_marked: u64,
}

impl Repository {
    /// Frees the space of what no snapshot needs, in two steps on different days.
    ///
    /// A pack that is not needed is first only marked, and removed by a prune at least 23 hours later, if it is
    /// still not needed then. So a backup that runs at the same time on another machine never loses a pack that it
    /// is about to refer to. (restic prunes at once, under an exclusive lock, which this engine does not hold.)
    /// Up to 5 % of the repository may stay unused, restic's default, because rewriting packs for the last
    /// percents costs more than it frees; how much is rewritten is not limited, so one prune is always enough.
    ///
    /// # Errors
    /// `RepositoryDamaged` when snapshots or trees cannot be read, or when there is data but no snapshot at all: a
    /// folder of snapshots that was emptied by accident must not become an empty repository. Nothing is removed
    /// then.
    pub fn prune(&self, progress: &dyn Progress) -> Result<PruneOutcome, Error> {
        let verb = self.verb(format!("cannot prune repository {}", self.location));
        progress.phase(Phase::Pruning);
        watch(progress, &verb.meter, || {
            verb.run(|| {
                let repository = self.connect(&verb)?;
                if repository.config().append_only == Some(true) {
                    return Err(Fault::new(FailureReason::StorageDenied, "it is append-only").into());
                }
                if load(&repository)?.is_empty() && !self.store.list(FileType::Index)?.is_empty() {
                    return Err(Error::new(
                        FailureReason::RepositoryDamaged,
                        &verb.what,
                        "it holds data but no snapshot",
                    )
                    .with_remedy(
                        "put the snapshots back, or make a backup first when they are meant to be gone",
                    )
                    .into());
                }
                let mut options = PruneOptions::default();
                options.max_repack = LimitOption::Unlimited;
                options.max_unused = LimitOption::Percentage(5);
                let plan = repository.prune_plan(&options)?;
                let stats = &plan.stats;
                let outcome = PruneOutcome {
                    bytes_freed: stats.size_to_delete.remove,
                    bytes_repacked: stats.size_sum().repack,
                    packs_marked: stats.packs.unused + stats.packs.repack + stats.packs_to_delete.keep,
                };
                repository.prune(&options, plan)?;
                Ok(outcome)
            })
        })
    }
}
