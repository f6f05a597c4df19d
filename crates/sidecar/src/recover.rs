//! `stash recover` in a Job: one Recovery, once, with its progress in the object's status.
//!
//! The Job's pod may be replaced when it is lost, so a session that was stopped, or could not reach API or storage, is
//! no end: the status stays `Running` and the next pod begins anew. What failed by itself is: the Recovery is `Failed`,
//! and another pod would only fail again.

mod progress;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use agent::measure::Standing;
use agent::recover::{PathPlan, RecoveryPlan};
use backon::{ExponentialBuilder, Retryable as _};
use cluster::connect::is_definite;
use cluster::events::{Events, Notice};
use domain::objects::recovery::{Recovery, RecoveryPhase, RecoverySpec, RecoveryStatus};
use domain::objects::repository::Repository;
use domain::objects::workload::Workload;
use domain::report::{Failure, FailureReason, Outcome, SessionIdentity, SessionKind, SessionReport};
use domain::rules::{names, status};
use engine::{Cancel, Environment, Which};
use jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, Resource as _};
use serde_json::json;

use self::progress::Told;
use crate::outlet::Outlet;
use crate::repository::{Known, known};
use crate::secret::SecretSource;

/// Who reports the events.
const COMPONENT: &str = "stash-recovery";
/// An object is asked for and written for so long, then another pod may try.
const PATIENCE: Duration = Duration::from_secs(300);
/// Progress is written so often.
const BETWEEN_WRITES: Duration = Duration::from_secs(3);

/// What the Job was told.
#[derive(Clone, Debug)]
pub struct Options {
    /// Namespace of the Recovery and its pod.
    pub namespace: String,
    /// Name of the Recovery.
    pub recovery: String,
    /// Our pod, for events.
    pub pod: Option<String>,
    /// The Repository as JSON; without it the API is asked.
    pub repository: Option<String>,
    /// Folder of the storage Secret; without it the API is asked.
    pub secret_dir: Option<PathBuf>,
}

/// How it ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Ended {
    /// Every path was restored, or the Recovery had ended before.
    Done,
    /// Another try would end the same.
    Failed(String),
    /// Another pod should try.
    TryAgain(String),
}

/// Runs the Recovery.
pub async fn run(client: Client, options: Options, outlet: Outlet, cancel: Cancel) -> Ended {
    let events = Events::new(client.clone(), COMPONENT, options.pod.clone());
    let api: Api<Recovery> = Api::namespaced(client.clone(), &options.namespace);
    let recovery = match patiently(|| api.get(&options.recovery)).await {
        Ok(recovery) => recovery,
        Err(error) => {
            let text = format!("cannot read Recovery {}/{}: {error}", options.namespace, options.recovery);
            return if is_definite(&error) { Ended::Failed(text) } else { Ended::TryAgain(text) };
        }
    };
    let before = recovery.status.clone().unwrap_or_default();
    if before.phase.is_some_and(RecoveryPhase::is_final) {
        tracing::info!(recovery = options.recovery, phase = ?before.phase, "it has ended; nothing is restored again");
        return Ended::Done;
    }
    let session = Session { client, api, options, recovery, events, outlet };
    session.run(cancel).await
}

struct Session {
    client: Client,
    api: Api<Recovery>,
    options: Options,
    recovery: Recovery,
    events: Events,
    outlet: Outlet,
}

impl Session {
    async fn run(self, cancel: Cancel) -> Ended {
        let start = Timestamp::now();
        let spec = self.recovery.spec.clone();
        let found = self.repository().await;
        let identity = self.identity(found.as_ref().ok().map(|known| &known.workload));
        let plan = match found {
            Ok(known) => self.plan(&spec, known).await,
            Err(failure) => Err(failure),
        };
        let running = RecoveryStatus {
            observed_generation: self.recovery.metadata.generation,
            ..status::recovery_running(&spec.paths, start)
        };
        let told = Arc::new(Told::new(spec.paths.len()));
        let session = tokio::task::spawn_blocking({
            let (identity, told) = (identity.clone(), Arc::clone(&told));
            move || agent::recover::recover(&identity, start, || plan, &*told, &cancel)
        });
        let report = tokio::select! {
            report = session => report,
            never = self.keep_telling(&running, &told) => match never {},
        };
        let report = report.unwrap_or_else(|error| {
            let message = format!("the session's thread was lost: {error}");
            SessionReport::failed(identity, start, Failure { reason: FailureReason::Internal, message })
        });
        self.settle(&running, &report).await
    }

    /// The Repository: as the operator handed it over, or as the API has it.
    async fn repository(&self) -> Result<Known, Failure> {
        let wanted = &self.recovery.spec.repository;
        let name = wanted.name.as_deref().unwrap_or_default();
        let repository: Repository = match &self.options.repository {
            Some(text) => handed_over(text)?,
            None => {
                let namespace = wanted.namespace.as_deref().unwrap_or(&self.options.namespace);
                let api: Api<Repository> = Api::namespaced(self.client.clone(), namespace);
                patiently(|| api.get(name)).await.map_err(|error| Failure {
                    reason: FailureReason::RepositoryMissing,
                    message: format!("cannot read Repository {namespace}/{name}: {error}"),
                })?
            }
        };
        known(&repository)
    }

    async fn plan(&self, spec: &RecoverySpec, known: Known) -> Result<RecoveryPlan, Failure> {
        let source = match &self.options.secret_dir {
            Some(folder) => SecretSource::Folder(folder.clone()),
            None => SecretSource::Api {
                client: self.client.clone(),
                namespace: spec
                    .repository
                    .namespace
                    .clone()
                    .unwrap_or_else(|| self.options.namespace.clone()),
            },
        };
        Ok(RecoveryPlan {
            credentials: source.credentials(&known.secret).await?,
            location: known.location,
            environment: Environment::default(),
            host: names::snapshot_hostname(&known.workload).to_owned(),
            which: which(&spec.snapshot)?,
            // The volumes are mounted where the data was, so each path is its own target.
            paths: spec
                .paths
                .iter()
                .map(|path| PathPlan { path: path.clone(), target: PathBuf::from(path) })
                .collect(),
        })
    }

    fn identity(&self, workload: Option<&Workload>) -> SessionIdentity {
        SessionIdentity {
            session: SessionKind::Recovery,
            namespace: self.options.namespace.clone(),
            config: self.options.recovery.clone(),
            kind: workload.map(|workload| workload.kind().as_str().to_owned()).unwrap_or_default(),
            app: workload.map(|workload| workload.name().to_owned()).unwrap_or_default(),
            repository: self.recovery.spec.repository.name.clone().unwrap_or_default(),
        }
    }

    /// Writes how far it is, now and again. A write that fails is made good by the next.
    async fn keep_telling(&self, running: &RecoveryStatus, told: &Told) -> std::convert::Infallible {
        let mut last = None;
        loop {
            let now = told.status(running);
            if last.as_ref() != Some(&now) {
                match self.write(&now).await {
                    Ok(()) => last = Some(now),
                    Err(error) => tracing::debug!(%error, "cannot write the progress; it is tried again"),
                }
            }
            tokio::time::sleep(BETWEEN_WRITES).await;
        }
    }

    /// Leaves the traces of a session that has ended.
    async fn settle(&self, running: &RecoveryStatus, report: &SessionReport) -> Ended {
        let good = report.outcome == Outcome::Succeeded;
        let failure = report.failure.as_ref();
        let message = failure.map_or("every path was restored", |failure| &failure.message).to_owned();
        let last_success = good.then_some(report.start);
        let pushed = self
            .outlet
            .publish(&report.identity, Some(report), Standing { last_success, ..Standing::default() })
            .await;
        let about = self.recovery.object_ref(&());
        if let Err(error) = pushed {
            self.events.record(&about, &Notice::warning("FailedPush", "Recover", error)).await;
        }
        if report.outcome == Outcome::Cancelled || failure.is_some_and(may_pass) {
            return Ended::TryAgain(message);
        }
        let after = status::recovery_after(running, report);
        if let Err(error) = patiently(|| self.write(&after)).await {
            return Ended::TryAgain(format!(
                "{message}; and this could not be written into the status: {error}"
            ));
        }
        for group in &report.groups {
            let Some(failure) = group.restore.as_ref().and_then(|restore| restore.failure.as_ref()) else {
                continue;
            };
            let note = format!("{}: {}", group.path, failure.message);
            self.events.record(&about, &Notice::warning("FailedRecovery", "Recover", note)).await;
        }
        if good {
            self.events.record(&about, &Notice::normal("SuccessfulRecovery", "Recover", &*message)).await;
            return Ended::Done;
        }
        if report.groups.is_empty() {
            self.events.record(&about, &Notice::warning("FailedRecovery", "Recover", &*message)).await;
        }
        Ended::Failed(message)
    }

    async fn write(&self, status: &RecoveryStatus) -> Result<(), kube::Error> {
        // Empty fields are left out of JSON, but must not stay as they were.
        let mut json = json!(status);
        json["progress"] = json!(status.progress);
        let patch = json!({ "status": json });
        self.api.patch_status(&self.options.recovery, &PatchParams::default(), &Patch::Merge(&patch)).await?;
        Ok(())
    }
}

/// Whether the failure may be gone for the next pod.
fn may_pass(failure: &Failure) -> bool {
    matches!(failure.reason, FailureReason::StorageUnreachable | FailureReason::RepositoryLocked)
}

/// The Repository from the environment: what is not of its spec or who it is was left out.
fn handed_over(text: &str) -> Result<Repository, Failure> {
    let broken = |why: String| Failure {
        reason: FailureReason::InvalidSpec,
        message: format!("the Repository in {} cannot be read: {why}", domain::handoff::env::REPOSITORY),
    };
    let mut json: serde_json::Value =
        serde_json::from_str(text).map_err(|error| broken(error.to_string()))?;
    let Some(object) = json.as_object_mut() else { return Err(broken("it is no object".to_owned())) };
    object.insert("apiVersion".to_owned(), json!(Repository::api_version(&())));
    object.insert("kind".to_owned(), json!(Repository::kind(&())));
    serde_json::from_value(json).map_err(|error| broken(error.to_string()))
}

fn which(snapshot: &str) -> Result<Which, Failure> {
    if snapshot.is_empty() {
        return Ok(Which::Latest);
    }
    names::parse_snapshot(snapshot)
        .map(|(_, id)| Which::Id(id.to_owned()))
        .map_err(|error| Failure { reason: FailureReason::InvalidSpec, message: error.to_string() })
}

/// Tries for a while when the API server does not answer.
pub(crate) async fn patiently<T, F>(request: impl FnMut() -> F) -> Result<T, kube::Error>
where
    F: Future<Output = Result<T, kube::Error>>,
{
    let pauses = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(500))
        .with_max_delay(Duration::from_secs(20))
        .with_total_delay(Some(PATIENCE))
        .without_max_times()
        .with_jitter();
    request
        .retry(pauses)
        .when(|error| !is_definite(error))
        .notify(|error, pause| tracing::warn!(%error, ?pause, "the API server does not answer; trying again"))
        .await
}
