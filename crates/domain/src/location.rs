//! Where a repository lives, resolved: a [`Backend`](crate::objects::backend::Backend) plus the workload's prefix.
//! [`crate::rules::prefix`] makes it.

use std::path::PathBuf;

/// The place of one repository. Its `Display` is restic's own notation for it (`RESTIC_REPOSITORY`); it never
/// holds credentials.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Location {
    /// A folder of this file system.
    Local(PathBuf),
    /// Any storage that is reached over a network, in restic's notation (`s3:…`, `gs:…`, `azure:…`, `swift:…`,
    /// `b2:…`, `rest:…`).
    Remote(String),
}

impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Location::Local(path) => write!(f, "{}", path.display()),
            Location::Remote(url) => f.write_str(url),
        }
    }
}
