//! One layer of an image: a tar of files whose bytes depend on what is put in and on nothing else.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use tar::{Builder, EntryType, Header};

/// What is at a path.
enum Entry {
    Folder { mode: u32 },
    File { mode: u32, content: Vec<u8> },
    Link { target: String },
}

/// Files by their path inside of the image, without the leading `/`. Everything belongs to root and is as old as the
/// epoch: a layer made again from the same files has the same digest.
#[derive(Default)]
pub(crate) struct Layer {
    // In the order of the names, so a folder comes before what is in it.
    entries: BTreeMap<String, Entry>,
}

impl Layer {
    /// A file with its permissions, such as `0o644`; folders above it come by themselves.
    pub(crate) fn file(&mut self, path: &str, mode: u32, content: impl Into<Vec<u8>>) -> &mut Self {
        self.put(path, Entry::File { mode, content: content.into() })
    }

    /// A folder that is there although nothing is in it, or that others may write to.
    pub(crate) fn folder(&mut self, path: &str, mode: u32) -> &mut Self {
        self.put(path, Entry::Folder { mode })
    }

    /// A symbolic link.
    pub(crate) fn link(&mut self, path: &str, target: &str) -> &mut Self {
        self.put(path, Entry::Link { target: target.to_owned() })
    }

    fn put(&mut self, path: &str, entry: Entry) -> &mut Self {
        let path = path.trim_matches('/');
        for (at, _) in path.match_indices('/') {
            let above = path.split_at(at).0.to_owned();
            self.entries.entry(above).or_insert(Entry::Folder { mode: 0o755 });
        }
        self.entries.insert(path.to_owned(), entry);
        self
    }

    /// Bytes of all files together.
    pub(crate) fn size(&self) -> u64 {
        let sizes = self.entries.values().map(|entry| match entry {
            Entry::File { content, .. } => content.len() as u64,
            Entry::Folder { .. } | Entry::Link { .. } => 0,
        });
        sizes.sum()
    }

    /// The layer as an uncompressed tar.
    pub(crate) fn tar(&self) -> Result<Vec<u8>> {
        let mut tar = Builder::new(Vec::new());
        for (path, entry) in &self.entries {
            let mut header = Header::new_gnu();
            header.set_uid(0);
            header.set_gid(0);
            header.set_mtime(0);
            header.set_size(0);
            let outcome = match entry {
                Entry::Folder { mode } => {
                    header.set_entry_type(EntryType::Directory);
                    header.set_mode(*mode);
                    tar.append_data(&mut header, format!("{path}/"), std::io::empty())
                }
                Entry::File { mode, content } => {
                    header.set_entry_type(EntryType::Regular);
                    header.set_mode(*mode);
                    header.set_size(content.len() as u64);
                    tar.append_data(&mut header, path, content.as_slice())
                }
                Entry::Link { target } => {
                    header.set_entry_type(EntryType::Symlink);
                    header.set_mode(0o777);
                    tar.append_link(&mut header, path, target)
                }
            };
            outcome.with_context(|| format!("putting /{path} into a layer"))?;
        }
        tar.into_inner().context("closing a layer")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_does_not_depend_on_the_order_in_which_it_was_filled() {
        let (mut one, mut other) = (Layer::default(), Layer::default());
        one.file("/bin/a", 0o755, "a").link("/bin/b", "a").folder("/tmp", 0o1777);
        other.folder("tmp/", 0o1777).link("bin/b", "a").file("bin/a", 0o755, "a");
        assert_eq!(one.tar().unwrap(), other.tar().unwrap());
    }

    #[test]
    fn folders_come_before_what_is_in_them_and_nobody_owns_anything() {
        let mut layer = Layer::default();
        layer.file("a/b/c", 0o640, "text").file("a-b", 0o600, "");
        let tar = layer.tar().unwrap();
        let mut archive = tar::Archive::new(tar.as_slice());
        let entries: Vec<(String, u32, u64)> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let header = entry.header();
                assert_eq!((header.uid().unwrap(), header.mtime().unwrap()), (0, 0));
                let path = entry.path().unwrap().display().to_string();
                (path, header.mode().unwrap(), entry.size())
            })
            .collect();
        let expected = [("a/", 0o755, 0), ("a-b", 0o600, 0), ("a/b/", 0o755, 0), ("a/b/c", 0o640, 4)];
        assert_eq!(entries, expected.map(|(path, mode, size)| (path.to_owned(), mode, size)));
        assert_eq!(layer.size(), 4);
    }
}
