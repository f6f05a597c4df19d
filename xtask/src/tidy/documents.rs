//! Documents must not name what is not there: paths in the maps of the repository, metrics anywhere.

use std::collections::BTreeSet;

use crate::tidy::{Finding, Source};

/// The lists of metrics, from which every other place takes its names.
const METRIC_LISTS: [&str; 2] =
    ["crates/domain/src/rules/metrics.rs", "crates/domain/src/rules/metrics/operator.rs"];

/// Every metric of a session begins with the first, every one of the operator with the second.
const METRIC_PREFIXES: [&str; 2] = ["restic_", "stash_"];

/// A label that looks like a metric.
const LABEL: &str = "stash_config";

/// What the text format adds to the name of a summary or a histogram.
const SERIES_ENDINGS: [&str; 3] = ["_bucket", "_count", "_sum"];

/// Paths in backticks, in the documents that say where things are, exist or are written by a program. A token is taken for a path when it has a
/// `/`, does not begin with one and holds nothing a path of this repository would not hold.
pub(super) fn check_paths(sources: &[Source], exists: impl Fn(&str) -> bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| is_map(&source.path)) {
        let mut in_block = false;
        for (index, line) in source.text.lines().enumerate() {
            if line.trim_start().starts_with("```") {
                in_block = !in_block;
                continue;
            }
            if in_block {
                continue;
            }
            for path in line.split('`').skip(1).step_by(2).filter(|token| is_path(token)) {
                if !exists(path) {
                    findings.push(Finding::at(source, index, format!("`{path}` does not exist")));
                }
            }
        }
    }
    findings
}

fn is_map(path: &str) -> bool {
    matches!(path, "README.md" | "ARCHITECTURE.md" | "CONTRIBUTING.md")
        || (path.starts_with("docs/contributing/") && path.ends_with(".md"))
}

fn is_path(token: &str) -> bool {
    token.contains('/')
        && token.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '.')
        && token.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/'))
}

/// Metric names in documents and dashboards are in the list.
pub(super) fn check_metrics(sources: &[Source]) -> Vec<Finding> {
    let Some(listed) = listed_metrics(sources) else { return Vec::new() };
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| names_metrics(&source.path)) {
        for (index, line) in source.text.lines().enumerate() {
            for name in words(line).filter(|word| is_metric(word)) {
                let series_of = || {
                    SERIES_ENDINGS
                        .iter()
                        .filter_map(|end| name.strip_suffix(end))
                        .any(|base| listed.contains(base))
                };
                if !listed.contains(name) && !series_of() {
                    findings.push(Finding::at(
                        source,
                        index,
                        format!("`{name}` is no metric of {}", METRIC_LISTS.join(", ")),
                    ));
                }
            }
        }
    }
    findings
}

fn names_metrics(path: &str) -> bool {
    // Tests of alerts and dashboards write down names that are wrong on purpose.
    path == "README.md"
        || path.starts_with("docs/")
        || (path.starts_with("monitoring/") && !path.ends_with(".rs"))
}

/// The names in the list, read from its string literals. `None` while there is no list.
fn listed_metrics(sources: &[Source]) -> Option<BTreeSet<&str>> {
    let lists = || sources.iter().filter(|source| METRIC_LISTS.contains(&source.path.as_str()));
    lists().next()?;
    let literals =
        lists().flat_map(|list| list.text.lines()).flat_map(|line| line.split('"').skip(1).step_by(2));
    Some(literals.filter(|literal| is_metric(literal)).collect())
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
}

fn is_metric(word: &str) -> bool {
    word != LABEL
        && METRIC_PREFIXES.iter().any(|prefix| word.len() > prefix.len() && word.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn a_path_that_is_not_there_is_found_and_what_is_no_path_is_not() {
        let text = "See `src/here.rs`, `src/gone.rs`, `GET /metrics`, `/metrics`, `a / b`, `<kind>/x`.\n```\n`src/block.rs`\n```\n";
        let findings = check_paths(&[source("ARCHITECTURE.md", text)], |path| path == "src/here.rs");
        assert_eq!(findings, [Finding::new("ARCHITECTURE.md:1", "`src/gone.rs` does not exist")]);
        assert_eq!(check_paths(&[source("docs/guides/a.md", text)], |_| false), []);
    }

    #[test]
    fn a_metric_that_is_not_in_the_list_is_found() {
        let sources = [
            source(METRIC_LISTS[0], "name: \"restic_session_success\",\nname: \"restic_time_seconds\",\n"),
            source(METRIC_LISTS[1], "\"stash_leader\",\n"),
            source("docs/a.md", "`restic_session_success` and `restic_session_sucess`, by `stash_config`\n"),
            source("docs/c.md", "`stash_leader`, never `stash_leads`\n"),
            source("monitoring/dashboards/b.json", "rate(restic_time_seconds_sum{a=\"b\"}[5m])\n"),
        ];
        let places: Vec<String> =
            check_metrics(&sources).into_iter().map(|finding| finding.message).collect();
        let lists = METRIC_LISTS.join(", ");
        assert_eq!(
            places,
            ["restic_session_sucess", "stash_leads"].map(|name| format!("`{name}` is no metric of {lists}"))
        );
    }
}
