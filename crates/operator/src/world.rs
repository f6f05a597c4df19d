//! What is known of the cluster: one watch per kind, kept in memory.
//!
//! Every replica of the operator watches: the one that leads, to act on it; the others, to answer the webhooks and to
//! be ready at once when they lead. What an object is not asked for is not kept.

use std::collections::BTreeMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use domain::decide::rbac::api_of;
use domain::objects::recovery::Recovery;
use domain::objects::repository::Repository;
use domain::objects::restic::Restic;
use domain::objects::workload::WorkloadKind;
use domain::rules::names;
use futures_util::FutureExt as _;
use jiff::Timestamp;
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::api::{ApiResource, GroupVersionKind, PartialObjectMeta};
use kube::runtime::reflector::{self, Store};
use kube::runtime::watcher;
use kube::{Api, Client, Resource as _};

use crate::follow::Follower;
use crate::owned::Owned;
use crate::queues::Dispatch;
use crate::seen::Seen;
use crate::snapshots::{Index, Kept};
use crate::triggers;

/// The stores, by kind. Each is filled by a task of its own.
pub(crate) struct World {
    pub(crate) restics: Store<Restic>,
    pub(crate) recoveries: Store<Recovery>,
    pub(crate) repositories: Store<Repository>,
    pub(crate) jobs: Store<Job>,
    pub(crate) workloads: BTreeMap<WorkloadKind, Store<Seen>>,
    catalogues: Store<Kept>,
    /// The Snapshots that come of catalogues, Repositories and Jobs.
    pub(crate) snapshots: Arc<Index>,
    /// What we made ourselves for others: Roles, CronJobs and the like.
    pub(crate) owned: Owned,
    /// Who is to look again.
    pub(crate) dispatch: Dispatch,
}

/// The kinds of workloads of a cluster.
pub(crate) fn kinds() -> impl Iterator<Item = (WorkloadKind, ApiResource)> {
    WorkloadKind::ALL.into_iter().filter_map(|kind| Some((kind, resource(kind)?)))
}

/// How the API server knows a kind of workload.
pub(crate) fn resource(kind: WorkloadKind) -> Option<ApiResource> {
    let (api_version, plural) = api_of(kind)?;
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    Some(ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind.as_str()), plural))
}

impl World {
    /// Starts all watches.
    pub(crate) fn start(client: &Client, follow: &Follower) -> Arc<Self> {
        let (restics, restics_writer) = reflector::store();
        let (recoveries, recoveries_writer) = reflector::store();
        let (repositories, repositories_writer) = reflector::store();
        let (jobs, jobs_writer) = reflector::store();
        let (catalogues, catalogues_writer) = reflector::store();
        let mut workloads = BTreeMap::new();
        let mut writers = Vec::new();
        for (kind, resource) in kinds() {
            let writer = reflector::store::Writer::new(resource.clone());
            workloads.insert(kind, writer.as_reader());
            writers.push((kind, resource, writer));
        }
        let world = Arc::new(World {
            restics,
            recoveries,
            repositories,
            jobs,
            workloads,
            catalogues,
            snapshots: Arc::new(Index::new(Timestamp::now())),
            owned: Owned::default(),
            dispatch: Dispatch::default(),
        });

        // Pages are small, so that a large cluster does not pass through the memory all at once.
        let all = || watcher::Config::default().page_size(100);
        let ours = || all().labels(&format!("{}={}", names::LABEL_APP, names::APP));
        follow.spawn(Api::all(client.clone()), (), all(), restics_writer, without_managed_fields, {
            let world = Arc::clone(&world);
            move |before, after| triggers::restic(&world, before, after)
        });
        follow.spawn(Api::all(client.clone()), (), all(), recoveries_writer, without_managed_fields, {
            let world = Arc::clone(&world);
            move |before, after| triggers::recovery(&world, before, after)
        });
        follow.spawn(Api::all(client.clone()), (), all(), repositories_writer, without_managed_fields, {
            let world = Arc::clone(&world);
            move |before, after| {
                world.snapshots.saw_repository(before, after);
                triggers::repository(&world, before, after);
            }
        });
        // Few of a cluster's ConfigMaps are catalogues, and each is large: a page of them is smaller.
        let catalogues =
            watcher::Config::default().page_size(10).labels(&format!("{}=true", names::LABEL_CATALOGUE));
        follow.spawn(Api::all(client.clone()), (), catalogues, catalogues_writer, |_| {}, {
            let world = Arc::clone(&world);
            move |before: Option<&Kept>, after: Option<&Kept>| world.snapshots.saw_catalogue(before, after)
        });
        follow.spawn(Api::all(client.clone()), (), ours(), jobs_writer, without_managed_fields, {
            let world = Arc::clone(&world);
            move |before: Option<&Job>, after: Option<&Job>| {
                world.snapshots.saw_job(before, after);
                triggers::job(&world, before, after);
            }
        });
        for (kind, resource, writer) in writers {
            let api = Api::all_with(client.clone(), &resource);
            let world = Arc::clone(&world);
            follow.spawn(api, resource, all(), writer, without_managed_fields, move |before, after| {
                triggers::workload(&world, kind, before, after);
            });
        }
        owned::<Role>(client, follow, &world, ours());
        owned::<RoleBinding>(client, follow, &world, ours());
        owned::<ServiceAccount>(client, follow, &world, ours());
        owned::<CronJob>(client, follow, &world, ours());
        world
    }

    /// The Restics of a namespace.
    pub(crate) fn restics_of(&self, namespace: &str) -> Vec<Arc<Restic>> {
        self.restics.state_filter(|restic| restic.metadata.namespace.as_deref() == Some(namespace))
    }

    /// The workloads of a namespace, by kind.
    pub(crate) fn workloads_of(&self, namespace: &str) -> Vec<(WorkloadKind, Arc<Seen>)> {
        let mut found = Vec::new();
        for (kind, store) in &self.workloads {
            let here = |object: &Seen| object.meta().namespace.as_deref() == Some(namespace);
            found.extend(store.state_filter(here).into_iter().map(|object| (*kind, object)));
        }
        found
    }

    /// Waits until every watch has seen everything once.
    ///
    /// It looks again and again, since a store wakes only the last of those who wait for it.
    pub(crate) async fn is_known(&self) {
        const LOOK_AGAIN: Duration = Duration::from_millis(100);
        while !self.is_known_now() {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Whether they have by now.
    pub(crate) fn is_known_now(&self) -> bool {
        fn is_filled<K: kube::Resource + Clone + 'static>(store: &Store<K>) -> bool
        where
            K::DynamicType: Eq + Hash + Clone,
        {
            matches!(store.wait_until_ready().now_or_never(), Some(Ok(())))
        }
        is_filled(&self.restics)
            && is_filled(&self.recoveries)
            && is_filled(&self.repositories)
            && is_filled(&self.jobs)
            && is_filled(&self.catalogues)
            && self.workloads.values().all(is_filled)
    }

    /// Has everything looked at, as one does who begins to lead.
    pub(crate) fn look_at_everything(&self) {
        for restic in self.restics.state() {
            self.dispatch.restic(&restic);
        }
        for recovery in self.recoveries.state() {
            self.dispatch.recovery(&recovery);
        }
        for repository in self.repositories.state() {
            self.dispatch.repository(&repository);
        }
        for (kind, store) in &self.workloads {
            for workload in store.state() {
                self.dispatch.workload(*kind, &workload);
            }
        }
    }
}

/// Follows what we own of one kind: only who it is and which version it has.
fn owned<K>(client: &Client, follow: &Follower, world: &Arc<World>, config: watcher::Config)
where
    K: kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>,
    K: Clone + std::fmt::Debug + Send + Sync + 'static,
{
    let (_, writer) = reflector::store::<PartialObjectMeta<K>>();
    let world = Arc::clone(world);
    let api: Api<PartialObjectMeta<K>> = Api::all(client.clone());
    follow.spawn(api, (), config, writer, without_managed_fields, move |before, after| {
        triggers::owned(&world, &K::kind(&()), before, after);
    });
}

fn without_managed_fields<K: kube::Resource>(object: &mut K) {
    object.meta_mut().managed_fields = None;
}
