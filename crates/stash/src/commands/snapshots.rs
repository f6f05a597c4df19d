//! `stash snapshots`: what a repository holds.

use std::io::Write;

use clap::{Args, ValueEnum};
use domain::objects::snapshot::{Snapshot, SnapshotStatus};
use domain::objects::{SNAPSHOT_GROUP, VERSION};
use domain::report::Failure;
use domain::rules::names;
use engine::SnapshotInfo;
use jiff::tz::TimeZone;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};

use super::folder::{Opened, RepositoryArgs};
use crate::console::Terminal;
use crate::exit::{Exit, Reasoned};

/// List the snapshots of a repository, oldest first.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  stash snapshots --dir examples/quickstart\n  \
                        stash snapshots --dir /etc/stash --repo-name host.etc -o json")]
pub(crate) struct SnapshotsArgs {
    #[command(flatten)]
    repository: RepositoryArgs,
    /// Only these snapshots: 8 or more hex digits of their ids, or their names.
    #[arg(value_name = "SNAPSHOT")]
    ids: Vec<String>,
    /// Form of the list.
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    output: Output,
}

/// Forms of the list.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Output {
    /// For people.
    Table,
    /// An array of Snapshot objects.
    Json,
}

pub(crate) async fn execute(args: SnapshotsArgs, console: Terminal) -> anyhow::Result<Exit> {
    let opened = tokio::task::spawn_blocking(move || -> anyhow::Result<_> {
        let opened = args.repository.open(console)?;
        let snapshots = opened.repository.snapshots().map_err(|error| Reasoned(Failure::from(&error)))?;
        Ok((opened, snapshots))
    });
    let (opened, snapshots) = opened.await??;
    let wanted: Vec<&str> = args.ids.iter().map(|id| id_of(id)).collect();
    let missing = wanted.iter().find(|id| !snapshots.iter().any(|snapshot| snapshot.id.starts_with(**id)));
    if let Some(missing) = missing {
        anyhow::bail!("Repository {} has no snapshot {missing}; `stash snapshots` lists them", opened.key);
    }
    let chosen: Vec<&SnapshotInfo> = snapshots
        .iter()
        .filter(|snapshot| wanted.is_empty() || wanted.iter().any(|id| snapshot.id.starts_with(*id)))
        .collect();
    let mut out = std::io::stdout().lock();
    match args.output {
        Output::Json => {
            let objects: Vec<Snapshot> = chosen.iter().map(|snapshot| object(&opened, snapshot)).collect();
            serde_json::to_writer_pretty(&mut out, &objects)?;
            writeln!(out)?;
        }
        Output::Table => table(&mut out, &opened, &chosen)?,
    }
    Ok(Exit::Done)
}

/// The id in a Snapshot's name, or the text itself.
pub(crate) fn id_of(text: &str) -> &str {
    names::parse_snapshot(text).map_or(text, |(_, id)| id)
}

fn table(out: &mut impl Write, opened: &Opened, snapshots: &[&SnapshotInfo]) -> std::io::Result<()> {
    let rows: Vec<[String; 5]> = snapshots
        .iter()
        .map(|snapshot| {
            [
                names::snapshot(&opened.key.name, &snapshot.id),
                snapshot.time.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S %:z").to_string(),
                snapshot.hostname.clone(),
                snapshot.tags.join(","),
                snapshot.paths.join(","),
            ]
        })
        .collect();
    let head = ["NAME", "TIME", "HOSTNAME", "TAGS", "PATHS"];
    let widths: Vec<usize> = (0..head.len())
        .map(|column| {
            rows.iter().map(|row| row[column].chars().count()).chain([head[column].len()]).max().unwrap_or(0)
        })
        .collect();
    let mut line = |cells: Vec<&str>| {
        let padded: Vec<String> =
            cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        writeln!(out, "{}", padded.join("   ").trim_end())
    };
    line(head.to_vec())?;
    for row in &rows {
        line(row.iter().map(String::as_str).collect())?;
    }
    Ok(())
}

fn object(opened: &Opened, snapshot: &SnapshotInfo) -> Snapshot {
    let labels = names::snapshot_labels(&opened.key.name, &opened.found.labels);
    Snapshot {
        api_version: format!("{SNAPSHOT_GROUP}/{VERSION}"),
        kind: "Snapshot".to_owned(),
        metadata: ObjectMeta {
            name: Some(names::snapshot(&opened.key.name, &snapshot.id)),
            namespace: Some(opened.key.namespace.clone()),
            uid: Some(snapshot.id.clone()),
            creation_timestamp: Some(Time(snapshot.time)),
            labels: Some(labels),
            ..ObjectMeta::default()
        },
        status: SnapshotStatus {
            tree: snapshot.tree.clone(),
            paths: snapshot.paths.clone(),
            hostname: snapshot.hostname.clone(),
            username: snapshot.username.clone(),
            uid: i64::from(snapshot.uid),
            gid: i64::from(snapshot.gid),
            tags: snapshot.tags.clone(),
        },
    }
}
