//! Create a repository, only where there is none.

use crate::backend::{Found, store};
use crate::cancel::Cancel;
use crate::error::Error;
use crate::open::{Credentials, Environment, verb};
use domain::location::Location;
use domain::report::FailureReason;
use rustic_core::{ConfigOptions, KeyOptions};

/// Whether there is a repository at `location`.
///
/// # Errors
/// `NotARepository` when something else is there, `RepositoryDamaged` when a repository without configuration is,
/// and what the storage answers: a place that cannot be seen is never taken for an empty one.
pub fn exists(location: &Location) -> Result<bool, Error> {
    let what = format!("cannot look for a repository at {location}");
    let found = store(location).and_then(|store| store.find());
    match found.map_err(|fault| Error::from_fault(&what, fault))? {
        Found::Repository => Ok(true),
        Found::Nothing | Found::Skeleton => Ok(false),
        Found::Headless => Err(headless(what)),
        Found::Foreign(found) => Err(Error::new(FailureReason::NotARepository, what, found)),
    }
}

/// Creates a repository of format version 2 (restic 0.14 and later) at `location`.
///
/// # Errors
/// `NotARepository` when anything is there, also a repository, and what the storage answers.
pub fn init(location: &Location, credentials: &Credentials) -> Result<(), Error> {
    let what = format!("cannot create repository {location}");
    let key = credentials.key(&what)?;
    if exists(location)? {
        return Err(Error::new(FailureReason::NotARepository, what, "there is a repository already")
            .with_remedy("open it instead"));
    }
    let store = store(location).map_err(|fault| Error::from_fault(&what, fault))?;
    let verb = verb(what, location, &store, &Environment::default(), &Cancel::default());
    verb.run(|| {
        let config = ConfigOptions::default().set_version(2_u32);
        verb.connect()?.init(&key, &KeyOptions::default(), &config)?;
        Ok(())
    })
}

pub(crate) fn headless(what: String) -> Error {
    Error::new(
        FailureReason::RepositoryDamaged,
        what,
        "there are data of a repository, but its file `config` is missing",
    )
    .with_remedy("put the file `config` back from a copy; nothing else can replace it")
}
