//! One stored sample and its identity: the label set, in the order in which samples are shown.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::sync::Arc;

use exposition::{Labels, Value};

/// Names of a label set, sorted; shared by all series of a push that have the same ones.
type Names = Arc<[Box<str>]>;

/// Label sets in little memory: a store holds hundreds of thousands of them.
#[derive(Debug, Eq, Hash, PartialEq)]
pub(crate) struct LabelSet {
    names: Names,
    /// All values, one behind the other.
    values: Box<str>,
    /// Where each value ends in `values`.
    ends: Box<[usize]>,
}

impl LabelSet {
    /// Names and values, sorted by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        self.names.iter().map(|name| &**name).zip(self.values())
    }

    pub(crate) fn to_labels(&self) -> Labels {
        self.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn values(&self) -> impl Iterator<Item = &str> + Clone {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let value = self.values.get(start..*end).unwrap_or_default();
            start = *end;
            value
        })
    }
}

/// By number of labels, then by the values in order of their names, then by the names: the order of an exposition.
impl Ord for LabelSet {
    fn cmp(&self, other: &Self) -> Ordering {
        let count = self.names.len().cmp(&other.names.len());
        count.then_with(|| self.values().cmp(other.values())).then_with(|| self.names.cmp(&other.names))
    }
}

impl PartialOrd for LabelSet {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl std::fmt::Display for LabelSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut separator = '{';
        for (name, value) in self.iter() {
            write!(f, "{separator}{name}={value:?}")?;
            separator = ',';
        }
        f.write_str(if separator == '{' { "{}" } else { "}" })
    }
}

/// Makes label sets and lets those of one push share their names.
#[derive(Default)]
pub(crate) struct Shapes(HashSet<Names>);

impl Shapes {
    pub(crate) fn label_set(&mut self, labels: &Labels) -> LabelSet {
        let names: Vec<Box<str>> = labels.keys().map(|name| name.as_str().into()).collect();
        let names = match self.0.get(names.as_slice()) {
            Some(known) => Arc::clone(known),
            None => {
                let names: Names = names.into();
                self.0.insert(Arc::clone(&names));
                names
            }
        };
        let mut values = String::with_capacity(labels.values().map(String::len).sum());
        let mut ends = Vec::with_capacity(labels.len());
        for value in labels.values() {
            values.push_str(value);
            ends.push(values.len());
        }
        LabelSet { names, values: values.into(), ends: ends.into() }
    }
}

/// One sample of one group. Compared by its labels alone: within a family they are its identity.
#[derive(Debug)]
pub(crate) struct Series {
    /// The id of the group.
    pub(crate) owner: u64,
    pub(crate) labels: LabelSet,
    pub(crate) value: Value,
}

impl Ord for Series {
    fn cmp(&self, other: &Self) -> Ordering {
        self.labels.cmp(&other.labels)
    }
}

impl PartialOrd for Series {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Eq for Series {}

impl PartialEq for Series {
    fn eq(&self, other: &Self) -> bool {
        self.labels == other.labels
    }
}
