//! What is counted: requests, those who ask, and the process, under the names that dashboards of Kubernetes know.

mod bounded;
mod go;
mod handler;
mod requests;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use exposition::{Family, Kind, Sample};

use crate::limits::Inflight;
use handler::Scrapes;
pub(crate) use handler::{Scraped, size};
use meter::Histogram;
pub(crate) use requests::Answered;
use requests::Requests;

/// Whatever else is to be told in a scrape. It is called at each, so it must not wait for anything.
pub type Collector = Arc<dyn Fn() -> Vec<Family> + Send + Sync>;

/// Seconds of life left, as bounds of a histogram: from 0 to a year.
const LIFE: [f64; 11] = [
    0.0,
    21_600.0,
    43_200.0,
    86_400.0,
    172_800.0,
    345_600.0,
    604_800.0,
    2_592_000.0,
    7_776_000.0,
    15_552_000.0,
    31_104_000.0,
];

/// Users that are told by name; all others are called by their kind.
const USERS: [&str; 5] =
    ["admin", "client", "kube_proxy", "kubelet", "system:serviceaccount:kube-system:default"];

/// Everything that is counted.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    requests: Mutex<Requests>,
    scrapes: Mutex<Scrapes>,
    certificates: Mutex<Histogram>,
    users: Mutex<BTreeMap<&'static str, u64>>,
    audited: AtomicU64,
    audit_lost: AtomicU64,
    collectors: Mutex<Vec<Collector>>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self(Arc::new(Inner {
            requests: Mutex::default(),
            scrapes: Mutex::default(),
            certificates: Mutex::new(Histogram::new(&LIFE)),
            users: Mutex::default(),
            audited: AtomicU64::default(),
            audit_lost: AtomicU64::default(),
            collectors: Mutex::default(),
        }))
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// From now on each scrape also tells what this says.
    pub fn add(&self, collector: Collector) {
        lock(&self.0.collectors).push(collector);
    }

    pub(crate) fn answered(&self, answered: Answered<'_>) {
        lock(&self.0.requests).record(answered, Instant::now());
    }

    pub(crate) fn scraped(&self, scraped: Scraped) {
        lock(&self.0.scrapes).record(scraped, Instant::now());
    }

    /// A certificate by which somebody was known has so many seconds left.
    pub(crate) fn certificate(&self, seconds: f64) {
        lock(&self.0.certificates).observe(seconds);
    }

    pub(crate) fn user(&self, name: &str) {
        let known = USERS.into_iter().find(|known| *known == name);
        let shown = known.unwrap_or(if name.contains('@') { "email_id" } else { "other" });
        *lock(&self.0.users).entry(shown).or_default() += 1;
    }

    pub(crate) fn audited(&self) {
        self.0.audited.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn audit_lost(&self) {
        self.0.audit_lost.fetch_add(1, Ordering::Relaxed);
    }

    /// All families, sorted by name; those of one name are one.
    pub(crate) fn families(&self, inflight: &Inflight) -> Vec<Family> {
        let now = Instant::now();
        let mut families = meter::process::families();
        families.extend(go::families());
        families.extend(lock(&self.0.requests).families(now));
        families.extend(lock(&self.0.scrapes).families(now));
        families.extend(self.people());
        families.extend(self.audit());
        families.push(self.inflight(inflight, now));
        let collectors = lock(&self.0.collectors).clone();
        families.extend(collectors.iter().flat_map(|collector| collector()));
        families.sort_by(|a, b| a.name.cmp(&b.name));
        families.dedup_by(|again, first| {
            let is_same = again.name == first.name;
            if is_same {
                first.samples.append(&mut again.samples);
            }
            is_same
        });
        families
    }

    fn people(&self) -> [Family; 2] {
        let users = lock(&self.0.users).iter().fold(
            Family::counter(
                "authenticated_user_requests",
                "Requests by who asked: well-known users by name, users with a mail address as email_id, everybody else, \
                 system:anonymous too, as other.",
            ),
            |family, (user, count)| family.with([("username", *user)], *count as f64),
        );
        let mut life = Family::new(
            "apiserver_client_certificate_expiration_seconds",
            "Seconds of life that were left to the certificates by which requests were believed: clients' own, and those \
             of the proxy that speaks for users.",
            Kind::Histogram,
        );
        let none: [(&str, &str); 0] = [];
        life.samples.push(Sample::new(none, lock(&self.0.certificates).value()));
        [users, life]
    }

    fn audit(&self) -> [Family; 2] {
        let none: [(&str, &str); 0] = [];
        [
            Family::counter(
                "apiserver_audit_event_total",
                "Audit events that the policy asked for. The default policy asks for one for each request that would \
                 change something.",
            )
            .with(none, self.0.audited.load(Ordering::Relaxed) as f64),
            Family::counter(
                "apiserver_audit_error_total",
                "Audit events that could not be written to the log.",
            )
            .with([("plugin", "log")], self.0.audit_lost.load(Ordering::Relaxed) as f64),
        ]
    }

    fn inflight(&self, inflight: &Inflight, now: Instant) -> Family {
        let (read_only, mutating) = inflight.peaks(now);
        Family::gauge(
            "apiserver_current_inflight_requests",
            "Most requests that were answered at the same time during the last second, watches left out.",
        )
        .with([("requestKind", "mutating")], mutating as f64)
        .with([("requestKind", "readOnly")], read_only as f64)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
