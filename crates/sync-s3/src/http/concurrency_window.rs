//! How many requests may be in flight, learned from their outcomes.
//!
//! The window doubles as long as that brings more answers a second, halves when
//! the server or the network is overloaded (SlowDown, time-outs, broken
//! connections), and grows by one for each window of successes after that:
//! additive increase, multiplicative decrease (S3 User Guide, "Best practices
//! design patterns": reduce the rate on 503). While only refusals arrive, the
//! single request that remains is sent less and less often.

use std::time::Duration;

use tokio::time::Instant;

/// The first window, where no number is given: enough to keep a server nearby
/// busy.
pub(super) const START: usize = 32;

/// The widest window, where no number is given. At 50 ms an answer that is
/// 5,000 a second, as many as S3 takes below one prefix (3,500 writes, 5,500
/// reads).
pub(crate) const WIDEST: usize = 256;

/// The growth of answers a second below which doubling the window does not pay.
const PAYS: f64 = 1.25;

/// The pauses while nothing succeeds: doubled from the first to the longest.
/// With those of the SDK, ten attempts span more than a minute even without
/// any luck.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How long a server may go without a single success.
const PATIENCE: Duration = Duration::from_secs(600);

/// What an answer, or its lack, says about the load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The server works, whatever it answered.
    Served,
    /// It works, and our own bandwidth limit delays its answers: their rate
    /// says nothing about what more requests would bring.
    BandwidthLimited,
    /// The server failed, for another reason than load.
    Failed,
    /// The server or the network had too much to do.
    Overloaded,
}

/// No request has succeeded for longer than [`PATIENCE`].
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("no request has succeeded for {} minutes", PATIENCE.as_secs() / 60)]
pub(crate) struct Outage;

/// A window that still doubles. The first round of each size is not measured:
/// new connections are made in it.
#[derive(Debug, Clone, Copy, Default)]
struct Doubling {
    measures: bool,
    /// The answers a second of the size before; `None` in the first.
    rate: Option<f64>,
}

/// The number of requests that may be in flight.
#[derive(Debug)]
pub(super) struct Window {
    size: usize,
    /// The largest size.
    most: usize,
    /// Requests served in this round, which is one window of them.
    served: usize,
    /// How many of them while others waited for a permit.
    in_use: usize,
    round_began: Instant,
    doubling: Option<Doubling>,
    halved_at: Option<Instant>,
    /// Overloads at the smallest size since anything was served.
    fruitless: u32,
    resume: Option<Instant>,
    failing_since: Option<Instant>,
}

impl Window {
    pub(super) fn new(size: usize, most: usize, now: Instant) -> Self {
        Self {
            size,
            most,
            served: 0,
            in_use: 0,
            round_began: now,
            doubling: (size < most).then(Doubling::default),
            halved_at: None,
            fruitless: 0,
            resume: None,
            failing_since: None,
        }
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    #[cfg(test)]
    pub(super) fn fail_for(&mut self, time: Duration) {
        self.failing_since = Instant::now().checked_sub(time);
    }

    /// When a request that is due now may be sent, if not at once.
    pub(super) fn resume(&self, now: Instant) -> Result<Option<Instant>, Outage> {
        let failing = self.failing_since.map(|since| now - since);
        if failing.is_some_and(|failing| failing >= PATIENCE) {
            return Err(Outage);
        }
        Ok(self.resume.filter(|&resume| resume > now))
    }

    pub(super) fn record(&mut self, outcome: Outcome, begun: Instant, now: Instant, in_use: bool) {
        if matches!(outcome, Outcome::Served | Outcome::BandwidthLimited) {
            self.failing_since = None;
            self.fruitless = 0;
            self.resume = None;
            if outcome == Outcome::BandwidthLimited && self.doubling.is_some() {
                self.begin_round(now);
            } else {
                self.grow(now, in_use);
            }
            return;
        }
        self.failing_since.get_or_insert(now);
        // What was sent before the window was halved says nothing about the effect.
        let is_news = self.halved_at.is_none_or(|at| begun >= at);
        if outcome == Outcome::Overloaded && is_news {
            self.halve(now);
        }
    }

    fn grow(&mut self, now: Instant, in_use: bool) {
        self.served += 1;
        self.in_use += usize::from(in_use);
        if self.served < self.size {
            return;
        }
        // A window that is not used up does not show what a larger one would bring.
        if self.in_use * 2 >= self.served {
            if let Some(doubling) = self.doubling.take() {
                self.doubling = self.double(doubling, now);
            } else if self.size < self.most {
                self.size += 1;
            }
        }
        self.begin_round(now);
    }

    /// Doubles the window if the last doubling paid; otherwise restores the
    /// size before it and stays there.
    fn double(&mut self, doubling: Doubling, now: Instant) -> Option<Doubling> {
        if !doubling.measures {
            let measures = true;
            return Some(Doubling {
                measures,
                ..doubling
            });
        }
        let rate = self.served as f64 / (now - self.round_began).as_secs_f64().max(1e-6);
        if doubling.rate.is_some_and(|before| rate < before * PAYS) {
            self.size /= 2;
            self.most = self.size;
            return None;
        }
        self.size = (self.size * 2).min(self.most);
        (self.size < self.most).then_some(Doubling {
            measures: false,
            rate: Some(rate),
        })
    }

    fn halve(&mut self, now: Instant) {
        if self.size == 1 {
            let pause = FIRST_PAUSE * (1 << self.fruitless.min(16));
            self.resume = Some(now + pause.min(LONGEST_PAUSE));
            self.fruitless += 1;
        }
        self.size = (self.size / 2).max(1);
        self.doubling = None;
        self.halved_at = Some(now);
        self.begin_round(now);
    }

    fn begin_round(&mut self, now: Instant) {
        self.served = 0;
        self.in_use = 0;
        self.round_began = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Duration = Duration::from_millis(50);

    /// A window that is full of requests, each of which takes a tick.
    struct Load {
        window: Window,
        now: Instant,
    }

    impl Load {
        fn new(window: usize, most: usize) -> Self {
            let now = Instant::now();
            Self {
                window: Window::new(window, most, now),
                now,
            }
        }

        /// One window of requests, all of which end alike, after `took`.
        fn round(&mut self, outcome: Outcome, took: Duration) {
            let begun = match self.window.resume(self.now) {
                Ok(resume) => resume.unwrap_or(self.now),
                Err(Outage) => panic!("an outage"),
            };
            self.now = begun + took;
            for _ in 0..self.window.size {
                self.window.record(outcome, begun, self.now, true);
            }
        }
    }

    #[test]
    fn the_window_doubles_as_long_as_that_pays() {
        let mut load = Load::new(32, 256);
        for _ in 0..6 {
            load.round(Outcome::Served, TICK);
        }
        assert_eq!(load.window.size, 256);

        // A server that answers so many a second and no more.
        let mut load = Load::new(32, 256);
        for _ in 0..20 {
            let window = u32::try_from(load.window.size).unwrap();
            load.round(Outcome::Served, TICK * window / 32);
        }
        assert_eq!(load.window.size, 32);
    }

    #[test]
    fn a_window_that_is_not_used_up_does_not_grow() {
        let mut load = Load::new(32, 256);
        for _ in 0..1000 {
            load.window
                .record(Outcome::Served, load.now, load.now, false);
        }
        assert_eq!(load.window.size, 32);
    }

    #[test]
    fn a_limit_of_bandwidth_neither_doubles_the_window_nor_ends_the_doubling() {
        let mut load = Load::new(32, 256);
        for _ in 0..20 {
            let window = u32::try_from(load.window.size).unwrap();
            load.round(Outcome::BandwidthLimited, TICK * window / 32);
        }
        assert_eq!(load.window.size, 32);
        for _ in 0..6 {
            load.round(Outcome::Served, TICK);
        }
        assert_eq!(load.window.size, 256);
        load.round(Outcome::Overloaded, TICK);
        load.round(Outcome::BandwidthLimited, TICK);
        assert_eq!(
            load.window.size, 129,
            "it recovers from being halved all the same"
        );
    }

    #[test]
    fn it_halves_once_for_all_requests_of_a_moment_and_never_below_one() {
        let mut load = Load::new(32, 32);
        for expected in [16, 8, 4, 2, 1, 1] {
            load.round(Outcome::Overloaded, TICK);
            assert_eq!(load.window.size, expected);
        }
    }

    #[test]
    fn errors_that_are_not_of_load_do_not_change_it() {
        let mut load = Load::new(32, 32);
        load.round(Outcome::Failed, TICK);
        assert_eq!(load.window.size, 32);
    }

    #[test]
    fn it_grows_by_one_a_window_after_it_was_halved() {
        let mut load = Load::new(32, 32);
        load.round(Outcome::Overloaded, TICK);
        for expected in [17, 18, 19] {
            load.round(Outcome::Served, TICK);
            assert_eq!(load.window.size, expected);
        }
        for _ in 0..100 {
            load.round(Outcome::Served, TICK);
        }
        assert_eq!(load.window.size, 32);
    }

    #[test]
    fn a_storm_of_a_minute_gets_few_requests_and_one_success_ends_the_pauses() {
        let mut load = Load::new(32, 32);
        let begun = load.now;
        let mut requests = 0;
        while load.now - begun < Duration::from_secs(60) {
            requests += load.window.size;
            load.round(Outcome::Overloaded, TICK);
        }
        assert!(requests < 32 + 16 + 8 + 4 + 2 + 1 + 12, "{requests}");
        load.round(Outcome::Served, TICK);
        assert!(load.window.resume(load.now).unwrap().is_none());
    }

    #[test]
    fn ten_minutes_without_a_success_are_an_outage() {
        let mut load = Load::new(4, 4);
        load.round(Outcome::Failed, TICK);
        let since = load.now;
        assert!(load.window.resume(since + PATIENCE - TICK).is_ok());
        assert!(load.window.resume(since + PATIENCE).is_err());
        load.round(Outcome::Served, TICK);
        assert!(load.window.resume(since + PATIENCE).is_ok());
    }
}
