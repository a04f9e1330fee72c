//! The pauses after failures, which double with each one in a row.

use std::time::Duration;

/// The pause after a first failure.
const FIRST: Duration = Duration::from_secs(2);

/// After so many doublings, a pause stays as it is.
const MOST_DOUBLINGS: u32 = 16;

/// How often something has failed in a row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Counts another failure. The pause after it, of at most `longest`.
    pub(super) fn fail(&mut self, longest: Duration) -> Duration {
        let doublings = self.failures.min(MOST_DOUBLINGS);
        self.failures = self.failures.saturating_add(1);
        FIRST.saturating_mul(1 << doublings).min(longest)
    }

    /// How often it has failed in a row.
    pub(super) fn failures(self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_doubles_with_each_failure_up_to_the_longest() {
        let mut backoff = Backoff::default();
        let mut pauses = || backoff.fail(Duration::from_secs(15)).as_secs();
        assert_eq!([pauses(), pauses(), pauses(), pauses()], [2, 4, 8, 15]);
        for _ in 0..100 {
            assert_eq!(pauses(), 15);
        }
        assert_eq!(backoff.failures(), 104);
        assert_eq!(Backoff::default().fail(Duration::MAX).as_secs(), 2);
    }
}
