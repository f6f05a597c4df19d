//! A real Prometheus in the cluster, which finds what to scrape by asking Kubernetes, as people's does.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
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
        space.pod_ready(NAME).await?;
        Ok(Self { space })
    }

    /// What it answers to an expression.
    pub async fn query(&self, expression: &str) -> Result<Vec<Sample>> {
        let expression: String =
            form_urlencoded::Serializer::new(String::new()).append_pair("query", expression).finish();
        let text = self.space.get(NAME, PORT, &format!("/api/v1/query?{expression}")).await?;
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
