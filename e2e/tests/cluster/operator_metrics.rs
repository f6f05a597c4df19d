//! Who may read the operator's own metrics: whom the cluster says, and nobody who only claims to be somebody.

use anyhow::{Context as _, Result, ensure};
use e2e::process::output;
use e2e::{Namespace, wait, with_operator};
use k8s_openapi::api::core::v1::{self, ServiceAccount};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use kube::api::PostParams;
use kube::{Api, ResourceExt as _};
use serde_json::{Value, json};

/// What the operator of Stash 0.8.3 told.
const SEED: &str = include_str!("../../../crates/operator/tests/it/seed/metrics.tsv");

#[tokio::test(flavor = "multi_thread")]
async fn operator_metrics_are_for_whom_the_cluster_says() -> Result<()> {
    with_operator(async |space, operator| {
        let scraper = account(space, "scraper").await?;
        let other = account(space, "other").await?;
        may_scrape(space, "scraper").await?;
        let reached = operator.reach().await?;
        let bearer = |token: &str| format!("Bearer {token}");

        // Some metrics are there once a webhook was called, some once a scrape was answered.
        space.put_restic(e2e::workload::restic("web", "web", "online", "@daily")).await?;
        let scraped = bearer(&scraper);
        wait::until_it_works("the operator to tell all metrics", wait::PATIENCE, async || {
            let (code, text) = reached.get("/metrics", &[("authorization", &scraped)]).await?;
            ensure!(code == 200, "the scraper is told {code}: {text}");
            let missing: Vec<&str> = SEED
                .lines()
                .filter(|line| !line.starts_with('#'))
                .filter_map(|line| line.split('\t').next())
                .filter(|name| !text.contains(&format!("# TYPE {name} ")))
                .collect();
            ensure!(missing.is_empty(), "it does not tell {missing:?}");
            Ok(())
        })
        .await?;

        let (_, text) = reached.get("/metrics", &[("authorization", &scraped)]).await?;
        for line in
            ["stash_leader 1", "stash_restics{state=\"NoWorkload\"}", "stash_webhook_decisions_total{"]
        {
            ensure!(text.lines().any(|known| known.starts_with(line)), "no {line} in {text}");
        }

        let (code, text) = reached.get("/metrics", &[("authorization", &bearer(&other))]).await?;
        ensure!(
            code == 403 && text.contains(":other\" cannot get path"),
            "who has no right is told {code}: {text}"
        );
        let (code, text) = reached.get("/metrics", &[]).await?;
        ensure!(code == 403 && text.contains("system:anonymous"), "nobody is told {code}: {text}");
        let claims = [("x-remote-user", "admin"), ("x-remote-group", "system:masters")];
        let (code, text) = reached.get("/metrics", &claims).await?;
        ensure!(
            code == 403 && text.contains("system:anonymous"),
            "who claims to be a master is told {code}: {text}"
        );
        let (code, _) = reached.get("/metrics", &[("authorization", "Bearer nonsense")]).await?;
        ensure!(code == 401, "a token of nobody is answered {code}");
        for path in ["/healthz", "/livez", "/readyz"] {
            let (code, text) = reached.get(path, &[]).await?;
            ensure!(code == 200, "{path} is answered {code}: {text}");
        }
        // The cluster lets everybody read it.
        let (code, text) = reached.get("/version", &[]).await?;
        ensure!(code == 200, "/version is answered {code}: {text}");
        Ok(())
    })
    .await
}

/// Makes a ServiceAccount, and returns a token of it.
async fn account(space: &Namespace, name: &str) -> Result<String> {
    space.create::<ServiceAccount>(json!({ "metadata": { "name": name } })).await?;
    let mut command = space.cluster.command("kubectl");
    let token = output(command.args(["--namespace", &space.name, "create", "token", name]))?;
    Ok(token.trim().to_owned())
}

/// Lets a ServiceAccount read `/metrics`, as long as the namespace is there.
async fn may_scrape(space: &Namespace, account: &str) -> Result<()> {
    let client = &space.cluster.client;
    let own = Api::<v1::Namespace>::all(client.clone()).get(&space.name).await?;
    let uid = own.uid().context("the namespace has no uid")?;
    let metadata: Value = json!({
        "name": space.name,
        "ownerReferences": [{ "apiVersion": "v1", "kind": "Namespace", "name": space.name, "uid": uid }],
    });
    let role = json!({
        "metadata": metadata,
        "rules": [{ "nonResourceURLs": ["/metrics"], "verbs": ["get"] }],
    });
    let binding = json!({
        "metadata": metadata,
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": space.name },
        "subjects": [{ "kind": "ServiceAccount", "name": account, "namespace": space.name }],
    });
    let params = PostParams::default();
    Api::<ClusterRole>::all(client.clone()).create(&params, &serde_json::from_value(role)?).await?;
    Api::<ClusterRoleBinding>::all(client.clone()).create(&params, &serde_json::from_value(binding)?).await?;
    Ok(())
}
