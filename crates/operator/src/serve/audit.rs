//! What is told of requests, as the flags set it up.

use std::io;
use std::path::PathBuf;

use apiserver::{Audit, AuditLog, LogError, Policy, PolicyError};

/// What is told of requests, and where.
#[derive(Clone, Debug, Default)]
pub struct AuditSettings {
    /// The policy (`--audit-policy-file`). Without one, requests that would change something are told of.
    pub policy: Option<PathBuf>,
    /// Where events are written, `-` is the standard output (`--audit-log-path`). Without it they are only counted.
    pub log: Option<PathBuf>,
}

/// Why nothing can be told of requests.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The policy cannot be read.
    #[error("cannot read the audit policy {path}: {source} (--audit-policy-file)")]
    Read {
        /// Where it should be.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The policy cannot be kept.
    #[error("the audit policy {path} cannot be kept: {source} (--audit-policy-file)")]
    Policy {
        /// Where it is.
        path: PathBuf,
        /// Why.
        source: PolicyError,
    },
    /// The log cannot be written.
    #[error("{0} (--audit-log-path)")]
    Log(#[from] LogError),
}

impl AuditSettings {
    /// Reads the policy and opens the log.
    ///
    /// # Errors
    ///
    /// [`AuditError`].
    pub fn open(self) -> Result<Audit, AuditError> {
        let policy = match self.policy {
            None => Policy::default(),
            Some(path) => {
                let text = match std::fs::read_to_string(&path) {
                    Ok(text) => text,
                    Err(source) => return Err(AuditError::Read { path, source }),
                };
                Policy::parse(&text).map_err(|source| AuditError::Policy { path, source })?
            }
        };
        let log = self.log.map(|path| AuditLog::open(&path)).transpose()?;
        Ok(Audit { policy, log })
    }
}
