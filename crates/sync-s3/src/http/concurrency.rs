//! How many requests are under way at once.
//!
//! The window opens as long as that brings more answers a second, halves when
//! the server or the network is overcharged (SlowDown, time-outs, broken
//! connections), and grows again by one for each window of successes: additive
//! increase, multiplicative decrease (S3 User Guide, "Best practices design
//! patterns": reduce the rate on 503). While nothing but refusals come, the
//! single request that is left is made ever more seldom. After ten minutes
//! without any success all requests fail at once, so that an outage ends a
//! run instead of being met key by key.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};

/// Requests under way at first, where no number is given: enough to keep a
/// server nearby busy.
const START: usize = 32;

/// Most requests under way, where no number is given. At 50 ms an answer that
/// is 5,000 a second, as many as S3 takes below one prefix (3,500 writes,
/// 5,500 reads).
pub(crate) const WIDEST: usize = 256;

/// By how much the answers a second must grow when the window doubles, or it
/// opens no further.
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
    /// It works, and we hold back what is sent and received: how many answers
    /// come then says nothing about what more requests would bring.
    HeldBack,
    /// The server failed, for another reason than load.
    Failed,
    /// The server or the network had too much to do.
    Overcharged,
}

/// No request has succeeded for longer than [`PATIENCE`].
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("no request has succeeded for {} minutes", PATIENCE.as_secs() / 60)]
pub(crate) struct Outage;

/// The window of one store.
#[derive(Debug)]
pub(crate) struct Pace {
    slots: Semaphore,
    state: Mutex<State>,
}

/// The right to have one request under way, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    pace: Arc<Pace>,
    begun: Instant,
}

/// A window that still opens. The first round of each size is not measured:
/// new connections are made in it.
#[derive(Debug, Clone, Copy, Default)]
struct Opening {
    measures: bool,
    /// The answers a second of the size before; `None` in the first.
    rate: Option<f64>,
}

#[derive(Debug)]
struct State {
    window: usize,
    /// Most that the window may become.
    most: usize,
    /// Slots that are to be withheld when they come back.
    owed: usize,
    /// What was served since the last look at the window, and since when.
    served: usize,
    since: Instant,
    /// How much of it while others waited.
    in_use: usize,
    opening: Option<Opening>,
    cut: Option<Instant>,
    /// Cuts that could not make it narrower, since anything was served.
    fruitless: u32,
    resume: Option<Instant>,
    failing_since: Option<Instant>,
}

impl Pace {
    /// At most `most` requests at once; by default as many as pay.
    pub(crate) fn new(most: Option<usize>) -> Arc<Self> {
        let (start, most) = most.map_or((START, WIDEST), |most| (most.max(1), most.max(1)));
        Arc::new(Self {
            slots: Semaphore::new(start),
            state: Mutex::new(State::new(start, most, Instant::now())),
        })
    }

    /// Waits until another request may be made.
    pub(crate) async fn turn(self: &Arc<Self>) -> Result<Turn, Outage> {
        if let Ok(slot) = self.slots.acquire().await {
            slot.forget();
        }
        // It gives the slot back, whatever happens from here on.
        let mut turn = Turn {
            pace: Arc::clone(self),
            begun: Instant::now(),
        };
        loop {
            let resume = self.state().resume(turn.begun)?;
            let Some(resume) = resume else {
                return Ok(turn);
            };
            sleep_until(resume).await;
            turn.begun = Instant::now();
        }
    }

    /// How many callers at once make full use of the window: some more than
    /// have their turn, since a caller also does other things than to wait.
    pub(crate) fn wanted(&self) -> usize {
        let window = self.state().window;
        window + window.div_ceil(4)
    }

    /// As after a long time without a success.
    #[cfg(test)]
    pub(crate) fn fail_for(&self, time: Duration) {
        self.state().failing_since = Instant::now().checked_sub(time);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// Takes note of what became of the request.
    pub(crate) fn note(&self, outcome: Outcome) {
        let slots = &self.pace.slots;
        let in_use = slots.available_permits() == 0;
        let mut state = self.pace.state();
        let before = state.window;
        state.note(outcome, self.begun, Instant::now(), in_use);
        let after = state.window;
        if outcome == Outcome::Overcharged && after < before {
            tracing::info!(from = before, to = after, "fewer requests at once");
        } else if after != before {
            tracing::debug!(from = before, to = after, "requests at once");
        }
        if after < before {
            state.owed += before - after - slots.forget_permits(before - after);
        } else {
            let more = after - before;
            let paid = more.min(state.owed);
            state.owed -= paid;
            slots.add_permits(more - paid);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = self.pace.state();
        if state.owed > 0 {
            state.owed -= 1;
        } else {
            self.pace.slots.add_permits(1);
        }
    }
}

impl State {
    fn new(window: usize, most: usize, now: Instant) -> Self {
        Self {
            window,
            most,
            owed: 0,
            served: 0,
            since: now,
            in_use: 0,
            opening: (window < most).then(Opening::default),
            cut: None,
            fruitless: 0,
            resume: None,
            failing_since: None,
        }
    }

    /// When a request may be made that is due now, if not at once.
    fn resume(&self, now: Instant) -> Result<Option<Instant>, Outage> {
        let failing = self.failing_since.map(|since| now - since);
        if failing.is_some_and(|failing| failing >= PATIENCE) {
            return Err(Outage);
        }
        Ok(self.resume.filter(|&resume| resume > now))
    }

    fn note(&mut self, outcome: Outcome, begun: Instant, now: Instant, in_use: bool) {
        if matches!(outcome, Outcome::Served | Outcome::HeldBack) {
            self.failing_since = None;
            self.fruitless = 0;
            self.resume = None;
            if outcome == Outcome::HeldBack && self.opening.is_some() {
                self.restart(now);
            } else {
                self.grow(now, in_use);
            }
            return;
        }
        self.failing_since.get_or_insert(now);
        // What was sent before the last cut says nothing about its effect.
        let is_news = self.cut.is_none_or(|cut| begun >= cut);
        if outcome == Outcome::Overcharged && is_news {
            self.cut(now);
        }
    }

    fn grow(&mut self, now: Instant, in_use: bool) {
        self.served += 1;
        self.in_use += usize::from(in_use);
        if self.served < self.window {
            return;
        }
        // What nobody waits for does not show what more would bring.
        if self.in_use * 2 >= self.served {
            if let Some(opening) = self.opening.take() {
                self.opening = self.open(opening, now);
            } else if self.window < self.most {
                self.window += 1;
            }
        }
        self.restart(now);
    }

    /// Doubles the window if the last doubling paid; else it goes back to
    /// where it was and stays.
    fn open(&mut self, opening: Opening, now: Instant) -> Option<Opening> {
        if !opening.measures {
            let measures = true;
            return Some(Opening {
                measures,
                ..opening
            });
        }
        let rate = self.served as f64 / (now - self.since).as_secs_f64().max(1e-6);
        if opening.rate.is_some_and(|before| rate < before * PAYS) {
            self.window /= 2;
            self.most = self.window;
            return None;
        }
        self.window = (self.window * 2).min(self.most);
        (self.window < self.most).then_some(Opening {
            measures: false,
            rate: Some(rate),
        })
    }

    fn cut(&mut self, now: Instant) {
        if self.window == 1 {
            let pause = FIRST_PAUSE * (1 << self.fruitless.min(16));
            self.resume = Some(now + pause.min(LONGEST_PAUSE));
            self.fruitless += 1;
        }
        self.window = (self.window / 2).max(1);
        self.opening = None;
        self.cut = Some(now);
        self.restart(now);
    }

    fn restart(&mut self, now: Instant) {
        self.served = 0;
        self.in_use = 0;
        self.since = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Duration = Duration::from_millis(50);

    /// A window that is full of requests, each of which takes a tick.
    struct Load {
        state: State,
        now: Instant,
    }

    impl Load {
        fn new(window: usize, most: usize) -> Self {
            let now = Instant::now();
            Self {
                state: State::new(window, most, now),
                now,
            }
        }

        /// One window of requests, all of which end alike, after `took`.
        fn round(&mut self, outcome: Outcome, took: Duration) {
            let begun = match self.state.resume(self.now) {
                Ok(resume) => resume.unwrap_or(self.now),
                Err(Outage) => panic!("an outage"),
            };
            self.now = begun + took;
            for _ in 0..self.state.window {
                self.state.note(outcome, begun, self.now, true);
            }
        }
    }

    #[test]
    fn the_window_opens_as_long_as_that_pays() {
        let mut load = Load::new(32, 256);
        for _ in 0..6 {
            load.round(Outcome::Served, TICK);
        }
        assert_eq!(load.state.window, 256);

        // A server that answers so many a second and no more.
        let mut load = Load::new(32, 256);
        for _ in 0..20 {
            let window = u32::try_from(load.state.window).unwrap();
            load.round(Outcome::Served, TICK * window / 32);
        }
        assert_eq!(load.state.window, 32);
    }

    #[test]
    fn a_window_that_is_not_used_does_not_open() {
        let mut load = Load::new(32, 256);
        for _ in 0..1000 {
            load.state.note(Outcome::Served, load.now, load.now, false);
        }
        assert_eq!(load.state.window, 32);
    }

    #[test]
    fn a_window_does_not_open_nor_stop_opening_while_we_hold_back() {
        let mut load = Load::new(32, 256);
        for _ in 0..20 {
            let window = u32::try_from(load.state.window).unwrap();
            load.round(Outcome::HeldBack, TICK * window / 32);
        }
        assert_eq!(load.state.window, 32);
        for _ in 0..6 {
            load.round(Outcome::Served, TICK);
        }
        assert_eq!(load.state.window, 256);
        load.round(Outcome::Overcharged, TICK);
        load.round(Outcome::HeldBack, TICK);
        assert_eq!(
            load.state.window, 129,
            "it recovers from a cut all the same"
        );
    }

    #[test]
    fn it_halves_once_for_all_requests_of_a_moment_and_never_below_one() {
        let mut load = Load::new(32, 32);
        for expected in [16, 8, 4, 2, 1, 1] {
            load.round(Outcome::Overcharged, TICK);
            assert_eq!(load.state.window, expected);
        }
    }

    #[test]
    fn errors_that_are_not_of_load_leave_it_alone() {
        let mut load = Load::new(32, 32);
        load.round(Outcome::Failed, TICK);
        assert_eq!(load.state.window, 32);
    }

    #[test]
    fn it_grows_by_one_a_window_after_a_cut() {
        let mut load = Load::new(32, 32);
        load.round(Outcome::Overcharged, TICK);
        for expected in [17, 18, 19] {
            load.round(Outcome::Served, TICK);
            assert_eq!(load.state.window, expected);
        }
        for _ in 0..100 {
            load.round(Outcome::Served, TICK);
        }
        assert_eq!(load.state.window, 32);
    }

    #[test]
    fn a_storm_of_a_minute_gets_few_requests_and_one_success_ends_the_pauses() {
        let mut load = Load::new(32, 32);
        let begun = load.now;
        let mut requests = 0;
        while load.now - begun < Duration::from_secs(60) {
            requests += load.state.window;
            load.round(Outcome::Overcharged, TICK);
        }
        assert!(requests < 32 + 16 + 8 + 4 + 2 + 1 + 12, "{requests}");
        load.round(Outcome::Served, TICK);
        assert!(load.state.resume(load.now).unwrap().is_none());
    }

    #[test]
    fn ten_minutes_without_a_success_are_an_outage() {
        let mut load = Load::new(4, 4);
        load.round(Outcome::Failed, TICK);
        let since = load.now;
        assert!(load.state.resume(since + PATIENCE - TICK).is_ok());
        assert!(load.state.resume(since + PATIENCE).is_err());
        load.round(Outcome::Served, TICK);
        assert!(load.state.resume(since + PATIENCE).is_ok());
    }

    #[tokio::test]
    async fn no_more_turns_than_the_window_are_given() {
        let pace = Pace::new(Some(2));
        let first = pace.turn().await.unwrap();
        let second = pace.turn().await.unwrap();
        assert_eq!(pace.slots.available_permits(), 0);
        first.note(Outcome::Overcharged);
        drop(first);
        // The window is one now, and the second is under way.
        assert_eq!(pace.slots.available_permits(), 0);
        drop(second);
        assert_eq!(pace.slots.available_permits(), 1);
        for _ in 0..2 {
            let turn = pace.turn().await.unwrap();
            turn.note(Outcome::Served);
        }
        assert_eq!(pace.slots.available_permits(), 2);
    }
}
