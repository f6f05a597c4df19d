//! Open a repository, which proves the password and yields its key.

use crate::backend::{Found, Store, store};
use crate::cancel::{Cancel, Stop};
use crate::error::{Error, Fault};
use crate::init;
use crate::progress::Meter;
use crate::verb::{Broken, Verb};
use domain::location::Location;
use domain::report::FailureReason;
use domain::secret::{RESTIC_PASSWORD, Secret};
use rustic_core::repofile::MasterKey;
use rustic_core::{Credentials as Key, FileType, OpenStatus};
use std::path::PathBuf;
use std::sync::Arc;

/// What opens a repository.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The repository password.
    pub password: Secret,
}

impl Credentials {
    pub(crate) fn key(&self, what: &str) -> Result<Key, Error> {
        self.password.expose_str().filter(|password| !password.is_empty()).map(Key::password).ok_or_else(
            || {
                Error::new(
                    FailureReason::SecretInvalid,
                    what,
                    format!("the value of {RESTIC_PASSWORD} is empty or not UTF-8"),
                )
            },
        )
    }
}

/// What the engine may use of the machine it runs on.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// Where copies of snapshots, indexes and trees are kept between verbs; without it nothing is kept, which is
    /// right for local repositories and short-lived processes.
    pub cache_dir: Option<PathBuf>,
}

/// An open repository. Each verb reads the index anew, so a value may be held for as long as one likes.
pub struct Repository {
    pub(crate) location: Location,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) cancel: Cancel,
    environment: Environment,
    key: MasterKey,
}

impl std::fmt::Debug for Repository {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Repository").field("location", &self.location).finish_non_exhaustive()
    }
}

/// Opens the repository at `location`.
///
/// Every verb of the result ends with [`FailureReason::Cancelled`] within seconds once `cancel` is set.
///
/// # Errors
/// `RepositoryMissing` when nothing is there, `NotARepository` when something else is, `WrongPassword`,
/// `RepositoryDamaged` when a key or the configuration cannot be used, and what the storage answers.
pub fn open(
    location: &Location,
    credentials: &Credentials,
    environment: &Environment,
    cancel: &Cancel,
) -> Result<Repository, Error> {
    let what = format!("cannot open repository {location}");
    let key = credentials.key(&what)?;
    let store = store(location).map_err(|fault| Error::from_fault(&what, fault))?;
    match store.find().map_err(|fault| Error::from_fault(&what, fault))? {
        Found::Repository => {}
        Found::Nothing | Found::Skeleton => {
            return Err(Error::new(FailureReason::RepositoryMissing, what, "there is no repository"));
        }
        Found::Headless => return Err(init::headless(what)),
        Found::Foreign(found) => return Err(Error::new(FailureReason::NotARepository, what, found)),
    }
    let verb = verb(what, location, &store, environment, cancel);
    let key = verb.run(|| {
        if store.list(FileType::Key)?.is_empty() {
            return Err(Broken::from(Fault::new(
                FailureReason::RepositoryDamaged,
                "all its keys are missing",
            )));
        }
        Ok(verb.open(&key)?.key())
    })?;
    Ok(Repository {
        location: location.clone(),
        store,
        cancel: cancel.clone(),
        environment: environment.clone(),
        key,
    })
}

/// Opens the repository at `location`, and creates it before when nothing is there. The flag says that it was
/// created.
///
/// # Errors
/// Those of [`open`] and [`init`](init::init), except `RepositoryMissing`.
pub fn open_or_init(
    location: &Location,
    credentials: &Credentials,
    environment: &Environment,
    cancel: &Cancel,
) -> Result<(Repository, bool), Error> {
    let created = !init::exists(location)?;
    if created {
        init::init(location, credentials)?;
    }
    Ok((open(location, credentials, environment, cancel)?, created))
}

impl Repository {
    /// Where it lives.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.location
    }

    pub(crate) fn verb(&self, what: impl Into<String>) -> Verb {
        verb(what.into(), &self.location, &self.store, &self.environment, &self.cancel)
    }

    /// The repository for one verb. It is opened with the key, which spares the derivation from the password.
    pub(crate) fn connect(&self, verb: &Verb) -> Result<rustic_core::Repository<OpenStatus>, Broken> {
        if self.store.list(FileType::Config)?.is_empty() {
            return Err(
                Fault::new(FailureReason::RepositoryMissing, "there is no repository any more").into()
            );
        }
        Ok(verb.open(&Key::Masterkey(self.key.clone()))?)
    }
}

pub(crate) fn verb(
    what: String,
    location: &Location,
    store: &Arc<dyn Store>,
    environment: &Environment,
    cancel: &Cancel,
) -> Verb {
    Verb {
        what,
        stop: Arc::new(Stop::new(cancel)),
        meter: Arc::new(Meter::default()),
        store: store.clone(),
        cache_dir: environment.cache_dir.clone(),
        location: location.to_string(),
    }
}
