//! Attributes that take a test's word away: `#[ignore]` is never allowed, `#[should_panic]` must say which panic.

use crate::tidy::{Finding, Source};

pub(super) fn check(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| source.is_rust()) {
        for (index, line) in source.text.lines().enumerate() {
            let line = line.trim_start();
            if line.starts_with("#[ignore") {
                let message =
                    "ignores a test; make it hold or remove it, the test command counts it as a failure";
                findings.push(Finding::at(source, index, message));
            }
            if line.starts_with("#[should_panic") && !line.contains("expected") {
                let message = "expects any panic; say which with `expected = \"...\"`";
                findings.push(Finding::at(source, index, message));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silenced_tests_are_found_with_their_line() {
        let text = "//! Why.\n#[test]\n    #[ignore]\nfn a() {}\n#[should_panic]\nfn b() {}\n#[should_panic(expected = \"x\")]\nfn c() {}\n";
        let source = Source { path: "a.rs".to_owned(), text: text.to_owned() };
        let places: Vec<String> = check(&[source]).into_iter().map(|finding| finding.place).collect();
        assert_eq!(places, ["a.rs:3", "a.rs:5"]);
    }
}
