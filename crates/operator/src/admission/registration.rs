//! Tells the API server of the webhooks and of the API of Snapshots, and sees to it that nobody changes what it was told.

mod configurations;

use std::time::Duration;

use futures_util::stream::{BoxStream, select_all};
use futures_util::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
};
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use configurations::{NAME, mutating, validating};

use crate::certificates::CaBundle;
use crate::owned::FIELD_MANAGER;
use crate::snapshots::registration as snapshots;

/// Two writes are so far apart, lest two operators of different releases answer one another without end.
const PACE: Duration = Duration::from_secs(1);
/// After a failure, first and last.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// What the API server is told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RegistrationSettings {
    /// Namespace of the operator, whose workloads are left alone.
    pub namespace: String,
    /// The operator's Service.
    pub service: String,
    /// Port of the Service; 443.
    pub port: u16,
    /// Whether workloads get their sidecar when they are written: `--enable-mutating-webhook`.
    pub mutating: bool,
    /// Whether our own kinds are looked at: `--enable-validating-webhook`.
    pub validating: bool,
}

/// Why the API server could not be told.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot {verb} the {kind} {name}: {source}; the operator needs to get, list, watch, create, patch and delete it"
)]
pub struct RegistrationError {
    /// What was tried.
    pub verb: &'static str,
    /// The kind of configuration.
    pub kind: String,
    /// Its name.
    pub name: &'static str,
    /// Why.
    pub source: Box<kube::Error>,
}

/// Writes both configurations and the APIService once, or deletes what is not wanted. Snapshots come with either kind of
/// webhook, as in 0.8.3: who wants none of them wants the API server to ask us nothing.
///
/// # Errors
///
/// [`RegistrationError`].
pub async fn register(
    client: &Client,
    settings: &RegistrationSettings,
    bundle: &CaBundle,
) -> Result<(), RegistrationError> {
    write(client, NAME, settings.mutating.then(|| mutating(settings, bundle))).await?;
    write(client, NAME, settings.validating.then(|| validating(settings, bundle))).await?;
    let any = settings.mutating || settings.validating;
    write(client, snapshots::NAME, any.then(|| snapshots::api_service(settings, bundle))).await
}

/// Keeps all three as they should be, until `stop` is cancelled: writes them again when the authorities change,
/// and when somebody else changed them. It is for one operator at a time, the leader.
pub async fn keep(
    client: Client,
    settings: RegistrationSettings,
    mut bundle: watch::Receiver<CaBundle>,
    stop: &CancellationToken,
) {
    let mut changes = select_all([
        changes::<MutatingWebhookConfiguration>(&client, NAME),
        changes::<ValidatingWebhookConfiguration>(&client, NAME),
        api_service_changes(&client),
    ]);
    let mut pause = PAUSES.0;
    loop {
        let now = bundle.borrow_and_update().clone();
        let is_done = match register(&client, &settings, &now).await {
            Ok(()) => {
                pause = PAUSES.0;
                true
            }
            Err(error) => {
                tracing::error!("{error}; trying again");
                false
            }
        };
        let rest = if is_done { PACE } else { pause };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(rest) => {}
        }
        if !is_done {
            pause = (pause * 2).min(PAUSES.1);
            continue;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            Ok(()) = bundle.changed() => {}
            Some(()) = changes.next() => {}
        }
    }
}

async fn write<K>(client: &Client, name: &'static str, wanted: Option<K>) -> Result<(), RegistrationError>
where
    K: Resource<DynamicType = (), Scope = kube::core::ClusterResourceScope>
        + Clone
        + std::fmt::Debug
        + DeserializeOwned
        + Serialize,
{
    let api: Api<K> = Api::all(client.clone());
    let failed = |verb, source| RegistrationError {
        verb,
        kind: K::kind(&()).into_owned(),
        name,
        source: Box::new(source),
    };
    match wanted {
        Some(wanted) => {
            let params = PatchParams::apply(FIELD_MANAGER).force();
            api.patch(name, &params, &Patch::Apply(&wanted)).await.map_err(|error| failed("apply", error))?;
        }
        None => match api.delete(name, &DeleteParams::default()).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            Err(error) => return Err(failed("delete", error)),
        },
    }
    Ok(())
}

/// Says whenever somebody writes or deletes it, ourselves included: writing the same again changes nothing, and so
/// says nothing.
fn changes<K>(client: &Client, name: &str) -> BoxStream<'static, ()>
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned + Send + 'static,
{
    let fields = watcher::Config::default().fields(&format!("metadata.name={name}"));
    watcher(Api::<K>::all(client.clone()), fields)
        .default_backoff()
        .inspect_err(|error| tracing::debug!("the watch of a registration broke: {error}"))
        .filter_map(async |event| match event {
            Ok(watcher::Event::Apply(_) | watcher::Event::InitDone | watcher::Event::Delete(_)) => Some(()),
            _ => None,
        })
        .boxed()
}

/// The same for the APIService, whose status the API server writes whenever we come or go: only its spec counts.
fn api_service_changes(client: &Client) -> BoxStream<'static, ()> {
    let name = snapshots::NAME;
    let fields = watcher::Config::default().fields(&format!("metadata.name={name}"));
    let specs = watcher(Api::<APIService>::all(client.clone()), fields)
        .default_backoff()
        .inspect_err(|error| tracing::debug!("the watch of a registration broke: {error}"))
        .filter_map(async |event| match event {
            Ok(watcher::Event::Apply(object) | watcher::Event::InitApply(object)) => Some(object.spec),
            Ok(watcher::Event::Delete(_)) => Some(None),
            _ => None,
        });
    let mut last = None;
    specs
        .filter_map(move |spec| {
            let changed = last.as_ref() != Some(&spec);
            last = Some(spec);
            std::future::ready(changed.then_some(()))
        })
        .boxed()
}
