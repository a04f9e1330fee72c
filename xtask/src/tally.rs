//! Adds up what `cargo test` says of its test programs.

use std::fmt;

/// How many tests ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    passed: u64,
    failed: u64,
    ignored: u64,
}

impl Tally {
    /// Counts `line` if it is a result, as in `test result: ok. 5 passed; 0
    /// failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s`.
    pub(crate) fn see(&mut self, line: &str) {
        let Some(counts) = line.strip_prefix("test result: ") else {
            return;
        };
        let mut before = "";
        for word in counts
            .split([' ', ';', '.'])
            .filter(|word| !word.is_empty())
        {
            let number = before.parse().unwrap_or(0);
            match word {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.ignored += number,
                _ => {}
            }
            before = word;
        }
    }

    /// Whether no test has run.
    pub(crate) fn is_empty(self) -> bool {
        self.passed + self.failed == 0
    }

    /// The sum of this run and of `later`, which ran what this one had ignored.
    pub(crate) fn with_ignored_run(self, later: Self) -> Self {
        let ran = later.passed + later.failed;
        Self {
            passed: self.passed + later.passed,
            failed: self.failed + later.failed,
            ignored: self.ignored.saturating_sub(ran) + later.ignored,
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        match self.ignored {
            0 => Ok(()),
            ignored => write!(f, ", {ignored} skipped"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_added_and_other_lines_are_not() {
        let mut tally = Tally::default();
        tally.see("running 7 tests");
        tally.see("test result: ok. 5 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out");
        tally.see("test result: FAILED. 1 passed; 3 failed; 0 ignored; 0 measured");
        assert_eq!(tally.to_string(), "6 passed, 3 failed, 2 skipped");

        let mut later = Tally::default();
        later.see("test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 40 filtered out");
        assert_eq!(
            tally.with_ignored_run(later).to_string(),
            "8 passed, 3 failed"
        );
    }
}
