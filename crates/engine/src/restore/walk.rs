//! The walk over a snapshot's tree: what to write next, and what to say about what could not be written.

use super::content::write_content;
use super::entry::{Directory, unwritable};
use super::{Indexed, fault_of, tree};
use crate::error::Fault;
use crate::verb::{Broken, Verb};
use domain::report::{FailureReason, SkippedFile};
use rustic_core::repofile::{Node, NodeType};
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// How many problems are kept by name.
const NAMED: usize = 100;

/// A restore on its way.
pub(super) struct Restorer<'a> {
    repository: &'a Indexed,
    verb: &'a Verb,
    target: PathBuf,
    links: HashMap<(u64, u64), Linked>,
    files: u64,
    bytes: u64,
    problems: Vec<SkippedFile>,
    failures: u64,
    first: Option<Fault>,
}

/// A file that further names of the snapshot are links to.
struct Linked {
    /// Below the root of the restore.
    at: PathBuf,
    /// How many more names it has.
    left: u64,
}

/// A folder that is being filled.
struct Frame {
    directory: Directory,
    node: Node,
    left: std::vec::IntoIter<Node>,
    below: PathBuf,
}

impl<'a> Restorer<'a> {
    pub(super) fn new(repository: &'a Indexed, verb: &'a Verb, target: &Path) -> Self {
        Self {
            repository,
            verb,
            // The target may be a link, since the path that was backed up may be one. Below it, no link counts.
            target: std::fs::canonicalize(target).unwrap_or_else(|_| target.to_owned()),
            links: HashMap::new(),
            files: 0,
            bytes: 0,
            problems: Vec::new(),
            failures: 0,
            first: None,
        }
    }

    pub(super) fn restore(&mut self, mut node: Node) -> Result<(), Broken> {
        let target = self.target.clone();
        if node.is_dir() {
            let root = Directory::create_all(&target)
                .map_err(|error| unwritable(&self.verb.stop, &target, &error))?;
            let left = self.children(&mut node, &target)?.into_iter();
            let same = root.reopen().map_err(|error| unwritable(&self.verb.stop, &target, &error))?;
            self.descend(&root, Frame { directory: same, node, left, below: PathBuf::new() })?;
            return root.sync().map_err(|error| unwritable(&self.verb.stop, &target, &error).into());
        }
        let (Some(parent), Some(name)) = (target.parent(), target.file_name()) else {
            let error = io::Error::from(io::ErrorKind::IsADirectory);
            return Err(unwritable(&self.verb.stop, &target, &error).into());
        };
        let root =
            Directory::create_all(parent).map_err(|error| unwritable(&self.verb.stop, parent, &error))?;
        self.target = parent.to_owned();
        self.file(&root, &root, name, Path::new(name), &node)?;
        root.sync().map_err(|error| unwritable(&self.verb.stop, &target, &error).into())
    }

    pub(super) fn finish(self) -> Result<(u64, u64, Vec<SkippedFile>), Broken> {
        match self.first {
            None => Ok((self.files, self.bytes, self.problems)),
            Some(first) => {
                let more = match self.failures {
                    1 => String::new(),
                    number => format!(" (and {} more)", number - 1),
                };
                Err(Fault::new(first.reason, format!("{}{more}; everything else was restored", first.cause))
                    .into())
            }
        }
    }

    fn children(&self, node: &mut Node, path: &Path) -> Result<Vec<Node>, Fault> {
        let Some(id) = node.subtree.take() else {
            let cause = format!("the tree of the folder {} is missing", path.display());
            return Err(Fault::new(FailureReason::RepositoryDamaged, cause));
        };
        let context = || format!("cannot read the tree of the folder {}", path.display());
        Ok(tree(self.repository, &id).map_err(|error| fault_of(self.verb, &error, &context()))?.nodes)
    }

    fn descend(&mut self, root: &Directory, first: Frame) -> Result<(), Broken> {
        let mut stack = vec![first];
        while let Some(frame) = stack.last_mut() {
            if self.verb.stop.is_stopped() {
                return Err(self.verb.stop.refusal().into());
            }
            let Some(mut node) = frame.left.next() else {
                // Only now, because every file that was written has changed the times of its folder.
                if let Some(done) = stack.pop() {
                    let path = self.target.join(&done.below);
                    for problem in done.directory.set_metadata(&done.node) {
                        self.problem(&path, problem);
                    }
                }
                continue;
            };
            let name = node.name().into_owned();
            let below = frame.below.join(&name);
            let path = self.target.join(&below);
            if !is_plain(&name) {
                let cause = format!("the snapshot names a file {name:?}, which is not a name");
                self.failed(Fault::new(FailureReason::RepositoryDamaged, cause));
                continue;
            }
            if !node.is_dir() {
                self.file(root, &frame.directory, &name, &below, &node)?;
                continue;
            }
            let entered = self.children(&mut node, &path).and_then(|children| {
                frame
                    .directory
                    .enter(&name)
                    .map(|directory| (directory, children))
                    .map_err(|e| unwritable(&self.verb.stop, &path, &e))
            });
            match entered {
                Ok((directory, children)) => {
                    stack.push(Frame { directory, node, left: children.into_iter(), below });
                }
                Err(fault) => self.failed(fault),
            }
        }
        Ok(())
    }

    /// Anything that is not a folder. Only what makes going on pointless is an error.
    fn file(
        &mut self,
        root: &Directory,
        into: &Directory,
        name: &OsStr,
        below: &Path,
        node: &Node,
    ) -> Result<(), Broken> {
        let path = self.target.join(below);
        self.verb.meter.at(&path);
        match self.write(root, into, name, below, node) {
            Ok(bytes) => {
                self.files += 1;
                self.bytes += bytes;
                self.verb.meter.add(1, 0);
                Ok(())
            }
            Err(_) if self.verb.stop.is_stopped() => Err(self.verb.stop.refusal().into()),
            Err(fault) => {
                self.failed(fault);
                Ok(())
            }
        }
    }

    fn write(
        &mut self,
        root: &Directory,
        into: &Directory,
        name: &OsStr,
        below: &Path,
        node: &Node,
    ) -> Result<u64, Fault> {
        let path = self.target.join(below);
        let identity = (node.meta.device_id, node.meta.inode);
        let linked = node.meta.links > 1 && node.meta.inode != 0;
        if linked && let Some(first) = self.links.get_mut(&identity) {
            let made = into.link(root, &first.at, name);
            first.left = first.left.saturating_sub(1);
            if first.left == 0 {
                self.links.remove(&identity);
            }
            if made.is_ok() {
                return Ok(0);
            }
            // A file system without hard links gets a file of its own for each name.
        }
        let draft = into.draft(name, node).map_err(|error| unwritable(&self.verb.stop, &path, &error))?;
        let bytes = match &node.node_type {
            NodeType::File => write_content(self.repository, self.verb, node, draft.file()?, &path)?,
            _ => 0,
        };
        for problem in draft.set_metadata(node) {
            self.problem(&path, problem);
        }
        draft.publish().map_err(|error| unwritable(&self.verb.stop, &path, &error))?;
        if linked {
            self.links.entry(identity).or_insert(Linked { at: below.to_owned(), left: node.meta.links - 1 });
        }
        Ok(bytes)
    }

    fn problem(&mut self, path: &Path, error: String) {
        if self.problems.len() < NAMED {
            self.problems.push(SkippedFile { path: path.display().to_string(), error });
        }
    }

    fn failed(&mut self, fault: Fault) {
        tracing::warn!(cause = %fault.cause, "a file was not restored");
        self.failures += 1;
        self.first.get_or_insert(fault);
    }
}

/// A name from a snapshot is used only when it can mean nothing but an entry of its folder.
fn is_plain(name: &OsString) -> bool {
    let bytes = name.as_bytes();
    !bytes.is_empty() && bytes != b"." && bytes != b".." && !bytes.iter().any(|byte| matches!(byte, b'/' | 0))
}
