//! The bandwidth and the latency of the connection to a server, as measured.
//!
//! Their product is how many bytes have to be in flight to keep the connection busy. The
//! latency is the least time in which anything was answered lately: what a long
//! body, or a busy processor on this side, adds to others is none of it. The
//! bandwidth is the most that was moved in a short while.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::http::in_flight::InFlight;

/// For how long at least the shortest answer counts.
const LATENCY_KEPT: Duration = Duration::from_secs(10);

/// How long the bandwidth is measured for one figure.
const SAMPLE: Duration = Duration::from_millis(200);

/// What a figure of the bandwidth counts for once the next one is there.
const FADING: f64 = 0.9;

/// What is known about the connection to a server.
#[derive(Debug)]
pub(crate) struct Line {
    in_flight: InFlight,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The shortest time to an answer of this period, and of the one before.
    latency: Option<Duration>,
    latency_before: Option<Duration>,
    period_began: Instant,
    /// Bytes a second.
    bandwidth: f64,
    sampled: Instant,
    moved: u64,
}

impl Line {
    /// `in_flight` counts what is moved over it.
    pub(crate) fn new(in_flight: InFlight) -> Self {
        let now = Instant::now();
        Self {
            in_flight,
            state: Mutex::new(State {
                latency: None,
                latency_before: None,
                period_began: now,
                bandwidth: 0.0,
                sampled: now,
                moved: 0,
            }),
        }
    }

    /// Records that the head of an answer came after this time.
    pub(crate) fn answered(&self, took: Duration) {
        self.state.lock().answered(took, Instant::now());
    }

    /// How many bytes have to be in flight to keep the connection busy.
    pub(crate) fn bandwidth_delay(&self) -> u64 {
        let mut state = self.state.lock();
        state.sample(self.in_flight.moved(), Instant::now());
        state.bandwidth_delay()
    }
}

impl State {
    fn answered(&mut self, took: Duration, now: Instant) {
        if now - self.period_began >= LATENCY_KEPT {
            self.latency_before = self.latency.take();
            self.period_began = now;
        }
        self.latency = Some(self.latency.map_or(took, |least| least.min(took)));
    }

    fn sample(&mut self, moved: u64, now: Instant) {
        let time = now - self.sampled;
        if time >= SAMPLE {
            let rate = moved.saturating_sub(self.moved) as f64 / time.as_secs_f64();
            self.bandwidth = rate.max(self.bandwidth * FADING);
            self.sampled = now;
            self.moved = moved;
        }
    }

    fn bandwidth_delay(&self) -> u64 {
        let latency = self.latency.into_iter().chain(self.latency_before).min();
        let seconds = latency.map_or(0.0, |latency| latency.as_secs_f64());
        // A product that is too large for the type becomes its largest value.
        (self.bandwidth * seconds) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const MIB: u64 = 1 << 20;

    fn state() -> State {
        let line = Line::new(InFlight::default());
        line.state.into_inner()
    }

    #[test]
    fn the_product_is_that_of_the_best_bandwidth_and_the_least_latency() {
        let mut state = state();
        let start = state.sampled;
        assert_eq!(state.bandwidth_delay(), 0, "nothing is known");
        for took in [900, 50, 300] {
            state.answered(took * MS, start);
        }
        assert_eq!(state.bandwidth_delay(), 0, "nothing has been moved");
        state.sample(100 * MIB, start + 1000 * MS);
        assert_eq!(state.bandwidth_delay(), 5 * MIB);
        // A short break says little about the bandwidth.
        state.sample(100 * MIB, start + 1100 * MS);
        assert_eq!(state.bandwidth_delay(), 5 * MIB);
        state.sample(100 * MIB, start + 1300 * MS);
        assert!(state.bandwidth_delay() > 4 * MIB);
    }

    #[test]
    fn a_latency_that_has_grown_is_noticed() {
        let mut state = state();
        let start = state.sampled;
        state.sample(100 * MIB, start + 1000 * MS);
        state.answered(10 * MS, start);
        for n in 0..3 {
            let now = start + (LATENCY_KEPT + MS) * n;
            state.answered(100 * MS, now);
        }
        assert_eq!(state.bandwidth_delay(), 10 * MIB);
    }
}
