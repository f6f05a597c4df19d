//! One stored sample and its identity: the label set, in the order in which samples are shown.

use std::cmp::Ordering;
use std::sync::Arc;

use exposition::{Extra, Labels, SampleRef, Value};
use smallvec::SmallVec;

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

/// Makes label sets, and lets them share what the last ones had: the samples of a push mostly have the same names, and
/// many the same values.
#[derive(Default)]
pub(crate) struct Shapes {
    names: Recent<Names>,
    sets: Recent<Arc<LabelSet>>,
    values: String,
    ends: Vec<u32>,
}

impl Shapes {
    /// Lets the label sets to come share the names of one that is held already.
    pub(crate) fn adopt(&mut self, held: &LabelSet) {
        self.names.find_or_insert(|names| Arc::ptr_eq(names, &held.names), || Arc::clone(&held.names));
    }

    /// The label set of names and values, which come sorted by name.
    pub(crate) fn label_set<'a>(
        &mut self,
        labels: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Arc<LabelSet> {
        let labels: SmallVec<[(&str, &str); 16]> = labels.collect();
        let Self { names, sets, values, ends } = self;
        values.clear();
        ends.clear();
        for (_, value) in &labels {
            values.push_str(value);
            // A body is far smaller than 4 GiB, so this never saturates.
            ends.push(u32::try_from(values.len()).unwrap_or(u32::MAX));
        }
        let has_names =
            |known: &Names| known.iter().map(|name| &**name).eq(labels.iter().map(|(name, _)| *name));
        let names =
            names.find_or_insert(has_names, || labels.iter().map(|(name, _)| Box::from(*name)).collect());
        let is_same = |known: &Arc<LabelSet>| {
            *known.values == **values && *known.ends == **ends && known.names == names
        };
        sets.find_or_insert(is_same, || {
            let (values, ends) = (values.as_str().into(), ends.as_slice().into());
            Arc::new(LabelSet { names: Arc::clone(&names), values, ends })
        })
    }
}

/// The last few things that were of use, the latest first: a search that cannot become long.
struct Recent<T>(SmallVec<[T; 8]>);

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self(SmallVec::new())
    }
}

impl<T: Clone> Recent<T> {
    fn find_or_insert(&mut self, matches: impl Fn(&T) -> bool, make: impl FnOnce() -> T) -> T {
        if let Some(at) = self.0.iter().position(matches) {
            if let Some(until) = self.0.get_mut(..=at) {
                until.rotate_right(1);
            }
        } else {
            if self.0.len() == self.0.inline_size() {
                self.0.pop();
            }
            self.0.insert(0, make());
        }
        // It is in front by now.
        #[allow(clippy::indexing_slicing)]
        self.0[0].clone()
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

impl Series {
    /// The series as the formats take it.
    pub(crate) fn as_sample(&self) -> SampleRef<'_, impl Iterator<Item = (&str, &str)> + Clone> {
        let (value, extra) = (&self.value, self.extra.as_deref());
        SampleRef { labels: self.labels.iter(), value, extra, timestamp: None }
    }
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
