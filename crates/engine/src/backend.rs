//! What stands between rustic_core and the storage.
//!
//! rustic_core swallows listing errors, keeps the kind of its errors to itself, goes on reading the source after
//! the storage is full, and knows no cancelling. All of that is put right here, for every kind of storage: errors
//! are classified and remembered before rustic_core sees them, a failed write stops the verb, a stopped verb
//! touches the storage no more, and whole files are compared with the hash that is their name.

pub(crate) mod local;

use crate::cancel::Stop;
use crate::error::Fault;
use bytes::Bytes;
use domain::location::Location;
use domain::report::FailureReason;
use rustic_core::{BytesList, ErrorKind, FileType, Id, ReadBackend, RusticError, RusticResult, WriteBackend};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// What is found at a location.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Found {
    /// Nothing, or an empty folder: a repository can be created.
    Nothing,
    /// What an interrupted creation leaves: restic's folders, without configuration and without data.
    Skeleton,
    /// Something that is not a repository; the text says what.
    Foreign(String),
    /// A repository that has lost its configuration.
    Headless,
    /// A repository.
    Repository,
}

/// One kind of storage, in restic's layout. Implementations report short or partial answers as faults, never as
/// results.
pub(crate) trait Store: Send + Sync + 'static {
    /// What is there.
    fn find(&self) -> Result<Found, Fault>;
    /// Makes the folders of a new repository.
    fn create(&self) -> Result<(), Fault>;
    /// Names and sizes of all files of one type.
    fn list(&self, tpe: FileType) -> Result<Vec<(Id, u64)>, Fault>;
    /// A whole file.
    fn read(&self, tpe: FileType, id: &Id) -> Result<Bytes, Fault>;
    /// Exactly `length` bytes of a file.
    fn read_at(&self, tpe: FileType, id: &Id, offset: u64, length: usize) -> Result<Bytes, Fault>;
    /// A whole file, durable when this returns, never visible in part.
    fn write(&self, tpe: FileType, id: &Id, content: &[Bytes]) -> Result<(), Fault>;
    /// Removes a file.
    fn remove(&self, tpe: FileType, id: &Id) -> Result<(), Fault>;
    /// Bytes of everything that is stored.
    fn size(&self) -> Result<u64, Fault>;
}

/// The storage of a location.
pub(crate) fn store(location: &Location) -> Result<Arc<dyn Store>, Fault> {
    match location {
        Location::Local(path) => Ok(Arc::new(local::Local::new(path))),
        Location::Remote(_) => {
            Err(Fault::new(FailureReason::Unsupported, "its storage is not supported by this build"))
        }
    }
}

/// How messages call a file of a repository.
pub(crate) fn name(tpe: FileType, id: &Id) -> String {
    let kind = match tpe {
        FileType::Config => return "config".to_owned(),
        FileType::Index => "index",
        FileType::Key => "key",
        FileType::Snapshot => "snapshot",
        FileType::Pack => "pack",
    };
    format!("{kind} {}", id.to_hex().as_str())
}

/// A [`Store`] as rustic_core sees it during one verb.
pub(crate) struct Guarded {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) stop: Arc<Stop>,
    pub(crate) location: String,
}

impl Guarded {
    fn allowed(&self) -> RusticResult<()> {
        if self.stop.is_stopped() { Err(refused(&self.stop.refusal())) } else { Ok(()) }
    }

    fn noted<T>(&self, result: Result<T, Fault>) -> RusticResult<T> {
        result.map_err(|fault| {
            let error = refused(&fault);
            self.stop.note(fault);
            error
        })
    }

    fn fatal<T>(&self, result: Result<T, Fault>) -> RusticResult<T> {
        result.map_err(|fault| {
            let error = refused(&fault);
            self.stop.trip(fault);
            error
        })
    }
}

fn refused(fault: &Fault) -> Box<RusticError> {
    RusticError::new(ErrorKind::Backend, fault.cause.clone())
}

impl ReadBackend for Guarded {
    fn location(&self) -> String {
        self.location.clone()
    }

    fn list_with_size(&self, tpe: FileType) -> RusticResult<Vec<(Id, u32)>> {
        self.allowed()?;
        // A list that cannot be had makes every conclusion wrong, the next prune above all.
        let files = self.fatal(self.store.list(tpe))?;
        let sized = files.into_iter().map(|(id, size)| {
            u32::try_from(size).map(|size| (id, size)).map_err(|_| {
                Fault::new(
                    FailureReason::RepositoryDamaged,
                    format!("{} has {size} bytes, more than the format allows", name(tpe, &id)),
                )
            })
        });
        self.fatal(sized.collect())
    }

    fn read_full(&self, tpe: FileType, id: &Id) -> RusticResult<Bytes> {
        self.allowed()?;
        let content = self.noted(self.store.read(tpe, id))?;
        if tpe != FileType::Config && Sha256::digest(&content).as_slice() != id_bytes(id).as_slice() {
            return self.noted(Err(Fault::new(
                FailureReason::RepositoryDamaged,
                format!("the content of {} is not what was written", name(tpe, id)),
            )));
        }
        Ok(content)
    }

    fn read_partial(
        &self,
        tpe: FileType,
        id: &Id,
        _cacheable: bool,
        offset: u32,
        length: u32,
    ) -> RusticResult<Bytes> {
        self.allowed()?;
        self.noted(self.store.read_at(tpe, id, u64::from(offset), length as usize))
    }

    fn warmup_path(&self, tpe: FileType, id: &Id) -> String {
        name(tpe, id)
    }
}

impl WriteBackend for Guarded {
    fn create(&self) -> RusticResult<()> {
        self.allowed()?;
        self.fatal(self.store.create())
    }

    fn write_bytes(&self, tpe: FileType, id: &Id, _cacheable: bool, content: BytesList) -> RusticResult<()> {
        self.allowed()?;
        self.fatal(self.store.write(tpe, id, content.slice()))
    }

    fn remove(&self, tpe: FileType, id: &Id, _cacheable: bool) -> RusticResult<()> {
        self.allowed()?;
        self.fatal(self.store.remove(tpe, id))
    }
}

/// The 32 bytes of an id. rustic_core shows them as hexadecimal digits only.
pub(crate) fn id_bytes(id: &Id) -> Vec<u8> {
    let hex = id.to_hex();
    let digits = hex.as_str().as_bytes();
    digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | nibble(*digit))).collect()
}

fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => digit.wrapping_sub(b'a').wrapping_add(10) & 0x0f,
    }
}
