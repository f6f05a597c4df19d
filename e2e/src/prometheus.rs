//! A real Prometheus in the cluster, which finds what to scrape by asking Kubernetes, as people's does.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::ResourceExt as _;
use kube::api::{ListParams, LogParams};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::image;
use crate::namespace::Namespace;
use crate::pod::{restricted_container, restricted_pod};
use crate::wait;

const NAME: &str = "prometheus";
const PORT: u16 = 9090;

/// Pods that carry the annotation `prometheus.io/scrape` are scraped at the port of `prometheus.io/port`, once a second.
/// The labels that were pushed to a gateway are kept.
const CONFIGURATION: &str = r#"
global: {scrape_interval: 1s, evaluation_interval: 1s}
scrape_configs:
- job_name: pods
  honor_labels: true
  kubernetes_sd_configs: [{role: pod, namespaces: {own_namespace: true}}]
  relabel_configs:
  - {source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_scrape], regex: "true", action: keep}
  - {source_labels: [__meta_kubernetes_pod_ip, __meta_kubernetes_pod_annotation_prometheus_io_port], separator: ":", target_label: __address__}
  - {source_labels: [__address__], action: keep, regex: ".+:[0-9]+"}
  - {source_labels: [__meta_kubernetes_pod_name], target_label: pod}
"#;

/// A running Prometheus of a namespace.
pub struct Prometheus<'a> {
    space: &'a Namespace,
    pod: String,
}

/// One series with its newest value.
#[derive(Debug, Deserialize)]
pub struct Sample {
    /// Labels, the name as `__name__`.
    pub metric: BTreeMap<String, String>,
    /// Seconds of the epoch, and the value as Prometheus writes it.
    pub value: (f64, String),
}

impl<'a> Prometheus<'a> {
    /// Starts it and waits until it is ready.
    pub async fn start(space: &'a Namespace) -> Result<Self> {
        space.reader(NAME, &["pods"]).await?;
        let metadata = json!({ "name": NAME });
        space
            .create::<ConfigMap>(json!({ "metadata": metadata, "data": { "prometheus.yml": CONFIGURATION } }))
            .await?;
        space
            .create::<Pod>(json!({
                "metadata": metadata,
                "spec": {
                    "serviceAccountName": NAME,
                    "terminationGracePeriodSeconds": 0,
                    "securityContext": restricted_pod(),
                    "containers": [{
                        "name": NAME,
                        "image": image::PROMETHEUS,
                        "imagePullPolicy": "IfNotPresent",
                        "args": [
                            "--config.file=/etc/prometheus/prometheus.yml",
                            "--storage.tsdb.path=/data",
                            format!("--web.listen-address=:{PORT}"),
                        ],
                        "ports": [{ "containerPort": PORT }],
                        "readinessProbe": { "httpGet": { "path": "/-/ready", "port": PORT }, "periodSeconds": 1 },
                        "securityContext": restricted_container(),
                        "volumeMounts": [
                            { "name": "configuration", "mountPath": "/etc/prometheus" },
                            { "name": "data", "mountPath": "/data" },
                        ],
                    }],
                    "volumes": [
                        { "name": "configuration", "configMap": { "name": NAME } },
                        { "name": "data", "emptyDir": {} },
                    ],
                },
            }))
            .await?;
        Self::of_pod(space, NAME).await
    }

    /// One that somebody else has started, in this pod. Waits until it is ready.
    pub async fn of_pod(space: &'a Namespace, pod: &str) -> Result<Self> {
        space.pod_ready(pod).await?;
        Ok(Self { space, pod: pod.to_owned() })
    }

    /// One that somebody else has started, in the first pod with these labels.
    pub async fn of_labels(space: &'a Namespace, labels: &str) -> Result<Self> {
        let what = format!("a pod with {labels}");
        let pod = wait::until(&what, wait::PATIENCE, async || {
            let pods = space.api::<Pod>().list(&ListParams::default().labels(labels)).await?;
            Ok(pods.items.first().map(|pod| pod.name_any()))
        });
        Self::of_pod(space, &pod.await?).await
    }

    /// What it has to say about itself since it started.
    pub async fn log(&self) -> Result<String> {
        let options = LogParams { container: Some(NAME.to_owned()), ..LogParams::default() };
        let log = self.space.api::<Pod>().logs(&self.pod, &options).await;
        log.context("reading what Prometheus said")
    }

    /// The rules that it has, as its API tells them.
    pub async fn rules(&self) -> Result<Vec<Value>> {
        let text = self.space.get(&self.pod, PORT, "/api/v1/rules").await?;
        let answer: Value = serde_json::from_str(&text).context("Prometheus answers no JSON")?;
        let groups = answer["data"]["groups"].as_array().into_iter().flatten();
        Ok(groups.flat_map(|group| group["rules"].as_array().into_iter().flatten()).cloned().collect())
    }

    /// What it scrapes, as its API tells it.
    pub async fn targets(&self) -> Result<Value> {
        let text = self.space.get(&self.pod, PORT, "/api/v1/targets?state=active").await?;
        let answer: Value = serde_json::from_str(&text).context("Prometheus answers no JSON")?;
        Ok(answer["data"]["activeTargets"].clone())
    }

    /// What it answers to an expression.
    pub async fn query(&self, expression: &str) -> Result<Vec<Sample>> {
        let expression: String =
            form_urlencoded::Serializer::new(String::new()).append_pair("query", expression).finish();
        let text = self.space.get(&self.pod, PORT, &format!("/api/v1/query?{expression}")).await?;
        let answer: Value = serde_json::from_str(&text).context("Prometheus answers no JSON")?;
        if answer["status"] != "success" {
            bail!("Prometheus refuses: {text}");
        }
        serde_json::from_value(answer["data"]["result"].clone()).context("Prometheus answers no vector")
    }

    /// Those of the queries that have no answer. One that Prometheus does not understand is an error.
    pub async fn unanswered(&self, queries: Vec<monitoring::Query>) -> Result<Vec<monitoring::Query>> {
        let mut unanswered = Vec::new();
        for query in queries {
            let samples = self.query(&query.expression).await;
            if samples.with_context(|| format!("asking {query:?}"))?.is_empty() {
                unanswered.push(query);
            }
        }
        Ok(unanswered)
    }

    /// Waits until the expression has an answer with at least one series.
    pub async fn series(&self, expression: &str) -> Result<Vec<Sample>> {
        wait::until_it_works(&format!("Prometheus to know {expression}"), wait::PATIENCE, async || {
            let samples = self.query(expression).await?;
            if samples.is_empty() { bail!("it knows no such series") } else { Ok(samples) }
        })
        .await
    }
}
