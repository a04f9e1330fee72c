//! What has been handed over and not been answered yet: how long its answers
//! may take.
//!
//! The kernel, or a forwarder on the way (`ssh -L`, a local proxy, a sidecar),
//! may take whole bodies at once and pass them on slowly. Nothing moves then
//! that we could see, and yet nobody is silent: the answer to a small request
//! comes after all that is before it on the line. So the time in which nothing
//! happens begins when what is under way can have left, at the rate at which
//! bodies were answered so far.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::http::in_flight::{InFlight, Moved};

/// The rate, in bytes a second, of a line that nothing is known of yet: what a
/// narrow line of one person has.
const NARROW: u64 = 16 * 1024;

/// What may be waited for at most beside the limit of silence: an unknown line
/// is no excuse for ever.
const UNKNOWN_AT_MOST: Duration = Duration::from_secs(120);
const KNOWN_AT_MOST: Duration = Duration::from_secs(600);

/// A smaller body says more about the distance than about the width of the line,
/// and gets through before others that began earlier.
const TELLING: u64 = 16 * 1024;

/// The bodies on their way to one server.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    under_way: InFlight,
    /// Bytes a second, once that is known.
    rate: Mutex<Option<f64>>,
}

impl Backlog {
    /// For the body of one more request.
    pub(crate) fn request(&self) -> Moved {
        self.under_way.request()
    }

    /// A body of so many bytes was answered after this time, in which about all
    /// that is under way now had the line to itself.
    pub(crate) fn answered(&self, bytes: u64, took: Duration) {
        if bytes >= TELLING {
            let now = self.under_way.bytes() as f64 / took.as_secs_f64().max(0.001);
            let mut rate = self.lock();
            *rate = Some(rate.map_or(now, |before| (before + now) / 2.0));
        }
    }

    /// How long what is under way may take to leave.
    pub(crate) fn time(&self) -> Duration {
        time(self.under_way.bytes(), *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Option<f64>> {
        self.rate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long `under_way` bytes take at `rate` bytes a second.
fn time(under_way: u64, rate: Option<f64>) -> Duration {
    let (rate, most) = match rate {
        None => (NARROW as f64, UNKNOWN_AT_MOST),
        Some(rate) => (rate.max(1.0), KNOWN_AT_MOST),
    };
    let takes = Duration::try_from_secs_f64(under_way as f64 / rate);
    takes.unwrap_or(most).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn what_is_under_way_has_the_time_that_it_takes_at_the_rate_of_the_line() {
        assert_eq!(time(0, None), Duration::ZERO);
        assert_eq!(time(NARROW * 30, None), 30 * SECOND);
        assert_eq!(time(1 << 40, None), UNKNOWN_AT_MOST);
        assert_eq!(time(1024 * 50, Some(1024.0)), 50 * SECOND);
        assert_eq!(time(1 << 40, Some(1024.0)), KNOWN_AT_MOST);
        assert!(time(8 << 20, Some(1e9)) < SECOND / 100);
    }

    #[test]
    fn answers_tell_the_rate_where_enough_is_under_way() {
        let backlog = Backlog::default();
        let few = backlog.request();
        few.add(5);
        backlog.answered(5, SECOND);
        let many = backlog.request();
        many.add(8 << 20);
        assert_eq!(backlog.time(), UNKNOWN_AT_MOST, "five bytes tell nothing");
        backlog.answered(8 << 20, SECOND);
        assert!(backlog.time() <= SECOND);
        drop(many);
        assert!(backlog.time() < SECOND / 100);
    }
}
