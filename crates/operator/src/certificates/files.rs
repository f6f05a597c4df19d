//! Certificates that somebody else puts into files.

use std::io;
use std::path::{Path, PathBuf};

use super::content::{Content, certificates};
use super::plan::{Flaw, certified};
use super::{AUTHORITIES, CaBundle};

/// Why files cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// One of them cannot be read.
    #[error(
        "cannot read {path}, given as {flag}: {source}; check that it exists and that this process may read it"
    )]
    Read {
        /// The flag that names it.
        flag: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Certificate and key cannot be served together.
    #[error(
        "cannot serve the certificate in {certificate} with the key in {key}: {flaw}; give a certificate and its own key in PEM"
    )]
    Unusable {
        /// The certificate.
        certificate: PathBuf,
        /// The key.
        key: PathBuf,
        /// Why.
        flaw: Flaw,
    },
    /// Nobody could be told whom to trust.
    #[error("there is no certificate in PEM in {0}; give the authority of the certificate as --tls-ca-file")]
    NoAuthority(PathBuf),
}

/// The files to read.
#[derive(Clone, Debug)]
pub(super) struct Files {
    certificate: PathBuf,
    key: PathBuf,
    authorities: PathBuf,
}

impl Files {
    pub(super) fn new(certificate: &Path, key: &Path, authorities: Option<&Path>) -> Self {
        Self {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            authorities: authorities.map_or_else(|| certificate.with_file_name(AUTHORITIES), Path::to_owned),
        }
    }

    /// Reads all of them, and checks that they can be used. Blocks.
    pub(super) fn read(&self) -> Result<(Content, CaBundle), FileError> {
        let content = Content {
            certificate: text(&self.certificate, "--tls-cert-file")?,
            key: text(&self.key, "--tls-private-key-file")?,
            authorities: text(&self.authorities, "--tls-ca-file")?,
            authority_key: String::new(),
        };
        certified(&content.certificate, &content.key).map_err(|flaw| FileError::Unusable {
            certificate: self.certificate.clone(),
            key: self.key.clone(),
            flaw,
        })?;
        if certificates(&content.authorities).is_empty() {
            return Err(FileError::NoAuthority(self.authorities.clone()));
        }
        let bundle = CaBundle::new(content.authorities.clone());
        Ok((content, bundle))
    }
}

fn text(path: &Path, flag: &'static str) -> Result<String, FileError> {
    std::fs::read_to_string(path).map_err(|source| FileError::Read { flag, path: path.to_owned(), source })
}
