//! What the operator itself does: looks at objects, decisions of its webhooks, its turn to act.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use domain::rules::metrics::operator as listed;
use meter::Histogram;

use super::Families;
use crate::certificates::Served;
use crate::sweep;

/// Seconds: from what a look at an unchanged object takes to what one waits for that failed often.
const BOUNDS: [f64; 11] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0, 300.0];

/// An object, by namespace and name.
pub(crate) type Key = (String, String);

/// How a look ended.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Look {
    Done,
    /// Somebody else wrote the object meanwhile.
    Conflict,
    Error,
}

impl Look {
    fn as_str(self) -> &'static str {
        match self {
            Look::Done => "done",
            Look::Conflict => "conflict",
            Look::Error => "error",
        }
    }
}

/// What one controller has done.
struct Controller {
    waiting: HashMap<Key, Instant>,
    looks: [(Look, u64); 3],
    took: Histogram,
    waited: Histogram,
}

impl Default for Controller {
    fn default() -> Self {
        Self {
            waiting: HashMap::new(),
            looks: [(Look::Done, 0), (Look::Conflict, 0), (Look::Error, 0)],
            took: Histogram::new(&BOUNDS),
            waited: Histogram::new(&BOUNDS),
        }
    }
}

/// What one webhook has decided.
struct Webhook {
    decisions: BTreeMap<&'static str, u64>,
    took: Histogram,
}

/// Counts of one process.
#[derive(Default)]
pub(crate) struct Work {
    controllers: Mutex<BTreeMap<&'static str, Controller>>,
    webhooks: Mutex<BTreeMap<&'static str, Webhook>>,
    leads: AtomicBool,
    served: Mutex<Option<Arc<Served>>>,
    pub(crate) sweeps: sweep::Counts,
}

impl Work {
    /// An object is worth a look from now on; one that waits already goes on waiting.
    pub(crate) fn waits(&self, controller: &'static str, key: Key) {
        let mut controllers = lock(&self.controllers);
        controllers.entry(controller).or_default().waiting.entry(key).or_insert_with(Instant::now);
    }

    /// It is looked at now. One that nobody asked for is looked at by the clock, and did not wait.
    pub(crate) fn begins(&self, controller: &'static str, key: &Key) {
        let mut controllers = lock(&self.controllers);
        let counted = controllers.entry(controller).or_default();
        if let Some(since) = counted.waiting.remove(key) {
            counted.waited.observe(since.elapsed().as_secs_f64());
        }
    }

    /// That took so long.
    pub(crate) fn ends(&self, controller: &'static str, look: Look, took: Duration) {
        let mut controllers = lock(&self.controllers);
        let counted = controllers.entry(controller).or_default();
        counted.took.observe(took.as_secs_f64());
        if let Some((_, count)) = counted.looks.get_mut(look as usize) {
            *count += 1;
        }
    }

    /// It will not be looked at: it is gone.
    pub(crate) fn is_gone(&self, controller: &'static str, key: &Key) {
        lock(&self.controllers).entry(controller).or_default().waiting.remove(key);
    }

    /// A webhook has decided.
    pub(crate) fn decided(&self, webhook: &'static str, decision: &'static str, took: Duration) {
        let mut webhooks = lock(&self.webhooks);
        let counted = webhooks
            .entry(webhook)
            .or_insert_with(|| Webhook { decisions: BTreeMap::new(), took: Histogram::new(&BOUNDS) });
        *counted.decisions.entry(decision).or_default() += 1;
        counted.took.observe(took.as_secs_f64());
    }

    /// Whether it is our turn.
    pub(crate) fn leads(&self, leads: bool) {
        self.leads.store(leads, Ordering::Relaxed);
    }

    /// What the server shows from now on.
    pub(crate) fn serves(&self, served: Arc<Served>) {
        *lock(&self.served) = Some(served);
    }

    /// All of it as metrics.
    pub(super) fn collect(&self, out: &mut Families) {
        for (name, counted) in &*lock(&self.controllers) {
            let of = ("controller", *name);
            for (look, count) in counted.looks {
                out.add(&listed::RECONCILES, [of, ("result", look.as_str())], count as f64);
            }
            out.add(&listed::RECONCILE_DURATION, [of], counted.took.value());
            out.add(&listed::QUEUE_DURATION, [of], counted.waited.value());
        }
        for (name, counted) in &*lock(&self.webhooks) {
            let of = ("webhook", *name);
            for (decision, count) in &counted.decisions {
                out.add(&listed::WEBHOOK_DECISIONS, [of, ("decision", decision)], *count as f64);
            }
            out.add(&listed::WEBHOOK_DURATION, [of], counted.took.value());
        }
        out.add(&listed::LEADER, [], if self.leads.load(Ordering::Relaxed) { 1.0 } else { 0.0 });
        if let Some(ends) = lock(&self.served).as_ref().and_then(|served| served.ends()) {
            out.add(&listed::CERTIFICATE_EXPIRY, [], ends as f64);
        }
        out.add(&listed::GROUPS_DELETED, [], self.sweeps.deleted.load(Ordering::Relaxed) as f64);
        out.add(&listed::SWEEP_FAILURES, [], self.sweeps.failures.load(Ordering::Relaxed) as f64);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use exposition::encode;

    use super::*;

    #[test]
    fn an_object_waits_from_the_first_change_to_its_look() {
        let work = Work::default();
        let key = || ("shop".to_owned(), "web".to_owned());
        work.waits("Deployment", key());
        work.waits("Deployment", key());
        work.begins("Deployment", &key());
        // By the clock.
        work.begins("Deployment", &key());
        work.ends("Deployment", Look::Error, Duration::from_millis(30));
        work.decided("deployments", "changed", Duration::from_millis(2));
        work.leads(true);
        let mut families = Families::default();
        work.collect(&mut families);
        let text = encode(&families.done());
        for line in [
            r#"stash_queue_duration_seconds_count{controller="Deployment"} 1"#,
            r#"stash_reconciles_total{controller="Deployment",result="error"} 1"#,
            r#"stash_reconciles_total{controller="Deployment",result="done"} 0"#,
            r#"stash_reconcile_duration_seconds_bucket{controller="Deployment",le="0.05"} 1"#,
            r#"stash_webhook_decisions_total{decision="changed",webhook="deployments"} 1"#,
            "stash_leader 1",
        ] {
            assert!(text.lines().any(|known| known == line), "no {line} in {text}");
        }
        assert!(!text.contains("stash_certificate"), "what is not known is not told");
    }
}
