//! List the snapshots of a repository, all of them or none.

use crate::error::{Error, Fault};
use crate::open::Repository;
use crate::verb::{Broken, Verb};
use domain::report::FailureReason;
use jiff::{Timestamp, Zoned};
use rustic_core::repofile::SnapshotFile;
use rustic_core::{OpenStatus, StringList};

/// Digits of an id that are enough to name a snapshot: what restic shows.
const SHORTEST: usize = 8;

/// One snapshot.
#[derive(Clone, Debug, PartialEq)]
pub struct SnapshotInfo {
    /// 64 hexadecimal digits.
    pub id: String,
    /// When the backup began.
    pub time: Timestamp,
    /// The same in the time zone of the machine that made it, which is what retention counts days in.
    pub local_time: Zoned,
    /// Id of its root tree.
    pub tree: String,
    /// The paths that were backed up.
    pub paths: Vec<String>,
    /// Whose backup it is.
    pub hostname: String,
    /// Name of the user that made it; may be empty.
    pub username: String,
    /// Number of that user.
    pub uid: u32,
    /// Number of that user's group.
    pub gid: u32,
    /// Its tags, sorted.
    pub tags: Vec<String>,
    /// Bytes of the files in it, where the program that made it has written that down.
    pub size: Option<u64>,
}

impl From<&SnapshotFile> for SnapshotInfo {
    fn from(file: &SnapshotFile) -> Self {
        Self {
            id: file.id.to_hex().as_str().to_owned(),
            time: file.time.timestamp(),
            local_time: file.time.clone(),
            tree: file.tree.to_hex().as_str().to_owned(),
            paths: strings(&file.paths),
            hostname: file.hostname.clone(),
            username: file.username.clone(),
            uid: file.uid,
            gid: file.gid,
            tags: strings(&file.tags).into_iter().filter(|tag| !tag.is_empty()).collect(),
            size: file.summary.as_ref().map(|summary| summary.total_bytes_processed),
        }
    }
}

fn strings(list: &StringList) -> Vec<String> {
    list.into_iter().cloned().collect()
}

impl Repository {
    /// All snapshots, oldest first.
    ///
    /// # Errors
    /// A snapshot that cannot be read is an error (`RepositoryDamaged`, naming it), never left out of the list.
    pub fn snapshots(&self) -> Result<Vec<SnapshotInfo>, Error> {
        let verb = self.verb(format!("cannot list the snapshots of repository {}", self.location));
        let files = verb.run(|| load(&self.connect(&verb)?))?;
        Ok(files.iter().map(SnapshotInfo::from).collect())
    }
}

/// All snapshots, oldest first; of equal times the lower id first, so that the order is always the same.
pub(crate) fn load(repository: &rustic_core::Repository<OpenStatus>) -> Result<Vec<SnapshotFile>, Broken> {
    let mut files = repository.get_all_snapshots()?;
    files.sort_by(|a, b| a.time.cmp(&b.time).then_with(|| a.id.cmp(&b.id)));
    Ok(files)
}

/// The one snapshot whose id begins with `id`.
pub(crate) fn find<'a>(files: &'a [SnapshotFile], id: &str, verb: &Verb) -> Result<&'a SnapshotFile, Error> {
    let missing =
        |cause: String| Error::from_fault(&verb.what, Fault::new(FailureReason::SnapshotMissing, cause));
    let wanted = id.to_ascii_lowercase();
    if wanted.len() < SHORTEST || !wanted.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(missing(format!(
            "`{id}` is not a snapshot id of at least {SHORTEST} hexadecimal digits"
        )));
    }
    let mut fitting = files.iter().filter(|file| file.id.to_hex().as_str().starts_with(&wanted));
    match (fitting.next(), fitting.next()) {
        (Some(file), None) => Ok(file),
        (Some(_), Some(_)) => Err(missing(format!("several snapshots have ids that begin with `{id}`"))),
        (None, _) => Err(missing(format!("no snapshot has the id `{id}`"))),
    }
}
