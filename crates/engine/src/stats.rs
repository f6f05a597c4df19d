//! Measure what a repository takes up.

use crate::error::Error;
use crate::open::Repository;

impl Repository {
    /// Bytes of all files of the repository in its storage.
    ///
    /// # Errors
    /// What the storage answers.
    pub fn size(&self) -> Result<u64, Error> {
        let what = format!("cannot measure repository {}", self.location);
        self.store.size().map_err(|fault| Error::from_fault(&what, fault))
    }
}
