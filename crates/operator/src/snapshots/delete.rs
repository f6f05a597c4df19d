//! Deletion: a Job that forgets the snapshot. Until it has, the Snapshot is there and says that it is being deleted.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use domain::decide::forget_job::{MAX_IDS, deleting_since, forget_job};
use domain::decide::repository_job::Filler;
use domain::objects::GROUP;
use domain::objects::repository::Repository;
use domain::objects::restic::Restic;
use domain::objects::workload::Workload;
use domain::rules::names::LABEL_RESTIC;
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use kube::api::{DynamicObject, PostParams};
use kube::{Api, Client};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{self, Form, Refused};
use super::index::{Item, Part};
use super::query::{self, Query};
use super::{Snapshots, read, show};
use crate::error::is_missing;
use crate::owned::FIELD_MANAGER;
use crate::world;

/// What somebody may write about how to delete.
const MOST_BYTES: usize = 64 * 1024;

/// The body of such a request. How dependents are to be treated does not matter, since there are none.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Options {
    kind: Option<String>,
    dry_run: Option<Vec<String>>,
    preconditions: Option<Preconditions>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Preconditions {
    uid: Option<String>,
    resource_version: Option<String>,
}

/// `DELETE` of one.
pub(super) async fn one(
    State(snapshots): State<Snapshots>,
    Path((namespace, name)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Response {
    delete_one(&snapshots, &namespace, &name, query.as_deref(), &headers, body)
        .await
        .unwrap_or_else(|refused| refused.into_response())
}

async fn delete_one(
    snapshots: &Snapshots,
    namespace: &str,
    name: &str,
    query: Option<&str>,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let query = Query::parse(query.unwrap_or_default())?;
    let form = answer::form(headers)?;
    let (options, dry_run) = options(body, &query).await?;
    let item = read::found(snapshots, namespace, name)?;
    check(&options, &item)?;
    let item = match item.deleting {
        // It is as with an object that waits for a finalizer: to delete it again changes nothing.
        Some(_) => item,
        None => {
            let since = forget(snapshots, &[&item], dry_run).await?;
            Arc::new(marked(&item, since))
        }
    };
    // As an API server answers a deletion, whatever form is asked for: the object.
    let form = if matches!(form, Form::Table(_)) { Form::Whole } else { form };
    Ok(answer::json(&show::one(&item, form, query.include, Timestamp::now())))
}

/// `DELETE` of all that are selected in a namespace.
pub(super) async fn collection(
    State(snapshots): State<Snapshots>,
    Path(namespace): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Response {
    delete_collection(&snapshots, &namespace, query.as_deref(), &headers, body)
        .await
        .unwrap_or_else(|refused| refused.into_response())
}

async fn delete_collection(
    snapshots: &Snapshots,
    namespace: &str,
    query: Option<&str>,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let query = Query::parse(query.unwrap_or_default())?;
    let form = answer::form(headers)?;
    let (options, dry_run) = options(body, &query).await?;
    read::known(snapshots)?;
    let (version, parts) = snapshots.index.parts(Some(namespace));
    let parts: Vec<Part> = parts.into_iter().filter(|part| query.wants_part(part)).collect();
    let chosen = read::chosen(&parts, &query);
    for item in &chosen {
        check(&options, item)?;
    }
    let mut of_repositories: BTreeMap<&str, Vec<&Arc<Item>>> = BTreeMap::new();
    for item in chosen {
        of_repositories.entry(&item.of.repository).or_default().push(item);
    }
    let mut done: Vec<Arc<Item>> = Vec::new();
    for items in of_repositories.into_values() {
        let (under_way, new): (Vec<_>, Vec<_>) = items.into_iter().partition(|item| item.deleting.is_some());
        done.extend(under_way.into_iter().cloned());
        for some in new.chunks(MAX_IDS) {
            let since = forget(snapshots, some, dry_run).await?;
            done.extend(some.iter().map(|item| Arc::new(marked(item, since))));
        }
    }
    let metadata = json!({"resourceVersion": version.to_string()});
    let form = if matches!(form, Form::Table(_)) { Form::Whole } else { form };
    let items = done.iter().map(|item| &**item);
    Ok(answer::json(&show::list(items, metadata, form, query.include, Timestamp::now())))
}

/// What the body says, and whether it is only to be seen what would happen.
async fn options(body: Body, query: &Query) -> Result<(Options, bool), Refused> {
    let body = Limited::new(body, MOST_BYTES).collect().await.map_err(|_| {
        Refused::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestEntityTooLarge",
            "the DeleteOptions are too large",
        )
    })?;
    let body = body.to_bytes();
    let options: Options = if body.is_empty() {
        Options::default()
    } else {
        let wrong = |error| Refused::bad_request(format!("the body is no DeleteOptions in JSON: {error}"));
        serde_json::from_slice(&body).map_err(wrong)?
    };
    if options.kind.as_ref().is_some_and(|kind| kind != "DeleteOptions") {
        return Err(Refused::bad_request("the body is of another kind than DeleteOptions"));
    }
    let mut dry_run = query.dry_run;
    for value in options.dry_run.iter().flatten() {
        dry_run |= query::dry_run(value)?;
    }
    Ok((options, dry_run))
}

fn check(options: &Options, item: &Item) -> Result<(), Refused> {
    let Some(wanted) = &options.preconditions else { return Ok(()) };
    let differs = |what: &str, wanted: &Option<String>, there: &str| match wanted {
        Some(wanted) if wanted != there => Err(Refused::conflict(
            &item.name(),
            format!("Precondition failed: {what} in precondition: {wanted}, {what} in object meta: {there}"),
        )),
        _ => Ok(()),
    };
    differs("UID", &wanted.uid, &item.record.id)?;
    differs("ResourceVersion", &wanted.resource_version, &item.version.to_string())
}

fn marked(item: &Item, since: Timestamp) -> Item {
    Item {
        of: Arc::clone(&item.of),
        record: Arc::clone(&item.record),
        version: item.version,
        deleting: Some(since),
    }
}

/// Makes the Job for snapshots of one Repository. Returns since when they are being deleted.
///
/// The Repository is read from the API server: what is not to come back is decided on what is there now.
async fn forget(snapshots: &Snapshots, items: &[&Arc<Item>], dry_run: bool) -> Result<Timestamp, Refused> {
    let Some(first) = items.first() else { return Ok(Timestamp::now()) };
    let (namespace, name) = (&first.of.namespace, &first.of.repository);
    let client = &snapshots.client;
    let failed = |doing: String| move |error: kube::Error| Refused::passed_on(&error, &doing);
    let repositories: Api<Repository> = Api::namespaced(client.clone(), namespace);
    let repository = repositories
        .get_opt(name)
        .await
        .map_err(failed(format!("read Repository {namespace}/{name}")))?
        .ok_or_else(|| Refused::not_found(GROUP, "repositories", name))?;
    if repository.metadata.deletion_timestamp.is_some() {
        let why = format!("Repository {name} is being deleted; its snapshots stay in the storage");
        return Err(Refused::conflict(&first.name(), why));
    }
    let restic = match repository.metadata.labels.as_ref().and_then(|labels| labels.get(LABEL_RESTIC)) {
        None => None,
        Some(restic) => {
            let restics: Api<Restic> = Api::namespaced(client.clone(), namespace);
            match restics.get(restic).await {
                Ok(restic) => Some(restic),
                // It is gone, or nobody understands it; the Job then is as every other is by default.
                Err(error) if is_missing(&error) => None,
                Err(kube::Error::SerdeError(_)) => None,
                Err(error) => return Err(failed(format!("read Restic {namespace}/{restic}"))(error)),
            }
        }
    };
    let ids: Vec<&str> = items.iter().map(|item| item.record.id.as_str()).collect();
    let workload = workload(client, &repository).await;
    let workload = workload.map_err(failed(format!("read the workload of Repository {namespace}/{name}")))?;
    let filler = Filler { restic: restic.as_ref(), workload: workload.as_ref() };
    let job = forget_job(&repository, filler, &snapshots.settings, &ids)
        .map_err(|error| Refused::conflict(&first.name(), error))?;
    let jobs: Api<Job> = Api::namespaced(client.clone(), namespace);
    let parameters = PostParams { dry_run, field_manager: Some(FIELD_MANAGER.to_owned()) };
    let made = jobs
        .create(&parameters, &job)
        .await
        .map_err(failed(format!("create the Job that deletes snapshots of Repository {namespace}/{name}")))?;
    if !dry_run {
        // Whoever asks next is told, also when the watch is late.
        snapshots.index.saw_job(None, Some(&made));
        tracing::info!(
            namespace,
            repository = name,
            job = made.metadata.name,
            snapshots = ids.len(),
            "snapshots are to be deleted"
        );
    }
    Ok(deleting_since(&made).map_or_else(Timestamp::now, |since| since.0))
}

/// The workload that fills a Repository; none when it is gone, or the Repository does not say which it is.
async fn workload(client: &Client, repository: &Repository) -> Result<Option<Value>, kube::Error> {
    let (labels, annotations) = (&repository.metadata.labels, &repository.metadata.annotations);
    let none = BTreeMap::new();
    let workload =
        Workload::of_repository(labels.as_ref().unwrap_or(&none), annotations.as_ref().unwrap_or(&none));
    let Ok(workload) = workload else { return Ok(None) };
    let Some(resource) = world::resource(workload.kind()) else { return Ok(None) };
    let namespace = repository.metadata.namespace.as_deref().unwrap_or_default();
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
    let found = api.get_opt(workload.name()).await?;
    found.map(serde_json::to_value).transpose().map_err(kube::Error::SerdeError)
}
