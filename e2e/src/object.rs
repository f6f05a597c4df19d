//! Objects of any kind, as JSON: what kubectl does with YAML. The kinds of Stash are known here by what a user knows.

use anyhow::{Context, Result, bail};
use kube::Api;
use kube::api::{
    ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams, PostParams,
};
use serde_json::{Value, json};

use crate::namespace::Namespace;
use crate::wait;

/// `apiVersion`, kind, plural of what the tests speak of.
const KINDS: [(&str, &str, &str); 20] = [
    ("stash.appscode.com/v1alpha1", "Restic", "restics"),
    ("stash.appscode.com/v1alpha1", "Recovery", "recoveries"),
    ("stash.appscode.com/v1alpha1", "Repository", "repositories"),
    ("apps/v1", "Deployment", "deployments"),
    ("apps/v1", "ReplicaSet", "replicasets"),
    ("apps/v1", "StatefulSet", "statefulsets"),
    ("apps/v1", "DaemonSet", "daemonsets"),
    ("v1", "ReplicationController", "replicationcontrollers"),
    ("v1", "Pod", "pods"),
    ("v1", "Secret", "secrets"),
    ("v1", "ConfigMap", "configmaps"),
    ("v1", "ServiceAccount", "serviceaccounts"),
    ("v1", "Event", "events"),
    ("batch/v1", "Job", "jobs"),
    ("batch/v1", "CronJob", "cronjobs"),
    ("coordination.k8s.io/v1", "Lease", "leases"),
    ("rbac.authorization.k8s.io/v1", "Role", "roles"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings"),
    ("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets"),
    ("apps/v1", "ControllerRevision", "controllerrevisions"),
];

/// How the API server calls a kind.
fn resource(kind: &str) -> Result<ApiResource> {
    let known = KINDS.into_iter().find(|(_, known, _)| *known == kind);
    let (version, kind, plural) = known.with_context(|| format!("the kit knows no kind {kind}"))?;
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    Ok(ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural))
}

impl Namespace {
    fn objects(&self, kind: &str) -> Result<Api<DynamicObject>> {
        Ok(Api::namespaced_with(self.cluster.client.clone(), &self.name, &resource(kind)?))
    }

    /// Makes an object of what one would write as YAML, without `apiVersion`. What the API server says against it is the
    /// error's last cause.
    pub async fn put(&self, mut object: Value) -> Result<Value> {
        let kind = object["kind"].as_str().unwrap_or_default().to_owned();
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let resource = resource(&kind)?;
        object["apiVersion"] = resource.api_version.clone().into();
        let object: DynamicObject = serde_json::from_value(object)?;
        let made = self.objects(&kind)?.create(&PostParams::default(), &object).await;
        Ok(serde_json::to_value(made.with_context(|| format!("making {kind} {name}"))?)?)
    }

    /// An object as it is, if it is there.
    pub async fn find(&self, kind: &str, name: &str) -> Result<Option<Value>> {
        let found = self.objects(kind)?.get_opt(name).await;
        let found = found.with_context(|| format!("reading {kind} {name}"))?;
        Ok(found.map(serde_json::to_value).transpose()?)
    }

    /// An object as it is. One that is missing is an error.
    pub async fn read(&self, kind: &str, name: &str) -> Result<Value> {
        self.find(kind, name).await?.with_context(|| format!("there is no {kind} {name}"))
    }

    /// All of a kind, those with these labels.
    pub async fn list(&self, kind: &str, labels: &str) -> Result<Vec<Value>> {
        let list = self.objects(kind)?.list(&ListParams::default().labels(labels)).await;
        let list = list.with_context(|| format!("listing every {kind}"))?;
        list.items.into_iter().map(|object| Ok(serde_json::to_value(object)?)).collect()
    }

    /// Changes an object by a merge patch.
    pub async fn change(&self, kind: &str, name: &str, patch: Value) -> Result<Value> {
        let changed = self.objects(kind)?.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await;
        Ok(serde_json::to_value(changed.with_context(|| format!("changing {kind} {name}"))?)?)
    }

    /// Changes an object by a JSON patch, which can take entries out of lists.
    pub async fn edit(&self, kind: &str, name: &str, operations: Value) -> Result<Value> {
        let patch = Patch::Json::<()>(serde_json::from_value(operations)?);
        let changed = self.objects(kind)?.patch(name, &PatchParams::default(), &patch).await;
        Ok(serde_json::to_value(changed.with_context(|| format!("editing {kind} {name}"))?)?)
    }

    /// How many replicas a workload is to have.
    pub async fn scale(&self, kind: &str, name: &str, replicas: i32) -> Result<()> {
        self.change(kind, name, json!({ "spec": { "replicas": replicas } })).await.map(drop)
    }

    /// Asks for an object's end.
    pub async fn delete(&self, kind: &str, name: &str) -> Result<()> {
        let deleted = self.objects(kind)?.delete(name, &DeleteParams::background()).await;
        deleted.map(drop).with_context(|| format!("deleting {kind} {name}"))
    }

    /// Asks for an object's end and waits until it is gone.
    pub async fn delete_and_wait(&self, kind: &str, name: &str) -> Result<()> {
        self.delete(kind, name).await?;
        self.is_gone(kind, name).await
    }

    /// Waits until there is no such object.
    pub async fn is_gone(&self, kind: &str, name: &str) -> Result<()> {
        wait::until(&format!("{kind} {name} to be gone"), wait::PATIENCE, async || {
            Ok(self.find(kind, name).await?.is_none().then_some(()))
        })
        .await
    }

    /// Waits until an object is there and `condition` holds for it. The error shows what it was like at last.
    pub async fn until(
        &self,
        kind: &str,
        name: &str,
        what: &str,
        condition: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        wait::until_it_works(&format!("{kind} {name}: {what}"), wait::PATIENCE, async || {
            let object = self.read(kind, name).await?;
            if condition(&object) {
                return Ok(object);
            }
            bail!("its spec is {}, its status {}", object["spec"], object["status"])
        })
        .await
    }

    /// Waits until an event of this reason was told of an object, and returns its message.
    pub async fn event(&self, kind: &str, name: &str, reason: &str) -> Result<String> {
        wait::until_it_works(&format!("an event {reason} of {kind} {name}"), wait::PATIENCE, async || {
            let events = self.list("Event", "").await?;
            let about = |event: &&Value| {
                event["involvedObject"]["kind"] == kind && event["involvedObject"]["name"] == name
            };
            let mine: Vec<&Value> = events.iter().filter(about).collect();
            match mine.iter().find(|event| event["reason"] == reason) {
                Some(event) => Ok(event["message"].as_str().unwrap_or_default().to_owned()),
                None => {
                    let reasons: Vec<&Value> = mine.iter().map(|event| &event["reason"]).collect();
                    bail!("there are {reasons:?}")
                }
            }
        })
        .await
    }
}

/// A condition of an object: its status (`True`, `False`), reason and message.
pub fn condition<'a>(object: &'a Value, kind: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let conditions = object["status"]["conditions"].as_array()?;
    let found = conditions.iter().find(|condition| condition["type"] == kind)?;
    let text = |field: &str| found[field].as_str().unwrap_or_default();
    Some((text("status"), text("reason"), text("message")))
}

/// Whether a condition has this status and reason.
pub fn has(object: &Value, kind: &str, status: &str, reason: &str) -> bool {
    condition(object, kind).is_some_and(|(is, why, _)| is == status && why == reason)
}

/// The entry of a list of objects that has this name.
pub fn named<'a>(list: &'a Value, name: &str) -> Option<&'a Value> {
    list.as_array()?.iter().find(|entry| entry["name"] == name)
}
