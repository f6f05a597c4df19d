//! `kubectl` works with Snapshots as with every other resource, through the API server's aggregator: lists, selectors,
//! watches, rights, and a deletion after which restic itself does not know the snapshot.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use e2e::process::output;
use e2e::workload;
use e2e::{Namespace, wait, with_operator};
use serde_json::{Value, json};

const NAME: &str = "deployment.web";

/// `kubectl` in the test's namespace.
fn kubectl(space: &Namespace, arguments: &[&str]) -> Command {
    let mut command = space.cluster.command("kubectl");
    command.args(["--namespace", &space.name]).args(arguments);
    command
}

async fn says(space: &Namespace, arguments: &[&str]) -> Result<String> {
    let mut command = kubectl(space, arguments);
    tokio::task::spawn_blocking(move || output(&mut command)).await?
}

async fn refuses(space: &Namespace, arguments: &[&str]) -> Result<String> {
    match says(space, arguments).await {
        Ok(said) => anyhow::bail!("kubectl {arguments:?} was answered: {said}"),
        Err(error) => Ok(format!("{error:#}")),
    }
}

/// The Snapshots of the namespace, as soon as there are so many.
async fn snapshots(space: &Namespace, least: usize) -> Result<Vec<Value>> {
    wait::until_it_works("Snapshots to be listed", wait::PATIENCE, async || {
        let list: Value = serde_json::from_str(&says(space, &["get", "snapshots", "-o", "json"]).await?)?;
        let items = list["items"].as_array().cloned().unwrap_or_default();
        ensure!(items.len() >= least, "there are {} Snapshots", items.len());
        Ok(items)
    })
    .await
}

fn name_of(object: &Value) -> String {
    object["metadata"]["name"].as_str().unwrap_or_default().to_owned()
}

/// Ids of what restic's own program lists.
async fn known_to_restic(space: &Namespace) -> Result<Vec<String>> {
    let folder = workload::folder("Deployment", "web", "");
    let listed = space.restic_at(&folder, &["snapshots", "--json"]).await?;
    let line = listed.lines().find(|line| line.starts_with('[')).context("restic lists nothing")?;
    let snapshots: Vec<Value> = serde_json::from_str(line)?;
    Ok(snapshots.iter().filter_map(|snapshot| Some(snapshot["id"].as_str()?.to_owned())).collect())
}

/// A workload that was backed up a few times, and is backed up no more.
async fn prepared(space: &Namespace) -> Result<Vec<Value>> {
    space.prepare().await?;
    let mut restic = workload::restic("web", "web", "online", "@every 3s");
    restic["spec"]["fileGroups"][0]["tags"] = json!(["nightly", "shop"]);
    space.put_restic(restic).await?;
    space.put(workload::workload("Deployment", "web", 1)).await?;
    space.backed_up(NAME, 3).await?;
    space.change("Restic", "web", json!({ "spec": { "paused": true } })).await?;
    // The session that may be under way ends; then catalogue and repository say the same.
    wait::until_it_works("the last session to be told", wait::PATIENCE, async || {
        let (listed, known) = (snapshots(space, 3).await?, known_to_restic(space).await?);
        ensure!(listed.len() == known.len(), "{} of {} are listed", listed.len(), known.len());
        Ok(listed)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn operator_lists_snapshots() -> Result<()> {
    with_operator(async |space, _| {
        let listed = prepared(space).await?;
        let (count, first) = (listed.len(), name_of(&listed[0]));
        let known = known_to_restic(space).await?;
        for object in &listed {
            let metadata = &object["metadata"];
            let uid = metadata["uid"].as_str().unwrap_or_default();
            ensure!(known.iter().any(|id| id == uid), "restic does not know {uid}");
            assert_eq!(name_of(object), format!("{NAME}-{}", &uid[..8]));
            assert_eq!(metadata["labels"]["repository"], NAME, "{metadata}");
            assert_eq!(metadata["labels"]["workload-kind"], "Deployment", "{metadata}");
            assert_eq!(object["status"]["paths"], json!([e2e::tree::PATH]), "{object}");
            assert_eq!(object["status"]["tags"], json!(["nightly", "shop"]), "{object}");
        }

        let table = says(space, &["get", "snapshots"]).await?;
        let head = table.lines().next().unwrap_or_default();
        let columns: Vec<&str> = head.split_whitespace().collect();
        assert_eq!(columns, ["NAME", "REPOSITORY", "HOSTNAME", "PATHS", "SIZE", "AGE"]);
        assert_eq!(table.lines().count(), count + 1, "{table}");
        let wide = says(space, &["get", "snapshots", "-o", "wide"]).await?;
        ensure!(wide.contains("TAGS") && wide.contains("nightly,shop"), "{wide}");
        let names = says(space, &["get", "snapshots", "-o", "name"]).await?;
        ensure!(
            names.lines().any(|line| line == format!("snapshot.repositories.stash.appscode.com/{first}")),
            "{names}"
        );
        let all = says(space, &["get", "snapshots", "--all-namespaces"]).await?;
        ensure!(all.contains(&space.name), "{all}");
        let pages = says(space, &["get", "snapshots", "--chunk-size=1"]).await?;
        assert_eq!(pages.lines().count(), count + 1, "{pages}");
        let category = says(space, &["get", "appscode", "-o", "name"]).await?;
        ensure!(category.contains(&first), "{category}");
        let everything = says(space, &["get", "all", "-o", "name"]).await?;
        ensure!(!everything.contains(&first), "`delete all` would delete backups: {everything}");

        let repository = format!("repository={NAME}");
        for (selector, expected) in [
            (repository.as_str(), count),
            ("repository!=deployment.web", 0),
            ("workload-kind in (Deployment,DaemonSet)", count),
            ("workload-kind notin (Deployment)", 0),
            ("workload-name", count),
            ("!workload-name", 0),
        ] {
            let said = says(space, &["get", "snapshots", "-l", selector, "-o", "name"]).await?;
            assert_eq!(said.lines().count(), expected, "{selector}: {said}");
        }
        let field = format!("metadata.name={first}");
        let one = says(space, &["get", "snapshots", "--field-selector", &field, "-o", "name"]).await?;
        assert_eq!(one.lines().count(), 1, "{one}");

        let single = says(space, &["get", "snapshot", &first, "-o", "json"]).await?;
        assert_eq!(serde_json::from_str::<Value>(&single)?, listed[0]);
        let described = says(space, &["describe", "snapshot", &first]).await?;
        ensure!(described.contains("Hostname:") && described.contains(NAME), "{described}");
        let explained = says(space, &["explain", "snapshots.status.paths"]).await?;
        ensure!(explained.contains("Paths it holds"), "{explained}");
        let unknown = refuses(space, &["get", "snapshot", "deployment.web-00000000"]).await?;
        ensure!(unknown.contains("NotFound"), "{unknown}");
        let malformed = refuses(space, &["get", "snapshot", "web"]).await?;
        ensure!(malformed.contains("BadRequest"), "{malformed}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn operator_deletes_snapshots() -> Result<()> {
    with_operator(async |space, _| {
        let listed = prepared(space).await?;
        let (first, uid) = (name_of(&listed[0]), listed[0]["metadata"]["uid"].clone());
        let mut watch = Watch::begin(space)?;
        for _ in &listed {
            watch.says(NAME).await?;
        }

        let tried = says(space, &["delete", "snapshot", &first, "--dry-run=server"]).await?;
        ensure!(tried.contains("dry run"), "{tried}");
        ensure!(space.list("Job", "operation=forget").await?.is_empty(), "a dry run made a Job");

        // It returns when the snapshot is gone.
        says(space, &["delete", "snapshot", &first, "--timeout=180s"]).await?;
        let gone = refuses(space, &["get", "snapshot", &first]).await?;
        ensure!(gone.contains("NotFound"), "{gone}");
        let known = known_to_restic(space).await?;
        ensure!(!known.iter().any(|id| uid == id.as_str()), "restic still knows {uid}");
        assert_eq!(known.len(), listed.len() - 1);
        space.restic_checks(&workload::folder("Deployment", "web", "")).await?;
        watch.says(&first).await?;
        space.event("Repository", NAME, "SuccessfulForget").await?;
        let told = |repository: &Value| repository["status"]["snapshotCount"] == known.len();
        space.until("Repository", NAME, "counts what is left", told).await?;

        // Of several that are deleted at once, each has its Job, one after the other.
        let left: Vec<String> = snapshots(space, 2).await?.iter().map(name_of).collect();
        let mut arguments = vec!["delete", "snapshots", "--timeout=300s"];
        arguments.extend(left.iter().map(String::as_str));
        says(space, &arguments).await?;
        ensure!(snapshots(space, 0).await?.is_empty(), "some are left");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn operator_asks_who_may_see_snapshots() -> Result<()> {
    with_operator(async |space, _| {
        let listed = prepared(space).await?;
        let first = name_of(&listed[0]);
        let account = json!({ "kind": "ServiceAccount", "metadata": { "name": "reader" } });
        space.put(account).await?;
        let user = format!("system:serviceaccount:{}:reader", space.name);
        let denied = refuses(space, &["get", "snapshots", "--as", &user]).await?;
        ensure!(denied.contains("Forbidden"), "{denied}");
        let no = refuses(space, &["auth", "can-i", "list", "snapshots", "--as", &user]).await?;
        ensure!(no.contains("no"), "{no}");

        let account = format!("--serviceaccount={}:reader", space.name);
        says(space, &["create", "rolebinding", "reader", "--clusterrole=view", &account]).await?;
        wait::until_it_works("the reader to read", wait::PATIENCE, async || {
            says(space, &["get", "snapshots", "--as", &user]).await
        })
        .await?;
        for verb in ["get", "list", "watch"] {
            says(space, &["auth", "can-i", verb, "snapshots", "--as", &user]).await?;
        }
        let denied = refuses(space, &["delete", "snapshot", &first, "--as", &user]).await?;
        ensure!(denied.contains("Forbidden"), "{denied}");
        assert_eq!(snapshots(space, 1).await?.len(), listed.len());
        Ok(())
    })
    .await
}

/// `kubectl get snapshots --watch`, line by line.
struct Watch {
    child: Child,
    lines: tokio::sync::mpsc::UnboundedReceiver<String>,
}

impl Watch {
    fn begin(space: &Namespace) -> Result<Self> {
        let arguments = ["get", "snapshots", "--watch", "--no-headers"];
        let mut child = kubectl(space, &arguments).stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().context("it has no output")?;
        let (sender, lines) = tokio::sync::mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Self { child, lines })
    }

    /// Waits for a line with this in it.
    async fn says(&mut self, words: &str) -> Result<()> {
        let search = async {
            while let Some(line) = self.lines.recv().await {
                if line.contains(words) {
                    return Ok(());
                }
            }
            anyhow::bail!("the watch ended before it said {words}")
        };
        tokio::time::timeout(wait::PATIENCE, search).await.with_context(|| format!("no line with {words}"))?
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
