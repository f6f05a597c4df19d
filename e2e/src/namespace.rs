//! A namespace that one test owns: made for it, told about when it fails, gone when it ends.

use std::fmt::Debug;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use futures_util::FutureExt;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{self, Pod};
use kube::api::{DeleteParams, LogParams, PostParams};
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::RwLock;

use crate::cluster::Cluster;
use crate::volume::{SmallVolume, Volume};
use crate::{dump, wait};

/// Held for reading by tests that share the cluster, for writing by one that breaks it for all.
static CLUSTER: RwLock<()> = RwLock::const_new(());

/// The namespace and what was made for it outside of it.
pub struct Namespace {
    /// The cluster it is in.
    pub cluster: Cluster,
    /// Its name, which no other run has.
    pub name: String,
    volumes: std::sync::Mutex<Vec<Volume>>,
}

/// Runs a test in a namespace of its own. Pods there are held to the *restricted* standard of Kubernetes. When the test
/// fails, by an error or a panic, everything of use is printed first.
pub async fn in_namespace(test: impl AsyncFnOnce(&Namespace) -> Result<()>) -> Result<()> {
    let _shared = CLUSTER.read().await;
    run(test).await
}

/// The same for a test that breaks what the whole cluster needs: no other runs meanwhile.
pub async fn alone_in_namespace(test: impl AsyncFnOnce(&Namespace) -> Result<()>) -> Result<()> {
    let _alone = CLUSTER.write().await;
    run(test).await
}

async fn run(test: impl AsyncFnOnce(&Namespace) -> Result<()>) -> Result<()> {
    let space = Namespace::make(Cluster::connect().await?).await?;
    let outcome = AssertUnwindSafe(test(&space)).catch_unwind().await;
    if !matches!(outcome, Ok(Ok(()))) {
        dump::print(&space).await;
    }
    let removed = space.remove().await;
    match outcome {
        Ok(outcome) => outcome.and(removed),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

impl Namespace {
    async fn make(cluster: Cluster) -> Result<Self> {
        let api: Api<v1::Namespace> = Api::all(cluster.client.clone());
        let object = serde_json::from_value(json!({
            "metadata": {
                "generateName": "stash-test-",
                "labels": { "pod-security.kubernetes.io/enforce": "restricted" },
            },
        }))?;
        let made = api.create(&PostParams::default(), &object).await.with_context(|| {
            format!("making a namespace in the cluster of {}", cluster.kubeconfig.display())
        })?;
        let space = Self { cluster, name: made.name_any(), volumes: std::sync::Mutex::default() };
        // A pod that comes before it is refused.
        let accounts: Api<v1::ServiceAccount> = space.api();
        wait::watch(accounts, "default", "the service account is there", |found| found.is_some()).await?;
        Ok(space)
    }

    /// Runs a part of a test that needs a second namespace, with it. It goes before this one does.
    pub async fn beside(&self, part: impl AsyncFnOnce(&Namespace) -> Result<()>) -> Result<()> {
        Box::pin(run(part)).await
    }

    /// The objects of one kind in this namespace.
    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.cluster.client.clone(), &self.name)
    }

    /// Makes an object of what one would write as YAML, without `apiVersion` and `kind`.
    pub async fn create<K>(&self, object: Value) -> Result<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
        K: Clone + Debug + Serialize + DeserializeOwned,
    {
        let what =
            format!("{} {}", K::kind(&()), object["metadata"]["name"].as_str().unwrap_or("without a name"));
        let object: K = serde_json::from_value(object).with_context(|| format!("{what} has another form"))?;
        self.api().create(&PostParams::default(), &object).await.with_context(|| format!("making {what}"))
    }

    /// Lets a pod with the right to see the objects of this namespace run under the service account of this name.
    pub async fn reader(&self, name: &str, resources: &[&str]) -> Result<()> {
        use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
        let metadata = json!({ "name": name });
        self.create::<v1::ServiceAccount>(json!({ "metadata": metadata })).await?;
        let rule = json!({ "apiGroups": [""], "resources": resources, "verbs": ["get", "list", "watch"] });
        self.create::<Role>(json!({ "metadata": metadata, "rules": [rule] })).await?;
        self.create::<RoleBinding>(json!({
            "metadata": metadata,
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name },
            "subjects": [{ "kind": "ServiceAccount", "name": name, "namespace": self.name }],
        }))
        .await?;
        Ok(())
    }

    /// Waits until a pod is ready. One that cannot become so, since its image is not there, fails at once.
    pub async fn pod_ready(&self, name: &str) -> Result<Pod> {
        let pod = self.pod(name, "ready", |pod| is_ready(pod) || phase(pod) == "Failed").await?;
        if !is_ready(&pod) {
            bail!("pod {name} is not ready: {}", told(&pod));
        }
        Ok(pod)
    }

    /// Waits until a pod has ended, and returns what its first container said; a failure is an error with that.
    pub async fn pod_succeeded(&self, name: &str) -> Result<String> {
        let pod = self.pod(name, "ended", |pod| matches!(phase(pod), "Succeeded" | "Failed")).await?;
        let said = self.logs(name).await?;
        if phase(&pod) != "Succeeded" {
            bail!("pod {name} failed: {}\n{said}", told(&pod));
        }
        Ok(said)
    }

    async fn pod(&self, name: &str, what: &str, condition: impl Fn(&Pod) -> bool) -> Result<Pod> {
        let pod = wait::watch(self.api::<Pod>(), name, what, |pod| {
            pod.is_some_and(|pod| condition(pod) || stuck(pod).is_some())
        })
        .await?
        .with_context(|| format!("pod {name} is not there"))?;
        match stuck(&pod) {
            Some(why) => {
                bail!("pod {name} cannot start: {why}; `cargo xtask e2e` loads the images of the tests")
            }
            None => Ok(pod),
        }
    }

    /// What the first container of a pod has said so far.
    pub async fn logs(&self, pod: &str) -> Result<String> {
        let api = self.api::<Pod>();
        api.logs(pod, &LogParams::default()).await.with_context(|| format!("reading what pod {pod} said"))
    }

    /// Waits until a pod has said something that contains `words`, and returns all that it said.
    pub async fn pod_says(&self, pod: &str, words: &str) -> Result<String> {
        wait::until_it_works(&format!("pod {pod} to say {words:?}"), wait::PATIENCE, async || {
            let said = self.logs(pod).await?;
            if said.contains(words) { Ok(said) } else { Err(anyhow!("it said: {said}")) }
        })
        .await
    }

    /// Asks a server in a pod, through the apiserver, so that it works from wherever the apiserver is reached.
    pub async fn get(&self, pod: &str, port: u16, path_and_query: &str) -> Result<String> {
        let path = format!("/api/v1/namespaces/{}/pods/{pod}:{port}/proxy{path_and_query}", self.name);
        let request = http::Request::get(path).body(Vec::new())?;
        let answer = self.cluster.client.request_text(request).await;
        answer.with_context(|| format!("asking pod {pod} for {path_and_query}"))
    }

    /// A volume of its own with a claim of this name, that any user may write to; see [`Volume`].
    pub async fn volume(&self, name: &str) -> Result<()> {
        let volume = Volume::create(self, name, None).await?;
        self.keep(volume);
        Ok(())
    }

    /// The same with so little space that it can be filled. Only on this machine's own cluster.
    pub async fn small_volume(&self, name: &str, bytes: u64) -> Result<SmallVolume> {
        let volume = Volume::create(self, name, Some(bytes)).await?;
        let small = volume.small();
        self.keep(volume);
        small
    }

    /// The volume that another namespace knows by this claim, by the same claim here. Only on this machine's own cluster.
    pub async fn share_volume(&self, of: &Namespace, name: &str) -> Result<()> {
        let volume = Volume::at(self, name, &of.volume_folder(name)?).await?;
        self.keep(volume);
        Ok(())
    }

    /// The folder of this machine in which the files of a volume are. Only on this machine's own cluster.
    pub fn volume_folder(&self, name: &str) -> Result<PathBuf> {
        let volumes =
            self.volumes.lock().map_err(|_| anyhow!("the volumes of {} are not known", self.name))?;
        let folder = volumes.iter().find_map(|volume| volume.folder_of(&self.name, name));
        folder.with_context(|| format!("{} has no volume {name} of this machine", self.name))
    }

    fn keep(&self, volume: Volume) {
        if let Ok(mut volumes) = self.volumes.lock() {
            volumes.push(volume);
        }
    }

    /// Waits until a pod has an address, and returns it.
    pub async fn pod_address(&self, name: &str) -> Result<String> {
        let address = |pod: &Pod| pod.status.as_ref().and_then(|status| status.pod_ip.clone());
        let pod = self.pod(name, "has an address", |pod| address(pod).is_some()).await?;
        address(&pod).with_context(|| format!("pod {name} has no address"))
    }

    /// Ends a pod at once, without asking it to end first, and waits until it is gone.
    pub async fn kill_pod(&self, name: &str) -> Result<()> {
        self.delete_pod(name, Some(0)).await
    }

    /// Asks a pod to end, and waits until it is gone.
    pub async fn end_pod(&self, name: &str) -> Result<()> {
        self.delete_pod(name, None).await
    }

    async fn delete_pod(&self, name: &str, grace: Option<u32>) -> Result<()> {
        let api = self.api::<Pod>();
        let uid = api.get(name).await.with_context(|| format!("pod {name}"))?.metadata.uid;
        let parameters = DeleteParams { grace_period_seconds: grace, ..DeleteParams::default() };
        api.delete(name, &parameters).await.with_context(|| format!("deleting pod {name}"))?;
        let is_another = |pod: Option<&Pod>| pod.is_none_or(|pod| pod.metadata.uid != uid);
        wait::watch(api, name, "gone", is_another).await?;
        Ok(())
    }

    /// Deletes everything and waits until nothing is left, so that the next run finds an empty cluster.
    async fn remove(&self) -> Result<()> {
        let api: Api<v1::Namespace> = Api::all(self.cluster.client.clone());
        let now = DeleteParams { grace_period_seconds: Some(0), ..DeleteParams::default() };
        // Pods are given no time to end: what they would still have to say was asked before.
        self.api::<Pod>().delete_collection(&now, &Default::default()).await.context("deleting pods")?;
        match api.delete(&self.name, &DeleteParams::background()).await {
            // The test itself has deleted it.
            Err(kube::Error::Api(status)) if status.is_not_found() => {}
            outcome => drop(outcome.context("deleting the namespace")?),
        }
        wait::watch(api, &self.name, "gone", |found| found.is_none()).await?;
        let volumes = self.volumes.lock().map(|mut volumes| std::mem::take(&mut *volumes));
        for volume in volumes.unwrap_or_default() {
            tokio::time::timeout(Duration::from_secs(60), volume.remove(&self.cluster))
                .await
                .context("a volume is not gone after 60 s")??;
        }
        Ok(())
    }
}

fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or("Pending")
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// Why a pod will never start, if so.
fn stuck(pod: &Pod) -> Option<String> {
    let statuses = pod.status.as_ref()?;
    let containers = statuses.init_container_statuses.iter().chain(&statuses.container_statuses).flatten();
    let waiting = containers.filter_map(|container| container.state.as_ref()?.waiting.as_ref());
    waiting
        .filter(|waiting| {
            matches!(
                waiting.reason.as_deref(),
                Some("ErrImageNeverPull" | "ErrImagePull" | "ImagePullBackOff" | "InvalidImageName")
            )
        })
        .map(|waiting| waiting.message.clone().or_else(|| waiting.reason.clone()).unwrap_or_default())
        .next()
}

/// What a pod's status says, on one line.
pub(crate) fn told(pod: &Pod) -> String {
    let Some(status) = &pod.status else { return "nothing yet".to_owned() };
    let containers = status.init_container_statuses.iter().chain(&status.container_statuses).flatten();
    let states = containers.map(|container| {
        let state = container.state.as_ref().and_then(|state| serde_json::to_string(state).ok());
        format!(
            "{} restarted {} times, {}",
            container.name,
            container.restart_count,
            state.unwrap_or_default()
        )
    });
    let words: Vec<String> = [Some(phase(pod).to_owned()), status.reason.clone(), status.message.clone()]
        .into_iter()
        .flatten()
        .chain(states)
        .collect();
    words.join("; ")
}
