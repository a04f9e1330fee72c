//! The bytes that have been handed over and not been answered: how long their
//! transfer may take.
//!
//! The kernel, or a forwarder on the way (`ssh -L`, a local proxy, a sidecar),
//! may take whole bodies at once and forward them slowly. Then no progress is
//! visible, and yet the server is not silent: the answer to a small request
//! arrives after everything that precedes it on the connection. So a silence begins
//! when the bytes in flight can have left, at the rate at which bodies were
//! answered so far.

use std::time::Duration;

use parking_lot::Mutex;

use crate::http::in_flight::{InFlight, Moved};

/// The rate, in bytes a second, that is assumed before any is known: that of a
/// slow private connection.
const NARROW: u64 = 16 * 1024;

/// The longest wait in addition to the limit of silence, at an unknown and at a
/// known rate.
const UNKNOWN_AT_MOST: Duration = Duration::from_secs(120);
const KNOWN_AT_MOST: Duration = Duration::from_secs(600);

/// The smallest body that is measured: a smaller one says more about the latency
/// than about the bandwidth, and overtakes others that began earlier.
const MEASURABLE: u64 = 16 * 1024;

/// The bodies in flight to one server.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    in_flight: InFlight,
    /// Bytes a second, once that is known.
    rate: Mutex<Option<f64>>,
}

impl Backlog {
    /// For the body of one more request.
    pub(crate) fn request(&self) -> Moved {
        self.in_flight.request()
    }

    /// Records that a body of so many bytes was answered after this time, in which
    /// about all bytes that are in flight now were transferred.
    pub(crate) fn answered(&self, bytes: u64, took: Duration) {
        if bytes >= MEASURABLE {
            let now = self.in_flight.bytes() as f64 / took.as_secs_f64().max(0.001);
            let mut rate = self.rate.lock();
            *rate = Some(rate.map_or(now, |before| (before + now) / 2.0));
        }
    }

    /// How long the bytes in flight may take to leave.
    pub(crate) fn time(&self) -> Duration {
        time(self.in_flight.bytes(), *self.rate.lock())
    }
}

/// How long `in_flight` bytes take at `rate` bytes a second.
fn time(in_flight: u64, rate: Option<f64>) -> Duration {
    let (rate, most) = match rate {
        None => (NARROW as f64, UNKNOWN_AT_MOST),
        Some(rate) => (rate.max(1.0), KNOWN_AT_MOST),
    };
    let takes = Duration::try_from_secs_f64(in_flight as f64 / rate);
    takes.unwrap_or(most).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn bytes_in_flight_have_the_time_that_they_take_at_the_known_rate() {
        assert_eq!(time(0, None), Duration::ZERO);
        assert_eq!(time(NARROW * 30, None), 30 * SECOND);
        assert_eq!(time(1 << 40, None), UNKNOWN_AT_MOST);
        assert_eq!(time(1024 * 50, Some(1024.0)), 50 * SECOND);
        assert_eq!(time(1 << 40, Some(1024.0)), KNOWN_AT_MOST);
        assert!(time(8 << 20, Some(1e9)) < SECOND / 100);
    }

    #[test]
    fn answers_show_the_rate_where_enough_is_in_flight() {
        let backlog = Backlog::default();
        let few = backlog.request();
        few.add(5);
        backlog.answered(5, SECOND);
        let many = backlog.request();
        many.add(8 << 20);
        assert_eq!(
            backlog.time(),
            UNKNOWN_AT_MOST,
            "five bytes are not measured"
        );
        backlog.answered(8 << 20, SECOND);
        assert!(backlog.time() <= SECOND);
        drop(many);
        assert!(backlog.time() < SECOND / 100);
    }
}
