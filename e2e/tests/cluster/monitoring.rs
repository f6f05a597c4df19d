//! The monitoring guides, followed: Stash is installed with their flags, Prometheus with their manifests, and it has
//! every metric that the overview names.

use anyhow::{Result, bail, ensure};
use e2e::guide::{Applied, apply, configure};
use e2e::prometheus::Prometheus;
use e2e::prometheus_operator::{configuration, with_prometheus_operator};
use e2e::{Namespace, Operator, alone_to_install, tree, wait, workload};
use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use kube::Api;
use kube::api::DeleteParams;
use serde_json::Value;

/// What the operator of Stash 0.8.3 told.
const SEED: &str = include_str!("../../../crates/operator/tests/it/seed/metrics.tsv");
/// What a session of Stash 0.8.3 told.
const SESSION: [&str; 4] = [
    "restic_session_success",
    "restic_session_fail",
    "restic_session_duration_seconds_total",
    "restic_session_duration_seconds",
];

#[tokio::test(flavor = "multi_thread")]
async fn monitor_with_builtin_prometheus() -> Result<()> {
    alone_to_install(async |space, operator| {
        operator
            .script(&[
                "--monitoring-agent=prometheus.io/builtin",
                "--monitoring-backup=true",
                "--monitoring-operator=true",
                &format!("--prometheus-namespace={}", space.name),
            ])
            .await?;
        back_something_up(space).await?;
        let file = "docs/examples/monitoring/prometheus.yml";
        configure(space, "stash-prometheus-server", file, operator.namespace()).await?;
        configure(space, "stash-alerts", "monitoring/alerts.yaml", operator.namespace()).await?;
        let applied = Applied::files(space, &["prometheus-access.yaml", "prometheus-server.yaml"]).await?;
        let outcome = watch_builtin(space, operator).await;
        let removed = applied.remove().await;
        outcome.and(removed)
    })
    .await
}

async fn watch_builtin(space: &Namespace, operator: &Operator) -> Result<()> {
    let prometheus = Prometheus::of_labels(space, "app=stash-prometheus").await?;
    has_everything(&prometheus, space, operator).await?;
    has_no_trouble(&prometheus).await?;
    answers_dashboards(&prometheus).await?;
    judges_alerts(&prometheus).await?;

    // Who has not the right to it is told so.
    let bindings: Api<ClusterRoleBinding> = Api::all(space.cluster.client.clone());
    bindings.delete("stash-prometheus-server", &DeleteParams::default()).await?;
    wait::until_it_works("the operator to refuse Prometheus", wait::PATIENCE, async || {
        let target = target(&prometheus, "stash-operator").await?;
        let error = target["lastError"].as_str().unwrap_or_default();
        ensure!(error.contains("403"), "the last scrape says {error:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn monitor_with_prometheus_operator() -> Result<()> {
    alone_to_install(async |space, operator| {
        with_prometheus_operator(space, async || {
            let chosen = [
                "--monitoring-agent=prometheus.io/coreos-operator",
                &format!("--prometheus-namespace={}", space.name),
                "--servicemonitor-label=k8s-app=prometheus",
            ];
            let with = |more: &[&'static str]| -> Vec<String> {
                chosen.iter().copied().chain(more.iter().copied()).map(str::to_owned).collect()
            };
            let install = async |more: &[&'static str]| {
                let flags = with(more);
                operator.script(&flags.iter().map(String::as_str).collect::<Vec<_>>()).await
            };
            install(&["--monitoring-backup=true", "--monitoring-operator=true"]).await?;
            back_something_up(space).await?;
            let files = ["prometheus-access.yaml", "coreos-prometheus.yaml"];
            let applied = Applied::files(space, &files).await?;
            apply(space, "monitoring/prometheusrule.yaml").await?;
            let outcome = async {
                let prometheus = Prometheus::of_labels(space, "app.kubernetes.io/name=prometheus").await?;
                has_everything(&prometheus, space, operator).await?;
                has_no_trouble(&prometheus).await?;
                answers_dashboards(&prometheus).await?;
                judges_alerts(&prometheus).await?;
                scrapes(space, &["api", "pushgateway"]).await?;
                // What is no longer advertised is no longer scraped.
                install(&["--monitoring-backup=true"]).await?;
                scrapes(space, &["pushgateway"]).await?;
                install(&["--monitoring-operator=true"]).await?;
                scrapes(space, &["api"]).await?;
                install(&[]).await?;
                scrapes(space, &[]).await
            }
            .await;
            let removed = applied.remove().await;
            outcome.and(removed)
        })
        .await
    })
    .await
}

/// Waits until these ports of the operator are all that the Prometheus operator has scraped.
async fn scrapes(space: &Namespace, ports: &[&str]) -> Result<()> {
    wait::until_it_works(&format!("only {ports:?} to be scraped"), wait::PATIENCE, async || {
        let configuration = configuration(space).await?;
        let mut found: Vec<&str> = ["api", "pushgateway"].to_vec();
        found.retain(|port| configuration.lines().any(|line| line.trim() == format!("regex: {port}")));
        let jobs = configuration.matches("job_name: serviceMonitor/").count();
        ensure!(found == ports && jobs == ports.len(), "it has {jobs} jobs, for {found:?}: {configuration}");
        Ok(())
    })
    .await
}

/// Sessions of each kind, so that there is something to tell.
async fn back_something_up(space: &Namespace) -> Result<()> {
    space.prepare().await?;
    space.put_restic(workload::restic("web", "web", "online", "@every 5s")).await?;
    space.put(workload::workload("Deployment", "web", 1)).await?;
    space.backed_up("deployment.web", 1).await?;
    space.put(workload::recovery("back", space, "deployment.web")).await?;
    space.recovered("back").await?;
    // And one that fails.
    let mut bad = workload::restic("bad", "bad", "online", "@every 5s");
    bad["spec"]["fileGroups"][0]["path"] = format!("{}/nowhere", tree::MOUNT).into();
    space.put_restic(bad).await?;
    space.put(workload::workload("Deployment", "bad", 1)).await?;
    space
        .until("Repository", "deployment.bad", "has failed", |repository| {
            repository["status"]["lastResult"] == "Failed"
        })
        .await?;
    Ok(())
}

/// Waits until Prometheus has every metric of the overview, with the labels by which people choose.
async fn has_everything(prometheus: &Prometheus<'_>, space: &Namespace, operator: &Operator) -> Result<()> {
    for name in SESSION {
        for session in ["backup", "recovery"] {
            // What was pushed keeps its own namespace and job.
            let labels = format!("namespace=\"{0}\",job=~\"{0}-.*\",session=\"{session}\"", space.name);
            prometheus.series(&format!("{name}{{{labels}}}")).await?;
        }
    }
    for (name, kind) in seed() {
        // A summary or histogram has no series of its own name at first.
        let shown =
            if kind == "gauge" || kind == "counter" { name.to_owned() } else { format!("{name}_count") };
        prometheus
            .series(&format!("{shown}{{namespace=\"{}\",service=\"stash-operator\"}}", operator.namespace()))
            .await?;
    }
    Ok(())
}

/// Waits until every query of every dashboard has an answer, those of the dashboard for Stash 0.8.3 among them. What is
/// shown only while something is wrong is asked, and need not have one.
async fn answers_dashboards(prometheus: &Prometheus<'_>) -> Result<()> {
    let mut all = monitoring::queries("1m", &[])?;
    all.extend(monitoring::published(&[]));
    wait::until_it_works("every query of a dashboard to have an answer", wait::PATIENCE, async || {
        let asked = prometheus.unanswered(all.clone()).await?;
        let missing: Vec<String> = asked
            .iter()
            .filter(|query| !query.is_of_trouble())
            .map(|query| format!("{}, {}: {}", query.dashboard, query.panel, query.expression))
            .collect();
        ensure!(missing.is_empty(), "these have none: {missing:#?}");
        Ok(())
    })
    .await
}

/// Waits until every alert that ships was judged without an error.
async fn judges_alerts(prometheus: &Prometheus<'_>) -> Result<()> {
    let wanted = monitoring::ALERTS.lines().filter(|line| line.trim_start().starts_with("- alert:")).count();
    wait::until_it_works("Prometheus to judge the alerts", wait::PATIENCE, async || {
        let rules = prometheus.rules().await?;
        let judged = rules.iter().filter(|rule| rule["health"] == "ok").count();
        ensure!(judged == wanted, "{judged} of {wanted}: {rules:?}");
        Ok(())
    })
    .await
}

/// Names and types of the table.
fn seed() -> impl Iterator<Item = (&'static str, &'static str)> {
    SEED.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).filter_map(|line| {
        let mut fields = line.split('\t');
        Some((fields.next()?, fields.next()?))
    })
}

/// Nothing that it read was strange to it.
async fn has_no_trouble(prometheus: &Prometheus<'_>) -> Result<()> {
    let log = prometheus.log().await?;
    let of_scrapes = |line: &&str| {
        (line.contains("level=WARN") || line.contains("level=ERROR"))
            && (line.contains("scrape") || line.contains("ingest"))
    };
    let strange: Vec<&str> = log.lines().filter(of_scrapes).collect();
    ensure!(strange.is_empty(), "Prometheus says {strange:#?}");
    Ok(())
}

async fn target(prometheus: &Prometheus<'_>, job: &str) -> Result<Value> {
    let targets = prometheus.targets().await?;
    let found = targets.as_array().into_iter().flatten().find(|target| target["labels"]["job"] == job);
    match found {
        Some(target) => Ok(target.clone()),
        None => bail!("it scrapes {targets}"),
    }
}
