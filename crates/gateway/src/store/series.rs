//! One stored sample and its identity: the label set, in the order in which samples are shown.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::sync::Arc;

use exposition::{Extra, Labels, Value};

/// Names of a label set, sorted; shared by all series that have the same ones.
type Names = Arc<[Box<str>]>;

/// Label sets in little memory: a store holds hundreds of thousands of them.
#[derive(Debug, Eq, Hash, PartialEq)]
pub(crate) struct LabelSet {
    names: Names,
    /// All values, one behind the other.
    values: Box<str>,
    /// Where each value ends in `values`.
    ends: Box<[u32]>,
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
            let end = *end as usize;
            let value = self.values.get(start..end).unwrap_or_default();
            start = end;
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

/// Makes label sets; equal ones of a push are made once, and their names are shared beyond it.
#[derive(Default)]
pub(crate) struct Shapes {
    names: HashSet<Names>,
    sets: HashSet<Arc<LabelSet>>,
}

impl Shapes {
    /// Lets the label sets to come share the names of one that is held already.
    pub(crate) fn adopt(&mut self, held: &LabelSet) {
        if !self.names.contains(&held.names) {
            self.names.insert(Arc::clone(&held.names));
        }
    }

    /// The label set of names and values, which come sorted by name.
    pub(crate) fn label_set<'a>(
        &mut self,
        labels: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Arc<LabelSet> {
        let mut names: Vec<Box<str>> = Vec::new();
        let (mut values, mut ends) = (String::new(), Vec::new());
        for (name, value) in labels {
            names.push(name.into());
            values.push_str(value);
            // A body is far smaller than 4 GiB, so this never saturates.
            ends.push(u32::try_from(values.len()).unwrap_or(u32::MAX));
        }
        let names = match self.names.get(names.as_slice()) {
            Some(known) => Arc::clone(known),
            None => {
                let names: Names = names.into();
                self.names.insert(Arc::clone(&names));
                names
            }
        };
        let set = LabelSet { names, values: values.into(), ends: ends.into() };
        match self.sets.get(&set) {
            Some(known) => Arc::clone(known),
            None => {
                let set = Arc::new(set);
                self.sets.insert(Arc::clone(&set));
                set
            }
        }
    }

    /// Forgets the label sets, but not their names: what follows has others.
    pub(crate) fn next_group(&mut self) {
        self.sets.clear();
    }
}

/// Own labels of a sample and those of its group as one sequence, sorted by name; the group's win.
pub(crate) fn merged<'a>(
    own: impl Iterator<Item = (&'a str, &'a str)>,
    group: impl Iterator<Item = (&'a str, &'a str)>,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let (mut own, mut group) = (own.peekable(), group.peekable());
    std::iter::from_fn(move || match (own.peek(), group.peek()) {
        (Some((own_name, _)), Some((group_name, _))) => match own_name.cmp(group_name) {
            Ordering::Less => own.next(),
            Ordering::Equal => {
                own.next();
                group.next()
            }
            Ordering::Greater => group.next(),
        },
        (Some(_), None) => own.next(),
        (None, _) => group.next(),
    })
}

/// Pairs of a label map as the functions here take them.
pub(crate) fn pairs(labels: &Labels) -> impl Iterator<Item = (&str, &str)> + Clone {
    labels.iter().map(|(name, value)| (name.as_str(), value.as_str()))
}

/// One sample of one group. Compared by its labels alone: within a family they are its identity.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) labels: Arc<LabelSet>,
    pub(crate) value: Value,
    pub(crate) extra: Option<Box<Extra>>,
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
