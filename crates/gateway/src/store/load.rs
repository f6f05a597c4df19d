//! Groups come back from the persistence file all at once: the indexes are built by sorting, not by one insertion
//! after the other.
//!
//! The file holds what could be shown when it was saved. What could not be shown beside the rest all the same (a file
//! made by hand, or by a version with other metrics of its own) is left out and logged, so that the contract of the
//! store holds from the first moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use exposition::{GroupingKey, Kind};
use rayon::prelude::*;

use super::check::part_suffixes;
use super::series::Series;
use super::{Group, Held, Index, Store};

/// One family on its way into an index.
struct Draft {
    kind: Kind,
    owners: Vec<(u64, Arc<str>)>,
    /// With the ids of their groups.
    series: Vec<(Arc<Series>, u64)>,
}

impl Store {
    /// Fills an empty store. Ids of groups say which is older; they are numbered anew.
    pub(crate) fn load(&mut self, mut groups: Vec<(GroupingKey, Group)>) {
        let mut by_age: Vec<&mut u64> = groups.iter_mut().map(|(_, group)| &mut group.id).collect();
        by_age.sort();
        for (rank, id) in (0..).zip(by_age) {
            *id = rank;
        }
        self.next_id = groups.len() as u64;

        let mut drafts: BTreeMap<Arc<str>, Draft> = BTreeMap::new();
        let mut loaded = Vec::with_capacity(groups.len());
        for (key, mut group) in groups {
            let fits = |held: &Held| {
                if !held.is_shown() {
                    return true;
                }
                let draft = drafts.entry(Arc::clone(&held.name)).or_insert_with(|| Draft {
                    kind: held.kind,
                    owners: Vec::new(),
                    series: Vec::new(),
                });
                let fits =
                    draft.kind == held.kind && self.own.get(&*held.name).is_none_or(|own| *own == held.kind);
                if fits {
                    draft.owners.push((group.id, Arc::clone(&held.help)));
                    draft.series.extend(held.series.iter().map(|series| (Arc::clone(series), group.id)));
                } else {
                    left_out(&key, &held.name, "its type differs");
                }
                fits
            };
            group.families = group.families.into_vec().into_iter().filter(fits).collect();
            loaded.push((key, group));
        }
        drafts.retain(|_, draft| !draft.series.is_empty());

        let names: BTreeMap<Arc<str>, Kind> =
            drafts.iter().map(|(name, draft)| (Arc::clone(name), draft.kind)).collect();
        let collides = |part: &str| {
            part_suffixes(Kind::Histogram).iter().any(|suffix| {
                let base = part.strip_suffix(suffix);
                let kind = base.and_then(|base| names.get(base).or_else(|| self.own.get(base)));
                kind.is_some_and(|kind| part_suffixes(*kind).contains(suffix))
            })
        };
        let mut unfit: Vec<(Arc<str>, u64)> = Vec::new();
        drafts.par_iter_mut().for_each(|(_, draft)| draft.series.sort());
        for (name, draft) in &mut drafts {
            if collides(name) {
                unfit.extend(draft.owners.iter().map(|(id, _)| (Arc::clone(name), *id)));
                continue;
            }
            draft.series.dedup_by(|later, kept| {
                let doubled = later.0 == kept.0;
                if doubled {
                    unfit.push((Arc::clone(name), later.1));
                }
                doubled
            });
        }
        if !unfit.is_empty() {
            remove(&unfit, &mut loaded, &mut drafts);
        }

        let indexes = drafts.into_par_iter().map(|(name, Draft { kind, owners, series })| {
            let series = series.into_iter().map(|(series, _)| series);
            (name, Arc::new(Index::filled(kind, owners.into_iter(), series)))
        });
        for (name, index) in indexes.collect::<Vec<_>>() {
            self.series += index.series.len();
            self.families.insert(name, index);
        }
        self.groups = loaded.into_iter().map(|(key, group)| (Arc::new(key), Arc::new(group))).collect();
    }
}

/// Takes families that cannot be shown out of their groups.
fn remove(
    unfit: &[(Arc<str>, u64)],
    groups: &mut [(GroupingKey, Group)],
    drafts: &mut BTreeMap<Arc<str>, Draft>,
) {
    for (name, id) in unfit {
        let Some((key, group)) = groups.iter_mut().find(|(_, group)| group.id == *id) else {
            continue;
        };
        if group.family(name).is_none_or(|held| !held.is_shown()) {
            continue;
        }
        left_out(key, name, "it collides with what another group has");
        let families = std::mem::take(&mut group.families).into_vec();
        group.families = families.into_iter().filter(|held| held.name != *name).collect();
        if let Some(draft) = drafts.get_mut(name) {
            draft.owners.retain(|(owner, _)| owner != id);
            draft.series.retain(|(_, owner)| owner != id);
        }
    }
    drafts.retain(|_, draft| !draft.owners.is_empty());
}

fn left_out(key: &GroupingKey, name: &str, reason: &str) {
    tracing::error!(
        group = key.to_path(),
        family = name,
        "a family of the persistence file is left out: {reason}"
    );
}
