//! A repository in a folder, in the layout of restic's local backend.
//!
//! Source of the layout: restic's `doc/design.rst`, "Repository Layout". Files appear under their final name only
//! when their content is on disk: they are written beside it, synchronised and renamed.

use super::{Found, Store, name};
use crate::error::Fault;
use bytes::Bytes;
use domain::report::FailureReason;
use rustic_core::{FileType, Id};
use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _};
use std::path::{Path, PathBuf};

/// restic's folder for locks, of which rustic_core knows nothing.
const LOCKS: &str = "locks";
const FOLDERS: [FileType; 4] = [FileType::Pack, FileType::Index, FileType::Key, FileType::Snapshot];

/// A folder that is, or becomes, a repository.
pub(crate) struct Local {
    root: PathBuf,
}

impl Local {
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    fn folder(&self, tpe: FileType, id: &Id) -> PathBuf {
        match tpe {
            FileType::Config => self.root.clone(),
            FileType::Pack => {
                let hex = id.to_hex();
                let prefix: String = hex.as_str().chars().take(2).collect();
                self.root.join(tpe.dirname()).join(prefix)
            }
            FileType::Index | FileType::Key | FileType::Snapshot => self.root.join(tpe.dirname()),
        }
    }

    fn path(&self, tpe: FileType, id: &Id) -> PathBuf {
        match tpe {
            FileType::Config => self.root.join(tpe.dirname()),
            _ => self.folder(tpe, id).join(id.to_hex().as_str()),
        }
    }

    /// A missing file of a repository that is there is damage; a missing repository is not.
    fn fault(&self, action: &str, tpe: FileType, id: &Id, error: &io::Error) -> Fault {
        let object = name(tpe, id);
        if error.kind() == ErrorKind::NotFound {
            return if self.root.join("config").exists() {
                Fault::new(
                    FailureReason::RepositoryDamaged,
                    format!("cannot {action} {object}: it is missing"),
                )
            } else {
                Fault::new(FailureReason::RepositoryMissing, "the folder holds no repository any more")
            };
        }
        Fault::new(classify(error), format!("cannot {action} {object}: {error}"))
    }

    fn list_folder(&self, folder: &Path, into: &mut Vec<(Id, u64)>) -> Result<(), Fault> {
        let entries = fs::read_dir(folder).map_err(|error| listing(folder, &error))?;
        for entry in entries {
            let entry = entry.map_err(|error| listing(folder, &error))?;
            // Anything that is not named by a hash is not restic's: files in the making, for instance.
            let Some(id) = entry.file_name().to_str().and_then(parse_id) else { continue };
            match entry.metadata() {
                Ok(metadata) if metadata.is_file() => into.push((id, metadata.len())),
                Ok(_) => {}
                // Another process may remove files while this one lists them.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(listing(folder, &error)),
            }
        }
        Ok(())
    }

    fn pack_folders(&self) -> Result<Vec<PathBuf>, Fault> {
        let data = self.root.join(FileType::Pack.dirname());
        let mut folders = Vec::new();
        for entry in fs::read_dir(&data).map_err(|error| listing(&data, &error))? {
            let entry = entry.map_err(|error| listing(&data, &error))?;
            let file_name = entry.file_name();
            let two_digits = file_name
                .to_str()
                .is_some_and(|name| name.len() == 2 && name.bytes().all(|byte| byte.is_ascii_hexdigit()));
            if two_digits {
                folders.push(entry.path());
            }
        }
        Ok(folders)
    }

    fn write_beside(&self, folder: &Path, target: &Path, tpe: FileType, content: &[Bytes]) -> io::Result<()> {
        let prefix = target.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        // Dropping it removes it, so that a failed write leaves nothing behind.
        let mut draft = tempfile::Builder::new().prefix(&format!("{prefix}-tmp-")).tempfile_in(folder)?;
        for part in content {
            draft.write_all(part)?;
        }
        draft.as_file().sync_all()?;
        if tpe == FileType::Config {
            // Two processes that create a repository in one place at a time must not end up with two keys.
            draft.persist_noclobber(target).map_err(|error| error.error)?;
        } else {
            draft.persist(target).map_err(|error| error.error)?;
        }
        File::open(folder)?.sync_all()
    }
}

impl Store for Local {
    fn find(&self) -> Result<Found, Fault> {
        match fs::metadata(&self.root) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(error) if error.kind() == ErrorKind::NotADirectory => {
                return Ok(Found::Foreign("a part of the path is a file".to_owned()));
            }
            Err(error) => return Err(listing(&self.root, &error)),
            Ok(metadata) if !metadata.is_dir() => {
                return Ok(Found::Foreign("the path is a file, not a folder".to_owned()));
            }
            Ok(_) => {}
        }
        let mut skeleton = false;
        let mut foreign = None;
        for entry in fs::read_dir(&self.root).map_err(|error| listing(&self.root, &error))? {
            let entry = entry.map_err(|error| listing(&self.root, &error))?;
            let file_name = entry.file_name();
            match file_name.to_str() {
                Some("config") if entry.path().is_file() => return Ok(Found::Repository),
                // A new ext4 volume is not quite empty.
                Some("lost+found") => {}
                Some(LOCKS) => skeleton = true,
                Some(known) if FOLDERS.iter().any(|tpe| tpe.dirname() == known) => skeleton = true,
                Some(draft) if draft.starts_with("config-tmp-") => skeleton = true,
                _ => foreign = Some(file_name.to_string_lossy().into_owned()),
            }
        }
        if let Some(foreign) = foreign {
            return Ok(Found::Foreign(format!("the folder has no file `config`, but `{foreign}`")));
        }
        if !skeleton {
            return Ok(Found::Nothing);
        }
        for tpe in [FileType::Pack, FileType::Index, FileType::Snapshot] {
            if self.root.join(tpe.dirname()).exists() && !self.list(tpe)?.is_empty() {
                return Ok(Found::Headless);
            }
        }
        Ok(Found::Skeleton)
    }

    fn create(&self) -> Result<(), Fault> {
        let make = |path: &Path| DirBuilder::new().recursive(true).mode(0o700).create(path);
        let all = || -> io::Result<()> {
            for tpe in FOLDERS {
                make(&self.root.join(tpe.dirname()))?;
            }
            make(&self.root.join(LOCKS))?;
            for prefix in 0..=u8::MAX {
                make(&self.root.join(FileType::Pack.dirname()).join(format!("{prefix:02x}")))?;
            }
            // Keys of an earlier attempt that ended before the configuration was written open nothing, and would
            // be mistaken for the key of this one because they have the same password.
            for entry in fs::read_dir(self.root.join(FileType::Key.dirname()))? {
                fs::remove_file(entry?.path())?;
            }
            File::open(&self.root)?.sync_all()
        };
        all().map_err(|error| {
            Fault::new(classify(&error), format!("cannot create the folders of the repository: {error}"))
        })
    }

    fn list(&self, tpe: FileType) -> Result<Vec<(Id, u64)>, Fault> {
        let mut files = Vec::new();
        match tpe {
            FileType::Config => match fs::metadata(self.root.join(tpe.dirname())) {
                Ok(metadata) => files.push((Id::default(), metadata.len())),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(self.fault("find", tpe, &Id::default(), &error)),
            },
            FileType::Pack => {
                for folder in self.pack_folders()? {
                    self.list_folder(&folder, &mut files)?;
                }
            }
            FileType::Index | FileType::Key | FileType::Snapshot => {
                self.list_folder(&self.root.join(tpe.dirname()), &mut files)?;
            }
        }
        Ok(files)
    }

    fn read(&self, tpe: FileType, id: &Id) -> Result<Bytes, Fault> {
        fs::read(self.path(tpe, id)).map(Bytes::from).map_err(|error| self.fault("read", tpe, id, &error))
    }

    fn read_at(&self, tpe: FileType, id: &Id, offset: u64, length: usize) -> Result<Bytes, Fault> {
        let file = File::open(self.path(tpe, id)).map_err(|error| self.fault("read", tpe, id, &error))?;
        let mut content = vec![0; length];
        file.read_exact_at(&mut content, offset).map_err(|error| {
            if error.kind() == ErrorKind::UnexpectedEof {
                Fault::new(
                    FailureReason::RepositoryDamaged,
                    format!("{} ends before byte {}", name(tpe, id), offset.saturating_add(length as u64)),
                )
            } else {
                self.fault("read", tpe, id, &error)
            }
        })?;
        Ok(content.into())
    }

    fn write(&self, tpe: FileType, id: &Id, content: &[Bytes]) -> Result<(), Fault> {
        let folder = self.folder(tpe, id);
        let target = self.path(tpe, id);
        let written = match self.write_beside(&folder, &target, tpe, content) {
            // Repositories that other programs made need not have all 256 folders.
            Err(error) if error.kind() == ErrorKind::NotFound && tpe == FileType::Pack => DirBuilder::new()
                .mode(0o700)
                .create(&folder)
                .and_then(|()| self.write_beside(&folder, &target, tpe, content)),
            other => other,
        };
        written.map_err(|error| self.fault("write", tpe, id, &error))
    }

    fn remove(&self, tpe: FileType, id: &Id) -> Result<(), Fault> {
        match fs::remove_file(self.path(tpe, id)) {
            // Somebody else was quicker; that it is gone is all that was wanted.
            Err(error) if error.kind() == ErrorKind::NotFound && self.root.join("config").exists() => Ok(()),
            other => other.map_err(|error| self.fault("remove", tpe, id, &error)),
        }
    }

    fn size(&self) -> Result<u64, Fault> {
        let mut total: u64 = 0;
        for tpe in [FileType::Config, FileType::Key, FileType::Snapshot, FileType::Index, FileType::Pack] {
            total = self.list(tpe)?.iter().fold(total, |sum, (_, size)| sum.saturating_add(*size));
        }
        Ok(total)
    }
}

fn parse_id(name: &str) -> Option<Id> {
    let hex = name.len() == 64 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if hex { name.parse().ok() } else { None }
}

fn listing(folder: &Path, error: &io::Error) -> Fault {
    let reason = match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => FailureReason::RepositoryDamaged,
        _ => classify(error),
    };
    Fault::new(reason, format!("cannot list the folder {}: {error}", folder.display()))
}

/// What an error of the file system means for the storage as a whole.
fn classify(error: &io::Error) -> FailureReason {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            FailureReason::StorageFull
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => FailureReason::StorageDenied,
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => FailureReason::NotARepository,
        ErrorKind::NotFound => FailureReason::RepositoryMissing,
        _ => FailureReason::StorageUnreachable,
    }
}
