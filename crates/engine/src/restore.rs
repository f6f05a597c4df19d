//! Write the content of a snapshot back to files.
//!
//! rustic_core's own restore keeps more than a gigabyte in memory and panics over a missing pack. This one walks
//! the tree, holds one blob at a time, and goes on with the other files when one cannot be had.

mod content;
mod entry;
mod walk;

use crate::error::{Error, Fault};
use crate::open::Repository;
use crate::progress::{Phase, Progress, watch};
use crate::snapshots::{SnapshotInfo, find, load};
use crate::verb::{Broken, Verb, plain};
use domain::report::{FailureReason, SkippedFile};
use rustic_core::repofile::{Node, NodeType, SnapshotFile, Tree};
use rustic_core::{IndexedFullStatus, TreeId};
use std::path::{Component, Path, PathBuf};
use walk::Restorer;

/// Which snapshot to take.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Which {
    /// The latest of the host and path.
    Latest,
    /// The one with this id, which may be shortened to eight digits or more, whichever its host.
    Id(String),
}

/// What to restore, and where.
#[derive(Clone, Debug)]
pub struct RestoreRequest {
    /// The host of [`Which::Latest`].
    pub host: String,
    /// The path, as it was backed up. Nothing else is restored, whatever else the snapshot holds.
    pub path: String,
    /// Which snapshot.
    pub which: Which,
    /// What becomes the path: the same for a restore in place.
    pub target: PathBuf,
}

/// What was restored.
#[derive(Clone, Debug)]
pub struct RestoreOutcome {
    /// The snapshot that was taken.
    pub snapshot: SnapshotInfo,
    /// Files, links and special files that were written.
    pub files: u64,
    /// Bytes that were written.
    pub bytes: u64,
    /// The first 100 files whose content is right, but whose owner, mode, times or attributes could not be set.
    pub problems: Vec<SkippedFile>,
}

pub(crate) type Indexed = rustic_core::Repository<IndexedFullStatus>;

impl Repository {
    /// Restores the content of one path of a snapshot, so that the path becomes `target`.
    ///
    /// Files of the snapshot replace those of the same name, each at once and only when its content is complete;
    /// other files stay. Links in the target are replaced, never followed, except when `target` itself is one.
    /// Of the content, one blob and a cache of 32 MB are in memory; the index is too, and the largest folder's tree.
    ///
    /// # Errors
    /// `SnapshotMissing` when no snapshot fits or the given one does not hold exactly this path.
    /// `RepositoryDamaged` when content could not be read: everything else was restored, and files whose content
    /// could not be read are as they were before. `TargetUnwritable` likewise. `Cancelled` leaves whole files only.
    pub fn restore(
        &self,
        request: &RestoreRequest,
        progress: &dyn Progress,
    ) -> Result<RestoreOutcome, Error> {
        let verb = self.verb(format!(
            "cannot restore {} from repository {} to {}",
            request.path,
            self.location,
            request.target.display()
        ));
        progress.phase(Phase::Scanning);
        watch(progress, &verb.meter, || {
            verb.run(|| {
                let repository = self.connect(&verb)?;
                let files = load(&repository)?;
                let snapshot = choose(&files, request, &verb)?;
                let repository = repository.to_indexed()?;
                let node = locate(&repository, snapshot, &request.path)?;
                count(&repository, snapshot, &node, &verb)?;
                progress.phase(Phase::Restoring);
                let mut restorer = Restorer::new(&repository, &verb, &request.target);
                restorer.restore(node)?;
                let (files, bytes, problems) = restorer.finish()?;
                Ok(RestoreOutcome { snapshot: snapshot.into(), files, bytes, problems })
            })
        })
    }
}

fn choose<'a>(
    files: &'a [SnapshotFile],
    request: &RestoreRequest,
    verb: &Verb,
) -> Result<&'a SnapshotFile, Error> {
    let holds = |file: &SnapshotFile| file.paths.contains(&request.path);
    let missing = |cause| Error::new(FailureReason::SnapshotMissing, &verb.what, cause);
    match &request.which {
        Which::Latest => files
            .iter()
            .rev()
            .find(|file| file.hostname == request.host && holds(file))
            .ok_or_else(|| missing(format!("host {} has no snapshot of this path", request.host))),
        Which::Id(id) => {
            let file = find(files, id, verb)?;
            if holds(file) { Ok(file) } else { Err(missing(format!("snapshot {id} is of {}", file.paths))) }
        }
    }
}

pub(crate) fn tree(repository: &Indexed, id: &TreeId) -> Result<Tree, Box<rustic_core::RusticError>> {
    repository.get_tree(id)
}

/// The node of the path. Snapshots made by restic before 0.9 hold only its last part.
fn locate(repository: &Indexed, snapshot: &SnapshotFile, path: &str) -> Result<Node, Broken> {
    let names: Vec<_> = Path::new(path)
        .components()
        .filter_map(|component| match component {
            Component::Normal(name) => Some(name),
            _ => None,
        })
        .collect();
    let Some((last, _)) = names.split_last() else {
        return Ok(Node { node_type: NodeType::Dir, subtree: Some(snapshot.tree), ..Node::default() });
    };
    let mut level = Some(snapshot.tree);
    let mut found = None;
    for (depth, name) in names.iter().enumerate() {
        found = None;
        let Some(id) = level else { break };
        let nodes = tree(repository, &id)?.nodes;
        found = nodes.iter().find(|node| node.name() == **name).cloned();
        if depth == 0 && found.is_none() {
            return nodes.into_iter().find(|node| node.name() == **last).ok_or_else(|| lost(snapshot, path));
        }
        level = found.as_ref().and_then(|node| node.subtree);
    }
    found.ok_or_else(|| lost(snapshot, path))
}

fn lost(snapshot: &SnapshotFile, path: &str) -> Broken {
    let id = snapshot.id.to_hex();
    let cause = format!("snapshot {} names the path {path}, but its tree does not hold it", id.as_str());
    Fault::new(FailureReason::SnapshotMissing, cause).into()
}

/// Finds out how much there is to do, for the progress only.
fn count(repository: &Indexed, snapshot: &SnapshotFile, node: &Node, verb: &Verb) -> Result<(), Broken> {
    if let (Some(summary), 1) = (&snapshot.summary, (&snapshot.paths).into_iter().count()) {
        verb.meter.set_total(summary.total_files_processed, summary.total_bytes_processed);
        return Ok(());
    }
    let (mut files, mut bytes) = (0_u64, 0_u64);
    let mut pending: Vec<TreeId> = node.subtree.into_iter().collect();
    while let Some(id) = pending.pop() {
        if verb.stop.is_stopped() {
            return Err(verb.stop.refusal().into());
        }
        // A tree that cannot be read is reported when it is restored.
        let Ok(tree) = tree(repository, &id) else { continue };
        for node in tree.nodes {
            if node.is_dir() {
                pending.extend(node.subtree);
            } else {
                files += 1;
                bytes = bytes.saturating_add(node.meta.size);
            }
        }
    }
    verb.stop.take_noted();
    verb.meter.set_total(files, bytes);
    Ok(())
}

/// The fault behind an error of rustic_core during a restore: what the storage said, or else damage.
pub(crate) fn fault_of(verb: &Verb, error: &rustic_core::RusticError, context: &str) -> Fault {
    let noted = verb.stop.take_noted();
    let reason = noted.as_ref().map_or(FailureReason::RepositoryDamaged, |fault| fault.reason);
    let cause = noted.map_or_else(|| plain(error), |fault| fault.cause);
    Fault::new(reason, format!("{context}: {cause}"))
}
