//! Groups in memory.
//!
//! The contract:
//!
//! - A push happens whole or not at all; a refused one leaves at most the failure time of its group.
//! - What is held can always be shown: no family with two kinds, no series twice, no name that collides.
//! - A push costs what it brings, not what is held: it is checked against two indexes (family → kind and owners;
//!   family → series, sorted as they are shown), which the same step keeps up to date.
//! - A clone is a snapshot: it takes no time, shares its content, and never changes. So nothing that reads (a scrape,
//!   a save, the API) holds up a push.
//! - Memory follows the content: label sets, names and help texts that are equal are kept once where that is cheap to
//!   find out.

pub(crate) mod check;
pub(crate) mod index;
pub(crate) mod load;
pub(crate) mod series;

use std::collections::BTreeMap;
use std::sync::Arc;

use exposition::{GroupingKey, Kind, Value};
use imbl::OrdMap;
use jiff::Timestamp;
use smallvec::SmallVec;

use crate::{PushMode, Rejected};
use check::{Incoming, Place, Problem, Pushed};
pub(crate) use index::Index;
use series::{LabelSet, Series};

/// Family with the time of the last push that was taken.
pub(crate) const PUSH_TIME: &str = "push_time_seconds";
/// Family with the time of the last push that was refused.
pub(crate) const PUSH_FAILURE_TIME: &str = "push_failure_time_seconds";

const PUSH_TIME_HELP: &str = "Last Unix time when changing this group in the Pushgateway succeeded.";
const PUSH_FAILURE_TIME_HELP: &str = "Last Unix time when changing this group in the Pushgateway failed.";

/// Kinds of the families the gateway shows about itself: nobody can push these names with another kind.
pub(crate) type OwnKinds = BTreeMap<String, Kind>;

/// All groups, and the indexes over them.
#[derive(Clone, Default)]
pub(crate) struct Store {
    groups: OrdMap<Arc<GroupingKey>, Arc<Group>>,
    families: OrdMap<Arc<str>, Arc<Index>>,
    own: Arc<OwnKinds>,
    next_id: u64,
    series: usize,
}

/// What was pushed under one grouping key.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    /// Rises with every new group, so it orders them by age.
    pub(crate) id: u64,
    pub(crate) times: Times,
    /// Sorted by name, the two push times among them.
    pub(crate) families: Box<[Held]>,
}

impl Group {
    pub(crate) fn family(&self, name: &str) -> Option<&Held> {
        let at = self.families.binary_search_by(|held| (*held.name).cmp(name)).ok()?;
        self.families.get(at)
    }
}

/// When a group was last changed, and when that last failed; `None` means never.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Times {
    pub(crate) pushed: Option<Timestamp>,
    pub(crate) failed: Option<Timestamp>,
}

impl Times {
    pub(crate) fn last_push_succeeded(self) -> bool {
        self.failed <= self.pushed
    }
}

/// One family of one group.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) name: Arc<str>,
    pub(crate) kind: Kind,
    pub(crate) help: Arc<str>,
    /// When the push that set it was received.
    pub(crate) time: Timestamp,
    /// Sorted by labels. Most families of most groups have one; a message may bring one without any, which only the
    /// API shows.
    pub(crate) series: SmallVec<[Arc<Series>; 2]>,
}

impl Held {
    /// Whether a scrape shows it. What it does not show is in no index.
    fn is_shown(&self) -> bool {
        !self.series.is_empty()
    }
}

impl Store {
    pub(crate) fn new(own: OwnKinds) -> Self {
        Self { own: Arc::new(own), ..Self::default() }
    }

    /// Groups by key.
    pub(crate) fn groups(&self) -> impl Iterator<Item = (&GroupingKey, &Group)> {
        self.groups.iter().map(|(key, group)| (&**key, &**group))
    }

    pub(crate) fn group(&self, key: &GroupingKey) -> Option<&Group> {
        self.groups.get(key).map(|group| &**group)
    }

    /// The group behind `key` in the order of keys; the first one when there is none. It lets a reader that is
    /// interrupted go on where it was.
    pub(crate) fn group_after(
        &self,
        key: Option<&Arc<GroupingKey>>,
    ) -> Option<(Arc<GroupingKey>, Arc<Group>)> {
        let found = match key {
            Some(key) => {
                let behind = (std::ops::Bound::Excluded(key), std::ops::Bound::Unbounded);
                self.groups.range::<_, Arc<GroupingKey>>(behind).next()
            }
            None => self.groups.get_min().map(|(key, group)| (key, group)),
        };
        found.map(|(key, group)| (Arc::clone(key), Arc::clone(group)))
    }

    pub(crate) fn group_count(&self) -> usize {
        self.groups.len()
    }

    /// Number of samples, the push times of the groups among them; a histogram or summary counts as one.
    pub(crate) fn series_count(&self) -> usize {
        self.series
    }

    /// Families by name.
    pub(crate) fn families(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<Index>)> {
        self.families.iter()
    }

    /// Takes a push that was received at `now`, or refuses it and remembers that in the group's failure time.
    pub(crate) fn push(
        &mut self,
        key: &GroupingKey,
        incoming: Incoming,
        mode: PushMode,
        now: Timestamp,
    ) -> Result<(), Rejected> {
        let taken = if incoming.timestamps {
            Err(Rejected::Timestamps)
        } else {
            let failed = self.group(key).and_then(|group| group.times.failed);
            self.change(key, incoming, mode, Times { pushed: Some(now), failed })
        };
        if taken.is_err() {
            self.remember_failure(key, now);
        }
        taken
    }

    /// Removes a group and says whether it existed.
    pub(crate) fn delete(&mut self, key: &GroupingKey) -> bool {
        let Some(group) = self.groups.remove(key) else { return false };
        for held in &group.families {
            self.relink(group.id, Some(held), None);
        }
        true
    }

    /// Groups for which `condition` holds, for [`Store::delete_unchanged`].
    pub(crate) fn matching(
        &self,
        condition: impl Fn(&GroupingKey, &Group) -> bool,
    ) -> Vec<(Arc<GroupingKey>, Arc<Group>)> {
        let matching = self.groups.iter().filter(|(key, group)| condition(key, group));
        matching.map(|(key, group)| (Arc::clone(key), Arc::clone(group))).collect()
    }

    /// Removes a group, unless something was pushed to it since `seen` was read; says whether it did.
    pub(crate) fn delete_unchanged(&mut self, key: &GroupingKey, seen: &Arc<Group>) -> bool {
        let unchanged = self.groups.get(key).is_some_and(|group| Arc::ptr_eq(group, seen));
        unchanged && self.delete(key)
    }

    /// Sets the failure time of a group, and makes the group when there is none, unless even that cannot be shown.
    fn remember_failure(&mut self, key: &GroupingKey, now: Timestamp) {
        let pushed = self.group(key).and_then(|group| group.times.pushed);
        let nothing = Incoming::new(Vec::new(), key, &Pushed::default(), now);
        // Refused only when another group would show the same push times.
        let _ = self.change(key, nothing, PushMode::Merge, Times { pushed, failed: Some(now) });
    }

    /// The one place where a group changes: everything is checked, then everything is done.
    fn change(
        &mut self,
        key: &GroupingKey,
        incoming: Incoming,
        mode: PushMode,
        times: Times,
    ) -> Result<(), Rejected> {
        let known = self.groups.get_key_value(key).map(|(key, group)| (Arc::clone(key), Arc::clone(group)));
        let (key, before) = match known {
            Some((key, group)) => (key, Some(group)),
            None => (Arc::new(key.clone()), None),
        };
        let before = before.as_deref();
        let id = before.map_or(self.next_id, |group| group.id);
        let mut incoming = incoming.with_times(self, &key, times);
        let problems = incoming.problems(Place { store: self, id, before, mode });
        if !problems.is_empty() {
            return Err(Rejected::Inconsistent(problems.iter().map(Problem::to_string).collect()));
        }
        if before.is_none() {
            self.next_id += 1;
        }

        let pushed = incoming.into_families();
        let mut kept: BTreeMap<Arc<str>, Held> = BTreeMap::new();
        for held in before.map_or(&[][..], |group| &group.families) {
            if pushed.contains_key(&held.name) {
                continue;
            }
            match mode {
                PushMode::Replace => self.relink(id, Some(held), None),
                PushMode::Merge => drop(kept.insert(Arc::clone(&held.name), held.clone())),
            }
        }
        for held in pushed.values() {
            self.relink(id, before.and_then(|group| group.family(&held.name)), Some(held));
        }
        kept.extend(pushed);
        let group = Group { id, times, families: kept.into_values().collect() };
        self.groups.insert(key, Arc::new(group));
        Ok(())
    }

    /// Brings the index of one family up to date with what group `id` holds of it.
    fn relink(&mut self, id: u64, before: Option<&Held>, after: Option<&Held>) {
        let (before, after) = (before.filter(|held| held.is_shown()), after.filter(|held| held.is_shown()));
        let Some(held) = after.or(before) else { return };
        self.series += after.map_or(0, |held| held.series.len());
        self.series -= before.map_or(0, |held| held.series.len());
        // A family that no other group has may change its kind.
        let fresh = self.families.get(&*held.name).is_none_or(|index| index.kind != held.kind);
        if fresh {
            let mut index = Index::new(held.kind);
            index.replace(id, None, after);
            self.families.insert(Arc::clone(&held.name), Arc::new(index));
        } else if let Some(index) = self.families.get_mut(&*held.name) {
            let index = Arc::make_mut(index);
            index.replace(id, before, after);
            if index.is_empty() {
                self.families.remove(&*held.name);
            }
        }
    }
}

/// The two families of push times, as every group has them: name, help, value in Unix seconds.
fn push_times(times: Times) -> [(&'static str, &'static str, f64); 2] {
    let seconds = |time: Option<Timestamp>| time.map_or(0.0, |time| time.as_nanosecond() as f64 / 1e9);
    [
        (PUSH_TIME, PUSH_TIME_HELP, seconds(times.pushed)),
        (PUSH_FAILURE_TIME, PUSH_FAILURE_TIME_HELP, seconds(times.failed)),
    ]
}

/// A number of a group itself: its labels are the grouping labels.
fn series_of(labels: &Arc<LabelSet>, value: f64) -> Arc<Series> {
    Arc::new(Series { labels: Arc::clone(labels), value: Value::Number(value), extra: None })
}
