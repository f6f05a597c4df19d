//! A Snapshot in each of the forms in which it can be asked for: whole, as a row of a table, or its metadata.

use domain::objects::snapshot::{Snapshot, SnapshotStatus};
use domain::objects::{SNAPSHOT_GROUP, VERSION};
use domain::rules::status::human_bytes;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use serde::Serialize;
use serde_json::{Value, json};

use super::answer::Form;
use super::index::Item;
use super::query::Include;

/// What holds a Snapshot back that is being forgotten.
const FINALIZER: &str = "stash.appscode.com/forget";

const META: &str = "meta.k8s.io/v1";

/// `repositories.stash.appscode.com/v1alpha1`.
pub(super) fn api_version() -> String {
    format!("{SNAPSHOT_GROUP}/{VERSION}")
}

/// The object.
pub(super) fn whole(item: &Item) -> Snapshot {
    let record = &*item.record;
    Snapshot {
        api_version: api_version(),
        kind: "Snapshot".to_owned(),
        metadata: metadata(item),
        status: SnapshotStatus {
            tree: record.tree.clone(),
            paths: record.paths.clone(),
            hostname: record.hostname.clone(),
            username: record.username.clone(),
            uid: i64::from(record.uid),
            gid: i64::from(record.gid),
            tags: record.tags.clone(),
        },
    }
}

fn metadata(item: &Item) -> ObjectMeta {
    ObjectMeta {
        name: Some(item.name()),
        namespace: Some(item.of.namespace.clone()),
        uid: Some(item.record.id.clone()),
        resource_version: Some(item.version.to_string()),
        creation_timestamp: Some(Time(item.record.time)),
        deletion_timestamp: item.deleting.map(Time),
        finalizers: item.deleting.map(|_| vec![FINALIZER.to_owned()]),
        labels: Some(item.of.labels.clone()),
        ..ObjectMeta::default()
    }
}

/// What is answered. Typed, since a tree of JSON of ten thousand objects takes longer to make than to write.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Shown {
    Whole(Snapshot),
    Partial(Partial),
    ManyWhole(Many<Snapshot>),
    ManyPartial(Many<Partial>),
    Table(Table),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Partial {
    kind: &'static str,
    api_version: &'static str,
    metadata: ObjectMeta,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Many<T> {
    kind: &'static str,
    api_version: String,
    metadata: Value,
    items: Vec<T>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Table {
    kind: &'static str,
    api_version: String,
    metadata: Value,
    column_definitions: Value,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    cells: [String; COLUMNS.len()],
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<Box<Shown>>,
}

/// One object in the form that was asked for.
pub(super) fn one(item: &Item, form: Form, include: Include, now: Timestamp) -> Shown {
    match form {
        Form::Whole => Shown::Whole(whole(item)),
        Form::Metadata => Shown::Partial(partial(item)),
        Form::Table(version) => {
            let list = json!({"resourceVersion": item.version.to_string()});
            Shown::Table(table(std::iter::once(item), list, version, include, now))
        }
    }
}

/// A list in the form that was asked for.
pub(super) fn list<'a>(
    items: impl Iterator<Item = &'a Item>,
    metadata: Value,
    form: Form,
    include: Include,
    now: Timestamp,
) -> Shown {
    match form {
        Form::Table(version) => Shown::Table(table(items, metadata, version, include, now)),
        Form::Whole => Shown::ManyWhole(Many {
            kind: "SnapshotList",
            api_version: api_version(),
            metadata,
            items: items.map(whole).collect(),
        }),
        Form::Metadata => Shown::ManyPartial(Many {
            kind: "PartialObjectMetadataList",
            api_version: META.to_owned(),
            metadata,
            items: items.map(partial).collect(),
        }),
    }
}

fn partial(item: &Item) -> Partial {
    Partial { kind: "PartialObjectMetadata", api_version: META, metadata: metadata(item) }
}

/// Name, type, format, priority and description of each column. Those of priority 1 are shown with `-o wide`.
const COLUMNS: [(&str, &str, &str, u8, &str); 7] = [
    (
        "Name",
        "string",
        "name",
        0,
        "Name of the Snapshot: its Repository and the first eight digits of its id.",
    ),
    ("Repository", "string", "", 0, "The Repository that holds it."),
    ("Hostname", "string", "", 0, "Whose backup it is."),
    ("Paths", "string", "", 0, "The paths that were backed up."),
    ("Size", "string", "", 0, "Size of the files in it, if whoever made it has said so."),
    ("Tags", "string", "", 1, "Its tags."),
    ("Age", "date", "", 0, "Time since the backup began."),
];

fn table<'a>(
    items: impl Iterator<Item = &'a Item>,
    metadata: Value,
    version: &str,
    include: Include,
    now: Timestamp,
) -> Table {
    let columns = COLUMNS.iter().map(|(name, kind, format, priority, description)| {
        json!({
            "name": name, "type": kind, "format": format, "priority": priority, "description": description,
        })
    });
    let row = |item: &Item| {
        let record = &*item.record;
        let cells = [
            item.name(),
            item.of.repository.clone(),
            record.hostname.clone(),
            record.paths.join(","),
            record.size.map(human_bytes).unwrap_or_default(),
            record.tags.join(","),
            age(now, record.time),
        ];
        let object = match include {
            Include::None => None,
            Include::Metadata => Some(Box::new(Shown::Partial(partial(item)))),
            Include::Object => Some(Box::new(Shown::Whole(whole(item)))),
        };
        Row { cells, object }
    };
    Table {
        kind: "Table",
        api_version: format!("meta.k8s.io/{version}"),
        metadata,
        column_definitions: columns.collect(),
        rows: items.map(row).collect(),
    }
}

/// A time in words, as `kubectl` says it: `HumanDuration` of `k8s.io/apimachinery/pkg/util/duration`.
fn age(now: Timestamp, then: Timestamp) -> String {
    let seconds = now.duration_since(then).as_secs();
    let two = |number: i64, unit: &str, rest: i64, of: &str| match rest {
        0 => format!("{number}{unit}"),
        rest => format!("{number}{unit}{rest}{of}"),
    };
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        ..-1 => "<invalid>".to_owned(),
        -1 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        _ if minutes < 10 => two(minutes, "m", seconds % 60, "s"),
        _ if minutes < 180 => format!("{minutes}m"),
        _ if hours < 8 => two(hours, "h", minutes % 60, "m"),
        _ if hours < 48 => format!("{hours}h"),
        _ if hours < 192 => two(days, "d", hours % 24, "h"),
        _ if hours < 24 * 365 * 2 => format!("{days}d"),
        _ if hours < 24 * 365 * 8 => two(days / 365, "y", days % 365, "d"),
        _ => format!("{}y", days / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_said_as_kubectl_says_them() {
        let then = Timestamp::UNIX_EPOCH;
        let after = |seconds| age(Timestamp::from_second(seconds).unwrap(), then);
        let said: Vec<String> =
            [-2, -1, 0, 119, 120, 599, 600, 10_800, 28_800, 172_800, 698_400, 63_072_000].map(after).into();
        assert_eq!(
            said,
            ["<invalid>", "0s", "0s", "119s", "2m", "9m59s", "10m", "3h", "8h", "2d", "8d", "2y"]
        );
    }
}
