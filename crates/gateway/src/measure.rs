//! What the gateway says about itself. The names of the original are kept; the rest is new.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use exposition::Family;
use http::StatusCode;

use crate::Config;
use crate::persist::Keeper;
use crate::store::Store;

/// Counted since the start.
#[derive(Default)]
pub(crate) struct Counters {
    requests: Mutex<BTreeMap<(u16, &'static str, &'static str), u64>>,
    rejected: Mutex<BTreeMap<&'static str, u64>>,
}

impl Counters {
    pub(crate) fn request(&self, code: StatusCode, handler: &'static str, method: &'static str) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        *requests.entry((code.as_u16(), handler, method)).or_default() += 1;
    }

    pub(crate) fn rejected(&self, reason: &'static str) {
        *self.rejected.lock().unwrap_or_else(PoisonError::into_inner).entry(reason).or_default() += 1;
    }

    /// The own families, sorted by name. Names and kinds are the same at every call.
    pub(crate) fn families(&self, config: &Config, store: &Store, keeper: &Keeper) -> Vec<Family> {
        let none: [(&str, &str); 0] = [];
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let requests = requests.iter().fold(
            Family::counter("pushgateway_http_requests_total", "Total HTTP requests processed."),
            |family, ((code, handler, method), count)| {
                let code = code.to_string();
                family
                    .with([("code", code.as_str()), ("handler", handler), ("method", method)], *count as f64)
            },
        );
        let rejected = self.rejected.lock().unwrap_or_else(PoisonError::into_inner);
        let rejected = rejected.iter().fold(
            Family::counter("pushgateway_pushes_rejected_total", "Pushes that were refused, by reason."),
            |family, (reason, count)| family.with([("reason", *reason)], *count as f64),
        );
        let saves = keeper.stats();
        let last_save = saves.last_save.map_or(0.0, |time| time.as_nanosecond() as f64 / 1e9);
        let mut families = vec![
            Family::gauge(
                "pushgateway_build_info",
                "A constant 1, labelled with the version of the gateway.",
            )
            .with([("version", config.version.as_str())], 1.0),
            Family::gauge("pushgateway_groups", "Groups that are held.")
                .with(none, store.group_count() as f64),
            requests,
            Family::counter(
                "pushgateway_persistence_damaged_files_total",
                "Persistence files that were found damaged at the start and moved aside.",
            )
            .with(none, saves.damaged as f64),
            Family::gauge(
                "pushgateway_persistence_last_save_timestamp_seconds",
                "Unix time at which the last successful save began, 0 when there was none since the start.",
            )
            .with(none, last_save),
            Family::counter("pushgateway_persistence_save_errors_total", "Saves that failed.")
                .with(none, saves.errors as f64),
            Family::gauge("pushgateway_persistence_size_bytes", "Size of the last successful save.")
                .with(none, saves.bytes as f64),
            rejected,
            Family::gauge(
                "pushgateway_series",
                "Samples that are held, push times included; a histogram or summary counts as one.",
            )
            .with(none, store.series_count() as f64),
        ];
        families.sort_by(|a, b| a.name.cmp(&b.name));
        families
    }
}
