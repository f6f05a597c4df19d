//! The kinds of Stash as a user meets them: columns, explanations, refusals, and the YAML that 0.8.3 took.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use e2e::process::output;
use e2e::workload;
use e2e::{Namespace, with_operator};
use serde_json::{Value, json};

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/examples");

fn kubectl(space: &Namespace, arguments: &[&str]) -> Result<String> {
    output(space.cluster.command("kubectl").args(["--namespace", &space.name]).args(arguments))
}

#[tokio::test(flavor = "multi_thread")]
async fn operator_shows_objects() -> Result<()> {
    with_operator(async |space, _| {
        space.prepare().await?;
        space.put_restic(workload::restic("web", "web", "online", "@every 5s")).await?;
        space.put(workload::workload("Deployment", "web", 1)).await?;
        space.backed_up("deployment.web", 1).await?;
        space.put(workload::recovery("back", space, "deployment.web")).await?;
        let recovery = space.recovered("back").await?;
        assert_eq!(recovery["status"]["phase"], "Succeeded", "{}", recovery["status"]);

        // Is my backup fine? One line says so.
        let is_ready = |object: &Value| e2e::object::has(object, "Ready", "True", "Scheduled");
        let restic = space.until("Restic", "web", "is ready", is_ready).await?;
        assert_eq!(restic["status"]["observedGeneration"], restic["metadata"]["generation"]);
        for (what, columns) in [
            ("rst", vec!["NAME", "SCHEDULE", "PAUSED", "LAST-SUCCESS", "NEXT-RUN", "READY", "AGE"]),
            (
                "repo",
                vec![
                    "NAME",
                    "LAST-BACKUP",
                    "LAST-SUCCESSFUL-BACKUP",
                    "RESULT",
                    "BACKUP-COUNT",
                    "SNAPSHOTS",
                    "SIZE",
                    "INTEGRITY",
                    "AGE",
                ],
            ),
            (
                "rec",
                vec![
                    "NAME",
                    "REPOSITORY-NAMESPACE",
                    "REPOSITORY-NAME",
                    "SNAPSHOT",
                    "PHASE",
                    "PROGRESS",
                    "AGE",
                ],
            ),
        ] {
            let shown = kubectl(space, &["get", what])?;
            let head: Vec<&str> = shown.lines().next().unwrap_or_default().split_whitespace().collect();
            assert_eq!(head, columns, "{what}");
        }
        let shown = kubectl(space, &["get", "restic", "web"])?;
        ensure!(shown.contains("@every 5s") && shown.contains("True"), "{shown}");
        let shown = kubectl(space, &["get", "repository", "deployment.web"])?;
        ensure!(shown.contains("Succeeded"), "{shown}");
        let shown = kubectl(space, &["get", "recovery", "back"])?;
        ensure!(shown.contains("Succeeded"), "{shown}");
        let all = kubectl(space, &["get", "all"])?;
        ensure!(all.contains("restic.stash.appscode.com/web"), "they are in the category all: {all}");

        for (field, words) in [
            ("restic.spec.schedule", "When to back up"),
            ("restic.spec.retentionPolicies.keepLast", "Keep the newest"),
            ("restic.spec.backend.s3.endpoint", "s3.amazonaws.com"),
            ("recovery.spec.recoveredVolumes", "Volumes to restore into"),
            ("repository.spec.usagePolicy.allowedNamespaces.from", "Selector"),
            ("repository.status.integrity", "Damaged"),
        ] {
            let said = kubectl(space, &["explain", field])?;
            ensure!(said.contains(words), "{field}: {said}");
        }
        let definitions = kubectl(space, &["get", "crd", "--selector", "app=stash", "--output", "name"])?;
        assert_eq!(definitions.lines().count(), 3, "{definitions}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn operator_refuses_what_cannot_work() -> Result<()> {
    with_operator(async |space, _| {
        let valid = workload::restic("web", "web", "online", "@every 1h");
        let with = |pointer: &str, value: Value| {
            let mut restic = valid.clone();
            if let Some(field) = restic.pointer_mut(pointer) {
                *field = value;
            }
            restic
        };
        let two_backends = {
            let mut restic = valid.clone();
            restic["spec"]["backend"]["s3"] = json!({ "endpoint": "s3.amazonaws.com", "bucket": "b" });
            restic
        };
        let repository = |spec: Value| json!({ "kind": "Repository", "metadata": { "name": "deployment.web" }, "spec": spec });
        let local = json!({ "storageSecretName": "s", "local": { "mountPath": "/r", "emptyDir": {} } });
        for (object, words) in [
            // By the definition alone.
            (two_backends, "exactly one of"),
            (with("/spec/type", json!("sometimes")), "Unsupported value"),
            (repository(json!({ "wipeOut": true, "backend": local })), "wipeOut is unsupported"),
            (
                repository(json!({ "backend": local, "usagePolicy": { "allowedNamespaces": { "from": "Selector" } } })),
                "needs a selector",
            ),
            // By the webhook, which knows all rules.
            (with("/spec/schedule", json!("whenever")), "spec.schedule"),
            (with("/spec/selector", json!({})), "spec.selector"),
            (with("/spec/fileGroups/0/retentionPolicyName", json!("other")), "retentionPolicyName"),
            (with("/spec/backend/storageSecretName", json!("")), "storageSecretName"),
            (
                json!({ "kind": "Recovery", "metadata": { "name": "back" }, "spec": {
                    "repository": { "name": "deployment.web", "namespace": space.name } } }),
                "spec.paths",
            ),
        ] {
            match space.put(object.clone()).await {
                Ok(_) => anyhow::bail!("{object} was taken"),
                Err(error) => {
                    let text = format!("{error:#}");
                    ensure!(text.contains(words), "{words:?} is not in: {text}");
                }
            }
        }
        space.put(valid).await?;
        let refused = space.change("Restic", "web", json!({ "spec": { "schedule": "never" } })).await;
        let text = format!("{:#}", refused.err().context("a change that cannot work was taken")?);
        ensure!(text.contains("spec.schedule"), "{text}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn operator_takes_published_examples() -> Result<()> {
    with_operator(async |space, _| {
        let folder = tempfile::tempdir()?;
        let mut count = 0;
        for entry in std::fs::read_dir(Path::new(EXAMPLES)).context("reading docs/examples")? {
            let file = entry?.path();
            if file.extension().is_none_or(|extension| extension != "yaml") {
                continue;
            }
            let text = std::fs::read_to_string(&file)?;
            let text = text.replace("namespace: demo", &format!("namespace: {}", space.name));
            let text = text.replace("namespace: staging", &format!("namespace: {}", space.name));
            let name = file.file_name().context("a file has a name")?;
            std::fs::write(folder.path().join(name), text)?;
            count += 1;
        }
        ensure!(count > 20, "there are only {count} examples");
        // The API server does everything but storing them: schemas, rules, webhooks.
        let path = folder.path().to_string_lossy().into_owned();
        let said = kubectl(space, &["apply", "--dry-run=server", "--filename", &path])?;
        ensure!(said.lines().count() >= count, "{said}");
        Ok(())
    })
    .await
}
