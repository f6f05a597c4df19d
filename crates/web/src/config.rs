//! The file with certificates, users, headers and a rate: read again when it changes, refused with a reason when it
//! cannot be used.

mod file;
mod names;
mod tls;
mod watched;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio_rustls::rustls::ServerConfig;

pub(crate) use file::Secret;
pub(crate) use tls::AnyCertificate;
use tls::TlsSettings;
use watched::{Files, Watched};

/// What the file says, checked as far as it can be without other files.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub(crate) tls: Option<TlsSettings>,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// User → bcrypt hash.
    pub(crate) users: BTreeMap<String, Secret>,
    pub(crate) rate: Option<Rate>,
}

/// So many requests at once, and one more each interval.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Rate {
    pub(crate) interval: Duration,
    pub(crate) burst: u32,
}

/// Why the file cannot be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ConfigError {
    /// It, or a file it names, cannot be read.
    #[error("the web configuration {config}: cannot read {path}{}: {reason}; check that it exists and that this process may read it", of_field(.field))]
    Read {
        /// The configuration.
        config: PathBuf,
        /// What cannot be read.
        path: PathBuf,
        /// The field that names it; empty for the configuration itself.
        field: &'static str,
        /// Why.
        reason: String,
    },
    /// It is no YAML, or has fields that do not exist.
    #[error("the web configuration {config} cannot be understood: {reason}")]
    Syntax {
        /// The configuration.
        config: PathBuf,
        /// Why, with line and column.
        reason: String,
    },
    /// A field has a value that cannot be used.
    #[error("the web configuration {config}: {field}: {reason}")]
    Field {
        /// The configuration.
        config: PathBuf,
        /// The field, with dots.
        field: String,
        /// What is wrong with it, and what to write instead.
        reason: String,
    },
}

fn of_field(field: &str) -> String {
    if field.is_empty() { String::new() } else { format!(" (tls_server_config.{field})") }
}

/// The file, as it is at each moment.
#[derive(Clone)]
pub struct ConfigFile(Arc<Inner>);

struct Inner {
    path: PathBuf,
    has_tls: bool,
    settings: Watched<Settings>,
    tls: Watched<ServerConfig>,
}

impl ConfigFile {
    /// Reads the file and all it names. Blocks.
    ///
    /// # Errors
    ///
    /// [`ConfigError`]: whatever of it could not be used later is refused now.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, ConfigError> {
        let path = path.into();
        let settings: Watched<Settings> = Watched::default();
        let now = settings.read(|files| Settings::parse(&path, files))?;
        file::check_users(&path, &now.users)?;
        let inner = Inner { path, has_tls: now.tls.is_some(), settings, tls: Watched::default() };
        if inner.has_tls {
            inner.tls.read(|files| inner.make_tls(files))?;
        }
        Ok(Self(Arc::new(inner)))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Whether it asked for TLS when it was opened.
    #[must_use]
    pub fn has_tls(&self) -> bool {
        self.0.has_tls
    }

    /// What it says now; `None` when it cannot be used, which is logged.
    pub(crate) async fn settings(&self) -> Option<Arc<Settings>> {
        if let Some(fresh) = self.0.settings.fresh() {
            return Some(fresh);
        }
        self.blocking(|inner| inner.settings.say(inner.settings.read(|files| inner.make_settings(files))))
            .await
    }

    /// What handshakes are made with now; `None` when that cannot be, which is logged.
    pub(crate) async fn tls(&self) -> Option<Arc<ServerConfig>> {
        if let Some(fresh) = self.0.tls.fresh() {
            return Some(fresh);
        }
        self.blocking(|inner| inner.tls.say(inner.tls.read(|files| inner.make_tls(files)))).await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Inner) -> Option<T> + Send + 'static,
    ) -> Option<T> {
        let inner = Arc::clone(&self.0);
        tokio::task::spawn_blocking(move || read(&inner)).await.ok().flatten()
    }
}

impl Inner {
    fn make_settings(&self, files: &mut Files) -> Result<Settings, ConfigError> {
        let settings = Settings::parse(&self.path, files)?;
        // As in the original: who has no usable hash cannot come in, everybody else can.
        if let Err(error) = file::check_users(&self.path, &settings.users) {
            tracing::error!("{error}; this user is refused until then");
        }
        Ok(settings)
    }

    fn make_tls(&self, files: &mut Files) -> Result<ServerConfig, ConfigError> {
        let missing = || ConfigError::Field {
            config: self.path.clone(),
            field: "tls_server_config".to_owned(),
            reason: "it is gone, but connections are over TLS until a restart".to_owned(),
        };
        let settings = Settings::parse(&self.path, files)?;
        settings.tls.as_ref().ok_or_else(missing)?.load(&self.path, files)
    }
}

impl fmt::Debug for ConfigFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfigFile").field("path", &self.0.path).finish_non_exhaustive()
    }
}

impl Settings {
    /// Adds the configured headers to an answer that does not say otherwise.
    pub(crate) fn add_headers(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.headers {
            headers.entry(name).or_insert_with(|| value.clone());
        }
    }
}
