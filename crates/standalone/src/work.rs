//! One session from its tick to its traces: run it, remember it, publish it, say it.
//!
//! Server, `--once` and the shell's commands all come through here, so a session is reported the same way whoever
//! asked for it.

use std::sync::Arc;

use agent::measure::Standing;
use agent::ticks::TickCounts;
use domain::objects::recovery::RecoverySpec;
use domain::objects::restic::ResticSpec;
use domain::report::{Failure, FailureReason, Outcome, SessionIdentity, SessionReport};
use domain::rules::status;
use engine::Cancel;
use jiff::Timestamp;
use tokio::sync::watch;

use crate::folder::{Desired, Key};
use crate::host::Host;
use crate::ledger::{Ledger, LedgerError};
use crate::live::{Both, Console, Live};
use crate::outlet::Outlet;
use crate::summary;

/// Everything a session needs beside its object.
pub struct Worker {
    /// What objects mean here.
    pub host: Host,
    /// Where traces are kept.
    pub ledger: Ledger,
    /// Where metrics go.
    pub outlet: Outlet,
    /// What the page sees of a running session.
    pub live: Live,
    /// What the terminal sees of it.
    pub console: Box<dyn Console>,
    /// Stops every session.
    pub cancel: Cancel,
    /// Counts backup sessions that have ended, so that recoveries can wait for one.
    pub sessions: watch::Sender<u64>,
}

/// When the next session is due and what became of the ticks, after a session has ended.
#[derive(Clone, Copy, Debug)]
pub struct Rhythm {
    /// When the next session is due.
    pub next_due: Option<Timestamp>,
    /// What became of the ticks; none when a person asked for the session.
    pub ticks: Option<TickCounts>,
}

impl Worker {
    /// Runs one backup session. `rhythm` is asked at its end, and then everything is remembered and published.
    pub async fn backup(
        self: &Arc<Self>,
        desired: &Arc<Desired>,
        key: &Key,
        spec: &ResticSpec,
        rhythm: impl FnOnce(Timestamp) -> Rhythm,
    ) -> SessionReport {
        let identity = self.host.backup_identity(key);
        let title = format!("backup {}", key.name);
        let report = self.run(identity, key, &title, {
            let (worker, desired, key, spec) =
                (Arc::clone(self), Arc::clone(desired), key.clone(), spec.clone());
            move |identity, start, progress| {
                // Held until the session has ended, and let go with this closure.
                let mut held = None;
                let prepare = || {
                    held = Some(worker.ledger.lock_repository(
                        &identity.namespace,
                        &identity.repository,
                        &worker.cancel,
                    )?);
                    worker.host.backup_plan(&desired, &key, &spec)
                };
                agent::session::backup(identity, start, prepare, progress, &worker.cancel)
            }
        });
        let report = report.await;
        self.settle_backup(key, spec, &report, rhythm(Timestamp::now())).await;
        report
    }

    async fn settle_backup(&self, key: &Key, spec: &ResticSpec, report: &SessionReport, rhythm: Rhythm) {
        summary::say(report);
        let object = self.host.repository_object(key, spec);
        let repository = Key::new(Some(&key.namespace), &report.identity.repository);
        let before = self.ledger.repository(&repository).and_then(|object| object.status).unwrap_or_default();
        let after = status::repository_after(&before, report, rhythm.next_due);
        let last_success = after.last_successful_backup_time.as_ref().map(|time| time.0);
        let mut restic = status::restic_after(&self.ledger.restic(key), report, rhythm.next_due);
        if let Some(ticks) = rhythm.ticks {
            restic.skipped_ticks = ticks.skipped;
            restic.late_ticks = ticks.late;
        }
        said(
            "Repository",
            &repository,
            object.map_or(Ok(()), |object| self.ledger.set_repository(object, after)),
        );
        said("Restic", key, self.ledger.set_restic(key, spec, restic));
        said("Restic", key, self.ledger.set_report(key, report));
        said("Restic", key, self.ledger.add_history(report));
        let standing = Standing {
            last_success,
            next_due: rhythm.next_due,
            paused: Some(spec.paused),
            ticks: rhythm.ticks,
            ..Standing::default()
        };
        self.outlet.publish(&report.identity, Some(report), standing).await;
        self.sessions.send_modify(|count| *count += 1);
    }

    /// Publishes what stands before the first session, after a restart, and when a Restic was edited or paused.
    pub async fn announce(&self, key: &Key, spec: &ResticSpec, rhythm: Rhythm) {
        let identity = self.host.backup_identity(key);
        let repository = Key::new(Some(&key.namespace), &identity.repository);
        let known = self.ledger.repository(&repository).and_then(|object| object.status).unwrap_or_default();
        let mut restic = self.ledger.restic(key);
        restic.next_backup_time = rhythm.next_due.map(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time);
        said("Restic", key, self.ledger.set_restic(key, spec, restic));
        let report = self.ledger.report(identity.session, key);
        let standing = Standing {
            last_success: known.last_successful_backup_time.map(|time| time.0),
            next_due: rhythm.next_due,
            paused: Some(spec.paused),
            ticks: rhythm.ticks,
            ..Standing::default()
        };
        self.outlet.publish(&identity, report.as_ref(), standing).await;
    }

    /// Runs one recovery session; everything is remembered and published at its end.
    pub async fn recover(
        self: &Arc<Self>,
        desired: &Arc<Desired>,
        key: &Key,
        spec: &RecoverySpec,
    ) -> SessionReport {
        let identity = self.host.recovery_identity(desired, key, spec);
        let running = status::recovery_running(&spec.paths, Timestamp::now());
        said("Recovery", key, self.ledger.set_recovery(key, spec, running.clone()));
        let title = format!("recovery {}", key.name);
        let report = self.run(identity, key, &title, {
            let (worker, desired, key, spec) =
                (Arc::clone(self), Arc::clone(desired), key.clone(), spec.clone());
            move |identity, start, progress| {
                let prepare = || worker.host.recovery_plan(&desired, &key, &spec);
                agent::recover::recover(identity, start, prepare, progress, &worker.cancel)
            }
        });
        let report = report.await;
        summary::say(&report);
        said("Recovery", key, self.ledger.set_recovery(key, spec, status::recovery_after(&running, &report)));
        said("Recovery", key, self.ledger.set_report(key, &report));
        let last_success = (report.outcome == Outcome::Succeeded).then_some(report.start);
        let standing = Standing { last_success, ..Standing::default() };
        self.outlet.publish(&report.identity, Some(&report), standing).await;
        report
    }

    /// Runs a session on a thread that may block, with its progress shown.
    async fn run(
        self: &Arc<Self>,
        identity: SessionIdentity,
        key: &Key,
        title: &str,
        session: impl FnOnce(&SessionIdentity, Timestamp, &Both) -> SessionReport + Send + 'static,
    ) -> SessionReport {
        let start = Timestamp::now();
        let both =
            Both { page: self.live.begin(identity.session, key, start), console: self.console.begin(title) };
        let thread = tokio::task::spawn_blocking({
            let identity = identity.clone();
            move || session(&identity, start, &both)
        });
        let kind = identity.session;
        let report = match thread.await {
            Ok(report) => report,
            Err(error) => SessionReport::failed(
                identity,
                start,
                Failure {
                    reason: FailureReason::Internal,
                    message: format!("the session's thread was lost: {error}"),
                },
            ),
        };
        self.live.end(kind, key);
        report
    }
}

/// A trace that could not be kept is said; the session itself has ended as it has ended.
fn said(kind: &str, key: &Key, result: Result<(), LedgerError>) {
    if let Err(error) = result {
        tracing::error!(kind, %key, %error, "cannot remember what a session did");
    }
}
