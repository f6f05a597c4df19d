//! Adds up the `test result:` lines of every test binary into one verdict that cannot be green by accident.

/// The sums over all test binaries and doc tests so far.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    passed: u64,
    failed: u64,
    ignored: u64,
}

/// What the closing line says, and why it says more failures than the test binaries did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) complaints: Vec<String>,
}

impl Tally {
    /// Takes one line of output; all but `test result:` lines are passed over.
    pub(crate) fn line(&mut self, line: &str) {
        let Some(counts) = line.trim().strip_prefix("test result: ") else { return };
        self.passed += count(counts, "passed");
        self.failed += count(counts, "failed");
        self.ignored += count(counts, "ignored");
    }

    /// Takes a test that is in no test binary.
    pub(crate) fn one(&mut self, has_passed: bool) {
        *(if has_passed { &mut self.passed } else { &mut self.failed }) += 1;
    }

    /// Ignored tests, a failure no test names (compile error, killed binary) and a run of no test count as failures.
    pub(crate) fn verdict(&self, cargo_succeeded: bool, filter: Option<&str>) -> Verdict {
        let mut failed = self.failed;
        let mut complaints = Vec::new();
        if self.ignored > 0 {
            failed += self.ignored;
            complaints.push(format!("{} tests are ignored; a test holds or it goes", self.ignored));
        }
        if !cargo_succeeded && self.failed == 0 {
            failed += 1;
            complaints.push("cargo failed though no test did: see the error above".to_owned());
        }
        if cargo_succeeded && self.passed + failed == 0 {
            failed += 1;
            complaints.push(match filter {
                Some(filter) => format!("no test has a name that contains `{filter}`"),
                None => "no test was run".to_owned(),
            });
        }
        Verdict { passed: self.passed, failed, complaints }
    }
}

/// The number before `word` in `ok. 3 passed; 0 failed; 1 ignored; ...`, 0 when it is not there.
fn count(counts: &str, word: &str) -> u64 {
    counts
        .split(['.', ';'])
        .filter_map(|part| part.trim().strip_suffix(word))
        .find_map(|number| number.trim().parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(output: &str, cargo_succeeded: bool) -> Verdict {
        let mut tally = Tally::default();
        output.lines().for_each(|line| tally.line(line));
        tally.verdict(cargo_succeeded, None)
    }

    const PASSED: &str = "running 3 tests\ntest a ... ok\n\ntest result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s\n";
    const FAILED: &str =
        "test result: FAILED. 5 passed; 2 failed; 0 ignored; 0 measured; 1 filtered out; finished in 0.01s\n";
    const IGNORED: &str =
        "test result: ok. 1 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s\n";

    #[test]
    fn results_of_several_binaries_are_added() {
        let sum = verdict(&format!("{PASSED}{FAILED}{PASSED}"), false);
        assert_eq!(sum, Verdict { passed: 11, failed: 2, complaints: vec![] });
    }

    #[test]
    fn a_compile_error_or_a_killed_binary_counts_as_a_failure() {
        let sum = verdict(PASSED, false);
        assert_eq!((sum.passed, sum.failed), (3, 1));
    }

    #[test]
    fn an_ignored_test_counts_as_a_failure() {
        let sum = verdict(&format!("{PASSED}{IGNORED}"), true);
        assert_eq!((sum.passed, sum.failed), (4, 1));
    }

    #[test]
    fn a_run_of_no_test_counts_as_a_failure() {
        assert_eq!(verdict("", true).failed, 1);
        assert_eq!(verdict(PASSED, true), Verdict { passed: 3, failed: 0, complaints: vec![] });
    }
}
