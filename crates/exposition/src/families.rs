//! Families in the making, one per name, for who measures one sample after the other.

use std::collections::BTreeMap;

use crate::family::{Family, Kind, Sample, Value};

/// Families in the making. Samples of one name form one family, in whichever order they come.
#[derive(Clone, Debug, Default)]
pub struct Families(BTreeMap<&'static str, Family>);

impl Families {
    /// Adds a sample; the first of its name says help and kind.
    pub fn add<'a>(
        &mut self,
        name: &'static str,
        help: &'static str,
        kind: Kind,
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
        value: Value,
    ) {
        let family = self.0.entry(name).or_insert_with(|| Family::new(name, help, kind));
        family.samples.push(Sample::new(labels, value));
    }

    /// The families, by name.
    #[must_use]
    pub fn done(self) -> Vec<Family> {
        self.0.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_of_one_name_form_one_family() {
        let mut families = Families::default();
        for (name, shelf) in [("b", "1"), ("a", "1"), ("b", "2")] {
            families.add(name, "help", Kind::Gauge, [("shelf", shelf)], Value::Number(1.0));
        }
        let counts: Vec<_> =
            families.done().into_iter().map(|family| (family.name, family.samples.len())).collect();
        assert_eq!(counts, [("a".to_owned(), 1), ("b".to_owned(), 2)]);
    }
}
