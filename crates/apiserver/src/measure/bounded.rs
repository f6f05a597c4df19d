//! Series by their labels, so many at most: some labels are what clients send.

use std::collections::BTreeMap;

/// Most series of one family. A server has few resources, and few programs that ask for them.
const MOST: usize = 1000;

/// Values by label set. Once there are too many, those that are new share one.
#[derive(Debug)]
pub(super) struct Bounded<K, V>(BTreeMap<K, V>);

impl<K, V> Default for Bounded<K, V> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord, V> Bounded<K, V> {
    /// The value of a label set; `rest` are the labels that those above the number share.
    pub(super) fn entry(&mut self, key: K, rest: impl FnOnce(K) -> K, new: impl FnOnce() -> V) -> &mut V {
        let is_full = self.0.len() >= MOST && !self.0.contains_key(&key);
        self.0.entry(if is_full { rest(key) } else { key }).or_insert_with(new)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.0.iter_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_cannot_make_series_without_end() {
        let mut bounded = Bounded::default();
        for number in 0..5000 {
            *bounded.entry(format!("client {number}"), |_| "other".to_owned(), || 0) += 1;
        }
        assert_eq!(bounded.iter_mut().count(), MOST + 1);
        assert_eq!(bounded.iter_mut().map(|(_, count)| *count).sum::<i32>(), 5000);
    }
}
