//! One family over all groups: what a scrape walks, and what a push is checked against.

use std::sync::Arc;

use exposition::Kind;
use imbl::{OrdMap, OrdSet};

use super::Held;
use super::series::Series;

/// Everything that is held under one family name. A clone shares its content.
#[derive(Clone)]
pub(crate) struct Index {
    pub(crate) kind: Kind,
    /// Help texts by the id of the group.
    owners: OrdMap<u64, Arc<str>>,
    /// Sorted as they are shown.
    pub(crate) series: OrdSet<Arc<Series>>,
}

impl Index {
    pub(crate) fn new(kind: Kind) -> Self {
        Self { kind, owners: OrdMap::new(), series: OrdSet::new() }
    }

    /// The help text of the oldest group that has one: the same at every scrape.
    pub(crate) fn help(&self) -> Arc<str> {
        let mut helps = self.owners.iter().map(|(_, help)| help);
        helps.find(|help| !help.is_empty()).cloned().unwrap_or_default()
    }

    /// A help text that is held already and equal to `help`, so that it is not kept twice.
    pub(super) fn shared_help(&self, help: &str) -> Option<Arc<str>> {
        self.owners.get_min().map(|(_, held)| held).filter(|held| ***held == *help).cloned()
    }

    /// Whether a group other than `id` has the family.
    pub(super) fn is_held_beside(&self, id: u64) -> bool {
        self.owners.len() > usize::from(self.owners.contains_key(&id))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.owners.is_empty()
    }

    /// Puts what group `id` holds in the place of what it held `before`. Series whose labels stay are replaced in
    /// their place; so a session that is pushed again costs one step down the tree for each.
    pub(super) fn replace(&mut self, id: u64, before: Option<&Held>, after: Option<&Held>) {
        let gone = before.map_or(&[][..], |held| &held.series);
        let come = after.map_or(&[][..], |held| &held.series);
        let mut stays = come.iter().peekable();
        for series in gone {
            while stays.next_if(|next| next < &series).is_some() {}
            if stays.next_if_eq(&series).is_none() {
                self.series.remove(&**series);
            }
        }
        for series in come {
            self.series.insert(Arc::clone(series));
        }
        match after {
            Some(held) => {
                if self.owners.get(&id).is_none_or(|help| *help != held.help) {
                    self.owners.insert(id, Arc::clone(&held.help));
                }
            }
            None => {
                self.owners.remove(&id);
            }
        }
    }

    /// Fills an empty index at once: `series` sorted and without equal ones, `owners` of any order.
    pub(super) fn filled(
        kind: Kind,
        owners: impl Iterator<Item = (u64, Arc<str>)>,
        series: impl Iterator<Item = Arc<Series>>,
    ) -> Self {
        Self { kind, owners: owners.collect(), series: series.collect() }
    }
}
