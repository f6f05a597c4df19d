//! What a push would make of its group, and everything that speaks against it.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use exposition::names::is_reserved_label;
use exposition::{Escaping, Family, GroupingKey, Kind, Sample, Value};
use jiff::Timestamp;
use smallvec::{SmallVec, smallvec};

use super::series::{LabelSet, Series, Shapes, merged, pairs};
use super::{Group, Held, PUSH_FAILURE_TIME, PUSH_TIME, Store, Times, push_times, series_of};
use crate::PushMode;

/// One reason to refuse a push, in the words of the original where it has some.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    #[error("{0}")]
    Defect(String),
    #[error("a metric family has no name")]
    Name,
    #[error("collected metric {name:?} {labels} has a label with an invalid name: {label}")]
    LabelName { name: String, labels: String, label: String },
    #[error(
        "collected metric {name:?} {labels} has labels that cannot be told apart where only letters, digits and _ are \
         allowed"
    )]
    Ambiguous { name: String, labels: String },
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

/// A push, ready to be stored: the grouping labels are set on every sample, and what is wrong with it by itself is
/// known. Making it needs a snapshot of the store only, so that a large push is prepared beside others.
pub(crate) struct Incoming {
    families: BTreeMap<Arc<str>, Held>,
    problems: Vec<Problem>,
    /// Whether any sample has one, which nothing that is pushed may.
    pub(crate) timestamps: bool,
}

/// What a body held.
#[derive(Debug, Default)]
pub(crate) struct Pushed {
    pub(crate) families: Vec<Family>,
    /// Why the push has to be refused as inconsistent although its body could be read: what families cannot express.
    pub(crate) defects: Vec<String>,
}

/// Where a push goes: the store as it is, and the group.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) store: &'a Store,
    pub(crate) id: u64,
    /// The group as it is; `None` when there is none.
    pub(crate) before: Option<&'a Group>,
    pub(crate) mode: PushMode,
}

/// Texts of one family that are held already, so that they are not kept twice.
pub(crate) struct Known {
    name: Arc<str>,
    help: Option<Arc<str>>,
    /// One of its label sets, for the names in it.
    labels: Option<Arc<LabelSet>>,
}

impl Known {
    fn of(store: &Store, name: &str, help: &str) -> Option<Self> {
        let (name, index) = store.families.get_key_value(name)?;
        let labels = index.series.get_min().map(|series| Arc::clone(&series.labels));
        Some(Self { name: Arc::clone(name), help: index.shared_help(help), labels })
    }

    /// Of each family of a push, in their order.
    pub(crate) fn of_push(store: &Store, pushed: &Pushed) -> Vec<Option<Self>> {
        pushed.families.iter().map(|family| Self::of(store, &family.name, &family.help)).collect()
    }

    /// Name and help of a family, and through `shapes` the names of its labels: those that are held already, if equal.
    fn share(known: Option<Self>, name: &str, help: &str, shapes: &mut Shapes) -> (Arc<str>, Arc<str>) {
        let Some(known) = known else { return (name.into(), help.into()) };
        if let Some(labels) = &known.labels {
            shapes.adopt(labels);
        }
        (known.name, known.help.unwrap_or_else(|| help.into()))
    }
}

impl Incoming {
    /// `families` as they were received at `now`, with what is `known` of each.
    pub(crate) fn new(known: Vec<Option<Known>>, key: &GroupingKey, pushed: &Pushed, now: Timestamp) -> Self {
        let Pushed { families, defects } = pushed;
        let mut shapes = Shapes::default();
        let mut incoming = Self { families: BTreeMap::new(), problems: Vec::new(), timestamps: false };
        incoming.problems.extend(defects.iter().cloned().map(Problem::Defect));
        incoming.timestamps =
            families.iter().flat_map(|family| &family.samples).any(|sample| sample.timestamp.is_some());
        let mut known = known.into_iter();
        for family in families {
            let known = known.next().flatten();
            if [PUSH_TIME, PUSH_FAILURE_TIME].contains(&family.name.as_str()) {
                continue;
            }
            if family.name.is_empty() {
                incoming.problems.push(Problem::Name);
                continue;
            }
            let held = incoming.sanitise(known, family, key, now, &mut shapes);
            // Of two families of one name the last one counts.
            incoming.families.insert(Arc::clone(&held.name), held);
        }
        incoming
    }

    /// Adds the push times.
    pub(crate) fn with_times(mut self, store: &Store, key: &GroupingKey, times: Times) -> Self {
        let mut shapes = Shapes::default();
        let changed = times.pushed.max(times.failed).unwrap_or(Timestamp::UNIX_EPOCH);
        for (name, help, value) in push_times(times) {
            let (name, help) = Known::share(Known::of(store, name, help), name, help, &mut shapes);
            let labels = shapes.label_set(with_instance(pairs(key.labels())));
            let series = smallvec![series_of(&labels, value)];
            let held = Held { name, kind: Kind::Gauge, help, time: changed, series };
            self.families.insert(Arc::clone(&held.name), held);
        }
        self
    }

    pub(crate) fn into_families(self) -> BTreeMap<Arc<str>, Held> {
        self.families
    }

    fn sanitise(
        &mut self,
        known: Option<Known>,
        family: &Family,
        key: &GroupingKey,
        time: Timestamp,
        shapes: &mut Shapes,
    ) -> Held {
        let (name, help) = Known::share(known, &family.name, &family.help, shapes);
        let mut series: SmallVec<[Arc<Series>; 2]> = SmallVec::with_capacity(family.samples.len());
        for Sample { labels, value, extra, .. } in &family.samples {
            let labels = shapes.label_set(merged(with_instance(pairs(labels)), pairs(key.labels())));
            if let Some(problem) = sample_problem(family, &labels, value) {
                self.problems.push(problem);
            }
            series.push(Arc::new(Series { labels, value: value.clone(), extra: extra.clone() }));
        }
        series.sort();
        Held { name, kind: family.kind, help, time, series }
    }

    /// Everything that speaks against this push at its `place`. The cost depends on the push alone (times the
    /// logarithm of what is held).
    pub(crate) fn problems(&mut self, place: Place<'_>) -> Vec<Problem> {
        let mut problems = std::mem::take(&mut self.problems);
        // One without samples is in nobody's way.
        for (name, held) in self.families.iter().filter(|(_, held)| held.is_shown()) {
            place.check_kind(name, held.kind, &mut problems);
            self.check_collisions(place, name, held.kind, &mut problems);
            place.check_duplicates(name, held, &mut problems);
        }
        problems
    }

    /// Neither may a part of this family be a family of its own, nor this family be a part of another.
    fn check_collisions(&self, place: Place<'_>, name: &str, kind: Kind, problems: &mut Vec<Problem>) {
        let mut collide = |part: String, base: &str, kind: Kind| {
            let (kind, base) = (kind.as_str(), base.to_owned());
            problems.push(Problem::Collision { part, kind, base });
        };
        for suffix in part_suffixes(kind) {
            let part = format!("{name}{suffix}");
            if self.kind_after(place, &part).is_some() {
                collide(part, name, kind);
            }
        }
        for suffix in part_suffixes(Kind::Histogram) {
            let Some(base) = name.strip_suffix(suffix) else { continue };
            // Bases in the push itself have found this family as their part already.
            let base_kind = self.kind_after(place, base).filter(|_| !self.families.contains_key(base));
            if let Some(base_kind) = base_kind.filter(|kind| part_suffixes(*kind).contains(suffix)) {
                collide(name.to_owned(), base, base_kind);
            }
        }
    }

    /// The kind of a family as it would be after this push, when it would exist.
    fn kind_after(&self, place: Place<'_>, name: &str) -> Option<Kind> {
        let pushed = self.families.get(name);
        let kept = || match place.mode {
            PushMode::Merge if pushed.is_none() => {
                place.before?.family(name).filter(|held| held.is_shown()).map(|held| held.kind)
            }
            PushMode::Merge | PushMode::Replace => None,
        };
        pushed
            .filter(|held| held.is_shown())
            .map(|held| held.kind)
            .or_else(|| place.store.own.get(name).copied())
            .or_else(|| place.kind_elsewhere(name))
            .or_else(kept)
    }
}

impl Place<'_> {
    fn check_kind(self, name: &str, pushed: Kind, problems: &mut Vec<Problem>) {
        let pushed_name = kind_name(pushed);
        if let Some(own) = self.store.own.get(name).filter(|own| **own != pushed) {
            let own = kind_name(*own);
            problems.push(Problem::OwnKind { name: name.to_owned(), pushed: pushed_name, own });
        }
        if let Some(held) = self.kind_elsewhere(name).filter(|held| *held != pushed) {
            let held = kind_name(held);
            problems.push(Problem::Kind { name: name.to_owned(), pushed: pushed_name, held });
        }
    }

    fn check_duplicates(self, name: &str, held: &Held, problems: &mut Vec<Problem>) {
        let index = self.store.families.get(name);
        let own = self.before.and_then(|group| group.family(name)).map_or(&[][..], |held| &held.series);
        let mut previous: Option<&Arc<Series>> = None;
        for series in &held.series {
            let doubled = previous.replace(series) == Some(series);
            // What the group had before is nobody else's, so it need not be looked up among all.
            let in_other_group = || {
                own.binary_search(series).is_err()
                    && index.is_some_and(|index| index.series.contains(&**series))
            };
            if doubled || in_other_group() {
                let labels = series.labels.to_string();
                problems.push(Problem::Duplicate { name: name.to_owned(), labels });
            }
        }
    }

    /// The kind of a family in other groups, when they have it.
    fn kind_elsewhere(self, name: &str) -> Option<Kind> {
        let index = self.store.families.get(name)?;
        index.is_held_beside(self.id).then_some(index.kind)
    }
}

/// The labels with an empty `instance` if they have none, as every sample gets it. Two keys that differ only by an
/// empty instance therefore show the same series and exclude one another.
fn with_instance<'a>(
    labels: impl Iterator<Item = (&'a str, &'a str)>,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    merged(std::iter::once(("instance", "")), labels)
}

/// What the samples of a kind are written as, beside the name itself.
pub(super) fn part_suffixes(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Histogram | Kind::GaugeHistogram => &["_bucket", "_count", "_sum"],
        Kind::Summary => &["_count", "_sum"],
        Kind::Counter | Kind::Gauge | Kind::Untyped => &[],
    }
}

/// The label that samples of a kind have for themselves; empty when they have none.
fn own_label(kind: Kind) -> &'static str {
    match kind {
        Kind::Histogram | Kind::GaugeHistogram => "le",
        Kind::Summary => "quantile",
        Kind::Counter | Kind::Gauge | Kind::Untyped => "",
    }
}

/// What is wrong with one sample by itself.
fn sample_problem(family: &Family, labels: &LabelSet, value: &Value) -> Option<Problem> {
    let (name, shown) = (|| family.name.clone(), || labels.to_string());
    let names = labels.iter().map(|(name, _)| name);
    if let Some(label) = names.clone().find(|label| label.is_empty() || is_reserved_label(label)) {
        return Some(Problem::LabelName { name: name(), labels: shown(), label: label.to_owned() });
    }
    if !Escaping::keeps_apart(names, own_label(family.kind)) {
        return Some(Problem::Ambiguous { name: name(), labels: shown() });
    }
    if !family.kind.accepts(value) {
        return Some(Problem::Value { name: name(), labels: shown(), kind: kind_name(family.kind) });
    }
    let (label, bounds): (_, Vec<f64>) = match value {
        Value::Number(_) => return None,
        Value::Summary(summary) => ("quantile", summary.quantiles.iter().map(|q| q.quantile).collect()),
        Value::Histogram(histogram) => ("le", histogram.buckets.iter().map(|b| b.upper_bound).collect()),
    };
    if labels.iter().any(|(name, _)| name == label) {
        return Some(Problem::OwnLabel { name: name(), labels: shown(), label });
    }
    let mut seen = HashSet::with_capacity(bounds.len());
    // Adding 0 takes the sign of 0 away, as the text does.
    if !bounds.iter().all(|bound| seen.insert((bound + 0.0).to_bits())) {
        return Some(Problem::DoubledBound { name: name(), labels: shown(), label });
    }
    None
}
