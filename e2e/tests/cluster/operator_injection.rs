//! What is injected is what the Restics say, whatever happened before, and nothing else of a workload is touched.
//! Most workloads here have no pods: it is about the objects.

use anyhow::{Result, ensure};
use e2e::object::has;
use e2e::workload::{self, CONTAINER, KINDS, injected};
use e2e::{Namespace, alone_with_operator, wait, with_operator};
use serde_json::{Value, json};

/// A workload of this kind without pods.
fn idle(kind: &str, name: &str) -> Value {
    let mut made = workload::workload(kind, name, 0);
    if kind == "DaemonSet" {
        made["spec"]["template"]["spec"]["nodeSelector"] = json!({ "stash.test/no": "node" });
    }
    made
}

/// The part of a workload that is the user's, as it was before anything was injected.
fn users(workload: &Value) -> Value {
    json!([workload["metadata"]["labels"], workload["spec"]])
}

#[tokio::test(flavor = "multi_thread")]
async fn operator_injects_what_webhook_missed() -> Result<()> {
    alone_with_operator(&[], async |space, operator| {
        space.storage_secret().await?;
        space.put_restic(workload::restic("web", "web", "online", "@every 1h")).await?;
        operator.scale(0).await?;
        for kind in KINDS {
            // Nobody answers the webhook, and nobody is kept from working.
            let made = space.put(idle(kind, "web")).await?;
            ensure!(injected(&made).is_none(), "{kind}: who injected this?");
        }
        operator.scale(1).await?;
        for kind in KINDS {
            space.is_injected(kind, "web", false).await?;
            space.event(kind, "web", "Injected").await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn operator_follows_restic() -> Result<()> {
    with_operator(async |space, _| {
        space.storage_secret().await?;
        // What was there before the Restic is injected by the controller, what comes after it by the webhook.
        let mut before = Vec::new();
        for kind in KINDS {
            before.push((kind, users(&space.put(idle(kind, "web")).await?)));
        }
        space.put_restic(workload::restic("web", "web", "online", "@every 1h")).await?;
        each(space, "gets a sidecar", |found| is(found, false)).await?;

        // The container watches these by itself, so no pod is made anew for them.
        let hash = |workload: &Value| {
            workload["spec"]["template"]["metadata"]["annotations"]["restic.appscode.com/resource-hash"]
                .clone()
        };
        let old = hash(&space.read("Deployment", "web").await?);
        let edit = json!({ "spec": {
            "schedule": "@every 2h", "paused": true,
            "retentionPolicies": [{ "name": "last", "keepLast": 7 }],
        } });
        let generation = space.change("Restic", "web", edit).await?["metadata"]["generation"].clone();
        let observed = move |restic: &Value| restic["status"]["observedGeneration"] == generation;
        space.until("Restic", "web", "was looked at", observed).await?;
        ensure!(
            hash(&space.read("Deployment", "web").await?) == old,
            "a change of the schedule restarts pods"
        );

        // These it cannot.
        space
            .change("Restic", "web", json!({ "spec": { "resources": { "limits": { "memory": "300Mi" } } } }))
            .await?;
        each(space, "gets the resources", |found| {
            is(found, false) && container(found)["resources"]["limits"]["memory"] == "300Mi"
        })
        .await?;
        let tag = json!({ "metadata": { "annotations": { "restic.appscode.com/tag": "other" } } });
        space.change("Restic", "web", tag).await?;
        each(space, "gets the image", |found| container(found)["image"] == "localhost/stash:other").await?;
        let tag = json!({ "metadata": { "annotations": { "restic.appscode.com/tag": null } } });
        space.change("Restic", "web", tag).await?;
        each(space, "gets the image back", |found| container(found)["image"] == "localhost/stash:dev")
            .await?;
        space
            .change("Restic", "web", json!({ "spec": { "imagePullSecrets": [{ "name": "pull" }] } }))
            .await?;
        each(space, "gets the pull secret", |found| {
            found["spec"]["template"]["spec"]["imagePullSecrets"] == json!([{ "name": "pull" }])
        })
        .await?;
        let mounts =
            json!([{ "name": "data", "mountPath": "/data" }, { "name": "data", "mountPath": "/more" }]);
        space.change("Restic", "web", json!({ "spec": { "volumeMounts": mounts } })).await?;
        each(space, "gets the mount", |found| container(found)["volumeMounts"].to_string().contains("/more"))
            .await?;
        space
            .change("Restic", "web", json!({ "spec": { "backend": { "local": { "mountPath": "/other" } } } }))
            .await?;
        each(space, "gets the backend", |found| {
            container(found)["volumeMounts"].to_string().contains("/other")
        })
        .await?;
        let context = json!({ "runAsUser": 12345, "runAsNonRoot": true });
        space.change("Restic", "web", json!({ "spec": { "securityContext": context } })).await?;
        each(space, "gets the user", |found| container(found)["securityContext"]["runAsUser"] == 12345)
            .await?;

        // From beside to before and back; never both, and the CronJob only for the one.
        space.change("Restic", "web", json!({ "spec": { "type": "offline" } })).await?;
        each(space, "gets an init container", |found| is(found, true)).await?;
        let there = |_: &Value| true;
        space.until("CronJob", "stash-scaledown-cron-web", "is there", there).await?;
        space.change("Restic", "web", json!({ "spec": { "type": "online" } })).await?;
        each(space, "gets a sidecar again", |found| is(found, false)).await?;
        space.is_gone("CronJob", "stash-scaledown-cron-web").await?;

        // A hand that takes it out is undone.
        let own = space.read("Deployment", "web").await?;
        let containers =
            own["spec"]["template"]["spec"]["containers"].as_array().cloned().unwrap_or_default();
        let position = containers.iter().position(|container| container["name"] == CONTAINER);
        ensure!(position.is_some(), "there is no sidecar");
        let path = format!("/spec/template/spec/containers/{}", position.unwrap_or_default());
        space.edit("Deployment", "web", json!([{ "op": "remove", "path": path }])).await?;
        space.is_injected("Deployment", "web", false).await?;

        // What is no longer selected is as it was, to the last field.
        space
            .change("Restic", "web", json!({ "spec": { "selector": { "matchLabels": { "app": "none" } } } }))
            .await?;
        for (kind, before) in &before {
            let clean = space.is_clean(kind, "web").await?;
            ensure!(&users(&clean) == before, "{kind} was {before} and is {}", users(&clean));
        }
        let reason = |restic: &Value| has(restic, "Ready", "False", "NoWorkload");
        space.until("Restic", "web", "says that it selects nothing", reason).await?;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn operator_follows_labels_and_lifetime() -> Result<()> {
    with_operator(async |space, _| {
        space.storage_secret().await?;
        space.put_restic(workload::restic("web", "web", "online", "@every 1h")).await?;
        for kind in KINDS {
            let made = space.put(idle(kind, "web")).await?;
            ensure!(is(&made, false), "{kind}: the webhook did not inject");
        }
        let label = |value: &str| json!({ "metadata": { "labels": { "app": value } } });
        for kind in KINDS {
            let changed = space.change(kind, "web", label("other")).await?;
            ensure!(injected(&changed).is_none(), "{kind}: the webhook did not take it out");
            let changed = space.change(kind, "web", label("web")).await?;
            ensure!(is(&changed, false), "{kind}: the webhook did not put it in again");
        }

        space.delete_and_wait("Restic", "web").await?;
        for kind in KINDS {
            space.is_clean(kind, "web").await?;
            let name = format!("{}-web-stash-sidecar", kind.to_lowercase());
            space.is_gone("RoleBinding", &name).await?;
            space.is_gone("Role", &name).await?;
        }
        space.put_restic(workload::restic("web", "web", "online", "@every 1h")).await?;
        each(space, "gets a sidecar of the new Restic", |found| is(found, false)).await?;

        // A workload that is going is let go, whoever else holds it.
        let held = json!({ "metadata": { "finalizers": ["stash.test/held"] } });
        space.change("Deployment", "web", held).await?;
        space.delete("Deployment", "web").await?;
        let going = |found: &Value| found["metadata"]["deletionTimestamp"].is_string();
        space.until("Deployment", "web", "is going", going).await?;
        space.change("Deployment", "web", json!({ "metadata": { "finalizers": null } })).await?;
        space.is_gone("Deployment", "web").await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn operator_reports_conflict() -> Result<()> {
    with_operator(async |space, _| {
        space.storage_secret().await?;
        for name in ["one", "two"] {
            space.put_restic(workload::restic(name, "web", "online", "@every 1h")).await?;
        }
        let made = space.put(idle("Deployment", "web")).await?;
        ensure!(injected(&made).is_none(), "one of two was injected");
        let in_conflict = |restic: &Value| has(restic, "Ready", "False", "Conflict");
        for (name, other) in [("one", "two"), ("two", "one")] {
            let restic = space.until("Restic", name, "says that there is a conflict", in_conflict).await?;
            let (_, _, message) = e2e::object::condition(&restic, "Ready").unwrap_or_default();
            ensure!(message.contains("Deployment web") && message.contains(other), "{message}");
            let note = space.event("Restic", name, "Conflict").await?;
            ensure!(note.contains(other), "{note}");
        }
        ensure!(injected(&space.read("Deployment", "web").await?).is_none(), "one of two was injected");
        space.delete_and_wait("Restic", "two").await?;
        let found = space.is_injected("Deployment", "web", false).await?;
        ensure!(container(&found)["args"].to_string().contains("--restic-name=one"), "{}", container(&found));
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn operator_pauses() -> Result<()> {
    with_operator(async |space, _| {
        space.prepare().await?;
        for name in ["web", "other"] {
            space.put_restic(workload::restic(name, name, "online", "@every 3s")).await?;
            space.put(workload::workload("Deployment", name, 1)).await?;
            space.backed_up(&format!("deployment.{name}"), 1).await?;
        }
        let pod = space.pods_ready("web", 1).await?.remove(0);
        space.change("Restic", "web", json!({ "spec": { "paused": true } })).await?;
        let paused = |restic: &Value| has(restic, "Ready", "False", "Paused");
        space.until("Restic", "web", "says that it is paused", paused).await?;
        let count = async |name: &str| -> Result<i64> {
            let found = space.read("Repository", &format!("deployment.{name}")).await?;
            Ok(found["status"]["backupCount"].as_i64().unwrap_or_default())
        };
        // The session that was under way may end, while the other Restic has several.
        let other = count("other").await?;
        space.backed_up("deployment.other", other + 2).await?;
        let before = count("web").await?;
        space.backed_up("deployment.other", other + 5).await?;
        assert_eq!(count("web").await?, before, "a paused Restic backs up");
        space.change("Restic", "web", json!({ "spec": { "paused": false } })).await?;
        space.backed_up("deployment.web", before + 1).await?;
        let after = space.pods_ready("web", 1).await?.remove(0);
        assert_eq!(after["metadata"]["uid"], pod["metadata"]["uid"], "the pod was restarted");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn operator_leaves_owned_replica_set() -> Result<()> {
    with_operator(async |space, _| {
        space.prepare().await?;
        space.put_restic(workload::restic("web", "web", "online", "@every 1h")).await?;
        space.put(workload::workload("Deployment", "web", 1)).await?;
        space.pods_ready("web", 1).await?;
        let sets = space.list("ReplicaSet", "app=web").await?;
        assert_eq!(sets.len(), 1, "the webhook injects before there is any pod");
        // The Restic selects it by its labels, too, and nobody but its Deployment wrote to it.
        let fields = sets[0]["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
        let writers: Vec<&Value> = fields.iter().map(|entry| &entry["manager"]).collect();
        ensure!(writers.iter().all(|writer| *writer == "kube-controller-manager"), "{writers:?}");
        let restic = space.read("Restic", "web").await?;
        let (_, reason, message) = e2e::object::condition(&restic, "Ready").unwrap_or_default();
        ensure!(reason == "Scheduled" && message.ends_with(": 1"), "{reason}: {message}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn operator_replaces_replica_set_pods() -> Result<()> {
    replaced("ReplicaSet").await
}

#[tokio::test(flavor = "multi_thread")]
async fn operator_replaces_replication_controller_pods() -> Result<()> {
    replaced("ReplicationController").await
}

/// Pods that nobody else replaces are evicted, as far as a PodDisruptionBudget lets that be.
async fn replaced(kind: &str) -> Result<()> {
    with_operator(async |space, _| {
        space.prepare().await?;
        space.put(workload::workload(kind, "web", 2)).await?;
        let old = space.pods_ready("web", 2).await?;
        space
            .put(json!({
                "kind": "PodDisruptionBudget",
                "metadata": { "name": "web" },
                "spec": { "minAvailable": 2, "selector": { "matchLabels": { "app": "web" } } },
            }))
            .await?;
        let counted = |budget: &Value| budget["status"]["currentHealthy"] == 2;
        space.until("PodDisruptionBudget", "web", "has counted its pods", counted).await?;
        space.put_restic(workload::restic("web", "web", "online", "@every 1h")).await?;
        space.is_injected(kind, "web", false).await?;
        // A second workload without a budget is done meanwhile, so this one would have been.
        space.put(workload::workload(kind, "other", 2)).await?;
        space.pods_ready("other", 2).await?;
        space.put_restic(workload::restic("other", "other", "online", "@every 1h")).await?;
        have_sidecars(space, "other").await?;
        let uids = |pods: &[Value]| -> Vec<Value> {
            let mut uids: Vec<Value> = pods.iter().map(|pod| pod["metadata"]["uid"].clone()).collect();
            uids.sort_by_key(Value::to_string);
            uids
        };
        assert_eq!(uids(&space.pods_ready("web", 2).await?), uids(&old), "the budget was not respected");

        space.change("PodDisruptionBudget", "web", json!({ "spec": { "minAvailable": 1 } })).await?;
        have_sidecars(space, "web").await
    })
    .await
}

/// Waits until two pods are ready and both have a sidecar.
async fn have_sidecars(space: &Namespace, app: &str) -> Result<()> {
    wait::until(&format!("the pods of {app} to be replaced"), wait::PATIENCE, async || {
        let pods = space.pods_ready(app, 2).await?;
        let has = |pod: &Value| e2e::object::named(&pod["spec"]["containers"], CONTAINER).is_some();
        Ok(pods.iter().all(has).then_some(()))
    })
    .await
}

/// Waits until it is so of the workload `web` of each kind.
async fn each(space: &Namespace, what: &str, condition: impl Fn(&Value) -> bool) -> Result<()> {
    for kind in KINDS {
        space.until(kind, "web", what, &condition).await?;
    }
    Ok(())
}

/// Whether there is one container of Stash, at this place.
fn is(workload: &Value, init: bool) -> bool {
    let spec = &workload["spec"]["template"]["spec"];
    let there = |list: &str| e2e::object::named(&spec[list], CONTAINER).is_some();
    there("initContainers") == init && there("containers") != init
}

fn container(workload: &Value) -> Value {
    injected(workload).map_or(Value::Null, |(container, _)| container.clone())
}
