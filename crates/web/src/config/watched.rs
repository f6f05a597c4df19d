//! A value that is made from files, and made again when one of them changes.
//!
//! Whether a file changed is seen from what the system says of it, without reading. A change within the same tick of
//! the clock cannot be seen so; hence a file that was changed just before it was read is read again each time, until it
//! is old enough.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::ConfigError;

/// A file is old enough when its last change is longer ago than any file system's clock is coarse.
const SETTLED: Duration = Duration::from_secs(3);

/// A value that is made from files.
#[derive(Debug)]
pub(super) struct Watched<T>(Mutex<State<T>>);

#[derive(Debug)]
struct State<T> {
    seen: Option<(Files, Arc<T>)>,
    /// The last error that was logged, so that each is logged once.
    said: Option<ConfigError>,
}

/// Files as they were read.
#[derive(Debug, Default)]
pub(super) struct Files(Vec<Read>);

#[derive(Debug)]
struct Read {
    path: PathBuf,
    stamp: Stamp,
    is_settled: bool,
    content: Vec<u8>,
}

/// What tells one state of a file from another.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl<T> Default for Watched<T> {
    fn default() -> Self {
        Self(Mutex::new(State { seen: None, said: None }))
    }
}

impl<T> Watched<T> {
    /// The value, when it is certain that its files have not changed.
    pub(super) fn fresh(&self) -> Option<Arc<T>> {
        let state = self.lock();
        let (files, value) = state.seen.as_ref()?;
        files.are_unchanged().then(|| Arc::clone(value))
    }

    /// Makes the value; the one there was is kept when it is made from the same bytes. Blocks.
    pub(super) fn read(
        &self,
        make: impl FnOnce(&mut Files) -> Result<T, ConfigError>,
    ) -> Result<Arc<T>, ConfigError> {
        let mut files = Files::default();
        let made = make(&mut files);
        let mut state = self.lock();
        // An error is looked at again each time.
        let before = state.seen.take();
        let value = match before {
            Some((before, value)) if made.is_ok() && before.have_content_of(&files) => value,
            _ => Arc::new(made?),
        };
        state.seen = Some((files, Arc::clone(&value)));
        Ok(value)
    }

    /// Logs an error, unless it is the one that was logged last.
    pub(super) fn say(&self, read: Result<Arc<T>, ConfigError>) -> Option<Arc<T>> {
        let mut state = self.lock();
        match read {
            Ok(value) => {
                if state.said.take().is_some() {
                    tracing::info!("the web configuration can be used again");
                }
                Some(value)
            }
            Err(error) => {
                if state.said.as_ref() != Some(&error) {
                    tracing::error!("{error}; requests and handshakes that need it are refused");
                    state.said = Some(error);
                }
                None
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Files {
    /// Reads a file, and remembers that what is made depends on it.
    pub(super) fn read(&mut self, path: &Path) -> io::Result<&[u8]> {
        // Looked at before: what is written in between is then seen as a change.
        let stamp = Stamp::of(path)?;
        let content = std::fs::read(path)?;
        let is_settled = stamp.is_settled(SystemTime::now());
        self.0.push(Read { path: path.to_owned(), stamp, is_settled, content });
        Ok(self.0.last().map_or(&[], |read| &read.content))
    }

    fn are_unchanged(&self) -> bool {
        self.0.iter().all(|read| read.is_settled && Stamp::of(&read.path).is_ok_and(|now| now == read.stamp))
    }

    fn have_content_of(&self, other: &Files) -> bool {
        let content = |files: &Files| -> Vec<_> {
            files.0.iter().map(|read| (read.path.clone(), read.content.clone())).collect()
        };
        content(self) == content(other)
    }
}

impl Stamp {
    fn of(path: &Path) -> io::Result<Self> {
        let file = std::fs::metadata(path)?;
        Ok(Self {
            device: file.dev(),
            inode: file.ino(),
            bytes: file.size(),
            modified: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
        })
    }

    fn is_settled(&self, now: SystemTime) -> bool {
        let last = self.modified.0.max(self.changed.0);
        let last = UNIX_EPOCH + Duration::from_secs(u64::try_from(last).unwrap_or_default());
        now.duration_since(last).is_ok_and(|ago| ago > SETTLED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    fn text(watched: &Watched<String>, path: &Path) -> Arc<String> {
        let make = |files: &mut Files| {
            Ok(String::from_utf8_lossy(files.read(path).map_err(|_| unreadable())?).into_owned())
        };
        watched.fresh().unwrap_or_else(|| watched.read(make).unwrap())
    }

    fn unreadable() -> ConfigError {
        ConfigError::Syntax { config: PathBuf::new(), reason: String::new() }
    }

    #[test]
    fn each_change_is_seen_though_the_size_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let watched = Watched::default();
        for n in 0..100 {
            std::fs::write(&path, format!("{:03}", n)).unwrap();
            assert_eq!(*text(&watched, &path), format!("{:03}", n));
        }
    }

    #[test]
    fn the_same_bytes_keep_the_value() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let watched = Watched::default();
        std::fs::write(&path, "same").unwrap();
        let first = text(&watched, &path);
        std::fs::write(&path, "same").unwrap();
        assert!(Arc::ptr_eq(&first, &text(&watched, &path)));
    }

    #[test]
    fn what_is_old_enough_is_not_read_again_and_what_is_young_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "x").unwrap();
        let stamp = Stamp::of(&path).unwrap();
        let now = SystemTime::now();
        assert!(!stamp.is_settled(now));
        assert!(stamp.is_settled(now + 2 * SETTLED));
        let mut files = Files::default();
        files.read(&path).unwrap();
        assert!(!files.are_unchanged());
        files.0[0].is_settled = true;
        assert!(files.are_unchanged());
        std::fs::write(&path, "xy").unwrap();
        assert!(!files.are_unchanged());
        std::fs::remove_file(&path).unwrap();
        assert!(!files.are_unchanged());
    }

    #[test]
    fn an_error_is_not_kept() {
        let watched: Watched<String> = Watched::default();
        watched.read(|_| Err(unreadable())).unwrap_err();
        assert!(watched.fresh().is_none());
        assert!(watched.say(Err(unreadable())).is_none());
        let value = watched.read(|_| Ok("x".to_owned()));
        assert_eq!(*watched.say(value).unwrap(), "x");
    }
}
