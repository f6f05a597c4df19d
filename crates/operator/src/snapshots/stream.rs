//! A watch: one JSON object a line, for as long as the client listens.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::unfold;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::answer::{self, Form, Refused};
use super::index::{Change, Index, Item, What};
use super::query::Query;
use super::{Snapshots, read, show};

/// A watch for which nobody said how long.
const LONGEST: Duration = Duration::from_secs(30 * 60);
/// Between two bookmarks, which say how far a watch has come in which nothing happens.
const BOOKMARK: Duration = Duration::from_secs(60);

/// Answers a watch.
pub(super) fn watch(
    snapshots: &Snapshots,
    namespace: Option<&str>,
    query: Query,
    headers: &HeaderMap,
) -> Result<Response, Refused> {
    let form = answer::form(headers)?;
    let versions = snapshots.index.versions();
    let longest = query.timeout_seconds.filter(|seconds| *seconds > 0).map_or(LONGEST, Duration::from_secs);
    let mut watching = Watching {
        index: Arc::clone(&snapshots.index),
        stop: snapshots.stop.clone(),
        versions,
        namespace: namespace.map(ToOwned::to_owned),
        form,
        at: 0,
        lines: VecDeque::new(),
        end: Instant::now() + longest.min(Duration::from_secs(24 * 60 * 60)),
        bookmark: Instant::now() + BOOKMARK,
        is_over: false,
        query,
    };
    watching.begin()?;
    let body = Body::from_stream(unfold(watching, async |mut watching| {
        let line = watching.next().await?;
        Some((Ok::<_, std::convert::Infallible>(line), watching))
    }));
    Ok(([(CONTENT_TYPE, "application/json")], body).into_response())
}

struct Watching {
    index: Arc<Index>,
    stop: CancellationToken,
    versions: watch::Receiver<u64>,
    namespace: Option<String>,
    query: Query,
    form: Form,
    /// Up to this version everything was told, or waits in `lines`.
    at: u64,
    lines: VecDeque<Bytes>,
    end: Instant,
    bookmark: Instant,
    is_over: bool,
}

impl Watching {
    /// Begins with what is there already, or where the client has stopped.
    fn begin(&mut self) -> Result<(), Refused> {
        let from_now = self.query.initial_events || self.query.version.is_none();
        if let Some(version) = self.query.version.filter(|_| !from_now) {
            // Whether it can go on from there is said by the code of the answer.
            self.index.since(version).ok_or_else(Refused::gone)?;
            self.at = version;
            return Ok(());
        }
        let (version, parts) = self.index.parts(self.namespace.as_deref());
        let parts: Vec<_> = parts.into_iter().filter(|part| self.query.wants_part(part)).collect();
        for item in read::chosen(&parts, &self.query) {
            let line = self.line("ADDED", item);
            self.lines.push_back(line);
        }
        self.at = version;
        if self.query.initial_events && self.query.bookmarks {
            let line = self.bookmark(true);
            self.lines.push_back(line);
        }
        Ok(())
    }

    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(line) = self.lines.pop_front() {
                return Some(line);
            }
            if self.is_over {
                return None;
            }
            // Marked as seen before it is looked, so that nothing is missed between.
            self.versions.borrow_and_update();
            match self.index.since(self.at) {
                None => {
                    self.is_over = true;
                    return Some(event("ERROR", &Refused::gone().status()));
                }
                Some((version, changes)) => {
                    self.at = version;
                    let lines: Vec<Bytes> = changes.iter().filter_map(|change| self.told(change)).collect();
                    self.lines.extend(lines);
                    if !self.lines.is_empty() {
                        continue;
                    }
                }
            }
            let bookmarks = self.query.bookmarks;
            tokio::select! {
                () = self.stop.cancelled() => return None,
                () = tokio::time::sleep_until(self.end) => return None,
                () = tokio::time::sleep_until(self.bookmark), if bookmarks => {
                    self.bookmark = Instant::now() + BOOKMARK;
                    return Some(self.bookmark(false));
                }
                changed = self.versions.changed() => changed.ok()?,
            }
        }
    }

    fn told(&self, change: &Change) -> Option<Bytes> {
        let item = &change.item;
        if self.namespace.as_ref().is_some_and(|namespace| *namespace != item.of.namespace) {
            return None;
        }
        if !self.query.wants_item(item) {
            return None;
        }
        let was = change.before.as_ref().is_some_and(|of| self.query.wants_of(of));
        let is = change.what != What::Deleted && self.query.wants_of(&item.of);
        match (was, is) {
            (false, false) => None,
            (false, true) => Some(self.line("ADDED", item)),
            (true, true) => Some(self.line("MODIFIED", item)),
            // Also when it is there, but no more selected.
            (true, false) => Some(self.line("DELETED", item)),
        }
    }

    fn line(&self, what: &str, item: &Item) -> Bytes {
        event(what, &show::one(item, self.form, self.query.include, Timestamp::now()))
    }

    fn bookmark(&self, is_end_of_initial: bool) -> Bytes {
        let mut metadata = json!({"resourceVersion": self.at.to_string(), "creationTimestamp": null});
        if is_end_of_initial {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let object = match self.form {
            Form::Whole => {
                json!({"kind": "Snapshot", "apiVersion": show::api_version(), "metadata": metadata})
            }
            Form::Metadata => json!({
                "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
            }),
            Form::Table(version) => json!({
                "kind": "Table", "apiVersion": format!("meta.k8s.io/{version}"), "metadata": metadata,
                "columnDefinitions": [], "rows": [],
            }),
        };
        event("BOOKMARK", &object)
    }
}

#[derive(Serialize)]
struct Event<'a, T> {
    #[serde(rename = "type")]
    what: &'a str,
    object: &'a T,
}

fn event(what: &str, object: &impl Serialize) -> Bytes {
    let mut line = serde_json::to_vec(&Event { what, object }).unwrap_or_else(|error| {
        tracing::error!("an event of a watch cannot be written: {error}");
        Vec::new()
    });
    line.push(b'\n');
    line.into()
}
