//! What a push would make of its group, and everything that speaks against it.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use exposition::names::{is_label_name, is_metric_name, is_reserved_label};
use exposition::{Family, GroupingKey, Kind, Labels, Sample, Value};
use jiff::Timestamp;

use super::series::{Series, Shapes};
use super::{Group, Held, PUSH_FAILURE_TIME, PUSH_TIME, Store, Times, gauge_of, push_times};
use crate::PushMode;

/// One reason to refuse a push, in the words of the original where it has some.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    #[error("{0:?} is not a valid metric name")]
    Name(String),
    #[error("collected metric {name:?} {labels} has a label with an invalid name")]
    LabelName { name: String, labels: String },
    #[error("collected metric {name:?} {labels} must not have an explicit {label:?} label")]
    OwnLabel { name: String, labels: String, label: &'static str },
    #[error("collected metric {name:?} {labels} has two values of the label {label:?} that are equal")]
    DoubledBound { name: String, labels: String, label: &'static str },
    #[error("collected metric {name:?} {labels} is not a {kind}")]
    Value { name: String, labels: String, kind: &'static str },
    #[error("collected metric {name:?} {labels} was collected before with the same name and label values")]
    Duplicate { name: String, labels: String },
    #[error("collected metric {name:?} is not a {held}: other groups have it as {held}, pushed was {pushed}")]
    Kind { name: String, pushed: &'static str, held: &'static str },
    #[error("gathered metric family {name} has type {pushed} but should have {own}")]
    OwnKind { name: String, pushed: &'static str, own: &'static str },
    #[error("collected metric named {part:?} collides with previously collected {kind} named {base:?}")]
    Collision { part: String, kind: &'static str, base: String },
}

/// The name of a kind in messages and in the API.
pub(crate) fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Counter => "COUNTER",
        Kind::Gauge => "GAUGE",
        Kind::Summary => "SUMMARY",
        Kind::Histogram => "HISTOGRAM",
        Kind::GaugeHistogram => "GAUGE_HISTOGRAM",
        Kind::Untyped => "UNTYPED",
    }
}

/// A push, ready to be stored: the grouping labels set on every sample, the push times added.
pub(crate) struct Incoming {
    id: u64,
    mode: PushMode,
    families: BTreeMap<Arc<str>, Held>,
    problems: Vec<Problem>,
}

impl Incoming {
    pub(crate) fn new(
        key: &GroupingKey,
        id: u64,
        mode: PushMode,
        families: Vec<(Timestamp, Family)>,
        times: Times,
    ) -> Self {
        let mut grouping = key.labels().clone();
        // Two keys that differ only by an empty instance show the same series and so exclude one another.
        grouping.entry("instance".to_owned()).or_default();
        let mut shapes = Shapes::default();
        let mut incoming = Self { id, mode, families: BTreeMap::new(), problems: Vec::new() };
        for (time, family) in families {
            if family.samples.is_empty() || [PUSH_TIME, PUSH_FAILURE_TIME].contains(&family.name.as_str()) {
                continue;
            }
            if !is_metric_name(&family.name) {
                incoming.problems.push(Problem::Name(family.name));
                continue;
            }
            let held = incoming.sanitise(&family, key.labels(), time, &mut shapes);
            // Of two families of one name the last one counts.
            incoming.families.insert(family.name.into(), held);
        }
        let time = times.pushed.max(times.failed).unwrap_or(Timestamp::UNIX_EPOCH);
        for (name, help, value) in push_times(times) {
            let held = gauge_of(&grouping, id, help, value, time, &mut shapes);
            incoming.families.insert(name.into(), held);
        }
        incoming
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.families.keys()
    }

    pub(crate) fn into_families(self) -> BTreeMap<Arc<str>, Held> {
        self.families
    }

    fn sanitise(&mut self, family: &Family, grouping: &Labels, time: Timestamp, shapes: &mut Shapes) -> Held {
        let mut series = Vec::with_capacity(family.samples.len());
        for Sample { labels, value, .. } in &family.samples {
            let mut labels = labels.clone();
            labels.extend(grouping.iter().map(|(name, value)| (name.clone(), value.clone())));
            labels.entry("instance".to_owned()).or_default();
            let label_set = shapes.label_set(&labels);
            if let Some(problem) = sample_problem(family, &labels, value, &|| label_set.to_string()) {
                self.problems.push(problem);
            }
            series.push(Arc::new(Series { owner: self.id, labels: label_set, value: value.clone() }));
        }
        Held { kind: family.kind, help: family.help.as_str().into(), time, series }
    }

    /// Everything that speaks against this push, given what `store` holds and what its group was `before`. The cost
    /// depends on the push alone (times the logarithm of what is held).
    pub(crate) fn problems(&mut self, store: &Store, before: Option<&Group>) -> Vec<Problem> {
        let mut problems = std::mem::take(&mut self.problems);
        for (name, held) in &self.families {
            self.check_kind(store, name, held.kind, &mut problems);
            self.check_collisions(store, before, name, held.kind, &mut problems);
            self.check_duplicates(store, name, held, &mut problems);
        }
        problems
    }

    fn check_kind(&self, store: &Store, name: &str, pushed: Kind, problems: &mut Vec<Problem>) {
        let pushed_name = kind_name(pushed);
        if let Some(own) = store.own.get(name).filter(|own| **own != pushed) {
            let own = kind_name(*own);
            problems.push(Problem::OwnKind { name: name.to_owned(), pushed: pushed_name, own });
        }
        if let Some(held) = self.kind_elsewhere(store, name).filter(|held| *held != pushed) {
            let held = kind_name(held);
            problems.push(Problem::Kind { name: name.to_owned(), pushed: pushed_name, held });
        }
    }

    /// Neither may a part of this family be a family of its own, nor this family be a part of another.
    fn check_collisions(
        &self,
        store: &Store,
        before: Option<&Group>,
        name: &str,
        kind: Kind,
        problems: &mut Vec<Problem>,
    ) {
        let mut collide = |part: String, base: &str, kind: Kind| {
            let (kind, base) = (kind.as_str(), base.to_owned());
            problems.push(Problem::Collision { part, kind, base });
        };
        for suffix in part_suffixes(kind) {
            let part = format!("{name}{suffix}");
            if self.kind_after(store, before, &part).is_some() {
                collide(part, name, kind);
            }
        }
        for suffix in part_suffixes(Kind::Histogram) {
            let Some(base) = name.strip_suffix(suffix) else { continue };
            // Bases in the push itself have found this family as their part already.
            let base_kind =
                self.kind_after(store, before, base).filter(|_| !self.families.contains_key(base));
            if let Some(base_kind) = base_kind.filter(|kind| part_suffixes(*kind).contains(suffix)) {
                collide(name.to_owned(), base, base_kind);
            }
        }
    }

    fn check_duplicates(&self, store: &Store, name: &str, held: &Held, problems: &mut Vec<Problem>) {
        let index = store.families.get(name);
        let mut seen = HashSet::with_capacity(held.series.len());
        for series in &held.series {
            let in_other_group = index.is_some_and(|index| {
                index.series.get(series).is_some_and(|existing| existing.owner != self.id)
            });
            if in_other_group || !seen.insert(&series.labels) {
                let labels = series.labels.to_string();
                problems.push(Problem::Duplicate { name: name.to_owned(), labels });
            }
        }
    }

    /// The kind of a family in other groups, when they have it.
    fn kind_elsewhere(&self, store: &Store, name: &str) -> Option<Kind> {
        let index = store.families.get(name)?;
        let others = index.owners.size() > usize::from(index.owners.contains_key(&self.id));
        others.then_some(index.kind)
    }

    /// The kind of a family as it would be after this push, when it would exist.
    fn kind_after(&self, store: &Store, before: Option<&Group>, name: &str) -> Option<Kind> {
        let kept = || match self.mode {
            PushMode::Replace => None,
            PushMode::Merge => before?.families.get(name).map(|held| held.kind),
        };
        let pushed = self.families.get(name).map(|held| held.kind);
        pushed
            .or_else(|| store.own.get(name).copied())
            .or_else(|| self.kind_elsewhere(store, name))
            .or_else(kept)
    }
}

/// What the samples of a kind are written as, beside the name itself.
fn part_suffixes(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Histogram | Kind::GaugeHistogram => &["_bucket", "_count", "_sum"],
        Kind::Summary => &["_count", "_sum"],
        Kind::Counter | Kind::Gauge | Kind::Untyped => &[],
    }
}

/// What is wrong with one sample by itself.
fn sample_problem(
    family: &Family,
    labels: &Labels,
    value: &Value,
    shown: &dyn Fn() -> String,
) -> Option<Problem> {
    let name = || family.name.clone();
    if labels.keys().any(|label| !is_label_name(label) || is_reserved_label(label)) {
        return Some(Problem::LabelName { name: name(), labels: shown() });
    }
    if !family.kind.accepts(value) {
        return Some(Problem::Value { name: name(), labels: shown(), kind: kind_name(family.kind) });
    }
    let (label, bounds): (_, Vec<f64>) = match value {
        Value::Number(_) => return None,
        Value::Summary(summary) => ("quantile", summary.quantiles.iter().map(|q| q.quantile).collect()),
        Value::Histogram(histogram) => ("le", histogram.buckets.iter().map(|b| b.upper_bound).collect()),
    };
    if labels.contains_key(label) {
        return Some(Problem::OwnLabel { name: name(), labels: shown(), label });
    }
    let mut seen = HashSet::with_capacity(bounds.len());
    // `-0` and `0` are told apart: they are also written apart.
    if !bounds.iter().all(|bound| seen.insert(bound.to_bits())) {
        return Some(Problem::DoubledBound { name: name(), labels: shown(), label });
    }
    None
}
