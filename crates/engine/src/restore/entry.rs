//! Files, folders and links of the target, reached from an open folder only.
//!
//! Nothing here takes a path apart from the root: every name is looked up in an open folder without following
//! links, so that a link in the target, even one that is put there meanwhile, leads nothing astray.

use crate::cancel::Stop;
use crate::error::Fault;
use domain::report::FailureReason;
use rustic_core::repofile::{Metadata, Node, NodeType};
use rustix::fd::{AsFd, AsRawFd as _};
use rustix::fs::{self, AtFlags, CWD, FileType, Gid, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT, Uid};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::{Component, Path, PathBuf};
use xattr::FileExt as _;

const FOLDER: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// How names of files in the making begin.
const DRAFT: &str = ".stash-restore-";

/// An open folder.
pub(super) struct Directory(File);

impl Directory {
    /// Opens a folder by its path, and makes it and those above it when they are missing.
    pub(super) fn create_all(path: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(path)?;
        Ok(Self(fs::openat(CWD, path, FOLDER, Mode::empty())?.into()))
    }

    pub(super) fn reopen(&self) -> io::Result<Self> {
        Ok(Self(self.0.try_clone()?))
    }

    /// Opens the folder `name`, and makes it when it is missing or something else.
    pub(super) fn enter(&self, name: &OsStr) -> io::Result<Self> {
        let open = || fs::openat(&self.0, name, FOLDER, Mode::empty());
        let opened = match open() {
            Err(Errno::NOENT) => fs::mkdirat(&self.0, name, Mode::RWXU).and_then(|()| open()),
            Err(Errno::NOTDIR | Errno::LOOP) => fs::unlinkat(&self.0, name, AtFlags::empty())
                .and_then(|()| fs::mkdirat(&self.0, name, Mode::RWXU))
                .and_then(|()| open()),
            other => other,
        };
        Ok(Self(opened?.into()))
    }

    /// Begins a file, link or special file that will have the name `name`.
    pub(super) fn draft<'a>(&'a self, name: &'a OsStr, node: &Node) -> io::Result<Draft<'a>> {
        let mut number = std::process::id();
        loop {
            let made_as = OsString::from(format!("{DRAFT}{number}"));
            match self.make(&made_as, node) {
                Ok(file) => return Ok(Draft { directory: self, made_as, name, file }),
                // Left behind by a restore that was killed.
                Err(Errno::EXIST) => number = number.wrapping_add(1),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn make(&self, name: &OsStr, node: &Node) -> Result<Option<File>, Errno> {
        let special = |kind, device| fs::mknodat(&self.0, name, kind, Mode::RUSR | Mode::WUSR, device);
        match &node.node_type {
            NodeType::File => {
                let flags =
                    OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                return Ok(Some(fs::openat(&self.0, name, flags, Mode::RUSR | Mode::WUSR)?.into()));
            }
            NodeType::Symlink { .. } => fs::symlinkat(node.node_type.to_link(), &self.0, name)?,
            NodeType::Dev { device } => special(FileType::BlockDevice, *device)?,
            NodeType::Chardev { device } => special(FileType::CharacterDevice, *device)?,
            NodeType::Fifo => special(FileType::Fifo, 0)?,
            NodeType::Socket => special(FileType::Socket, 0)?,
            NodeType::Dir => return Err(Errno::ISDIR),
        }
        Ok(None)
    }

    /// Makes `name` another name of the file `at`, which is below `root`.
    pub(super) fn link(&self, root: &Directory, at: &Path, name: &OsStr) -> io::Result<()> {
        let mut folder = root.reopen()?;
        let mut parts = at.components().filter_map(|component| match component {
            Component::Normal(part) => Some(part),
            _ => None,
        });
        let last = parts.next_back().ok_or(io::ErrorKind::InvalidInput)?;
        for part in parts {
            folder = Self(fs::openat(&folder.0, part, FOLDER, Mode::empty())?.into());
        }
        let mut number = std::process::id();
        let made_as = loop {
            let made_as = OsString::from(format!("{DRAFT}{number}"));
            match fs::linkat(&folder.0, last, &self.0, &made_as, AtFlags::empty()) {
                Ok(()) => break made_as,
                Err(Errno::EXIST) => number = number.wrapping_add(1),
                Err(error) => return Err(error.into()),
            }
        };
        Draft { directory: self, made_as, name, file: None }.publish()
    }

    /// Sets what a snapshot knows about this folder; returns what could not be set.
    pub(super) fn set_metadata(&self, node: &Node) -> Vec<String> {
        set_on_file(&self.0, node)
    }

    /// Waits until everything that was written to this file system is durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        Ok(fs::syncfs(&self.0)?)
    }
}

/// A file that is not yet seen under its name. It disappears unless it is published.
pub(super) struct Draft<'a> {
    directory: &'a Directory,
    made_as: OsString,
    name: &'a OsStr,
    file: Option<File>,
}

impl Draft<'_> {
    pub(super) fn file(&self) -> Result<&File, Fault> {
        self.file.as_ref().ok_or_else(|| Fault::new(FailureReason::Internal, "a special file has no content"))
    }

    /// Sets what a snapshot knows about this file; returns what could not be set.
    pub(super) fn set_metadata(&self, node: &Node) -> Vec<String> {
        match &self.file {
            Some(file) => set_on_file(file, node),
            None => self.set_on_name(node),
        }
    }

    /// Puts it in the place of whatever has its name.
    pub(super) fn publish(self) -> io::Result<()> {
        let folder = &self.directory.0;
        let rename = || fs::renameat(folder, &self.made_as, folder, self.name);
        match rename() {
            Err(Errno::ISDIR | Errno::NOTEMPTY | Errno::EXIST) => {
                // Only an empty folder makes way: what is in others is not in the snapshot, and stays.
                fs::unlinkat(folder, self.name, AtFlags::REMOVEDIR)?;
                rename()?;
            }
            other => other?,
        }
        Ok(())
    }

    /// Links and special files cannot be opened, so they are reached by name in the open folder.
    fn set_on_name(&self, node: &Node) -> Vec<String> {
        let (folder, name, meta) = (&self.directory.0, &self.made_as, &node.meta);
        let mut problems = Vec::new();
        let owned = fs::chownat(
            folder,
            name,
            meta.uid.map(Uid::from_raw),
            meta.gid.map(Gid::from_raw),
            AtFlags::SYMLINK_NOFOLLOW,
        );
        note(&mut problems, "owner", owned);
        let path = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd())).join(name);
        for attribute in &meta.extended_attributes {
            let value = attribute.value.as_deref().unwrap_or_default();
            note(&mut problems, &attribute.name, xattr::set(&path, &attribute.name, value));
        }
        if let (Some(mode), false) = (meta.mode, node.is_symlink()) {
            note(&mut problems, "mode", fs::chmodat(folder, name, from_go(mode), AtFlags::empty()));
        }
        let times = times(meta);
        note(&mut problems, "times", fs::utimensat(folder, name, &times, AtFlags::SYMLINK_NOFOLLOW));
        problems
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        // Gone already when it was published, unless both names were links to one file, which renames nothing.
        let _ = fs::unlinkat(&self.directory.0, &self.made_as, AtFlags::empty());
    }
}

/// Owner first, since changing it clears mode bits and attributes; times last, since all else changes them.
fn set_on_file(file: &File, node: &Node) -> Vec<String> {
    let meta = &node.meta;
    let mut problems = Vec::new();
    let (uid, gid) = (meta.uid.map(Uid::from_raw), meta.gid.map(Gid::from_raw));
    note(&mut problems, "owner", fs::fchown(file.as_fd(), uid, gid));
    for attribute in &meta.extended_attributes {
        let value = attribute.value.as_deref().unwrap_or_default();
        note(&mut problems, &attribute.name, file.set_xattr(&attribute.name, value));
    }
    // restic leaves a mode of 0 out, which only a plain file can have: all others have a bit for their type.
    let mode = meta.mode.or_else(|| node.is_file().then_some(0));
    if let Some(mode) = mode {
        note(&mut problems, "mode", fs::fchmod(file.as_fd(), from_go(mode)));
    }
    note(&mut problems, "times", fs::futimens(file.as_fd(), &times(meta)));
    problems
}

fn note<E: std::fmt::Display>(problems: &mut Vec<String>, what: &str, result: Result<(), E>) {
    if let Err(error) = result {
        problems.push(format!("its {what} cannot be set: {error}"));
    }
}

/// restic stores modes as Go writes them (`io/fs.FileMode`): the permission bits are those of POSIX, the others
/// are not.
fn from_go(mode: u32) -> Mode {
    let mut posix = Mode::from_raw_mode(mode & 0o777);
    for (bit, flag) in [(1 << 23, Mode::SUID), (1 << 22, Mode::SGID), (1 << 20, Mode::SVTX)] {
        if mode & bit != 0 {
            posix |= flag;
        }
    }
    posix
}

fn times(meta: &Metadata) -> Timestamps {
    let spec = |time: Option<jiff::Timestamp>| match time {
        None => Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        Some(time) => {
            let nanoseconds = time.as_nanosecond();
            Timespec {
                tv_sec: i64::try_from(nanoseconds.div_euclid(1_000_000_000)).unwrap_or_default(),
                tv_nsec: i64::try_from(nanoseconds.rem_euclid(1_000_000_000)).unwrap_or_default(),
            }
        }
    };
    Timestamps { last_access: spec(meta.atime), last_modification: spec(meta.mtime) }
}

/// A write that failed. When no other write can succeed either, it ends the restore.
pub(super) fn unwritable(stop: &Stop, path: &Path, error: &io::Error) -> Fault {
    let fault =
        Fault::new(FailureReason::TargetUnwritable, format!("cannot write {}: {error}", path.display()));
    let kind = error.kind();
    if matches!(
        kind,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::ReadOnlyFilesystem
    ) {
        stop.trip(fault.clone());
    }
    fault
}
