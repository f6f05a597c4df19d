//! The catalogue of a Repository: what snapshots it holds, as whoever worked in it last has seen them.
//!
//! Who backs up, checks or forgets has the repository open and its password at hand; the operator has neither, and never
//! touches a backend. So the list is left in the Repository's namespace, as a ConfigMap that goes with the Repository, and
//! the Snapshots of the API are read from there. It is compressed: an id is 64 random digits, and a list of ten thousand
//! snapshots must fit into one object.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

mod object;

pub use object::{config_map, listed_at, of, repository_of};

/// What a packed catalogue may have at most: an object of Kubernetes may have 1 MiB, in base64 where it is JSON, and the
/// API server counts the stored bytes.
pub const MAX_PACKED: usize = 900 * 1024;
/// What is unpacked of one at most. Others can write ConfigMaps, too.
pub const MAX_UNPACKED: usize = 32 * 1024 * 1024;
/// Snapshots of one at most.
pub const MAX_RECORDS: usize = 100_000;

/// One snapshot.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Record {
    /// 64 hexadecimal digits in lower case.
    #[serde(rename = "i")]
    pub id: String,
    /// When the backup began.
    #[serde(rename = "c")]
    pub time: Timestamp,
    /// Id of its root tree.
    #[serde(rename = "r")]
    pub tree: String,
    /// The paths that were backed up.
    #[serde(rename = "p", default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    /// Host it was made on.
    #[serde(rename = "h", default, skip_serializing_if = "String::is_empty")]
    pub hostname: String,
    /// User that made it.
    #[serde(rename = "n", default, skip_serializing_if = "String::is_empty")]
    pub username: String,
    /// Number of that user.
    #[serde(rename = "u", default, skip_serializing_if = "is_zero")]
    pub uid: u32,
    /// Number of that user's group.
    #[serde(rename = "g", default, skip_serializing_if = "is_zero")]
    pub gid: u32,
    /// Its tags.
    #[serde(rename = "t", default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Bytes of the files in it, where whoever made it has said so.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The snapshots of one repository at one time.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Catalogue {
    /// When they were listed.
    #[serde(rename = "at")]
    pub listed: Timestamp,
    /// How many older ones are not in it, since it would have been too large.
    #[serde(rename = "left", default)]
    pub left_out: u64,
    /// The snapshots, oldest first.
    #[serde(rename = "snapshots", default)]
    pub records: Vec<Record>,
}

/// Why a catalogue cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogueError {
    /// It is not gzip, or cut off.
    #[error("it cannot be unpacked: {0}")]
    Packed(std::io::Error),
    /// It is not what we write.
    #[error("it is not a list of snapshots: {0}")]
    Content(serde_json::Error),
    /// It is larger than any that we write.
    #[error("it is too large: more than {MAX_UNPACKED} bytes, or more than {MAX_RECORDS} snapshots")]
    TooLarge,
    /// Two have one id, or one has none.
    #[error("`{0}` is not the id of one snapshot")]
    Id(String),
    /// The object has no list in it.
    #[error("the key `{0}` is missing")]
    Missing(&'static str),
}

impl Catalogue {
    /// Packs the list; of too many snapshots, the newest.
    ///
    /// # Errors
    /// [`CatalogueError::Content`] and [`CatalogueError::Packed`] are defects of ours.
    pub fn encode(&self, max: usize) -> Result<Vec<u8>, CatalogueError> {
        let (mut kept, mut json) = (self.records.len().min(MAX_RECORDS), Vec::new());
        loop {
            let left_out = (self.records.len() - kept) as u64;
            let records = self.records.get(self.records.len() - kept..).unwrap_or_default();
            let part = Part { listed: self.listed, left_out: self.left_out + left_out, records };
            json.clear();
            serde_json::to_writer(&mut json, &part).map_err(CatalogueError::Content)?;
            if json.len() <= MAX_UNPACKED {
                let packed = pack(&json).map_err(CatalogueError::Packed)?;
                if packed.len() <= max || kept == 0 {
                    return Ok(packed);
                }
                // Ids do not compress, so the length is nearly proportional to the number.
                let fitting = kept.saturating_mul(max) / packed.len();
                kept = fitting.min(kept - 1) * 19 / 20;
            } else {
                kept /= 2;
            }
        }
    }

    /// Reads what [`Self::encode`] has written, whoever wrote it.
    ///
    /// # Errors
    /// [`CatalogueError`].
    pub fn decode(packed: &[u8]) -> Result<Self, CatalogueError> {
        let mut json = Vec::new();
        let limit = MAX_UNPACKED as u64 + 1;
        GzDecoder::new(packed).take(limit).read_to_end(&mut json).map_err(CatalogueError::Packed)?;
        if json.len() > MAX_UNPACKED {
            return Err(CatalogueError::TooLarge);
        }
        let mut catalogue: Self = serde_json::from_slice(&json).map_err(CatalogueError::Content)?;
        if catalogue.records.len() > MAX_RECORDS {
            return Err(CatalogueError::TooLarge);
        }
        if let Some(record) = catalogue.records.iter().find(|record| !is_id(&record.id)) {
            return Err(CatalogueError::Id(record.id.chars().take(64).collect()));
        }
        catalogue.records.sort_by(|a, b| a.time.cmp(&b.time).then_with(|| a.id.cmp(&b.id)));
        let mut ids: Vec<&str> = catalogue.records.iter().map(|record| record.id.as_str()).collect();
        ids.sort_unstable();
        if let Some(twice) = ids.windows(2).find(|pair| pair.first() == pair.last()) {
            return Err(CatalogueError::Id(twice.concat().chars().take(64).collect()));
        }
        Ok(catalogue)
    }
}

/// A catalogue that holds only some of the snapshots.
#[derive(Serialize)]
struct Part<'a> {
    #[serde(rename = "at")]
    listed: Timestamp,
    #[serde(rename = "left")]
    left_out: u64,
    #[serde(rename = "snapshots")]
    records: &'a [Record],
}

/// Whether the text is a whole id: 64 hexadecimal digits in lower case.
#[must_use]
pub fn is_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

fn pack(json: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    packer.write_all(json)?;
    packer.finish()
}

#[cfg(test)]
mod tests;
