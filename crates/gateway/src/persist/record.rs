//! The records of the persistence file: texts, each written once, and groups that refer to them by number.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use exposition::{Extra, GroupingKey, Kind, Labels, Names, Value};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::store::series::{LabelSet, Series, Shapes, merged, pairs};
use crate::store::{Group, Held, Times};

/// Labels: the numbers of names and values.
type TextPairs = Vec<(u32, u32)>;

/// Nanoseconds since 1970.
type Nanoseconds = i128;

/// What the file holds, one behind the other.
#[derive(Deserialize, Serialize)]
pub(super) enum Record<'a> {
    /// The next text; the first has number 0. A text stands before the first group that needs it.
    Text(&'a str),
    /// One group.
    Group(GroupRecord),
}

#[derive(Deserialize, Serialize)]
pub(super) struct GroupRecord {
    /// Orders the groups by age.
    age: u64,
    labels: TextPairs,
    pushed: Option<Nanoseconds>,
    failed: Option<Nanoseconds>,
    families: Vec<FamilyRecord>,
}

#[derive(Deserialize, Serialize)]
struct FamilyRecord {
    name: u32,
    help: u32,
    kind: Kind,
    time: Nanoseconds,
    samples: Vec<SampleRecord>,
}

#[derive(Deserialize, Serialize)]
struct SampleRecord {
    /// Those that the grouping key has not.
    labels: TextPairs,
    value: Value,
    extra: Option<Box<Extra>>,
}

/// Gives numbers to texts.
#[derive(Default)]
pub(super) struct TextWriter<'a> {
    numbers: HashMap<&'a str, u32>,
    fresh: Vec<&'a str>,
}

impl<'a> TextWriter<'a> {
    /// The record of a group; [`TextWriter::take_fresh`] says which texts have to stand before it.
    pub(super) fn group(&mut self, key: &'a GroupingKey, group: &'a Group) -> GroupRecord {
        let labels = pairs(key.labels()).map(|(name, value)| self.pair(name, value)).collect();
        let families = group.families.iter().map(|held| self.family(key, held)).collect();
        let Times { pushed, failed } = group.times;
        let nanoseconds = |time: Option<Timestamp>| time.map(Timestamp::as_nanosecond);
        GroupRecord {
            age: group.id,
            labels,
            pushed: nanoseconds(pushed),
            failed: nanoseconds(failed),
            families,
        }
    }

    /// The texts that got a number since the last call, in the order of their numbers.
    pub(super) fn take_fresh(&mut self) -> Vec<&'a str> {
        std::mem::take(&mut self.fresh)
    }

    fn family(&mut self, key: &GroupingKey, held: &'a Held) -> FamilyRecord {
        let samples = held.series.iter().map(|series| SampleRecord {
            labels: self.own_labels(key, &series.labels),
            value: series.value.clone(),
            extra: series.extra.clone(),
        });
        let samples = samples.collect();
        let (name, help) = (self.number(&held.name), self.number(&held.help));
        FamilyRecord { name, help, kind: held.kind, time: held.time.as_nanosecond(), samples }
    }

    fn own_labels(&mut self, key: &GroupingKey, labels: &'a LabelSet) -> TextPairs {
        let own = labels.iter().filter(|(name, _)| !key.labels().contains_key(*name));
        own.map(|(name, value)| self.pair(name, value)).collect()
    }

    fn pair(&mut self, name: &'a str, value: &'a str) -> (u32, u32) {
        (self.number(name), self.number(value))
    }

    fn number(&mut self, text: &'a str) -> u32 {
        // A file of four thousand million texts is beyond any memory.
        let next = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
        let fresh = &mut self.fresh;
        *self.numbers.entry(text).or_insert_with(|| {
            fresh.push(text);
            next
        })
    }
}

/// Finds texts by their numbers, and makes groups as the store holds them.
#[derive(Default)]
pub(super) struct TextReader {
    texts: Vec<Arc<str>>,
    shapes: Shapes,
}

impl TextReader {
    pub(super) fn text(&mut self, text: &str) {
        self.texts.push(text.into());
    }

    /// The group of a record, or what is wrong with it.
    pub(super) fn group(&mut self, record: GroupRecord) -> Result<(GroupingKey, Group), String> {
        let labels: Labels = self.owned(&record.labels)?;
        let job = labels.get("job").cloned().unwrap_or_default();
        // Those of any kind came in when they were allowed.
        let key = GroupingKey::new_with(job, labels, Names::Utf8).map_err(|error| error.to_string())?;
        let mut families = BTreeMap::new();
        for family in record.families {
            let held = self.family(&key, family)?;
            families.insert(Arc::clone(&held.name), held);
        }
        let times = Times {
            pushed: record.pushed.map(timestamp).transpose()?,
            failed: record.failed.map(timestamp).transpose()?,
        };
        Ok((key, Group { id: record.age, times, families: families.into_values().collect() }))
    }

    fn family(&mut self, key: &GroupingKey, record: FamilyRecord) -> Result<Held, String> {
        let mut series: SmallVec<[Arc<Series>; 2]> = SmallVec::with_capacity(record.samples.len());
        for SampleRecord { labels, value, extra } in record.samples {
            let own = labels.iter().map(|(name, value)| Some((self.get(*name)?, self.get(*value)?)));
            let mut own: Vec<_> = own.collect::<Option<_>>().ok_or(UNKNOWN_TEXT)?;
            own.sort_unstable();
            let own = own.iter().map(|(name, value)| (&**name, &**value));
            let labels = self.shapes.label_set(merged(own, pairs(key.labels())));
            series.push(Arc::new(Series { labels, value, extra }));
        }
        series.sort();
        Ok(Held {
            name: self.get(record.name).ok_or(UNKNOWN_TEXT)?,
            kind: record.kind,
            help: self.get(record.help).ok_or(UNKNOWN_TEXT)?,
            time: timestamp(record.time)?,
            series,
        })
    }

    fn owned(&self, labels: &TextPairs) -> Result<Labels, String> {
        let owned = labels
            .iter()
            .map(|(name, value)| Some((self.get(*name)?.to_string(), self.get(*value)?.to_string())));
        owned.collect::<Option<_>>().ok_or_else(|| UNKNOWN_TEXT.to_owned())
    }

    fn get(&self, number: u32) -> Option<Arc<str>> {
        self.texts.get(number as usize).cloned()
    }
}

const UNKNOWN_TEXT: &str = "a group refers to a text that is not there";

fn timestamp(nanoseconds: Nanoseconds) -> Result<Timestamp, String> {
    Timestamp::from_nanosecond(nanoseconds).map_err(|error| error.to_string())
}
