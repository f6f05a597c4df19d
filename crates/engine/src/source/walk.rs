//! The walk over the source: ancestors, the named folder or file itself, everything below it.

use super::reader::Unopened;
use super::{Source, Tally};
use crate::cancel::Stop;
use crate::error::Fault;
use crate::progress::Meter;
use domain::report::FailureReason;
use ignore::{DirEntry, Walk, WalkBuilder};
use rustic_core::repofile::Node;
use rustic_core::{LocalSourceSaveOptions, ReadSourceEntry, RusticResult};
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Everything below `root` and itself, in the order of restic's trees, following no link and leaving out nothing.
pub(super) fn walker(root: &Path) -> Walk {
    WalkBuilder::new(root).standard_filters(false).follow_links(false).sort_by_file_path(Path::cmp).build()
}

/// The iterator rustic_core takes entries from.
pub(crate) struct Entries {
    ancestors: VecDeque<PathBuf>,
    walk: Walk,
    named: PathBuf,
    real: PathBuf,
    stop: Arc<Stop>,
    meter: Arc<Meter>,
    tally: Arc<Tally>,
}

impl Entries {
    pub(super) fn new(source: &Source) -> Self {
        let mut ancestors: VecDeque<PathBuf> = VecDeque::new();
        for ancestor in source.named.ancestors().skip(1).filter(|path| path.file_name().is_some()) {
            ancestors.push_front(ancestor.to_owned());
        }
        Self {
            ancestors,
            walk: walker(&source.real),
            named: source.named.clone(),
            real: source.real.clone(),
            stop: source.stop.clone(),
            meter: source.meter.clone(),
            tally: source.tally.clone(),
        }
    }

    fn ancestor(&self, named: PathBuf) -> Option<ReadSourceEntry<Unopened>> {
        let real = match std::fs::canonicalize(&named) {
            Ok(real) => real,
            Err(error) => {
                self.tally.skip(&named, error);
                return None;
            }
        };
        match WalkBuilder::new(&real).standard_filters(false).max_depth(Some(0)).build().next()? {
            Ok(entry) => self.describe(entry, named),
            Err(error) => {
                self.tally.skip(&named, error);
                None
            }
        }
    }

    /// The path as the user would name it.
    fn named(&self, real: &Path) -> PathBuf {
        match real.strip_prefix(&self.real) {
            Ok(below) if below.as_os_str().is_empty() => self.named.clone(),
            Ok(below) => self.named.join(below),
            Err(_) => real.to_owned(),
        }
    }

    fn describe(&self, entry: DirEntry, named: PathBuf) -> Option<ReadSourceEntry<Unopened>> {
        let real = entry.path().to_owned();
        let mut node = match LocalSourceSaveOptions::default().map_entry(entry) {
            Ok(mapped) => mapped.node,
            Err(error) => {
                // The error keeps its cause to itself, so ask again: what has vanished is not missing.
                match std::fs::symlink_metadata(&real) {
                    Err(cause) => self.tally.skip_unless_gone(&named, &cause),
                    Ok(_) => self.tally.skip(&named, error),
                }
                return None;
            }
        };
        if node.meta.extended_attributes.is_empty() {
            self.account_for_attributes(&real, &named);
        }
        // The last part of a path that leads over a link is another name than that of what it leads to.
        if let Some(name) = named.file_name()
            && node.name() != name
        {
            node = Node::new_node(name, node.node_type, node.meta);
        }
        if !node.is_dir() {
            self.tally.emitted();
            self.meter.add(1, 0);
        }
        let open = Unopened {
            file: real,
            named: named.clone(),
            is_root: named == self.named,
            stop: self.stop.clone(),
            meter: self.meter.clone(),
            tally: self.tally.clone(),
        };
        Some(ReadSourceEntry { path: named, node, open: Some(open) })
    }

    /// rustic_core stores no attributes at all when one of them cannot be read, and only logs it.
    fn account_for_attributes(&self, real: &Path, named: &Path) {
        match xattr::list(real).map(|mut names| names.next()) {
            Ok(None) => {}
            Ok(Some(name)) => {
                if let Err(error) = xattr::get(real, &name) {
                    self.tally.skip(named, format!("its extended attributes cannot be read: {error}"));
                }
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::NotFound) => {}
            Err(error) => {
                self.tally.skip(named, format!("its extended attributes cannot be listed: {error}"))
            }
        }
    }

    fn unreadable(&self, error: &ignore::Error) {
        let named = self.named(path_of(error).unwrap_or(&self.real));
        if named == self.named {
            // The folder itself: a snapshot without its content would look like data loss that was wanted.
            self.stop.trip(Fault::new(FailureReason::SourceUnreadable, error.to_string()));
            return;
        }
        match error.io_error() {
            Some(cause) => self.tally.skip_unless_gone(&named, cause),
            None => self.tally.skip(&named, error),
        }
    }
}

impl Iterator for Entries {
    type Item = RusticResult<ReadSourceEntry<Unopened>>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            // A walk that ends early never becomes a snapshot, because the storage takes no more writes either.
            if self.stop.is_stopped() {
                return None;
            }
            if let Some(named) = self.ancestors.pop_front() {
                if let Some(entry) = self.ancestor(named) {
                    return Some(Ok(entry));
                }
                continue;
            }
            match self.walk.next()? {
                // The root of the file system has no name, so trees have no place for it.
                Ok(entry) if entry.depth() == 0 && self.named.file_name().is_none() => {}
                Ok(entry) => {
                    let named = self.named(entry.path());
                    if let Some(entry) = self.describe(entry, named) {
                        return Some(Ok(entry));
                    }
                }
                Err(error) => self.unreadable(&error),
            }
        }
    }
}

fn path_of(error: &ignore::Error) -> Option<&Path> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => path_of(err),
        ignore::Error::Loop { child, .. } => Some(child),
        ignore::Error::Partial(errors) => errors.iter().find_map(path_of),
        _ => None,
    }
}
