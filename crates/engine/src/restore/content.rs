//! The content of one file, blob by blob.

use super::entry::unwritable;
use super::{Indexed, fault_of};
use crate::backend::{id_bytes, name};
use crate::error::Fault;
use crate::verb::Verb;
use domain::report::FailureReason;
use rustic_core::BlobId;
use rustic_core::repofile::{BlobType, FileType, Node};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// Runs of zeroes of this size become holes, as in the sparse file they most likely come from.
const HOLE: usize = 64 * 1024;

/// Writes the content of `node` into the empty `file` and returns its length.
pub(super) fn write_content(
    repository: &Indexed,
    verb: &Verb,
    node: &Node,
    file: &File,
    path: &Path,
) -> Result<u64, Fault> {
    let mut length: u64 = 0;
    for id in node.content.iter().flatten() {
        if verb.stop.is_stopped() {
            return Err(verb.stop.refusal());
        }
        let entry = repository.get_index_entry(id).map_err(|_| {
            let cause = format!("cannot restore {}: blob {id} is in no pack of the index", path.display());
            Fault::new(FailureReason::RepositoryDamaged, cause)
        })?;
        let context = || {
            let pack = name(FileType::Pack, &entry.pack);
            format!("cannot restore {}: blob {id} of {pack}", path.display())
        };
        let blob = repository
            .get_blob_cached(&BlobId::from(**id), BlobType::Data)
            .map_err(|error| fault_of(verb, &error, &context()))?;
        // The index may be wrong about where a blob is; its name is the hash of its content.
        if Sha256::digest(&blob).as_slice() != id_bytes(id).as_slice() {
            let cause = format!("{}: it is another blob than the index says", context());
            return Err(Fault::new(FailureReason::RepositoryDamaged, cause));
        }
        for part in blob.chunks(HOLE) {
            if part.len() < HOLE || part.iter().any(|byte| *byte != 0) {
                file.write_all_at(part, length).map_err(|error| unwritable(&verb.stop, path, &error))?;
            }
            length = length.saturating_add(part.len() as u64);
        }
        verb.meter.add(0, blob.len() as u64);
    }
    // The end may be a hole.
    file.set_len(length).map_err(|error| unwritable(&verb.stop, path, &error))?;
    Ok(length)
}
