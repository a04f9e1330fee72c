//! How long the rest of a run takes, by what is done: told only while somebody works at it.

use std::time::Duration;

use super::files::age;
use super::status::{State, Status};
use crate::progress::Share;

/// The share of the work that has to be done before anybody can tell how long the rest takes.
const ENOUGH: f64 = 0.01;

impl Status {
    /// How fast it was so far, and how long the rest takes.
    pub(super) fn estimate(&mut self) {
        let is_at_work = self.running.iter().any(|shard| shard.life.is_at_work());
        let is_copying = self.state == State::Copying && is_at_work;
        let Some(began) = self.began.filter(|_| is_copying) else {
            return;
        };
        let time = age(began);
        if time >= Duration::from_secs(1) {
            self.rate = Some((self.bytes.done as f64 / time.as_secs_f64()) as u64);
            self.left = left(time, self.transfers, self.bytes);
        }
    }
}

/// Small files take their time without many bytes, so the share of the work that is done is that
/// of entries where there are few bytes.
fn left(time: Duration, transfers: Share, bytes: Share) -> Option<Duration> {
    let done = |share: Share| share.done as f64 / share.all.max(1) as f64;
    let of_bytes = if bytes.all > 0 { done(bytes) } else { 1.0 };
    let share = done(transfers).min(of_bytes);
    if share < ENOUGH {
        return None;
    }
    Duration::try_from_secs_f64(time.as_secs_f64() * (1.0 - share) / share).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(done: u64, all: u64) -> Share {
        Share { done, all }
    }

    #[test]
    fn nothing_is_told_of_the_rest_before_enough_is_done() {
        let hour = Duration::from_secs(3600);
        assert_eq!(left(hour, of(1, 1_000), of(500, 1_000)), None);
        assert_eq!(left(hour, of(500, 1_000), of(1, 1_000)), None);
        assert_eq!(left(hour, of(500, 1_000), of(500, 1_000)), Some(hour));
        assert_eq!(left(hour, of(250, 1_000), of(0, 0)), Some(3 * hour));
    }
}
