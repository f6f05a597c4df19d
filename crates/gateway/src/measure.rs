//! What the gateway says about itself. The names of the original are kept; the rest is its own.

mod connections;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use exposition::{Family, Kind, Sample, Value};
use http::StatusCode;
use jiff::Timestamp;
use meter::{Shape, Window, process};

use crate::Config;
use crate::persist::Keeper;
use crate::store::Store;

/// The quantiles of pushes, as the original has them.
const QUANTILES: Shape =
    Shape { window: Duration::from_secs(10 * 60), parts: 5, quantiles: &[0.1, 0.5, 0.9] };
const DURATION: &str = "pushgateway_http_push_duration_seconds";
const SIZE: &str = "pushgateway_http_push_size_bytes";

/// Counted since the start.
#[derive(Default)]
pub(crate) struct Counters {
    requests: Mutex<BTreeMap<(u16, &'static str, &'static str), u64>>,
    pushes: Mutex<BTreeMap<&'static str, Pushes>>,
    rejected: Mutex<BTreeMap<&'static str, u64>>,
    in_flight: AtomicI64,
    expired: AtomicU64,
}

/// Pushes of one method.
struct Pushes {
    seconds: Window,
    bytes: Window,
}

/// A request that is being answered, until it is dropped.
pub(crate) struct InFlight<'a>(&'a AtomicI64);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Counters {
    pub(crate) fn request(&self, code: StatusCode, handler: &'static str, method: &'static str) {
        *lock(&self.requests).entry((code.as_u16(), handler, method)).or_default() += 1;
    }

    /// A push, taken or not, that had `bytes` and was answered after `took`.
    pub(crate) fn push(&self, method: &'static str, took: Duration, bytes: u64) {
        let now = Instant::now();
        let mut pushes = lock(&self.pushes);
        let of_method = pushes.entry(method).or_insert_with(|| Pushes {
            seconds: Window::new(QUANTILES, now),
            bytes: Window::new(QUANTILES, now),
        });
        of_method.seconds.observe(took.as_secs_f64(), now);
        of_method.bytes.observe(bytes as f64, now);
    }

    pub(crate) fn rejected(&self, reason: &'static str) {
        *lock(&self.rejected).entry(reason).or_default() += 1;
    }

    pub(crate) fn expired(&self, groups: usize) {
        self.expired.fetch_add(groups as u64, Ordering::Relaxed);
    }

    pub(crate) fn in_flight(&self) -> InFlight<'_> {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(&self.in_flight)
    }

    /// The own families, sorted by name. Names and kinds are the same at every call.
    pub(crate) fn families(
        &self,
        config: &Config,
        store: &Store,
        keeper: &Keeper,
        served: &web::Counts,
    ) -> Vec<Family> {
        let mut families = process::families();
        families.push(build_info(config));
        families.extend(self.traffic());
        families.extend(holdings(store));
        families.extend(persistence(keeper));
        families.extend(connections::families(served));
        families.push(counter(
            "pushgateway_groups_expired_total",
            "Groups that were deleted because nobody pushed to them for long enough.",
            self.expired.load(Ordering::Relaxed) as f64,
        ));
        families.sort_by(|a, b| a.name.cmp(&b.name));
        families
    }

    /// Requests and pushes.
    fn traffic(&self) -> [Family; 5] {
        let requests = lock(&self.requests).iter().fold(
            Family::counter(
                "pushgateway_http_requests_total",
                "Total HTTP requests processed by the Pushgateway, excluding scrapes.",
            ),
            |family, ((code, handler, method), count)| {
                let code = code.to_string();
                let labels = [("code", code.as_str()), ("handler", handler), ("method", method)];
                family.with(labels, *count as f64)
            },
        );
        let rejected = lock(&self.rejected).iter().fold(
            Family::counter("pushgateway_pushes_rejected_total", "Pushes that were refused, by reason."),
            |family, (reason, count)| family.with([("reason", *reason)], *count as f64),
        );
        let mut durations =
            Family::new(DURATION, "HTTP request duration for pushes to the Pushgateway.", Kind::Summary);
        let mut sizes = Family::new(SIZE, "HTTP request size for pushes to the Pushgateway.", Kind::Summary);
        let now = Instant::now();
        for (method, pushes) in lock(&self.pushes).iter_mut() {
            for (family, window) in [(&mut durations, &mut pushes.seconds), (&mut sizes, &mut pushes.bytes)] {
                let summary = Value::Summary(Box::new(window.summary(now)));
                family.samples.push(Sample::new([("method", *method)], summary));
            }
        }
        let in_flight = gauge(
            "pushgateway_http_requests_in_flight",
            "HTTP requests that are being answered at this moment.",
            self.in_flight.load(Ordering::Relaxed) as f64,
        );
        [requests, rejected, durations, sizes, in_flight]
    }
}

fn build_info(config: &Config) -> Family {
    // The names are those of Go; dashboards group by them.
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    Family::gauge(
        "pushgateway_build_info",
        "A metric with a constant '1' value labeled by version, revision, branch, goversion from which pushgateway \
         was built, and the goos and goarch for the build.",
    )
    .with(
        [
            ("branch", ""),
            ("goarch", arch),
            ("goos", std::env::consts::OS),
            ("goversion", ""),
            ("revision", ""),
            ("tags", ""),
            ("version", config.version.as_str()),
        ],
        1.0,
    )
}

/// What is held.
fn holdings(store: &Store) -> [Family; 3] {
    let none: [(&str, &str); 0] = [];
    let oldest = store.groups().filter_map(|(_, group)| group.times.pushed).min();
    let mut oldest_push = Family::gauge(
        "pushgateway_oldest_push_timestamp_seconds",
        "Unix time of the last successful push to the group where that is longest ago.",
    );
    if let Some(oldest) = oldest {
        oldest_push = oldest_push.with(none, seconds(oldest));
    }
    [
        gauge("pushgateway_groups", "Groups that are held.", store.group_count() as f64),
        gauge(
            "pushgateway_series",
            "Samples that are held, push times included; a histogram or summary counts as one.",
            store.series_count() as f64,
        ),
        oldest_push,
    ]
}

fn persistence(keeper: &Keeper) -> [Family; 4] {
    let saves = keeper.stats();
    [
        counter(
            "pushgateway_persistence_damaged_files_total",
            "Persistence files that were found damaged at the start and moved aside.",
            saves.damaged as f64,
        ),
        gauge(
            "pushgateway_persistence_last_save_timestamp_seconds",
            "Unix time at which the last successful save began, 0 when there was none since the start.",
            saves.last_save.map_or(0.0, seconds),
        ),
        counter("pushgateway_persistence_save_errors_total", "Saves that failed.", saves.errors as f64),
        gauge("pushgateway_persistence_size_bytes", "Size of the last successful save.", saves.bytes as f64),
    ]
}

fn gauge(name: &str, help: &str, value: f64) -> Family {
    let none: [(&str, &str); 0] = [];
    Family::gauge(name, help).with(none, value)
}

fn counter(name: &str, help: &str, value: f64) -> Family {
    let none: [(&str, &str); 0] = [];
    Family::counter(name, help).with(none, value)
}

fn seconds(time: Timestamp) -> f64 {
    time.as_nanosecond() as f64 / 1e9
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
