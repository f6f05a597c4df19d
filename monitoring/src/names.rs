//! The names of metrics in an expression of PromQL, found without a parser of that language.

use std::collections::BTreeSet;

/// Every metric that `expression` names: words of lower case with a `_` in them, outside strings, braces and the lists of
/// labels after `by`, `on` and their like.
#[must_use]
pub fn metrics_of(expression: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut rest = expression;
    // The last word, since a list in parentheses after some of them is one of labels.
    let mut before = "";
    while let Some(first) = rest.chars().next() {
        let length = if is_part(first) {
            let word = rest.split(|c: char| !is_part(c)).next().unwrap_or(rest);
            if is_metric(word) {
                found.insert(word.to_owned());
            }
            before = word;
            word.len()
        } else {
            let length = match first {
                '"' | '\'' => string(rest, first),
                '{' => list(rest, '}'),
                '(' if LISTS.contains(&before) => list(rest, ')'),
                other => other.len_utf8(),
            };
            if !first.is_whitespace() {
                before = "";
            }
            length
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    found
}

/// What a list of labels follows.
const LISTS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];

/// Functions of PromQL with a name like that of a metric.
const FUNCTIONS: [&str; 8] = [
    "avg_over_time",
    "histogram_quantile",
    "label_replace",
    "last_over_time",
    "max_over_time",
    "min_over_time",
    "group_left",
    "group_right",
];

fn is_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | ':')
}

/// Those of what is scraped have an underscore; `up` is Prometheus' own.
fn is_metric(word: &str) -> bool {
    let starts_well = word.starts_with(|c: char| c.is_ascii_lowercase());
    (word.contains('_') && starts_well && !FUNCTIONS.contains(&word)) || word == "up"
}

/// The length of a string with its quotes.
fn string(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of a list up to its end, strings in it skipped.
fn list(text: &str, end: char) -> usize {
    let mut at = 1;
    while let Some(rest) = text.get(at..) {
        let Some(c) = rest.chars().next() else { break };
        if c == end {
            return at + 1;
        }
        at += if matches!(c, '"' | '\'') { string(rest, c) } else { c.len_utf8() };
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_found_and_labels_functions_and_strings_are_not() {
        let expression = r#"sum by (stash_config, app) (rate(a_total{b_c=~"d_e}.*"}[5m])) / on (f_g) group_left (h_i)
            max_over_time(x_seconds[7d:1h]) unless up{job="j_k"} == 1 or label_replace(y_z, "l_m", "$1", "n_o", "(.*)")"#;
        let found: Vec<String> = metrics_of(expression).into_iter().collect();
        assert_eq!(found, ["a_total", "up", "x_seconds", "y_z"]);
    }
}
