//! Names that are not of the classic form, for readers who cannot take them, and back.
//!
//! Schemes: <https://prometheus.io/docs/instrumenting/escaping_schemes/>.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::names::{is_label_name, is_metric_name};

/// How names other than those of [`crate::names`] are shown to a reader: the parameter `escaping` of a media type.
/// Other names are never changed.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Escaping {
    /// As they are, in quotes where the format needs them.
    AllowUtf8,
    /// Every other character becomes `_`.
    #[default]
    Underscores,
    /// `.` becomes `_dot_`, `_` and every other character `__`.
    Dots,
    /// `U__` in front, `_` becomes `__`, every other character `_HEX_`, its code point. [`unescape`] reads it back.
    Values,
}

const VALUES: &str = "U__";

impl Escaping {
    pub(crate) const ALL: [Self; 4] = [Self::AllowUtf8, Self::Underscores, Self::Dots, Self::Values];

    /// The value of the parameter.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AllowUtf8 => "allow-utf-8",
            Self::Underscores => "underscores",
            Self::Dots => "dots",
            Self::Values => "values",
        }
    }

    /// The metric name as a reader sees it.
    #[must_use]
    pub fn metric_name(self, name: &str) -> Cow<'_, str> {
        self.name(name, is_metric_name, true)
    }

    /// The label name as a reader sees it. In difference to the reference implementation, `:` counts as a character
    /// that a label name cannot have: no reader takes it unquoted.
    #[must_use]
    pub fn label_name(self, name: &str) -> Cow<'_, str> {
        self.name(name, is_label_name, false)
    }

    fn name(self, name: &str, is_valid: fn(&str) -> bool, colons: bool) -> Cow<'_, str> {
        if self == Self::AllowUtf8 || is_valid(name) {
            Cow::Borrowed(name)
        } else {
            self.changed(name, colons)
        }
    }

    /// The label name as [`Escaping::Values`] writes it, also when it is of the classic form.
    pub(crate) fn label_value_form(name: &str) -> Cow<'_, str> {
        Self::Values.changed(name, false)
    }

    fn changed(self, name: &str, colons: bool) -> Cow<'_, str> {
        let mut escaped = String::from(if self == Self::Values { VALUES } else { "" });
        for (at, c) in name.char_indices() {
            let is_plain =
                c.is_ascii_alphabetic() || (c.is_ascii_digit() && at > 0) || c == '_' || (c == ':' && colons);
            match self {
                Self::Dots | Self::Values if c == '_' => escaped.push_str("__"),
                Self::Dots if c == '.' => escaped.push_str("_dot_"),
                _ if is_plain => escaped.push(c),
                Self::Dots => escaped.push_str("__"),
                Self::Values => escaped.push_str(&format!("_{:x}_", u32::from(c))),
                Self::AllowUtf8 | Self::Underscores => escaped.push('_'),
            }
        }
        Cow::Owned(escaped)
    }

    /// Whether label names of any characters stay apart for readers who cannot take all of them, and become neither
    /// `own` (the label that a family has for itself, `le` or `quantile`; empty for none) nor `__name__`. A reader gives
    /// up the whole exposition because of a sample for which this is not so.
    #[must_use]
    pub fn keeps_apart<'a>(names: impl Iterator<Item = &'a str> + Clone, own: &str) -> bool {
        if names.clone().all(is_label_name) {
            return true;
        }
        [Self::Underscores, Self::Dots].iter().all(|escaping| {
            let mut seen = HashSet::new();
            names.clone().all(|name| {
                let escaped = escaping.label_name(name);
                let has_meaning = !is_label_name(name) && (escaped == own || escaped == "__name__");
                !has_meaning && seen.insert(escaped)
            })
        })
    }

    /// The labels as a reader sees them; `None` when that is as they are.
    ///
    /// Two names may become one. A label that was changed is left out then, and when it became `__name__`: a reader
    /// gives up the whole exposition because of such a sample.
    pub(crate) fn labels<'a>(
        self,
        labels: impl Iterator<Item = (&'a str, &'a str)> + Clone,
    ) -> Option<Vec<(Cow<'a, str>, &'a str)>> {
        if self == Self::AllowUtf8 || labels.clone().all(|(name, _)| is_label_name(name)) {
            return None;
        }
        let mut taken: HashSet<Cow<'_, str>> = labels
            .clone()
            .map(|(name, _)| name)
            .filter(|name| is_label_name(name))
            .map(Cow::Borrowed)
            .collect();
        taken.insert(Cow::Borrowed("__name__"));
        let escaped = labels.map(|(name, value)| (self.label_name(name), value));
        let kept = escaped.filter(|(name, _)| matches!(name, Cow::Borrowed(_)) || taken.insert(name.clone()));
        Some(kept.collect())
    }
}

/// The name behind one that [`Escaping::Values`] wrote. Anything that is not of that form is returned as it is, also
/// when only a part of it is not.
#[must_use]
pub fn unescape(name: &str) -> Cow<'_, str> {
    name.strip_prefix(VALUES).and_then(unescaped).map_or(Cow::Borrowed(name), Cow::Owned)
}

fn unescaped(mut rest: &str) -> Option<String> {
    let mut name = String::new();
    while let Some((plain, behind)) = rest.split_once('_') {
        name.push_str(plain);
        let (code, behind) = behind.split_once('_')?;
        if code.is_empty() {
            name.push('_');
        } else {
            name.push(code_point(code)?);
        }
        rest = behind;
    }
    name.push_str(rest);
    Some(name)
}

/// The reference implementation reads at most five digits, so that it never reads what it writes for the last 65,536
/// code points. These are read here; other codes of six digits are none, as there.
fn code_point(digits: &str) -> Option<char> {
    // `from_str_radix` takes a sign, too.
    if digits.len() > 6 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let code = u32::from_str_radix(digits, 16).ok()?;
    char::from_u32(code).filter(|_| digits.len() < 6 || code > 0xf_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scheme_changes_only_names_of_another_form() {
        // What prometheus-pushgateway 1.11.2 shows for these names.
        for (name, underscores, dots, values) in [
            ("a_b", "a_b", "a_b", "a_b"),
            ("a:b", "a:b", "a:b", "a:b"),
            ("a.b_c", "a_b_c", "a_dot_b__c", "U__a_2e_b__c"),
            ("größe", "gr__e", "gr____e", "U__gr_f6__df_e"),
            ("1a2", "_a2", "__a2", "U___31_a2"),
            ("a\u{10ffff}b-", "a_b_", "a__b__", "U__a_10ffff_b_2d_"),
        ] {
            assert_eq!(Escaping::Underscores.metric_name(name), underscores);
            assert_eq!(Escaping::Dots.metric_name(name), dots);
            assert_eq!(Escaping::Values.metric_name(name), values);
            assert_eq!(Escaping::AllowUtf8.metric_name(name), name);
            assert_eq!(unescape(values), name);
        }
        assert_eq!(Escaping::Underscores.label_name("a:b"), "a_b");
        assert_eq!(Escaping::Values.label_name("a:b"), "U__a_3a_b");
    }

    #[test]
    fn malformed_escapes_leave_a_name_as_it_is() {
        for name in [
            "U__a_",
            "U__a_2e",
            "U__a_000041_",
            "U__a_0000041_",
            "U__a_d800_",
            "U__a_110000_",
            "U__a_xyz_",
            "U__a_+1_",
            "u__a_2e_",
            "_2e_",
        ] {
            assert_eq!(unescape(name), name);
        }
        assert_eq!(unescape("U__"), "");
        assert_eq!(unescape("U____x_2E_"), "_x.");
        assert_eq!(unescape("U__a_00041_"), "aA");
    }

    #[test]
    fn labels_that_would_spoil_a_sample_are_left_out() {
        let labels = [("..name..", "1"), ("a.b", "2"), ("a_b", "3"), ("c-d", "4"), ("c.d", "5")];
        let seen = Escaping::Underscores.labels(labels.into_iter()).unwrap_or_default();
        let seen: Vec<_> = seen.iter().map(|(name, value)| (&**name, *value)).collect();
        assert_eq!(seen, [("a_b", "3"), ("c_d", "4")]);
        assert_eq!(Escaping::AllowUtf8.labels(labels.into_iter()), None);
        assert_eq!(Escaping::Underscores.labels([("a", "1")].into_iter()), None);
    }
}
