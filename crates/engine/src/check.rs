//! Look for damage.

use crate::error::{Error, one_line};
use crate::open::Repository;
use crate::progress::{Phase, Progress, watch};
use crate::verb::plain;
use domain::report::FailureReason;
use rustic_core::CheckOptions;

/// How thoroughly to look.
#[derive(Clone, Copy, Debug, Default)]
pub struct CheckRequest {
    /// Read and verify all data, not only the structure. Takes as long as reading the whole repository.
    pub read_data: bool,
}

/// What was found.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CheckOutcome {
    /// Damage: some snapshot cannot be restored in full.
    pub errors: Vec<String>,
    /// Oddities that cost space at most.
    pub warnings: Vec<String>,
}

impl CheckOutcome {
    /// Whether no damage was found.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.errors.is_empty()
    }

    /// The damage as one error, when there is any.
    #[must_use]
    pub fn as_error(&self, repository: &Repository) -> Option<Error> {
        let first = self.errors.first()?;
        let more = match self.errors.len() {
            1 => String::new(),
            number => format!(" (and {} more)", number - 1),
        };
        let what = format!("repository {} is damaged", repository.location);
        Some(Error::new(FailureReason::RepositoryDamaged, what, format!("{first}{more}")))
    }
}

impl Repository {
    /// Looks for damage: whether index, packs and trees fit together, and with `read_data` whether every blob can
    /// be read. Damage is a finding, also when it is so bad that the rest cannot be looked at.
    ///
    /// # Errors
    /// Only what kept it from looking: cancelling, the storage.
    pub fn check(&self, request: CheckRequest, progress: &dyn Progress) -> Result<CheckOutcome, Error> {
        let verb = self.verb(format!("cannot check repository {}", self.location));
        progress.phase(Phase::Checking);
        let found = watch(progress, &verb.meter, || {
            verb.run(|| {
                let repository = self.connect(&verb)?;
                let options = CheckOptions::default().trust_cache(true).read_data(request.read_data);
                let mut outcome = CheckOutcome::default();
                for (level, finding) in repository.check(options)?.0 {
                    // The type of the level is not exported; its name is.
                    let list = if format!("{level:?}") == "Warn" {
                        &mut outcome.warnings
                    } else {
                        &mut outcome.errors
                    };
                    list.push(one_line(&plain(&finding)));
                }
                // What the storage or the cancelling did to it is not a finding.
                if verb.stop.is_stopped() {
                    return Err(verb.stop.refusal().into());
                }
                match verb.stop.cause() {
                    Some(fault) if fault.reason != FailureReason::RepositoryDamaged => Err(fault.into()),
                    Some(fault) if outcome.errors.is_empty() => {
                        outcome.errors.push(fault.cause);
                        Ok(outcome)
                    }
                    _ => Ok(outcome),
                }
            })
        });
        match found {
            Err(error) if error.reason() == FailureReason::RepositoryDamaged => {
                let cause = error.cause().to_owned();
                Ok(CheckOutcome { errors: vec![cause], warnings: Vec::new() })
            }
            other => other,
        }
    }
}
