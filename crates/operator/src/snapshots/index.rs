//! All Snapshots of the cluster, as the watches of catalogues, Repositories and Jobs have them, and what changed lately.
//!
//! A Snapshot is a record of a catalogue, with the labels of its Repository, and marked while a Job forgets it. Whenever
//! one of the three changes, the Snapshots of that one Repository are made anew and compared with those before.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::catalogue::Record;
use domain::decide::forget_job;
use domain::objects::repository::Repository;
use domain::report::FailureReason;
use domain::rules::names;
use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use kube::Resource as _;
use tokio::sync::watch;

use super::kept::{Kept, Listed};

/// Changes that are remembered, so that a watch that was interrupted can go on. Who was away for longer lists anew.
const REMEMBERED: usize = 4096;

/// Namespace and name of a Repository.
pub(super) type Key = (String, String);

/// One Snapshot.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) of: Arc<Of>,
    pub(super) record: Arc<Record>,
    /// At which version of the whole it became as it is.
    pub(super) version: u64,
    /// Since when it is being forgotten.
    pub(super) deleting: Option<Timestamp>,
}

/// What the Snapshots of one Repository have in common.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Of {
    pub(super) namespace: String,
    pub(super) repository: String,
    pub(super) labels: BTreeMap<String, String>,
}

impl Item {
    pub(super) fn name(&self) -> String {
        names::snapshot(&self.of.repository, &self.record.id)
    }

    fn is_as(&self, other: &Self) -> bool {
        self.of == other.of && self.record == other.record && self.deleting == other.deleting
    }
}

/// What happened to a Snapshot.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum What {
    Added,
    Modified,
    Deleted,
}

/// One change.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) version: u64,
    pub(super) what: What,
    pub(super) item: Arc<Item>,
    /// What it had in common with others before, by which it may have been selected.
    pub(super) before: Option<Arc<Of>>,
}

/// A Repository, for a list.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) of: Arc<Of>,
    pub(super) items: Vec<Arc<Item>>,
    /// Why there may be others than these.
    pub(super) warning: Option<String>,
}

/// All Snapshots. Filled by watches, asked by the API.
pub struct Index {
    state: Mutex<State>,
    version: watch::Sender<u64>,
    known: watch::Sender<bool>,
}

struct State {
    version: u64,
    repositories: BTreeMap<Key, Entry>,
    changes: VecDeque<Change>,
    /// Changes up to this version are forgotten.
    forgotten: u64,
}

#[derive(Default)]
struct Entry {
    about: Option<About>,
    catalogue: Option<Arc<Result<Listed, String>>>,
    /// The Jobs that forget snapshots, by name.
    jobs: BTreeMap<String, Deletion>,
    items: Vec<Arc<Item>>,
}

/// What counts of a Repository.
#[derive(Eq, PartialEq)]
struct About {
    of: Arc<Of>,
    unreachable: Option<String>,
}

struct Deletion {
    ids: Vec<String>,
    since: Timestamp,
}

impl Index {
    /// An empty one. `now` becomes the first version, in microseconds: so versions grow also from one process to the
    /// next, and a client that saw an earlier one lists anew.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        let version = u64::try_from(now.as_microsecond()).unwrap_or(1).max(1);
        let state =
            State { version, repositories: BTreeMap::new(), changes: VecDeque::new(), forgotten: version };
        Self {
            state: Mutex::new(state),
            version: watch::Sender::new(version),
            known: watch::Sender::new(false),
        }
    }

    /// Everything was seen once; until then nobody is answered.
    pub fn is_filled(&self) {
        self.known.send_replace(true);
    }

    pub(super) fn is_known(&self) -> bool {
        *self.known.borrow()
    }

    /// A Repository came, changed or went.
    pub fn saw_repository(&self, before: Option<&Repository>, after: Option<&Repository>) {
        let Some(object) = after.or(before) else { return };
        let key = key(object.meta().namespace.as_deref(), object.meta().name.as_deref());
        let about = after.map(|object| {
            let labels = object.metadata.labels.clone().unwrap_or_default();
            let of = Of {
                namespace: key.0.clone(),
                repository: key.1.clone(),
                labels: names::snapshot_labels(&key.1, &labels),
            };
            About { of: Arc::new(of), unreachable: unreachable(object) }
        });
        let mut state = self.lock();
        let entry = state.repositories.entry(key.clone()).or_default();
        if entry.about != about {
            entry.about = about;
            self.renew(state, &key);
        }
    }

    /// A catalogue came, changed or went.
    pub fn saw_catalogue(&self, before: Option<&Kept>, after: Option<&Kept>) {
        let Some(object) = after.or(before) else { return };
        let Some(repository) = object.repository.as_deref() else { return };
        let key = key(object.meta().namespace.as_deref(), Some(repository));
        let mut state = self.lock();
        state.repositories.entry(key.clone()).or_default().catalogue =
            after.map(|after| Arc::clone(&after.content));
        self.renew(state, &key);
    }

    /// A Job came, changed or went.
    pub fn saw_job(&self, before: Option<&Job>, after: Option<&Job>) {
        let Some(object) = after.or(before).filter(|job| forget_job::is_one(job)) else { return };
        let (Some(repository), Some(name)) = (forget_job::repository_of(object), &object.metadata.name)
        else {
            return;
        };
        let key = key(object.meta().namespace.as_deref(), Some(repository));
        let deletion = after.and_then(|job| {
            let ids = forget_job::ids_of(job).map(ToOwned::to_owned).collect();
            Some(Deletion { ids, since: forget_job::deleting_since(job)?.0 })
        });
        let mut state = self.lock();
        let jobs = &mut state.repositories.entry(key.clone()).or_default().jobs;
        match deletion {
            Some(deletion) => jobs.insert(name.clone(), deletion),
            None => jobs.remove(name),
        };
        self.renew(state, &key);
    }

    /// The Repositories of a namespace, or of all, with their Snapshots; and the version of the whole.
    pub(super) fn parts(&self, namespace: Option<&str>) -> (u64, Vec<Part>) {
        let state = self.lock();
        let parts = state
            .repositories
            .iter()
            .filter(|((known, _), _)| namespace.is_none_or(|namespace| known == namespace))
            .filter_map(|(key, entry)| {
                let about = entry.about.as_ref()?;
                Some(Part {
                    of: Arc::clone(&about.of),
                    items: entry.items.clone(),
                    warning: warning(key, entry, about),
                })
            })
            .collect();
        (state.version, parts)
    }

    /// The Snapshots of a Repository whose ids begin so; `None` when there is no such Repository.
    pub(super) fn find(&self, namespace: &str, repository: &str, id: &str) -> Option<Vec<Arc<Item>>> {
        let state = self.lock();
        let entry = state.repositories.get(&key(Some(namespace), Some(repository)))?;
        entry.about.as_ref()?;
        Some(entry.items.iter().filter(|item| item.record.id.starts_with(id)).cloned().collect())
    }

    /// What changed since a version, and the version now; `None` when that is not known any more, or not yet.
    pub(super) fn since(&self, version: u64) -> Option<(u64, Vec<Change>)> {
        let state = self.lock();
        if version < state.forgotten || version > state.version {
            return None;
        }
        let first = state.changes.partition_point(|change| change.version <= version);
        Some((state.version, state.changes.range(first..).cloned().collect()))
    }

    /// Tells the version whenever it changes.
    pub(super) fn versions(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the Snapshots of one Repository anew.
    fn renew(&self, mut state: MutexGuard<'_, State>, key: &Key) {
        let state = &mut *state;
        let Some(entry) = state.repositories.get_mut(key) else { return };
        let before = std::mem::take(&mut entry.items);
        let mut known: HashMap<&str, &Arc<Item>> =
            before.iter().map(|item| (item.record.id.as_str(), item)).collect();
        let mut version = state.version;
        let mut changes = Vec::new();
        for mut item in made(entry) {
            let earlier = known.remove(item.record.id.as_str());
            if let Some(same) = earlier.filter(|earlier| earlier.is_as(&item)) {
                item.version = same.version;
                entry.items.push(Arc::new(item));
                continue;
            }
            version += 1;
            item.version = version;
            let item = Arc::new(item);
            let what = if earlier.is_some() { What::Modified } else { What::Added };
            let before = earlier.map(|earlier| Arc::clone(&earlier.of));
            changes.push(Change { version, what, item: Arc::clone(&item), before });
            entry.items.push(item);
        }
        for gone in before.iter().filter(|item| known.contains_key(item.record.id.as_str())) {
            version += 1;
            let item = Arc::new(Item {
                of: Arc::clone(&gone.of),
                record: Arc::clone(&gone.record),
                version,
                deleting: gone.deleting,
            });
            let before = Some(Arc::clone(&gone.of));
            changes.push(Change { version, what: What::Deleted, item, before });
        }
        if entry.about.is_none() && entry.catalogue.is_none() && entry.jobs.is_empty() {
            state.repositories.remove(key);
        }
        state.version = version;
        state.changes.extend(changes);
        while state.changes.len() > REMEMBERED {
            if let Some(change) = state.changes.pop_front() {
                state.forgotten = change.version;
            }
        }
        self.version.send_replace(version);
    }
}

fn key(namespace: Option<&str>, name: Option<&str>) -> Key {
    (namespace.unwrap_or_default().to_owned(), name.unwrap_or_default().to_owned())
}

fn made(entry: &Entry) -> Vec<Item> {
    let (Some(about), Some(Ok(listed))) = (&entry.about, entry.catalogue.as_deref()) else {
        return Vec::new();
    };
    let mut deleting: HashMap<&str, Timestamp> = HashMap::new();
    for job in entry.jobs.values() {
        for id in &job.ids {
            let first = deleting.entry(id).or_insert(job.since);
            *first = job.since.min(*first);
        }
    }
    let item = |record: &Arc<Record>| Item {
        of: Arc::clone(&about.of),
        record: Arc::clone(record),
        version: 0,
        deleting: deleting.get(record.id.as_str()).copied(),
    };
    listed.records.iter().map(item).collect()
}

/// Why the last session could not get at the storage.
fn unreachable(object: &Repository) -> Option<String> {
    let status = object.status.as_ref()?;
    let is_away = [FailureReason::StorageUnreachable, FailureReason::StorageDenied]
        .iter()
        .any(|reason| reason.as_str() == status.last_failure_reason);
    is_away.then(|| status.last_error.clone())
}

fn warning(key: &Key, entry: &Entry, about: &About) -> Option<String> {
    let (namespace, name) = key;
    let who = format!("Repository {namespace}/{name}");
    match entry.catalogue.as_deref() {
        None => Some(format!(
            "{who} has told of no snapshots yet: the end of its next backup, check or deletion will"
        )),
        Some(Err(error)) => Some(format!(
            "{who}: its list of snapshots in ConfigMap {} cannot be read: {error}; the end of its next backup writes it anew",
            names::catalogue(name)
        )),
        Some(Ok(listed)) => match (&about.unreachable, listed.left_out) {
            (Some(error), _) => Some(format!(
                "{who} could not be reached by its last session; its snapshots are shown as of {}: {error}",
                listed.at
            )),
            (None, 0) => None,
            (None, left_out) => {
                Some(format!("{who} holds {left_out} older snapshots more than can be shown"))
            }
        },
    }
}

#[cfg(test)]
mod tests;
