//! Groups in memory.
//!
//! The contract:
//!
//! - A push happens whole or not at all; a refused one leaves at most the failure time of its group.
//! - What is held can always be shown: no family with two kinds, no series twice, no name that collides.
//! - A push costs what it brings, not what is held: it is checked against two indexes (family → kind and owners;
//!   family → series, sorted as they are shown), which the same step keeps up to date.
//! - A clone is a snapshot: it takes time by the number of family names only, shares its content, and never changes.
//!   So nothing that reads (a scrape, a save, the API) holds up a push.

pub(crate) mod check;
pub(crate) mod series;

use std::collections::BTreeMap;
use std::sync::Arc;

use exposition::{Family, GroupingKey, Kind, Labels, Value};
use jiff::Timestamp;
use rpds::{RedBlackTreeMapSync, RedBlackTreeSetSync};

use crate::{PushMode, Rejected};
use check::{Incoming, Problem};
use series::{Series, Shapes};

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
    groups: RedBlackTreeMapSync<GroupingKey, Arc<Group>>,
    families: BTreeMap<Arc<str>, Arc<Index>>,
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
    /// By name, the two push times among them.
    pub(crate) families: BTreeMap<Arc<str>, Arc<Held>>,
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
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) kind: Kind,
    pub(crate) help: Arc<str>,
    /// When the push that set it was received.
    pub(crate) time: Timestamp,
    pub(crate) series: Vec<Arc<Series>>,
}

/// One family over all groups.
#[derive(Clone)]
pub(crate) struct Index {
    pub(crate) kind: Kind,
    /// Help texts by the id of the group.
    owners: RedBlackTreeMapSync<u64, Arc<str>>,
    pub(crate) series: RedBlackTreeSetSync<Arc<Series>>,
}

impl Index {
    /// The help text of the oldest group that has one: the same at every scrape.
    pub(crate) fn help(&self) -> &str {
        self.owners.values().map(|help| &**help).find(|help| !help.is_empty()).unwrap_or_default()
    }
}

impl Store {
    pub(crate) fn new(own: OwnKinds) -> Self {
        Self { own: Arc::new(own), ..Self::default() }
    }

    /// Groups by key.
    pub(crate) fn groups(&self) -> impl Iterator<Item = (&GroupingKey, &Group)> {
        self.groups.iter().map(|(key, group)| (key, &**group))
    }

    pub(crate) fn group_count(&self) -> usize {
        self.groups.size()
    }

    /// Number of samples, the push times of the groups among them; a histogram or summary counts as one.
    pub(crate) fn series_count(&self) -> usize {
        self.series
    }

    /// Families by name.
    pub(crate) fn families(&self) -> impl Iterator<Item = (&str, &Index)> {
        self.families.iter().map(|(name, index)| (&**name, &**index))
    }

    /// Takes a push that was received at `now`, or refuses it and remembers that in the group's failure time.
    pub(crate) fn push(
        &mut self,
        key: &GroupingKey,
        families: Vec<Family>,
        mode: PushMode,
        now: Timestamp,
    ) -> Result<(), Rejected> {
        let taken = self.try_push(key, families, mode, now);
        if taken.is_err() {
            self.remember_failure(key, now);
        }
        taken
    }

    /// Puts back a group as it was saved, push times included.
    pub(crate) fn restore(
        &mut self,
        key: &GroupingKey,
        times: Times,
        families: Vec<(Timestamp, Family)>,
    ) -> Result<(), Rejected> {
        self.change(key, families, PushMode::Replace, times)
    }

    /// Removes a group and says whether it existed.
    pub(crate) fn delete(&mut self, key: &GroupingKey) -> bool {
        let Some(group) = self.groups.get(key).map(Arc::clone) else {
            return false;
        };
        for (name, held) in &group.families {
            self.unlink(name, held, group.id);
        }
        self.groups.remove_mut(key)
    }

    /// Removes all groups that have all of `labels`, and returns how many.
    pub(crate) fn delete_matching(&mut self, labels: &Labels) -> usize {
        let has = |key: &GroupingKey| {
            labels.iter().all(|(name, value)| key.labels().get(name).is_some_and(|held| held == value))
        };
        let keys: Vec<GroupingKey> = self.groups.keys().filter(|key| has(key)).cloned().collect();
        keys.iter().filter(|key| self.delete(key)).count()
    }

    fn try_push(
        &mut self,
        key: &GroupingKey,
        families: Vec<Family>,
        mode: PushMode,
        now: Timestamp,
    ) -> Result<(), Rejected> {
        let mut samples = families.iter().flat_map(|family| &family.samples);
        if samples.any(|sample| sample.timestamp.is_some()) {
            return Err(Rejected::Timestamps);
        }
        let failed = self.groups.get(key).and_then(|group| group.times.failed);
        let families = families.into_iter().map(|family| (now, family)).collect();
        self.change(key, families, mode, Times { pushed: Some(now), failed })
    }

    /// The one place where a group changes: everything is checked, then everything is done.
    fn change(
        &mut self,
        key: &GroupingKey,
        families: Vec<(Timestamp, Family)>,
        mode: PushMode,
        times: Times,
    ) -> Result<(), Rejected> {
        let before = self.groups.get(key).map(Arc::clone);
        let id = before.as_ref().map_or(self.next_id, |group| group.id);
        let mut incoming = Incoming::new(key, id, mode, families, times);
        let problems = incoming.problems(self, before.as_deref());
        if !problems.is_empty() {
            return Err(Rejected::Inconsistent(problems.iter().map(Problem::to_string).collect()));
        }
        let mut after = match before.as_deref() {
            Some(before) => before.clone(),
            None => {
                self.next_id += 1;
                Group { id, times, families: BTreeMap::new() }
            }
        };
        after.times = times;
        let gone: Vec<Arc<str>> = match mode {
            PushMode::Replace => after.families.keys().cloned().collect(),
            PushMode::Merge => {
                incoming.names().filter(|name| after.families.contains_key(*name)).cloned().collect()
            }
        };
        for name in gone {
            if let Some(held) = after.families.remove(&name) {
                self.unlink(&name, &held, id);
            }
        }
        for (name, held) in incoming.into_families() {
            let held = Arc::new(held);
            self.link(&name, &held, id);
            after.families.insert(name, held);
        }
        self.groups.insert_mut(key.clone(), Arc::new(after));
        Ok(())
    }

    /// Sets the failure time of a group, and makes the group when there is none, unless even that cannot be shown.
    fn remember_failure(&mut self, key: &GroupingKey, now: Timestamp) {
        let pushed = self.groups.get(key).and_then(|group| group.times.pushed);
        // Refused only when another group would show the same push times.
        let _ = self.change(key, Vec::new(), PushMode::Merge, Times { pushed, failed: Some(now) });
    }

    fn link(&mut self, name: &Arc<str>, held: &Held, id: u64) {
        let index = self.families.entry(Arc::clone(name)).or_insert_with(|| {
            let (owners, series) = (RedBlackTreeMapSync::new_sync(), RedBlackTreeSetSync::new_sync());
            Arc::new(Index { kind: held.kind, owners, series })
        });
        let index = Arc::make_mut(index);
        index.owners.insert_mut(id, Arc::clone(&held.help));
        for series in &held.series {
            index.series.insert_mut(Arc::clone(series));
        }
        self.series += held.series.len();
    }

    fn unlink(&mut self, name: &Arc<str>, held: &Held, id: u64) {
        let Some(index) = self.families.get_mut(name) else { return };
        let index = Arc::make_mut(index);
        index.owners.remove_mut(&id);
        for series in &held.series {
            index.series.remove_mut(series);
        }
        self.series -= held.series.len();
        if index.owners.is_empty() {
            self.families.remove(name);
        }
    }
}

/// The two families of push times, as every group has them.
fn push_times(times: Times) -> [(&'static str, &'static str, f64); 2] {
    let seconds = |time: Option<Timestamp>| time.map_or(0.0, |time| time.as_nanosecond() as f64 / 1e9);
    [
        (PUSH_TIME, PUSH_TIME_HELP, seconds(times.pushed)),
        (PUSH_FAILURE_TIME, PUSH_FAILURE_TIME_HELP, seconds(times.failed)),
    ]
}

/// One gauge of a group itself: its labels are the grouping labels.
fn gauge_of(labels: &Labels, id: u64, help: &str, value: f64, time: Timestamp, shapes: &mut Shapes) -> Held {
    let series = Series { owner: id, labels: shapes.label_set(labels), value: Value::Number(value) };
    Held { kind: Kind::Gauge, help: help.into(), time, series: vec![Arc::new(series)] }
}
