//! An installed operator: `deploy/operator.yaml` in a namespace of its own, with our image, for as long as a test needs
//! it.
//!
//! It acts on the whole cluster, so there is one. Tests that take it as it ships share it ([`with_operator`]); the last
//! one to end takes everything of it away. A test that wants it with other flags, two of it, or breaks it, runs alone
//! ([`alone_with_operator`]).

mod api;
mod manifest;
mod ways;

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures_util::FutureExt as _;
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{self, Pod};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::api::{DeleteParams, ListParams, LogParams, Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt as _};
use serde_json::json;
use tokio::sync::Mutex;

use crate::cluster::Cluster;
use crate::namespace::{Namespace, in_namespace, told};
use crate::process::fed;
use crate::wait;
pub use api::Reached;
pub use ways::alone_to_install;

/// Its namespace. One name for every run: what a run that was cut off has left is taken over by the next.
const NAMESPACE: &str = "stash-test-operator";
/// Deployment, Service, ServiceAccount, ClusterRole and Lease.
pub const NAME: &str = "stash-operator";
/// The ClusterRoleBinding by which it asks who may do what.
const DELEGATOR: &str = "stash-apiserver-auth-delegator";
/// The webhook configurations.
const WEBHOOKS: &str = "admission.stash.appscode.com";
/// The registration of the API of Snapshots.
const API: &str = "v1alpha1.repositories.stash.appscode.com";
/// ClusterRoles for users.
const USER_ROLES: [&str; 2] = ["appscode:stash:edit", "appscode:stash:view"];
/// How much of its log a failure shows.
const LINES: i64 = 300;

/// Schedules of the tests are short: nobody is to be waited for.
const FLAGS: [&str; 1] = ["--schedule-jitter=0s"];

/// How many tests use the shared one.
static USERS: Mutex<usize> = Mutex::const_new(0);

/// An operator that runs.
pub struct Operator {
    /// The cluster it acts on.
    pub cluster: Cluster,
}

/// Runs a test in a namespace of its own, beside others, while the operator runs as it ships.
pub async fn with_operator(test: impl AsyncFnOnce(&Namespace, &Operator) -> Result<()>) -> Result<()> {
    in_namespace(async |space| {
        let operator = Operator { cluster: space.cluster.clone() };
        {
            let mut users = USERS.lock().await;
            if *users == 0 {
                operator.install(&[]).await?;
            }
            *users += 1;
        }
        let outcome = AssertUnwindSafe(test(space, &operator)).catch_unwind().await;
        if !matches!(outcome, Ok(Ok(()))) {
            operator.tell().await;
        }
        let mut users = USERS.lock().await;
        *users -= 1;
        let removed = if *users == 0 { operator.remove().await } else { Ok(()) };
        drop(users);
        match outcome {
            Ok(outcome) => outcome.and(removed),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
    .await
}

/// The same for a test that has the operator, and the cluster, for itself: with these flags more, or to break it.
pub async fn alone_with_operator(
    flags: &[&str],
    test: impl AsyncFnOnce(&Namespace, &Operator) -> Result<()>,
) -> Result<()> {
    alone_to_install(async |space, operator| {
        operator.install(flags).await?;
        test(space, operator).await
    })
    .await
}

impl Operator {
    /// Installs it as a user does, and waits until it is ready. One that is there is changed to this.
    async fn install(&self, flags: &[&str]) -> Result<()> {
        self.make_namespace().await?;
        let flags: Vec<&str> = FLAGS.iter().chain(flags).copied().collect();
        self.apply(&manifest::text(NAMESPACE, &flags)?).await?;
        self.rolled_out().await
    }

    /// Makes its namespace.
    async fn make_namespace(&self) -> Result<()> {
        let spaces: Api<v1::Namespace> = Api::all(self.cluster.client.clone());
        // One that is going, since a run was cut off while it removed it, has to be gone first.
        let stays = |found: Option<&v1::Namespace>| {
            found.is_none_or(|found| found.metadata.deletion_timestamp.is_none())
        };
        if !stays(spaces.get_opt(NAMESPACE).await?.as_ref()) {
            self.remove_api().await?;
        }
        wait::watch(spaces.clone(), NAMESPACE, "is not going", stays).await?;
        let namespace = serde_json::from_value(json!({
            "metadata": { "name": NAMESPACE, "labels": { "pod-security.kubernetes.io/enforce": "restricted" } },
        }))?;
        match spaces.create(&PostParams::default(), &namespace).await {
            Err(kube::Error::Api(status)) if status.is_already_exists() => {}
            made => drop(made.context("making the namespace of the operator")?),
        }
        Ok(())
    }

    /// `kubectl apply`, as the head of the manifest says.
    async fn apply(&self, text: &str) -> Result<()> {
        let mut command = self.cluster.command("kubectl");
        command.args(["apply", "--namespace", NAMESPACE, "--filename", "-"]);
        let text = text.to_owned();
        tokio::task::spawn_blocking(move || fed(&mut command, &text))
            .await?
            .context("installing the operator")
    }

    /// Waits until as many pods as wanted are ready, and none is of an earlier template.
    pub async fn rolled_out(&self) -> Result<()> {
        let is_done = |deployment: Option<&Deployment>| {
            let Some(deployment) = deployment else { return false };
            let wanted = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
            deployment.status.as_ref().is_some_and(|status| {
                status.observed_generation == deployment.metadata.generation
                    && status.updated_replicas.unwrap_or(0) == wanted
                    && status.replicas.unwrap_or(0) == wanted
                    && status.ready_replicas.unwrap_or(0) == wanted
            })
        };
        let outcome = wait::watch(self.api::<Deployment>(), NAME, "the operator is ready", is_done).await;
        if outcome.is_err() {
            self.tell().await;
        }
        outcome.map(drop)
    }

    /// Objects of its namespace.
    pub fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.cluster.client.clone(), NAMESPACE)
    }

    /// Its pods, without those that are going.
    pub async fn pods(&self) -> Result<Vec<Pod>> {
        let pods = self.api::<Pod>().list(&ListParams::default().labels("app=stash")).await;
        let pods = pods.context("listing the operator's pods")?.items;
        Ok(pods.into_iter().filter(|pod| pod.metadata.deletion_timestamp.is_none()).collect())
    }

    /// Kills all its pods at once, without asking them to end. The Deployment makes new ones.
    pub async fn kill(&self) -> Result<()> {
        for pod in self.pods().await? {
            self.kill_pod(&pod.name_any()).await?;
        }
        Ok(())
    }

    /// Kills one of its pods.
    pub async fn kill_pod(&self, name: &str) -> Result<()> {
        let now = DeleteParams { grace_period_seconds: Some(0), ..DeleteParams::default() };
        match self.api::<Pod>().delete(name, &now).await {
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
            outcome => outcome.map(drop).with_context(|| format!("killing the operator's pod {name}")),
        }
    }

    /// How many of it there are to be. Returns when it is so.
    pub async fn scale(&self, replicas: i32) -> Result<()> {
        let patch = Patch::Merge(json!({ "spec": { "replicas": replicas } }));
        self.api::<Deployment>().patch(NAME, &PatchParams::default(), &patch).await.context("scaling")?;
        self.rolled_out().await?;
        wait::until("the pods of the operator to be so many", wait::PATIENCE, async || {
            let list = self.api::<Pod>().list(&ListParams::default().labels("app=stash")).await?;
            Ok((list.items.len() == usize::try_from(replicas)?).then_some(()))
        })
        .await
    }

    /// Changes its flags: each of these takes the place of the one that begins alike up to `=`, or is added.
    pub async fn set_flags(&self, flags: &[&str]) -> Result<()> {
        let mut all = FLAGS.to_vec();
        all.extend(flags);
        self.apply(&manifest::text(NAMESPACE, &all)?).await?;
        self.rolled_out().await
    }

    /// The pod that holds the Lease.
    pub async fn leader(&self) -> Result<String> {
        wait::until("one operator to lead", wait::PATIENCE, async || {
            let lease = self.api::<Lease>().get_opt(NAME).await?;
            let holder = lease.and_then(|lease| lease.spec?.holder_identity);
            Ok(holder.filter(|holder| !holder.is_empty()))
        })
        .await
    }

    /// What the gateway shows.
    pub async fn metrics(&self) -> Result<String> {
        let path = format!("/api/v1/namespaces/{NAMESPACE}/services/{NAME}:pushgateway/proxy/metrics");
        let request = http::Request::get(path).body(Vec::new())?;
        self.cluster.client.request_text(request).await.context("asking the push gateway")
    }

    /// Pushes a group to the gateway, as a stranger may.
    pub async fn push(&self, group: &str, text: &str) -> Result<()> {
        let path =
            format!("/api/v1/namespaces/{NAMESPACE}/services/{NAME}:pushgateway/proxy/metrics/{group}");
        let request = http::Request::put(path).body(text.as_bytes().to_vec())?;
        self.cluster.client.request_text(request).await.map(drop).context("pushing to the gateway")
    }

    /// Waits until the gateway shows a line that begins with `name` and contains all of `words`.
    pub async fn shows(&self, name: &str, words: &[&str]) -> Result<String> {
        let what = format!("the gateway to show {name} with {words:?}");
        wait::until_it_works(&what, wait::PATIENCE, async || {
            let text = self.metrics().await?;
            let is_it = |line: &&str| {
                line.starts_with(&format!("{name}{{")) && words.iter().all(|word| line.contains(word))
            };
            match text.lines().find(is_it) {
                Some(line) => Ok(line.to_owned()),
                None => {
                    let near: Vec<&str> = text.lines().filter(|line| line.starts_with(name)).collect();
                    bail!("it shows {near:?}")
                }
            }
        })
        .await
    }

    /// What the container `operator` of all pods has said.
    pub async fn log(&self) -> Result<String> {
        let mut all = String::new();
        for pod in self.pods().await? {
            let options = LogParams { container: Some("operator".to_owned()), ..LogParams::default() };
            all += &self.api::<Pod>().logs(&pod.name_any(), &options).await.unwrap_or_default();
        }
        Ok(all)
    }

    /// Waits until its log has a line that contains all of `words`.
    pub async fn says(&self, words: &[&str]) -> Result<String> {
        wait::until_it_works(&format!("the operator to say {words:?}"), wait::PATIENCE, async || {
            let log = self.log().await?;
            let line = log.lines().find(|line| words.iter().all(|word| line.contains(word)));
            line.map(str::to_owned).with_context(|| format!("it says {log}"))
        })
        .await
    }

    /// Restarts of its containers, over all its pods.
    pub async fn restarts(&self) -> Result<i32> {
        let pods = self.pods().await?;
        let statuses = pods.iter().filter_map(|pod| pod.status.as_ref()?.container_statuses.as_ref());
        Ok(statuses.flatten().map(|status| status.restart_count).sum())
    }

    /// Prints its state and log, for whoever reads why a test failed.
    async fn tell(&self) {
        let pods = match self.pods().await {
            Ok(pods) => pods,
            Err(error) => {
                eprintln!("the operator cannot be asked: {error:#}");
                return;
            }
        };
        for pod in pods {
            let name = pod.name_any();
            eprintln!("operator {name}: {}", told(&pod));
            for container in ["operator", "pushgateway"] {
                for previous in [true, false] {
                    let options = LogParams {
                        container: Some(container.to_owned()),
                        tail_lines: Some(LINES),
                        previous,
                        ..LogParams::default()
                    };
                    if let Ok(text) = self.api::<Pod>().logs(&name, &options).await {
                        let which = if previous { ", before its last restart" } else { "" };
                        eprintln!("log of {name}/{container}{which}:\n{}", text.trim_end());
                    }
                }
            }
        }
    }

    /// Takes the webhook configurations away: what is written now is seen by the controller alone.
    pub async fn remove_webhooks(&self) -> Result<()> {
        let client = &self.cluster.client;
        remove(Api::<MutatingWebhookConfiguration>::all(client.clone()), WEBHOOKS).await?;
        remove(Api::<ValidatingWebhookConfiguration>::all(client.clone()), WEBHOOKS).await
    }

    /// Takes away the registration of the API of Snapshots.
    async fn remove_api(&self) -> Result<()> {
        remove(Api::<APIService>::all(self.cluster.client.clone()), API).await
    }

    /// Takes away all but the definitions of our kinds, which other tests may be using.
    async fn remove(&self) -> Result<()> {
        let client = &self.cluster.client;
        // No namespace goes while an API is registered that nobody answers for. So the operator goes first, since it
        // would register it again, and its namespace last.
        remove(self.api::<Deployment>(), NAME).await?;
        wait::until("the pods of the operator to be gone", wait::PATIENCE, async || {
            let pods = self.api::<Pod>().list(&ListParams::default().labels("app=stash")).await?;
            Ok(pods.items.is_empty().then_some(()))
        })
        .await?;
        self.remove_api().await?;
        remove(Api::<v1::Namespace>::all(client.clone()), NAMESPACE).await?;
        let spaces: Api<v1::Namespace> = Api::all(client.clone());
        wait::watch(spaces, NAMESPACE, "gone", |found| found.is_none()).await?;
        // Now that nobody makes them again.
        self.remove_webhooks().await?;
        for binding in [NAME, DELEGATOR] {
            remove(Api::<ClusterRoleBinding>::all(client.clone()), binding).await?;
        }
        for role in USER_ROLES.into_iter().chain([NAME]) {
            remove(Api::<ClusterRole>::all(client.clone()), role).await?;
        }
        Ok(())
    }
}

/// Deletes an object, if it is there.
async fn remove<K>(api: Api<K>, name: &str) -> Result<()>
where
    K: Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    // Nothing in there has to be given time.
    let parameters = DeleteParams { grace_period_seconds: Some(0), ..DeleteParams::background() };
    match api.delete(name, &parameters).await {
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        outcome => outcome.map(drop).with_context(|| format!("deleting {name}")),
    }
}

/// Longer than a Lease of the operator lasts, and than its successor takes to find out.
pub const SUCCESSION: Duration = Duration::from_secs(120);
