//! Who is to look again at what: one queue per kind, which only the replica that leads has.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use domain::objects::recovery::Recovery;
use domain::objects::repository::Repository;
use domain::objects::restic::Restic;
use domain::objects::workload::WorkloadKind;
use kube::Resource as _;
use kube::runtime::reflector::ObjectRef;
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::seen::Seen;
use crate::world;

type Sender<K> = UnboundedSender<ObjectRef<K>>;
type Receiver<K> = UnboundedReceiver<ObjectRef<K>>;

/// Hands references to whoever leads; without a leader they go nowhere, since one who begins looks at everything.
#[derive(Default)]
pub(crate) struct Dispatch {
    senders: RwLock<Option<Senders>>,
    sweep: Notify,
}

struct Senders {
    restics: Sender<Restic>,
    recoveries: Sender<Recovery>,
    repositories: Sender<Repository>,
    workloads: BTreeMap<WorkloadKind, Sender<Seen>>,
}

/// The other ends, for the controllers of one term.
pub(crate) struct Queues {
    pub(crate) restics: Receiver<Restic>,
    pub(crate) recoveries: Receiver<Recovery>,
    pub(crate) repositories: Receiver<Repository>,
    pub(crate) workloads: BTreeMap<WorkloadKind, Receiver<Seen>>,
}

impl Dispatch {
    /// Opens the queues of a term, and closes those of an earlier one.
    pub(crate) fn open(&self) -> Queues {
        let (restics, of_restics) = unbounded_channel();
        let (recoveries, of_recoveries) = unbounded_channel();
        let (repositories, of_repositories) = unbounded_channel();
        let (mut workloads, mut of_workloads) = (BTreeMap::new(), BTreeMap::new());
        for (kind, _) in world::kinds() {
            let (sender, receiver) = unbounded_channel();
            workloads.insert(kind, sender);
            of_workloads.insert(kind, receiver);
        }
        self.set(Some(Senders { restics, recoveries, repositories, workloads }));
        Queues {
            restics: of_restics,
            recoveries: of_recoveries,
            repositories: of_repositories,
            workloads: of_workloads,
        }
    }

    /// Closes the queues.
    pub(crate) fn close(&self) {
        self.set(None);
    }

    fn set(&self, senders: Option<Senders>) {
        *self.senders.write().unwrap_or_else(PoisonError::into_inner) = senders;
    }

    fn with(&self, send: impl FnOnce(&Senders)) {
        if let Some(senders) = &*self.senders.read().unwrap_or_else(PoisonError::into_inner) {
            send(senders);
        }
    }

    /// Has the groups of the gateway looked at.
    pub(crate) fn sweep(&self) {
        self.sweep.notify_one();
    }

    /// Returns when somebody wants them looked at.
    pub(crate) async fn swept(&self) {
        self.sweep.notified().await;
    }

    // A receiver that is gone belongs to a term that ends.
    pub(crate) fn restic(&self, restic: &Restic) {
        self.with(|senders| drop(senders.restics.send(ObjectRef::from_obj(restic))));
    }

    pub(crate) fn restic_named(&self, namespace: &str, name: &str) {
        self.with(|senders| drop(senders.restics.send(ObjectRef::new(name).within(namespace))));
    }

    pub(crate) fn recovery(&self, recovery: &Recovery) {
        self.with(|senders| drop(senders.recoveries.send(ObjectRef::from_obj(recovery))));
    }

    pub(crate) fn recovery_named(&self, namespace: &str, name: &str) {
        self.with(|senders| drop(senders.recoveries.send(ObjectRef::new(name).within(namespace))));
    }

    pub(crate) fn repository(&self, repository: &Repository) {
        self.with(|senders| drop(senders.repositories.send(ObjectRef::from_obj(repository))));
    }

    pub(crate) fn repository_named(&self, namespace: &str, name: &str) {
        self.with(|senders| drop(senders.repositories.send(ObjectRef::new(name).within(namespace))));
    }

    pub(crate) fn workload(&self, kind: WorkloadKind, workload: &Seen) {
        let name = workload.meta().name.as_deref().unwrap_or_default();
        let namespace = workload.meta().namespace.as_deref().unwrap_or_default();
        self.workload_named(kind, namespace, name);
    }

    pub(crate) fn workload_named(&self, kind: WorkloadKind, namespace: &str, name: &str) {
        self.with(|senders| {
            if let (Some(sender), Some(resource)) = (senders.workloads.get(&kind), world::resource(kind)) {
                drop(sender.send(ObjectRef::new_with(name, resource).within(namespace)));
            }
        });
    }
}
