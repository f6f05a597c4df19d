//! The frame every verb runs in: its own threads, its own view of the storage, and an end that is always a result.

use crate::backend::{Guarded, Store};
use crate::cancel::Stop;
use crate::error::{Error, Fault};
use crate::progress::{Bars, Meter};
use domain::report::FailureReason;
use rustic_core::{
    Credentials, OpenStatus, Repository, RepositoryBackends, RepositoryOptions, RusticError, RusticResult,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// One run of one verb.
pub(crate) struct Verb {
    /// What is being done to which object: the beginning of every error message.
    pub(crate) what: String,
    pub(crate) stop: Arc<Stop>,
    pub(crate) meter: Arc<Meter>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) cache_dir: Option<PathBuf>,
    pub(crate) location: String,
}

/// What ends a verb early: an error of ours, or one of rustic_core that has yet to be understood.
pub(crate) enum Broken {
    Ours(Error),
    Theirs(Box<RusticError>),
    Storage(Fault),
}

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Broken::Ours(error)
    }
}

impl From<Box<RusticError>> for Broken {
    fn from(error: Box<RusticError>) -> Self {
        Broken::Theirs(error)
    }
}

impl From<Fault> for Broken {
    fn from(fault: Fault) -> Self {
        Broken::Storage(fault)
    }
}

impl Verb {
    /// The repository as rustic_core sees it, not yet opened.
    pub(crate) fn connect(&self) -> RusticResult<Repository<()>> {
        let backend =
            Guarded { store: self.store.clone(), stop: self.stop.clone(), location: self.location.clone() };
        let mut options = RepositoryOptions::default();
        options.no_cache = self.cache_dir.is_none();
        options.cache_dir.clone_from(&self.cache_dir);
        Repository::new_with_progress(
            &options,
            &RepositoryBackends::new(Arc::new(backend), None),
            Bars { meter: self.meter.clone() },
        )
    }

    pub(crate) fn open(&self, credentials: &Credentials) -> RusticResult<Repository<OpenStatus>> {
        self.connect()?.open(credentials)
    }

    /// Runs `work` where neither a panic nor an abort of rustic_core gets out.
    ///
    /// rustic_core starts work in whatever rayon pool it finds itself in, and a panic in the global pool ends the
    /// process. Here it has a pool of its own, where a panic stops the verb instead.
    pub(crate) fn run<T: Send>(&self, work: impl FnOnce() -> Result<T, Broken> + Send) -> Result<T, Error> {
        let panicked = Arc::new(AtomicBool::new(false));
        let (stop, noticed) = (self.stop.clone(), panicked.clone());
        // One thread is taken by the verb itself, which waits for the others.
        let threads = std::thread::available_parallelism().map_or(1, usize::from) + 1;
        let ended = rayon::ThreadPoolBuilder::new()
            .num_threads(threads.max(2))
            .thread_name(|index| format!("engine-{index}"))
            .panic_handler(move |payload| {
                stop.trip(panic_fault(payload.as_ref()));
                noticed.store(true, Ordering::SeqCst);
            })
            // Scoped: when it returns, whatever was started in the pool has ended, panics included.
            .build_scoped(|thread| thread.run(), |pool| catch_unwind(AssertUnwindSafe(|| pool.install(work))))
            .map_err(|error| {
                Error::new(FailureReason::Internal, &self.what, format!("cannot start threads: {error}"))
            })?;
        match ended {
            // A task in the background may have panicked, and left short what this value was made from.
            Ok(Ok(_)) if panicked.load(Ordering::SeqCst) => {
                Err(self.error(Broken::Storage(self.stop.refusal())))
            }
            Ok(Ok(value)) => Ok(value),
            Ok(Err(broken)) => Err(self.error(broken)),
            Err(payload) => Err(self
                .error(Broken::Storage(self.stop.cause().unwrap_or_else(|| panic_fault(payload.as_ref()))))),
        }
    }

    /// The error that tells best why the verb ended.
    pub(crate) fn error(&self, broken: Broken) -> Error {
        if self.stop.is_cancelled() {
            return Error::new(FailureReason::Cancelled, &self.what, "it was cancelled");
        }
        match broken {
            Broken::Ours(error) => error,
            Broken::Storage(fault) => Error::from_fault(&self.what, fault),
            Broken::Theirs(error) => self.understand(&error),
        }
    }

    /// rustic_core hides the kind of its errors. Everything it asks of the storage went through [`Guarded`],
    /// which remembers; what is left besides a wrong password is content that cannot be decrypted or understood.
    fn understand(&self, error: &RusticError) -> Error {
        if error.is_incorrect_password() {
            return Error::new(FailureReason::WrongPassword, &self.what, "the password opens no key of it");
        }
        match self.stop.cause() {
            Some(fault) => Error::from_fault(&self.what, fault),
            None => Error::new(FailureReason::RepositoryDamaged, &self.what, plain(error)),
        }
    }
}

/// The messages of an error of rustic_core and of its causes, without the paragraphs, links and stack traces that
/// rustic_core puts around them.
pub(crate) fn plain(error: &(dyn std::error::Error + 'static)) -> String {
    let own = match rustic(error) {
        None => error.to_string(),
        Some(error) => {
            let log = error.display_log();
            let own = log.split(": caused by: ").next().unwrap_or_default();
            let own = own.strip_prefix("Error: ").unwrap_or(own);
            own.rsplit_once(" (kind: related to")
                .map_or(own, |(own, _)| own)
                .replace("Config:00000000", "config")
        }
    };
    match error.source() {
        None => own,
        Some(cause) => {
            let cause_text = cause.to_string();
            let own = own.strip_suffix(&cause_text).unwrap_or(&own).trim_end_matches([':', ' ', '.']);
            format!("{own}: {}", plain(cause))
        }
    }
}

fn rustic<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a RusticError> {
    error
        .downcast_ref::<RusticError>()
        .or_else(|| error.downcast_ref::<Box<RusticError>>().map(std::convert::AsRef::as_ref))
}

fn panic_fault(payload: &(dyn std::any::Any + Send)) -> Fault {
    let message = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned());
    Fault::new(FailureReason::Internal, format!("the engine panicked: {message}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::local::Local;
    use crate::cancel::Cancel;
    use domain::location::Location;
    use std::path::Path;
    use std::sync::mpsc;

    fn verb(cancel: &Cancel) -> Verb {
        let path = Path::new("/no/such/repository");
        let store: Arc<dyn Store> = Arc::new(Local::new(path));
        let location = Location::Local(path.to_owned());
        crate::open::verb("cannot do it".to_owned(), &location, &store, &Default::default(), cancel)
    }

    fn broken(reason: FailureReason, error: Result<(), Error>, word: &str) {
        let Err(error) = error else { unreachable!("it was broken") };
        assert_eq!(error.reason(), reason, "{error}");
        assert!(error.to_string().contains(word), "{error}");
    }

    #[test]
    fn a_panic_becomes_an_error_with_its_message() {
        let verb = verb(&Cancel::default());
        broken(FailureReason::Internal, verb.run(|| panic!("index still in use")), "index still in use");
        assert!(verb.run(|| Ok(())).is_ok(), "and the next run is as good as the first");
    }

    #[test]
    fn a_panic_in_a_task_that_was_left_running_stops_the_verb_and_not_the_process() {
        let verb = verb(&Cancel::default());
        let result = verb.run(|| {
            let (sender, receiver) = mpsc::channel::<()>();
            rayon::spawn(move || {
                let _sender = sender;
                panic!("in the background");
            });
            // The answer ends early, as that of a listing would.
            assert!(receiver.recv().is_err());
            Ok(())
        });
        broken(FailureReason::Internal, result, "in the background");
    }

    #[test]
    fn what_the_storage_said_explains_a_failure_better_than_what_followed() {
        let verb = verb(&Cancel::default());
        let result = verb.run(|| {
            verb.stop.trip(Fault::new(FailureReason::StorageFull, "no room"));
            Err(RusticError::new(rustic_core::ErrorKind::Internal, "Sending crossbeam message failed").into())
        });
        broken(FailureReason::StorageFull, result, "no room");
    }

    #[test]
    fn cancelling_explains_everything() {
        let cancel = Cancel::default();
        let verb = verb(&cancel);
        cancel.cancel();
        broken(FailureReason::Cancelled, verb.run(|| panic!("because of it")), "cancelled");
    }

    #[test]
    fn messages_of_rustic_lose_their_paragraphs_but_not_their_causes() {
        let inner = RusticError::new(rustic_core::ErrorKind::Cryptography, "the MAC is wrong");
        let outer = RusticError::with_source(rustic_core::ErrorKind::Internal, "cannot use {it}", inner)
            .attach_context("it", "the pack");
        assert_eq!(plain(&outer), "cannot use the pack: the MAC is wrong");
    }
}
