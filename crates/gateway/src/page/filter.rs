//! Which groups a reader wants to see: words that all have to fit.
//!
//! `name=value` or `name="value"` fits groups that have exactly this label; any other word fits groups in which a
//! label's name or value contains it, in any case. A selector as other tools write it, `{job="a", instance="b"}`, is
//! understood too.

use std::collections::BTreeMap;

use exposition::{GroupingKey, names};

#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Filter(Vec<Term>);

/// With more words than a person writes, nothing fits: each of them is looked for in each group.
const MOST: usize = 50;

#[derive(Clone, Debug, Eq, PartialEq)]
enum Term {
    Label(String, String),
    /// In lower case.
    Text(String),
}

impl Filter {
    pub(super) fn parse(text: &str) -> Self {
        let text = text.trim();
        let selector = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        let is_between = |letter: char| letter.is_whitespace() || (selector.is_some() && letter == ',');
        let mut terms = Vec::new();
        let mut rest = selector.unwrap_or(text).trim_start_matches(is_between);
        while !rest.is_empty() && terms.len() <= MOST {
            let term;
            (term, rest) = first(rest, is_between);
            rest = rest.trim_start_matches(is_between);
            terms.push(term);
        }
        Self(terms)
    }

    pub(super) fn fits(&self, key: &GroupingKey) -> bool {
        self.0.len() <= MOST
            && self.0.iter().all(|term| match term {
                Term::Label(name, value) => key.labels().get(name) == Some(value),
                Term::Text(text) => key.labels().iter().any(|(name, value)| {
                    name.to_lowercase().contains(text) || value.to_lowercase().contains(text)
                }),
            })
    }

    /// The labels it asks for, when it asks for nothing else: groups can then be deleted by them.
    pub(super) fn labels(&self) -> Option<BTreeMap<String, String>> {
        let mut labels = BTreeMap::new();
        if self.0.len() > MOST {
            return None;
        }
        for term in &self.0 {
            let Term::Label(name, value) = term else { return None };
            if labels.insert(name.clone(), value.clone()).is_some_and(|other| other != *value) {
                return None;
            }
        }
        (!labels.is_empty()).then_some(labels)
    }
}

/// The first term of a text that does not begin with a gap, and what is behind it.
fn first(text: &str, is_between: impl Fn(char) -> bool) -> (Term, &str) {
    if let Some((name, behind)) = text.split_once('=').filter(|(name, _)| names::is_label_name(name)) {
        if let Some(quoted) = behind.strip_prefix('"')
            && let Some((value, rest)) = unquoted(quoted)
        {
            return (Term::Label(name.to_owned(), value), rest);
        }
        let (value, rest) = word(behind, is_between);
        return (Term::Label(name.to_owned(), value.to_owned()), rest);
    }
    if let Some((value, rest)) = text.strip_prefix('"').and_then(unquoted) {
        return (Term::Text(value.to_lowercase()), rest);
    }
    let (text, rest) = word(text, is_between);
    (Term::Text(text.to_lowercase()), rest)
}

fn word(text: &str, is_between: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(is_between).unwrap_or(text.len()))
}

/// What is before the closing quote, with its backslashes undone, and what is behind it; `None` without such a quote.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, text.get(at + 1..).unwrap_or_default())),
            '\\' => match letters.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            letter => value.push(letter),
        }
    }
    None
}

/// The term for exactly this label.
pub(super) fn term(name: &str, value: &str) -> String {
    let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("{name}=\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fits(filter: &str, job: &str, labels: &[(&str, &str)]) -> bool {
        Filter::parse(filter).fits(&GroupingKey::new(job, labels.iter().copied()).unwrap())
    }

    #[test]
    fn all_words_have_to_fit() {
        let labels = [("instance", "Host-A"), ("empty", "")];
        for filter in [
            "",
            "host",
            "HOST-a",
            "backup host",
            "job=backup",
            "job=\"backup\" instance=Host-A",
            "inst",
            "empty=",
            "empty=\"\"",
            "{job=\"backup\", instance=\"Host-A\"}",
            "{job=backup,instance=Host-A,}",
            "{}",
            "\"host-a\"",
        ] {
            assert!(fits(filter, "backup", &labels), "{filter}");
        }
        for filter in [
            "other",
            "job=Backup",
            "job=back",
            "host other",
            "missing=",
            "instance=\"Host-A",
            "{job=backup",
            "=",
        ] {
            assert!(!fits(filter, "backup", &labels), "{filter}");
        }
    }

    #[test]
    fn only_exact_labels_can_be_deleted_by() {
        let labels = |filter| Filter::parse(filter).labels();
        assert_eq!(
            labels("job=a x=\"1 2\" job=a"),
            Some([("job".into(), "a".into()), ("x".into(), "1 2".into())].into())
        );
        for filter in ["", "a", "job=a b", "job=a job=b"] {
            assert_eq!(labels(filter), None, "{filter}");
        }
    }

    #[test]
    fn more_words_than_anybody_writes_find_and_delete_nothing() {
        let words = |count| "job=a ".repeat(count);
        assert!(fits(&words(50), "a", &[]) && Filter::parse(&words(50)).labels().is_some());
        assert!(!fits(&words(51), "a", &[]) && Filter::parse(&words(100_000)).labels().is_none());
    }

    proptest! {
        #[test]
        fn the_term_of_a_label_finds_it(value in "\\PC*|[\"\\\\ \n,={}]*") {
            let labels = Filter::parse(&term("x", &value)).labels();
            prop_assert_eq!(labels, Some([("x".to_owned(), value)].into()));
        }

        #[test]
        fn any_text_is_a_filter(text in "[ab\"\\\\ ={},\n]*|\\PC*") {
            Filter::parse(&text);
        }
    }
}
