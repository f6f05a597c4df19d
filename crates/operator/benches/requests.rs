//! How quickly a running operator answers: webhooks and lists of Snapshots at a fixed rate, and one list of all.
//!
//! `cargo xtask bench operator` runs this beside the operator that it measures. It makes Repositories with their
//! catalogues first, so that there is something to list. Requests begin when their time has come, whether or not the
//! ones before are answered, and a latency counts from that time: an operator that stumbles cannot hide it.
//!
//! The last line of what it prints is the figures as JSON.
#![allow(clippy::print_stdout, reason = "this program talks to whoever started it")]

use std::error::Error;
use std::time::{Duration, Instant};

use domain::catalogue::{Catalogue, Record, config_map};
use domain::objects::repository::Repository;
use http::Request;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::PostParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde_json::{Value, json};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Requests a second.
const RATE: u32 = 200;
/// For so long.
const TIME: Duration = Duration::from_secs(20);
/// Before it is measured, connections are made and whoever asks becomes known.
const WARM: Duration = Duration::from_secs(2);
const REPOSITORIES: usize = 100;
const SNAPSHOTS: usize = 100;
/// How often all Snapshots are listed.
const LISTS: usize = 30;
const SNAPSHOTS_API: &str = "/apis/repositories.stash.appscode.com/v1alpha1";
/// Longer than the operator takes to see what was made.
const PATIENCE: Duration = Duration::from_secs(120);

/// What is measured, from which arguments: who may ask, where the operator is, its namespace, and how many others
/// there are, called like it with a number behind.
struct Site {
    cluster: Client,
    operator: Client,
    namespace: String,
    namespaces: usize,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [kubeconfig, address, namespace, namespaces] = arguments.as_slice() else {
        return Err(
            "usage: KUBECONFIG ADDRESS NAMESPACE NAMESPACES; `cargo xtask bench operator` knows them".into(),
        );
    };
    let site = Site::new(kubeconfig, address, namespace, namespaces.parse()?).await?;
    site.fill().await?;

    let mut all = Vec::new();
    for _ in 0..LISTS {
        let start = Instant::now();
        let bytes =
            site.ask(Request::get(format!("{SNAPSHOTS_API}/snapshots")).body(Vec::new())?).await?.len();
        all.push(start.elapsed());
        if bytes == 0 {
            return Err("the list of all Snapshots is empty".into());
        }
    }
    let review = review(&format!("{namespace}-0"))?;
    let webhook = site
        .load("webhook", |_| {
            Ok(Request::post("/admission/v1/deployments")
                .header("content-type", "application/json")
                .body(review.clone())?)
        })
        .await?;
    let list = site
        .load("list of one namespace", |number| {
            let namespace = number % site.namespaces;
            Ok(Request::get(format!("{SNAPSHOTS_API}/namespaces/{}-{namespace}/snapshots", site.namespace))
                .body(Vec::new())?)
        })
        .await?;
    let all = quantiles("list of all", &mut all);
    println!("{}", json!({ "webhook": webhook, "list": list, "all": all }));
    Ok(())
}

impl Site {
    async fn new(kubeconfig: &str, address: &str, namespace: &str, namespaces: usize) -> Outcome<Self> {
        let options = KubeConfigOptions::default();
        let config = Config::from_custom_kubeconfig(Kubeconfig::read_from(kubeconfig)?, &options).await?;
        let cluster = Client::try_from(config.clone())?;
        let secrets: Api<Secret> = Api::namespaced(cluster.clone(), namespace);
        let data = secrets.get("stash-apiserver-cert").await?.data.unwrap_or_default();
        let pem = data.get("ca.crt").ok_or("the operator's Secret has no ca.crt")?;
        let mut own = Config::new(format!("https://{address}").parse()?);
        own.auth_info = config.auth_info;
        own.root_cert = Some(vec![der(&pem.0)?]);
        own.tls_server_name = Some(format!("stash-operator.{namespace}.svc"));
        let operator = Client::try_from(own)?;
        Ok(Self { cluster, operator, namespace: namespace.to_owned(), namespaces })
    }

    async fn ask(&self, request: Request<Vec<u8>>) -> Outcome<String> {
        Ok(self.operator.request_text(request).await?)
    }

    /// Makes Repositories and what is in them, and waits until all are listed.
    async fn fill(&self) -> Outcome<()> {
        for number in 0..REPOSITORIES {
            let namespace = format!("{}-{}", self.namespace, number % self.namespaces);
            let object: Repository = serde_json::from_value(json!({
                "apiVersion": "stash.appscode.com/v1alpha1",
                "kind": "Repository",
                "metadata": { "name": format!("deployment.bench-{number}"), "namespace": namespace },
                "spec": { "backend": { "storageSecretName": "storage",
                    "local": { "mountPath": "/repository", "emptyDir": {} } } },
            }))?;
            let params = PostParams::default();
            let repositories: Api<Repository> = Api::namespaced(self.cluster.clone(), &namespace);
            let made = repositories.create(&params, &object).await?;
            let maps: Api<ConfigMap> = Api::namespaced(self.cluster.clone(), &namespace);
            maps.create(&params, &config_map(&made, &catalogue(number))?).await?;
        }
        let start = Instant::now();
        loop {
            let request = Request::get(format!("{SNAPSHOTS_API}/snapshots?limit=1")).body(Vec::new())?;
            let list: Value = serde_json::from_str(&self.ask(request).await?)?;
            let left = list["metadata"]["remainingItemCount"].as_u64().unwrap_or(0);
            if left + 1 == (REPOSITORIES * SNAPSHOTS) as u64 {
                return Ok(());
            }
            if start.elapsed() > PATIENCE {
                return Err(
                    format!("after {} s {} Snapshots are listed", PATIENCE.as_secs(), left + 1).into()
                );
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Sends requests at the rate, and says how long their answers took.
    async fn load(&self, what: &str, request: impl Fn(usize) -> Outcome<Request<Vec<u8>>>) -> Outcome<Value> {
        let mut clock = tokio::time::interval(Duration::from_secs(1) / RATE);
        // One that comes late is made up for: its time has come all the same.
        clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
        let (start, mut number) = (Instant::now(), 0);
        let mut answers = tokio::task::JoinSet::new();
        let mut latencies = Vec::new();
        while start.elapsed() < WARM + TIME {
            let due = clock.tick().await.into_std();
            let (client, request) = (self.operator.clone(), request(number)?);
            number += 1;
            answers.spawn(async move {
                client.request_text(request).await.map(|_| (due.duration_since(start), due.elapsed()))
            });
            while let Some(answer) = answers.try_join_next() {
                latencies.push(answer??);
            }
        }
        while let Some(answer) = answers.join_next().await {
            latencies.push(answer??);
        }
        let mut measured: Vec<Duration> =
            latencies.into_iter().filter(|(due, _)| *due >= WARM).map(|(_, took)| took).collect();
        Ok(quantiles(what, &mut measured))
    }
}

/// Milliseconds.
fn quantiles(what: &str, measured: &mut [Duration]) -> Value {
    measured.sort_unstable();
    let at = |share: usize| {
        let place = (measured.len() * share / 100).min(measured.len().saturating_sub(1));
        measured.get(place).map_or(f64::NAN, |took| took.as_secs_f64() * 1000.0)
    };
    let (p50, p99) = (at(50), at(99));
    println!("{what}: {} answers, p50 {p50:.2} ms, p99 {p99:.2} ms", measured.len());
    json!({ "p50": p50, "p99": p99 })
}

fn catalogue(number: usize) -> Catalogue {
    let now = Timestamp::now();
    let records = (0..SNAPSHOTS).map(|snapshot| {
        let hours = i64::try_from(SNAPSHOTS - snapshot).unwrap_or(0);
        Record {
            id: format!("{:064x}", (number << 40) | ((snapshot + 1) << 8)),
            tree: format!("{:064x}", snapshot + 1),
            time: now - SignedDuration::from_hours(hours),
            paths: vec!["/data".to_owned()],
            hostname: format!("deployment.bench-{number}"),
            size: Some(1 << 30),
            ..Record::default()
        }
    });
    Catalogue { listed: now, left_out: 0, records: records.collect() }
}

/// The API server asks about a Deployment that a Restic of the namespace selects.
fn review(namespace: &str) -> Outcome<Vec<u8>> {
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": "asked", "namespace": namespace, "labels": { "stash-bench": "true" } },
        "spec": {
            "selector": { "matchLabels": { "name": "asked" } },
            "template": { "metadata": { "labels": { "name": "asked" } }, "spec": {
                "containers": [{ "name": "app", "image": "app",
                    "volumeMounts": [{ "name": "data", "mountPath": "/data" }] }],
                "volumes": [{ "name": "data", "persistentVolumeClaim": { "claimName": "data" } }],
            } },
        },
    });
    Ok(serde_json::to_vec(&json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
            "kind": { "group": "apps", "version": "v1", "kind": "Deployment" },
            "resource": { "group": "apps", "version": "v1", "resource": "deployments" },
            "name": "asked", "namespace": namespace, "operation": "CREATE",
            "userInfo": { "username": "bench" },
            "object": deployment, "oldObject": null, "dryRun": false,
        },
    }))?)
}

/// The first certificate of a text.
fn der(pem: &[u8]) -> Outcome<Vec<u8>> {
    use rustls_pki_types::pem::PemObject as _;
    let certificate = rustls_pki_types::CertificateDer::from_pem_slice(pem);
    Ok(certificate.map_err(|error| format!("ca.crt: {error}"))?.to_vec())
}
