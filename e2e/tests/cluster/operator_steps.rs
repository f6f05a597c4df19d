//! The operator is killed at every step of a recovery and of an offline cycle, one step after the other; whoever comes
//! next goes on from there.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::tree::MOUNT;
use e2e::workload::{self, DATA};
use e2e::{Namespace, Operator, alone_with_operator, wait};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

/// A step is over in no time, so it is looked for often; one that was missed is not waited for.
const LOOK: Duration = Duration::from_millis(20);
/// One that was over before it was seen is tried again, so often.
const ATTEMPTS: u32 = 5;

/// A state that a recovery passes through.
#[derive(Clone, Copy, Debug)]
enum Recovering {
    Asked,
    HasRights,
    HasJob,
    IsRunning,
    HasPod,
    JobEnded,
    Ended,
}

impl Recovering {
    const ALL: [Self; 7] = [
        Self::Asked,
        Self::HasRights,
        Self::HasJob,
        Self::IsRunning,
        Self::HasPod,
        Self::JobEnded,
        Self::Ended,
    ];

    async fn is_reached(self, space: &Namespace, name: &str) -> Result<bool> {
        let job = format!("stash-recovery-{name}");
        Ok(match self {
            Self::Asked => true,
            Self::HasRights => space.find("RoleBinding", &job).await?.is_some(),
            Self::HasJob => space.find("Job", &job).await?.is_some(),
            Self::IsRunning => !space.read("Recovery", name).await?["status"]["phase"].is_null(),
            Self::HasPod => !space.list("Pod", &format!("recovery={name}")).await?.is_empty(),
            Self::JobEnded => {
                let job = space.find("Job", &job).await?;
                job.is_some_and(|job| !job["status"]["completionTime"].is_null())
            }
            Self::Ended => space.read("Recovery", name).await?["status"]["phase"] == "Succeeded",
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_operator_at_each_step_of_recovery() -> Result<()> {
    alone_with_operator(&[], async |space, operator| {
        let files = space.prepare().await?;
        space.put_restic(workload::restic("web", "web", "online", "@every 3s")).await?;
        space.put(workload::workload("Deployment", "web", 1)).await?;
        space.backed_up("deployment.web", 1).await?;
        space.delete_and_wait("Restic", "web").await?;
        space.is_clean("Deployment", "web").await?;
        for (number, step) in Recovering::ALL.into_iter().enumerate() {
            let name = format!("back-{number}");
            space.wipe_tree(DATA).await?;
            // Its webhook answers when the pod does that took the place of the killed one.
            wait::until_it_works("the operator to be back", wait::PATIENCE, async || {
                space.put(workload::recovery(&name, space, "deployment.web")).await
            })
            .await?;
            reached(&format!("{step:?}"), async || step.is_reached(space, &name).await).await?;
            operator.kill().await?;
            let recovery = space.recovered(&name).await.with_context(|| format!("killed when {step:?}"))?;
            assert_eq!(
                recovery["status"]["phase"], "Succeeded",
                "killed when {step:?}: {}",
                recovery["status"]
            );
            assert_eq!(space.tree(DATA).await?, files, "killed when {step:?}");
            // Once means once.
            let pods = space.list("Pod", &format!("recovery={name}")).await?;
            assert_eq!(pods.len(), 1, "killed when {step:?}");
        }

        // Nor does anything restore again what was restored, when the operator and the Jobs are gone.
        space.wipe_tree(DATA).await?;
        for number in 0..Recovering::ALL.len() {
            space.delete("Job", &format!("stash-recovery-back-{number}")).await?;
        }
        operator.kill().await?;
        // Its webhook answers when the new pod does.
        wait::until_it_works("the operator to be back", wait::PATIENCE, async || {
            space.put(workload::recovery("last", space, "deployment.none")).await
        })
        .await?;
        // Whoever has looked at this one has looked at those, too.
        let seen = |recovery: &Value| e2e::object::has(recovery, "Complete", "False", "RepositoryMissing");
        space.until("Recovery", "last", "was looked at", seen).await?;
        ensure!(space.list("Job", "operation=recovery").await?.is_empty(), "there is a Job again");
        let gone = space.shell("test ! -e /data/tree", &[(DATA, MOUNT)]).await;
        gone.context("the files are there again")?;
        Ok(())
    })
    .await
}

/// A state that an offline cycle passes through.
#[derive(Clone, Copy, Debug)]
enum Cycle {
    HasJob,
    IsScaledDown,
    HasNoPods,
    IsScaledToOne,
    BacksUp,
    HasBackedUp,
    IsBack,
}

impl Cycle {
    const ALL: [Self; 7] = [
        Self::HasJob,
        Self::IsScaledDown,
        Self::HasNoPods,
        Self::IsScaledToOne,
        Self::BacksUp,
        Self::HasBackedUp,
        Self::IsBack,
    ];

    async fn is_reached(self, space: &Namespace, job: &str, backups: i64) -> Result<bool> {
        let workload = space.read("Deployment", "web").await?;
        let (replicas, old) =
            (&workload["spec"]["replicas"], &workload["metadata"]["annotations"]["old-replica"]);
        let init = |pod: &Value, state: &str| {
            let statuses = &pod["status"]["initContainerStatuses"];
            e2e::object::named(statuses, workload::CONTAINER)
                .is_some_and(|status| !status["state"][state].is_null())
        };
        Ok(match self {
            Self::HasJob => space.find("Job", job).await?.is_some(),
            Self::IsScaledDown => *old == "2" && *replicas == 0,
            Self::HasNoPods => *old == "2" && space.list("Pod", "app=web").await?.is_empty(),
            Self::IsScaledToOne => *old == "2" && *replicas == 1,
            // What ran for less than a second is never shown as running.
            Self::BacksUp => {
                let begun = |pod: &Value| init(pod, "running") || init(pod, "terminated");
                *old == "2" && space.list("Pod", "app=web").await?.iter().any(begun)
            }
            Self::HasBackedUp => {
                let found = space.find("Repository", "deployment.web").await?;
                found.is_some_and(|found| found["status"]["backupCount"].as_i64() > Some(backups))
            }
            Self::IsBack => {
                let found = space.find("Repository", "deployment.web").await?;
                let counted =
                    found.is_some_and(|found| found["status"]["backupCount"].as_i64() > Some(backups));
                counted && old.is_null() && *replicas == 2
            }
        })
    }
}

/// The Job of the tick is killed with the operator, so that neither of the two can do all of it.
#[tokio::test(flavor = "multi_thread")]
async fn kill_operator_at_each_step_of_offline_cycle() -> Result<()> {
    alone_with_operator(&[], async |space, operator| {
        space.prepare().await?;
        // Ticks are made by hand.
        space.put_restic(workload::restic("web", "web", "offline", "0 0 1 1 *")).await?;
        space.put(workload::workload("Deployment", "web", 2)).await?;
        space.is_injected("Deployment", "web", true).await?;
        space.pods_ready("web", 2).await?;
        let there = |_: &Value| true;
        space.until("CronJob", "stash-scaledown-cron-web", "is there", there).await?;
        for (number, step) in Cycle::ALL.into_iter().enumerate() {
            let mut attempt = 0;
            while !kill_at(space, operator, step, &format!("tick-{number}-{attempt}")).await? {
                attempt += 1;
                ensure!(attempt < ATTEMPTS, "{step:?} was over before anybody looked, {attempt} times");
            }
        }
        space.restic_checks(&workload::folder("Deployment", "web", "")).await
    })
    .await
}

/// Begins a cycle, kills the operator and the Job at this step of it, and waits until the cycle has ended all the same.
/// `false` when the step was over before it was seen, so that nobody was killed.
async fn kill_at(space: &Namespace, operator: &Operator, step: Cycle, job: &str) -> Result<bool> {
    let before = backups(space).await?;
    e2e::process::output(space.cluster.command("kubectl").args([
        "--namespace",
        &space.name,
        "create",
        "job",
        job,
        "--from=cronjob/stash-scaledown-cron-web",
    ]))?;
    let is_passed = async || Cycle::IsBack.is_reached(space, job, before).await;
    let mut is_seen = false;
    reached(&format!("{step:?}"), async || {
        is_seen = step.is_reached(space, job, before).await?;
        Ok(is_seen || is_passed().await?)
    })
    .await?;
    if is_seen {
        operator.kill().await?;
        for pod in space.list("Pod", &format!("job-name={job}")).await? {
            let name = pod["metadata"]["name"].as_str().unwrap_or_default();
            // It may have ended by itself.
            if space.find("Pod", name).await?.is_some() {
                space.delete("Pod", name).await?;
            }
        }
    }
    let is_back = |found: &Value| {
        found["spec"]["replicas"] == 2
            && found["metadata"]["annotations"]["old-replica"].is_null()
            && found["status"]["readyReplicas"] == 2
    };
    let ended = async || -> Result<Value> {
        space.backed_up("deployment.web", before + 1).await?;
        space.until("Deployment", "web", "is back", is_back).await
    };
    ended().await.with_context(|| format!("killed when {step:?}"))?;
    space.delete_and_wait("Job", job).await?;
    space.pods_ready("web", 2).await?;
    Ok(is_seen)
}

/// An application is up again although its backup fails, and somebody is told.
#[tokio::test(flavor = "multi_thread")]
async fn operator_gives_back_replicas_when_backup_fails() -> Result<()> {
    e2e::with_operator(async |space, operator| {
        space.prepare().await?;
        let mut restic = workload::restic("web", "web", "offline", "0 0 1 1 *");
        restic["spec"]["fileGroups"] = json!([{ "path": "/data/not-there" }]);
        space.put_restic(restic).await?;
        space.put(workload::workload("Deployment", "web", 2)).await?;
        space.is_injected("Deployment", "web", true).await?;
        space.pods_ready("web", 2).await?;
        let there = |_: &Value| true;
        space.until("CronJob", "stash-scaledown-cron-web", "is there", there).await?;
        e2e::process::output(space.cluster.command("kubectl").args([
            "--namespace",
            &space.name,
            "create",
            "job",
            "tick",
            "--from=cronjob/stash-scaledown-cron-web",
        ]))?;
        let taken_down = |found: &Value| found["metadata"]["annotations"]["old-replica"] == "2";
        space.until("Deployment", "web", "is taken down", taken_down).await?;
        let is_back = |found: &Value| {
            found["spec"]["replicas"] == 2
                && found["metadata"]["annotations"]["old-replica"].is_null()
                && found["status"]["readyReplicas"] == 2
        };
        space.until("Deployment", "web", "is back", is_back).await?;
        let failed = |found: &Value| found["status"]["lastResult"] == "Failed";
        space.until("Repository", "deployment.web", "says that it failed", failed).await?;
        let reason = |restic: &Value| e2e::object::has(restic, "Ready", "False", "SessionFailed");
        space.until("Restic", "web", "says that it failed", reason).await?;
        // The container ended with 0, and nobody takes that for a backup.
        let note = space.event("Deployment", "web", "OfflineBackupFailed").await?;
        ensure!(note.contains("failed"), "{note}");
        let own = format!("namespace=\"{}\"", space.name);
        let line = operator.shows("restic_session_success", &[&own]).await?;
        ensure!(line.ends_with(" 0"), "{line}");
        Ok(())
    })
    .await
}

async fn backups(space: &Namespace) -> Result<i64> {
    let found = space.find("Repository", "deployment.web").await?;
    Ok(found.and_then(|found| found["status"]["backupCount"].as_i64()).unwrap_or_default())
}

/// Looks, more often than the kit's own waiting does, until it is so.
async fn reached(what: &str, mut is_so: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    let start = Instant::now();
    while start.elapsed() < wait::PATIENCE {
        if is_so().await? {
            return Ok(());
        }
        sleep(LOOK).await;
    }
    anyhow::bail!("it never came to be that {what}")
}
