//! Whether the process lives, and whether it can do its work: named checks that their owners flip.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use http::StatusCode;

/// What the process needs to do its work, by name.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<Mutex<BTreeMap<String, Result<(), String>>>>);

/// One thing of it.
#[derive(Clone, Debug)]
#[must_use = "a check that nobody sets is never fulfilled"]
pub struct Check {
    health: Health,
    name: String,
}

impl Health {
    /// Adds a check, which is not fulfilled until [`Check::set`] says so.
    pub fn check(&self, name: &str) -> Check {
        self.lock().insert(name.to_owned(), Err("not yet".to_owned()));
        Check { health: self.clone(), name: name.to_owned() }
    }

    /// Whether every check is fulfilled.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.lock().values().all(Result::is_ok)
    }

    /// `/livez` and `/healthz` answer while the process does: a restart would mend nothing else. The installers of
    /// 0.8.3 have both probes ask `/healthz`. `/readyz` says which check is not fulfilled, and why.
    pub(super) fn router(&self) -> Router {
        Router::new()
            .route("/healthz", get(async || "ok"))
            .route("/livez", get(async || "ok"))
            .route("/readyz", get(ready))
            .with_state(self.clone())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Result<(), String>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Check {
    /// Says whether it is fulfilled; `why` it is not is shown to whoever asks, so it holds no secret.
    pub fn set(&self, is_ok: bool, why: &str) {
        let state = if is_ok { Ok(()) } else { Err(why.to_owned()) };
        self.health.lock().insert(self.name.clone(), state);
    }
}

/// In the form of the API server's own: a line a check.
async fn ready(State(health): State<Health>) -> (StatusCode, String) {
    let (mut text, mut is_ready) = (String::new(), true);
    for (name, state) in health.lock().iter() {
        let written = match state {
            Ok(()) => writeln!(text, "[+]{name} ok"),
            Err(why) => {
                is_ready = false;
                writeln!(text, "[-]{name} failed: {why}")
            }
        };
        // To write to a text does not fail.
        let _ = written;
    }
    text.push_str(if is_ready { "readyz check passed\n" } else { "readyz check failed\n" });
    (if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, text)
}
