//! Keep groups over a restart.
//!
//! The file: a first line `{"format":"pushgateway-groups","version":2,"sha256":"<hex>"}` with its LF, then records in
//! the encoding of postcard (<https://postcard.jamesmunns.com/wire-format>), each behind its length in four bytes
//! (little-endian). The checksum is of everything behind the first line. Names, help texts and label values are
//! written once and referred to by number; labels of the grouping key are not repeated on samples; groups come in
//! the order of their keys. Anybody else reads the groups from `/api/v1/metrics`: this file is private.
//!
//! A save writes a temporary file in the same folder, syncs it, renames it over the old one and syncs the folder.

mod record;

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use exposition::GroupingKey;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::Error;
use crate::store::{Group, Store};
use record::{Record, TextReader, TextWriter};

const FORMAT: &str = "pushgateway-groups";
const VERSION: u32 = 2;

#[derive(Deserialize, Serialize)]
struct Header {
    format: String,
    version: u32,
    sha256: String,
}

/// What is known about saves since the start.
#[derive(Clone, Copy, Default)]
pub(crate) struct SaveStats {
    pub(crate) last_save: Option<Timestamp>,
    /// Size of the last save.
    pub(crate) bytes: u64,
    pub(crate) errors: u64,
    pub(crate) damaged: u64,
}

/// Reads and writes the persistence file.
pub(crate) struct Keeper {
    path: Option<PathBuf>,
    stats: Mutex<SaveStats>,
    /// One save at a time, so that an older snapshot never replaces a newer one.
    saving: Mutex<()>,
}

impl Keeper {
    pub(crate) fn new(path: Option<PathBuf>) -> Self {
        Self { path, stats: Mutex::default(), saving: Mutex::default() }
    }

    pub(crate) fn stats(&self) -> SaveStats {
        *self.lock_stats()
    }

    /// Fills `store` from the file, when there is one.
    pub(crate) fn load(&self, store: &mut Store) -> Result<(), Error> {
        let Some(path) = &self.path else { return Ok(()) };
        remove_leftovers(path);
        let mut content = Vec::new();
        let read = File::open(path).and_then(|mut file| file.read_to_end(&mut content));
        match read {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(source) => return Err(Error::Read { path: path.clone(), source }),
            Ok(_) => {}
        }
        match decode(&content) {
            Ok(groups) => {
                store.load(groups);
                tracing::info!(file = %path.display(), groups = store.group_count(), "groups loaded");
                Ok(())
            }
            Err(damage) => self.move_aside(path, &damage),
        }
    }

    fn move_aside(&self, path: &Path, damage: &str) -> Result<(), Error> {
        let aside = unused(path, Timestamp::now().as_second());
        std::fs::rename(path, &aside).map_err(|source| Error::MoveAside {
            path: path.to_owned(),
            aside: aside.clone(),
            source,
        })?;
        self.lock_stats().damaged += 1;
        tracing::error!(
            file = %path.display(), moved_to = %aside.display(),
            "the persistence file is damaged ({damage}); it was moved aside and the gateway starts without groups"
        );
        Ok(())
    }

    /// Writes what `snapshot` returns once no other save is under way, if it returns something.
    pub(crate) fn save(&self, snapshot: impl FnOnce() -> Option<Store>) -> Result<(), Error> {
        let Some(path) = &self.path else { return Ok(()) };
        let _saving = self.saving.lock().unwrap_or_else(PoisonError::into_inner);
        // Before the snapshot: what was answered before this time is in it.
        let began = Timestamp::now();
        let Some(store) = snapshot() else { return Ok(()) };
        let written = write(path, &store);
        let mut stats = self.lock_stats();
        match written {
            Ok(bytes) => {
                stats.last_save = Some(began);
                stats.bytes = bytes;
                Ok(())
            }
            Err(source) => {
                stats.errors += 1;
                Err(Error::Save { path: path.clone(), source })
            }
        }
    }

    fn lock_stats(&self) -> MutexGuard<'_, SaveStats> {
        self.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `<file>.damaged-<time>`, or with the first later time for which there is no such file: none replaces another.
fn unused(path: &Path, time: i64) -> PathBuf {
    let at = |time: i64| {
        let mut aside = path.as_os_str().to_owned();
        aside.push(format!(".damaged-{time}"));
        PathBuf::from(aside)
    };
    (time..).map(at).find(|aside| aside.symlink_metadata().is_err()).unwrap_or_else(|| at(time))
}

/// The folder of the file, and how the names of its temporary files begin.
fn temporary_place(path: &Path) -> (&Path, OsString) {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut prefix = path.file_name().unwrap_or_default().to_owned();
    prefix.push(".in_progress.");
    (folder, prefix)
}

/// Removes the temporary files of processes that were killed during a save. That it fails harms nothing.
fn remove_leftovers(path: &Path) {
    let (folder, prefix) = temporary_place(path);
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().as_encoded_bytes().starts_with(prefix.as_encoded_bytes()) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Writes the file and returns its size in bytes.
fn write(path: &Path, store: &Store) -> std::io::Result<u64> {
    let (folder, prefix) = temporary_place(path);
    // Private to the process (mode 0600), and removed again when anything below fails.
    let temporary = tempfile::Builder::new().prefix(&prefix).tempfile_in(folder)?;
    let mut out = BufWriter::new(temporary.as_file());

    let placeholder = header(&[0; 32])?;
    out.write_all(&placeholder)?;
    let mut checksum = Sha256::new();
    let mut bytes = placeholder.len() as u64;
    let mut groups: Vec<_> = store.groups().collect();
    groups.sort_by_key(|(_, group)| group.id);
    let mut texts = TextWriter::default();
    let mut record = Vec::new();
    for (key, group) in groups {
        let group = texts.group(key, group);
        let fresh = texts.take_fresh();
        for next in fresh.into_iter().map(Record::Text).chain([Record::Group(group)]) {
            record.clear();
            record = postcard::to_extend(&next, record).map_err(std::io::Error::other)?;
            let length = u32::try_from(record.len()).map_err(std::io::Error::other)?.to_le_bytes();
            for part in [&length[..], &record] {
                checksum.update(part);
                out.write_all(part)?;
                bytes += part.len() as u64;
            }
        }
    }
    out.seek(SeekFrom::Start(0))?;
    out.write_all(&header(checksum.finalize().as_slice())?)?;
    out.flush()?;
    drop(out);

    temporary.as_file().sync_all()?;
    temporary.persist(path)?;
    File::open(folder)?.sync_all()?;
    Ok(bytes)
}

/// The first line. Its length does not depend on the checksum.
fn header(checksum: &[u8]) -> std::io::Result<Vec<u8>> {
    let header = Header { format: FORMAT.to_owned(), version: VERSION, sha256: hex(checksum) };
    let mut line = serde_json::to_vec(&header)?;
    line.push(b'\n');
    Ok(line)
}

/// All groups of a file, or what is wrong with it.
fn decode(content: &[u8]) -> Result<Vec<(GroupingKey, Group)>, String> {
    let end = content.iter().position(|byte| *byte == b'\n').ok_or("its first line is cut")?;
    let (first, rest) = content.split_at(end);
    let body = rest.strip_prefix(b"\n").unwrap_or_default();
    let header: Header =
        serde_json::from_slice(first).map_err(|error| format!("its first line is not a header: {error}"))?;
    if header.format != FORMAT || header.version != VERSION {
        return Err(format!("it has format {:?} version {}", header.format, header.version));
    }
    if hex(Sha256::digest(body).as_slice()) != header.sha256 {
        return Err("its checksum does not match".to_owned());
    }
    let mut texts = TextReader::default();
    let mut groups = Vec::new();
    let mut rest = body;
    while let Some((length, behind)) = rest.split_first_chunk() {
        let (record, behind) =
            behind.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or("its last record is cut")?;
        rest = behind;
        match postcard::from_bytes(record).map_err(|error| format!("a record cannot be read: {error}"))? {
            Record::Text(text) => texts.text(text),
            Record::Group(group) => groups.push(texts.group(group)?),
        }
    }
    if rest.is_empty() { Ok(groups) } else { Err("its last record is cut".to_owned()) }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
