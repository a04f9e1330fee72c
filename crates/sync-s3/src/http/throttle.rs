//! Holds bodies back, so that all together send and receive no more bytes a
//! second than they may.
//!
//! All bodies of one way share one line. Bytes are given a time on it, one
//! after the other, in sips that are short on the line: so each request moves a
//! little all the time, and the rate is even. What is received is held back
//! until its time; meanwhile nothing more is read from its connection, and TCP
//! slows the server down.
//!
//! A request that is held back is neither silent nor slow, so its waits count
//! for none of the other limits (see `response_body`, `transport` and `client::deadline`). And
//! fewer requests are under way where the line is narrow: spread over many, it
//! would move each so slowly that servers give it up.

use std::num::NonZeroU64;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::http::bandwidth::Bandwidth;
use crate::http::concurrency::WIDEST;

/// For how long a sip fills the line.
const SIP: Duration = Duration::from_millis(50);

/// What the line may make up for after it was not used.
const CREDIT: Duration = Duration::from_millis(50);

/// Shorter waits are not worth a timer, which counts in milliseconds. What is
/// not waited for is due with the next bytes.
const TOO_SHORT: Duration = Duration::from_millis(2);

/// Bytes a second that each request under way has at least, if there is one.
/// A part of 8 MiB then takes some four minutes.
const SHARE: u64 = 32 * 1024;

/// Ways that bytes go.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Way {
    Up,
    Down,
}

/// The limits of one store.
#[derive(Debug)]
pub(crate) struct Limiter {
    bandwidth: Bandwidth,
    up: Mutex<Line>,
    down: Mutex<Line>,
    /// As many as the widest window; a request takes the more of them the
    /// narrower the line is.
    room: Arc<Semaphore>,
}

/// One way, on which bytes go one after the other.
#[derive(Debug)]
struct Line {
    /// When it is free again.
    free: Instant,
    /// For how long it was filled altogether.
    filled: Duration,
}

/// One body and the way that it goes.
#[derive(Debug)]
pub(crate) struct Flow {
    limiter: Arc<Limiter>,
    way: Way,
}

/// The right to have a request under way that moves bytes, until it is dropped.
#[derive(Debug)]
pub(crate) struct Pass(
    #[expect(dead_code, reason = "it counts as long as it lives")] OwnedSemaphorePermit,
);

impl Limiter {
    pub(crate) fn new(bandwidth: Bandwidth) -> Arc<Self> {
        let line = || Mutex::new(Line::new(Instant::now()));
        Arc::new(Self {
            bandwidth,
            up: line(),
            down: line(),
            room: Arc::new(Semaphore::new(WIDEST)),
        })
    }

    /// Whether there is a limit at this time.
    pub(crate) fn is_in_force(&self) -> bool {
        self.rate().is_some()
    }

    /// Waits until another request may be made that moves bytes.
    pub(crate) async fn enter(&self) -> Option<Pass> {
        let weight = weight(self.rate());
        let permit = Arc::clone(&self.room).acquire_many_owned(weight).await;
        permit.ok().map(Pass)
    }

    /// For how long both ways were filled until now, and will be by what has
    /// its time already. As long as that nothing else can be blamed for a wait.
    pub(crate) fn filled(&self) -> Duration {
        self.line(Way::Up).filled + self.line(Way::Down).filled
    }

    fn rate(&self) -> Option<NonZeroU64> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        self.bandwidth.at(now.unwrap_or_default().as_secs())
    }

    fn line(&self, way: Way) -> MutexGuard<'_, Line> {
        let line = match way {
            Way::Up => &self.up,
            Way::Down => &self.down,
        };
        line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flow {
    pub(crate) fn new(limiter: &Arc<Limiter>, way: Way) -> Self {
        Self {
            limiter: Arc::clone(limiter),
            way,
        }
    }

    /// Most bytes to hand over at once.
    pub(crate) fn sip(&self) -> usize {
        let rate = self.limiter.rate();
        rate.map_or(usize::MAX, sip)
    }

    /// Takes the next time on the line for this many bytes; how long to wait
    /// for it, if at all.
    pub(crate) fn reserve(&self, bytes: usize) -> Option<Pin<Box<Sleep>>> {
        let rate = self.limiter.rate()?;
        let now = Instant::now();
        let due = self.limiter.line(self.way).reserve(bytes, rate, now);
        (due > now + TOO_SHORT).then(|| Box::pin(sleep_until(due)))
    }
}

impl Line {
    fn new(now: Instant) -> Self {
        Self {
            free: now,
            filled: Duration::ZERO,
        }
    }

    /// When these bytes may go.
    fn reserve(&mut self, bytes: usize, rate: NonZeroU64, now: Instant) -> Instant {
        let takes = Duration::from_secs_f64(bytes as f64 / rate.get() as f64);
        let due = self.free.max(now.checked_sub(CREDIT).unwrap_or(now));
        self.free = due + takes;
        self.filled += takes;
        due
    }
}

fn sip(rate: NonZeroU64) -> usize {
    let bytes = u128::from(rate.get()) * SIP.as_millis() / 1000;
    usize::try_from(bytes.max(1)).unwrap_or(usize::MAX)
}

/// How much of the room a request takes.
fn weight(rate: Option<NonZeroU64>) -> u32 {
    let widest = u32::try_from(WIDEST).unwrap_or(u32::MAX);
    let at_once = rate.map_or(u64::MAX, |rate| rate.get() / SHARE);
    let at_once = u32::try_from(at_once).unwrap_or(u32::MAX);
    widest / at_once.clamp(1, widest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn rate(rate: u64) -> NonZeroU64 {
        NonZeroU64::new(rate).unwrap()
    }

    /// What `bodies` of `len` bytes each do that hand over their next sip when
    /// the one before was due: each sip's body, bytes and time, by time.
    fn run(bodies: usize, len: usize, rate: NonZeroU64) -> Vec<(usize, usize, Duration)> {
        let begun = Instant::now();
        let mut line = Line::new(begun);
        let mut rest = vec![len; bodies];
        let mut now = vec![begun; bodies];
        let mut sips = Vec::new();
        while let Some(body) = (0..bodies)
            .filter(|&body| rest[body] > 0)
            .min_by_key(|&body| now[body])
        {
            let bytes = sip(rate).min(rest[body]);
            now[body] = line.reserve(bytes, rate, now[body]).max(now[body]);
            rest[body] -= bytes;
            sips.push((body, bytes, now[body] - begun));
        }
        sips
    }

    #[test]
    fn all_together_keep_to_the_rate_in_every_second() {
        for bytes_a_second in [16 * 1024, MIB, 100 * MIB] {
            let rate = rate(bytes_a_second);
            let all = usize::try_from(bytes_a_second * 20).unwrap();
            let sips = run(32, all / 32, rate);
            let end = sips.last().unwrap().2;
            assert!(end >= Duration::from_secs(19), "{end:?}");
            assert!(end <= Duration::from_millis(20_100), "{end:?}");
            for second in 0..19 {
                let of = |at: &Duration| at.as_secs() == second;
                let moved = sips.iter().filter(|(_, _, at)| of(at));
                let moved: usize = moved.map(|(_, bytes, _)| bytes).sum();
                let share = moved as f64 / bytes_a_second as f64;
                assert!((0.9..=1.1).contains(&share), "second {second}: {share}");
            }
        }
    }

    #[test]
    fn no_body_waits_long_for_its_next_sip() {
        let sips = run(32, 64 * 1024, rate(MIB));
        for body in 0..32 {
            let mine = sips.iter().filter(|(of, _, _)| *of == body);
            let times: Vec<_> = mine.map(|(_, _, at)| *at).collect();
            let longest = times.windows(2).map(|pair| pair[1] - pair[0]).max();
            assert!(longest <= Some(SIP * 33), "{longest:?}");
        }
    }

    #[test]
    fn a_line_that_was_not_used_makes_up_for_a_moment_only() {
        let now = Instant::now();
        let mut line = Line::new(now);
        let later = now + Duration::from_secs(60);
        let sip = sip(rate(MIB));
        let due: Vec<_> = (0..4)
            .map(|_| line.reserve(sip, rate(MIB), later))
            .collect();
        assert!(due[1] <= later);
        assert!(due[3] > later + SIP / 2);
        assert_eq!(line.filled.as_millis(), 4 * SIP.as_millis() - 1);
    }

    #[test]
    fn the_narrower_the_line_the_fewer_requests_share_it() {
        let at_once = |bytes: u64| WIDEST / weight(Some(rate(bytes))) as usize;
        assert_eq!(WIDEST / weight(None) as usize, WIDEST);
        assert_eq!(at_once(100 * MIB), WIDEST);
        assert_eq!(at_once(8 * MIB), WIDEST);
        assert_eq!(at_once(MIB), 32);
        assert_eq!(at_once(100 * 1024), 3);
        assert_eq!(at_once(16 * 1024), 1);
        assert_eq!(at_once(1), 1);
    }

    #[tokio::test]
    async fn a_request_waits_until_there_is_room() {
        let limiter = Limiter::new(Bandwidth::constant(rate(2 * SHARE)));
        let first = limiter.enter().await.unwrap();
        let _second = limiter.enter().await.unwrap();
        let mut third = std::pin::pin!(limiter.enter());
        let brief = Duration::from_millis(20);
        assert!(tokio::time::timeout(brief, &mut third).await.is_err());
        drop(first);
        assert!(third.await.is_some());
    }
}
