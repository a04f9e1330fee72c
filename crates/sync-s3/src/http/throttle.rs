//! Limits the bandwidth: all bodies together send and receive no more bytes a
//! second than they may.
//!
//! All bodies of one direction share one lane. Bytes are given a time on it, one
//! after the other, in chunks that are short on the lane: so each request moves a
//! little all the time, and the rate is even. What is received is delayed until
//! its time; meanwhile nothing more is read from its connection, and TCP slows
//! the server down.
//!
//! A delayed request is neither silent nor slow, so its delays count for none of
//! the other limits (see `response_body`, `transport` and `client::deadline`). And
//! fewer requests are in flight where the lane is narrow: spread over many, it
//! would move each so slowly that servers give it up.

use std::num::NonZeroU64;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::http::bandwidth::Bandwidth;
use crate::http::concurrency::WIDEST;

/// For how long a chunk occupies the lane.
const CHUNK_TIME: Duration = Duration::from_millis(50);

/// How much unused time the lane may make up for.
const CREDIT: Duration = Duration::from_millis(50);

/// Shorter delays are not worth a timer, which counts in milliseconds; they are
/// added to the delay of the next bytes.
const TOO_SHORT: Duration = Duration::from_millis(2);

/// The least bytes a second for each of several requests in flight. A part of 8 MiB then takes some four minutes.
const SHARE: u64 = 32 * 1024;

/// The direction in which a body moves.
#[derive(Debug, Clone, Copy)]
pub(crate) enum RequestDirection {
    Upload,
    Download,
}

/// The bandwidth limit of one store.
#[derive(Debug)]
pub(crate) struct BandwidthLimiter {
    bandwidth: Bandwidth,
    up: Mutex<Lane>,
    down: Mutex<Lane>,
    /// As many permits as the widest window; the narrower the lane is, the more
    /// of them a request takes.
    permits: Arc<Semaphore>,
}

/// One direction, in which bytes move one after the other.
#[derive(Debug)]
struct Lane {
    free_at: Instant,
    /// How long it has been in use altogether.
    busy: Duration,
}

/// The limit for one body.
#[derive(Debug)]
pub(crate) struct Throttle {
    limiter: Arc<BandwidthLimiter>,
    direction: RequestDirection,
}

/// The right to have a request in flight that moves bytes, until it is dropped.
#[derive(Debug)]
pub(crate) struct BandwidthPermit(
    #[expect(dead_code, reason = "held until it is dropped")] OwnedSemaphorePermit,
);

impl BandwidthLimiter {
    pub(crate) fn new(bandwidth: Bandwidth) -> Arc<Self> {
        let lane = || Mutex::new(Lane::new(Instant::now()));
        Arc::new(Self {
            bandwidth,
            up: lane(),
            down: lane(),
            permits: Arc::new(Semaphore::new(WIDEST)),
        })
    }

    /// Whether there is a limit at this time.
    pub(crate) fn is_in_force(&self) -> bool {
        self.rate().is_some()
    }

    /// Waits until another request that moves bytes may be sent.
    pub(crate) async fn acquire(&self) -> Option<BandwidthPermit> {
        let weight = weight(self.rate());
        let permit = Arc::clone(&self.permits).acquire_many_owned(weight).await;
        permit.ok().map(BandwidthPermit)
    }

    /// How long both directions have been in use until now, and will be by the
    /// bytes that have their time already: delays that nothing else is to blame for.
    pub(crate) fn busy(&self) -> Duration {
        self.lane(RequestDirection::Upload).busy + self.lane(RequestDirection::Download).busy
    }

    fn rate(&self) -> Option<NonZeroU64> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        self.bandwidth.at(now.unwrap_or_default().as_secs())
    }

    fn lane(&self, direction: RequestDirection) -> MutexGuard<'_, Lane> {
        let lane = match direction {
            RequestDirection::Upload => &self.up,
            RequestDirection::Download => &self.down,
        };
        lane.lock()
    }
}

impl Throttle {
    pub(crate) fn new(limiter: &Arc<BandwidthLimiter>, direction: RequestDirection) -> Self {
        Self {
            limiter: Arc::clone(limiter),
            direction,
        }
    }

    /// The most bytes to hand over at once.
    pub(crate) fn chunk_size(&self) -> usize {
        let rate = self.limiter.rate();
        rate.map_or(usize::MAX, chunk)
    }

    /// Reserves the next time on the lane for this many bytes, and returns the
    /// delay until then, if there is one.
    pub(crate) fn reserve(&self, bytes: usize) -> Option<Pin<Box<Sleep>>> {
        let rate = self.limiter.rate()?;
        let now = Instant::now();
        let due = self.limiter.lane(self.direction).reserve(bytes, rate, now);
        (due > now + TOO_SHORT).then(|| Box::pin(sleep_until(due)))
    }
}

impl Lane {
    fn new(now: Instant) -> Self {
        Self {
            free_at: now,
            busy: Duration::ZERO,
        }
    }

    /// When these bytes may move.
    fn reserve(&mut self, bytes: usize, rate: NonZeroU64, now: Instant) -> Instant {
        let takes = Duration::from_secs_f64(bytes as f64 / rate.get() as f64);
        let due = self.free_at.max(now.checked_sub(CREDIT).unwrap_or(now));
        self.free_at = due + takes;
        self.busy += takes;
        due
    }
}

fn chunk(rate: NonZeroU64) -> usize {
    let bytes = u128::from(rate.get()) * CHUNK_TIME.as_millis() / 1000;
    usize::try_from(bytes.max(1)).unwrap_or(usize::MAX)
}

/// How many of the permits a request takes.
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

    /// Simulates `bodies` of `len` bytes each, which hand over their next chunk when
    /// the one before was due: each chunk's body, bytes and time, by time.
    fn run(bodies: usize, len: usize, rate: NonZeroU64) -> Vec<(usize, usize, Duration)> {
        let begun = Instant::now();
        let mut lane = Lane::new(begun);
        let mut rest = vec![len; bodies];
        let mut now = vec![begun; bodies];
        let mut chunks = Vec::new();
        while let Some(body) = (0..bodies)
            .filter(|&body| rest[body] > 0)
            .min_by_key(|&body| now[body])
        {
            let bytes = chunk(rate).min(rest[body]);
            now[body] = lane.reserve(bytes, rate, now[body]).max(now[body]);
            rest[body] -= bytes;
            chunks.push((body, bytes, now[body] - begun));
        }
        chunks
    }

    #[test]
    fn all_together_keep_to_the_rate_in_every_second() {
        for bytes_a_second in [16 * 1024, MIB, 100 * MIB] {
            let rate = rate(bytes_a_second);
            let all = usize::try_from(bytes_a_second * 20).unwrap();
            let chunks = run(32, all / 32, rate);
            let end = chunks.last().unwrap().2;
            assert!(end >= Duration::from_secs(19), "{end:?}");
            assert!(end <= Duration::from_millis(20_100), "{end:?}");
            for second in 0..19 {
                let of = |at: &Duration| at.as_secs() == second;
                let moved = chunks.iter().filter(|(_, _, at)| of(at));
                let moved: usize = moved.map(|(_, bytes, _)| bytes).sum();
                let share = moved as f64 / bytes_a_second as f64;
                assert!((0.9..=1.1).contains(&share), "second {second}: {share}");
            }
        }
    }

    #[test]
    fn no_body_waits_long_for_its_next_chunk() {
        let chunks = run(32, 64 * 1024, rate(MIB));
        for body in 0..32 {
            let mine = chunks.iter().filter(|(of, _, _)| *of == body);
            let times: Vec<_> = mine.map(|(_, _, at)| *at).collect();
            let longest = times.windows(2).map(|pair| pair[1] - pair[0]).max();
            assert!(longest <= Some(CHUNK_TIME * 33), "{longest:?}");
        }
    }

    #[test]
    fn an_unused_lane_makes_up_for_a_moment_only() {
        let now = Instant::now();
        let mut lane = Lane::new(now);
        let later = now + Duration::from_secs(60);
        let chunk = chunk(rate(MIB));
        let due: Vec<_> = (0..4)
            .map(|_| lane.reserve(chunk, rate(MIB), later))
            .collect();
        assert!(due[1] <= later);
        assert!(due[3] > later + CHUNK_TIME / 2);
        assert_eq!(lane.busy.as_millis(), 4 * CHUNK_TIME.as_millis() - 1);
    }

    #[test]
    fn the_narrower_the_lane_the_fewer_requests_share_it() {
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
    async fn a_request_waits_until_there_is_a_permit() {
        let limiter = BandwidthLimiter::new(Bandwidth::constant(rate(2 * SHARE)));
        let first = limiter.acquire().await.unwrap();
        let _second = limiter.acquire().await.unwrap();
        let mut third = std::pin::pin!(limiter.acquire());
        let brief = Duration::from_millis(20);
        assert!(tokio::time::timeout(brief, &mut third).await.is_err());
        drop(first);
        assert!(third.await.is_some());
    }
}
