//! How long a server has been silent while somebody waits for it, which is shown: retries of an
//! hour look like work otherwise.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// The longest pause between two attempts of a request, and some time to begin the next one: a
/// failed attempt longer ago is not repeated.
const PAUSE: Duration = Duration::from_secs(25);

/// The requests that wait for an answer.
#[derive(Debug, Default)]
pub(crate) struct Waiting(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Requests without an answer.
    requests: usize,
    /// When the server last answered, or moved a byte; or when the oldest of those that wait
    /// began, if that was later.
    heard: Option<Instant>,
    /// When an attempt last ended without an answer, if none has had one since.
    failed: Option<Instant>,
    /// The bytes that had moved when that was last looked at.
    moved: u64,
}

impl Waiting {
    /// A request begins, when `moved` bytes were moved so far.
    pub(crate) fn begin(&self, now: Instant, moved: u64) {
        let mut state = self.0.lock();
        state.look(now, moved);
        if state.requests == 0 && !state.is_repeated(now) {
            (state.heard, state.failed) = (Some(now), None);
        }
        state.requests += 1;
    }

    /// A request has ended: was it answered?
    pub(crate) fn end(&self, now: Instant, moved: u64, answered: Option<bool>) {
        let mut state = self.0.lock();
        state.look(now, moved);
        state.requests = state.requests.saturating_sub(1);
        match answered {
            Some(true) => (state.heard, state.failed) = (Some(now), None),
            Some(false) => state.failed = Some(now),
            // Nobody waits any more.
            None => {}
        }
    }

    /// For how long nothing was heard of the server, if somebody waits for it.
    pub(crate) fn silent_for(&self, now: Instant, moved: u64) -> Option<Duration> {
        let mut state = self.0.lock();
        state.look(now, moved);
        let waits = state.requests > 0 || state.is_repeated(now);
        let heard = state.heard.filter(|_| waits)?;
        Some(now.saturating_duration_since(heard))
    }
}

impl State {
    /// Notes whether bytes have moved.
    fn look(&mut self, now: Instant, moved: u64) {
        if std::mem::replace(&mut self.moved, moved) != moved {
            self.heard = Some(now);
        }
    }

    /// Whether a failed attempt is likely to be repeated.
    fn is_repeated(&self, now: Instant) -> bool {
        self.failed
            .is_some_and(|at| now.saturating_duration_since(at) < PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(begin: Instant, seconds: u64) -> Instant {
        begin + Duration::from_secs(seconds)
    }

    #[test]
    fn silence_lasts_over_attempts_and_ends_with_an_answer_or_a_byte() {
        let (waiting, begin) = (Waiting::default(), Instant::now());
        let silent = |at, moved| {
            let silent = waiting.silent_for(after(begin, at), moved);
            silent.map(|silent| silent.as_secs())
        };
        assert_eq!(silent(0, 0), None, "nobody waits");
        waiting.begin(after(begin, 10), 0);
        assert_eq!(silent(30, 0), Some(20));
        waiting.end(after(begin, 70), 0, Some(false));
        assert_eq!(silent(80, 0), Some(70), "a pause between attempts");
        waiting.begin(after(begin, 85), 0);
        assert_eq!(silent(100, 0), Some(90));
        assert_eq!(silent(101, 5), Some(0), "a byte");
        waiting.end(after(begin, 110), 5, Some(true));
        assert_eq!(silent(120, 5), None);
        waiting.begin(after(begin, 1000), 9);
        assert_eq!(silent(1001, 9), Some(1), "not since the answer");
    }

    #[test]
    fn one_that_is_given_up_or_not_repeated_is_waited_for_no_more() {
        let (waiting, begin) = (Waiting::default(), Instant::now());
        waiting.begin(begin, 0);
        waiting.begin(begin, 0);
        waiting.end(after(begin, 5), 0, None);
        assert!(
            waiting.silent_for(after(begin, 6), 0).is_some(),
            "the other"
        );
        waiting.end(after(begin, 7), 0, Some(false));
        assert_eq!(waiting.silent_for(after(begin, 60), 0), None);
        waiting.begin(after(begin, 100), 0);
        let silent = waiting.silent_for(after(begin, 103), 0);
        assert_eq!(silent, Some(Duration::from_secs(3)));
    }
}
