//! The speed of a run, and its remaining time.
//!
//! Bytes alone mislead where files are small, files alone where they are
//! large, and a tree has both. So work is measured in bytes, and each file
//! counts as many more as could be sent during its requests and system calls. The
//! speed is averaged over about the last half minute: progress comes in parts of
//! some MiB, and a figure that follows each of them is unreadable.

use std::time::Duration;

use s3mirror::Snapshot;

/// The cost of a file beside its content. A rough figure suffices: it matters
/// only where files of very different sizes follow each other.
const PER_FILE: f64 = 32.0 * 1024.0;

/// The average is taken twice, each time over so many seconds: a single one jumps
/// with every part that arrives.
const WINDOW: f64 = 15.0;

/// The first parts mean nothing: before one is complete, hours seem to be left.
const TOO_EARLY: Duration = Duration::from_secs(10);

/// Less than this per second counts as no progress.
const STANDSTILL: f64 = 1.0;

/// What has been done, or is left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Work {
    pub(crate) bytes: u64,
    pub(crate) files: u64,
}

impl Work {
    /// What has been copied.
    pub(crate) fn done_of(now: &Snapshot) -> Self {
        Self {
            bytes: now.bytes.done,
            files: now.files.done,
        }
    }

    /// What is to be copied yet.
    pub(crate) fn left_of(now: &Snapshot) -> Self {
        Self {
            bytes: now.bytes.left(),
            files: now.files.left(),
        }
    }
}

/// Observes the work from time to time, and has its speed.
#[derive(Debug, Default)]
pub(crate) struct Estimate {
    seen: Option<(Duration, Work)>,
    bytes: Average,
    effort: Average,
}

impl Estimate {
    /// After `since` the beginning, `done` was done.
    pub(crate) fn see(&mut self, since: Duration, done: Work) {
        let (before, earlier) = self.seen.unwrap_or_default();
        let seconds = since.saturating_sub(before).as_secs_f64();
        if seconds <= 0.0 {
            return;
        }
        // What is started again is subtracted; that is no negative speed.
        let bytes = done.bytes.saturating_sub(earlier.bytes) as f64;
        let files = done.files.saturating_sub(earlier.files) as f64;
        self.bytes.add(bytes / seconds, seconds);
        self.effort
            .add((bytes + PER_FILE * files) / seconds, seconds);
        self.seen = Some((since, done));
    }

    /// Bytes a second.
    pub(crate) fn rate(&self) -> Option<f64> {
        self.bytes.value()
    }

    /// How long `left` will take at this speed.
    pub(crate) fn time_left(&self, left: Work) -> Option<Duration> {
        self.seen.filter(|(since, _)| *since >= TOO_EARLY)?;
        let speed = self.effort.value().filter(|speed| *speed > STANDSTILL)?;
        let effort = left.bytes as f64 + PER_FILE * left.files as f64;
        Duration::try_from_secs_f64(effort / speed).ok()
    }
}

/// An exponential moving average, taken twice.
#[derive(Debug, Default)]
struct Average {
    once: Fading,
    twice: Fading,
}

impl Average {
    fn add(&mut self, value: f64, seconds: f64) {
        let fades = (-seconds / WINDOW).exp();
        self.once.add(value, fades);
        self.twice.add(self.once.sum / self.once.share, fades);
    }

    fn value(&self) -> Option<f64> {
        (self.twice.share > 0.0).then(|| self.twice.sum / self.twice.share)
    }
}

/// A sum in which the past fades, and the weight of what was observed: the initial
/// zero does not count.
#[derive(Debug, Default)]
struct Fading {
    sum: f64,
    share: f64,
}

impl Fading {
    fn add(&mut self, value: f64, fades: f64) {
        self.sum = self.sum * fades + value * (1.0 - fades);
        self.share = self.share * fades + (1.0 - fades);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn at(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    fn bytes(bytes: u64) -> Work {
        Work { bytes, files: 0 }
    }

    fn near(one: f64, other: f64, share: f64) -> bool {
        (one - other).abs() <= other.abs() * share
    }

    fn left(estimate: &Estimate, work: Work) -> f64 {
        estimate.time_left(work).unwrap().as_secs_f64()
    }

    #[test]
    fn a_steady_speed_is_told_as_it_is_from_the_first_look_on() {
        let mut estimate = Estimate::default();
        assert_eq!(estimate.rate(), None);
        assert_eq!(estimate.time_left(bytes(1)), None);
        for step in 1..1000_u64 {
            estimate.see(at(step as f64 / 5.0), bytes(step * 2 * MIB));
            assert!(near(estimate.rate().unwrap(), 10.0 * MIB as f64, 1e-6));
            match estimate.time_left(bytes(50 * MIB)) {
                None => assert!(step < 50, "nothing told after ten seconds"),
                Some(left) => assert!(near(left.as_secs_f64(), 5.0, 1e-6)),
            }
        }
    }

    /// Parts of 8 MiB at 2 MiB a second: nothing for four seconds, then all at once.
    #[test]
    fn parts_that_arrive_at_once_do_not_make_the_time_left_jump() {
        let mut estimate = Estimate::default();
        let all = 2400 * MIB;
        let mut before: Option<f64> = None;
        for step in 1..=3000_u64 {
            let done = step / 20 * 8 * MIB;
            estimate.see(at(step as f64 / 5.0), bytes(done));
            if step < 300 {
                continue;
            }
            let told = left(&estimate, bytes(all - done));
            let true_left = (all - done) as f64 / (2 * MIB) as f64;
            assert!(near(told, true_left, 0.12), "{told} for {true_left}");
            if let Some(before) = before {
                assert!(near(told, before, 0.05), "{told} after {before}");
            }
            before = Some(told);
        }
    }

    #[test]
    fn another_speed_is_believed_little_by_little() {
        let mut estimate = Estimate::default();
        for step in 1..=600_u64 {
            estimate.see(at(step as f64 / 5.0), bytes(step * 2 * MIB));
        }
        // Ten times slower from the second minute on.
        let mut done = 1200 * MIB;
        let mut rates = Vec::new();
        for step in 1..=900_u64 {
            done += MIB / 5;
            estimate.see(at(120.0 + step as f64 / 5.0), bytes(done));
            rates.push(estimate.rate().unwrap() / MIB as f64);
        }
        assert!(rates[4] > 9.9, "a second later {}", rates[4]);
        assert!(rates[149] < 6.0, "half a minute later {}", rates[149]);
        assert!(rates[899] < 1.1, "three minutes later {}", rates[899]);
    }

    #[test]
    fn small_files_cost_more_than_their_bytes() {
        let mut estimate = Estimate::default();
        for second in 1..=60_u64 {
            let work = Work {
                bytes: second * 1000,
                files: second * 1000,
            };
            estimate.see(at(second as f64), work);
        }
        let small = Work {
            bytes: 10_000,
            files: 10_000,
        };
        assert!(near(left(&estimate, small), 10.0, 1e-3));
        // By the bytes alone it would be 17 minutes.
        assert!(left(&estimate, bytes(MIB)) < 1.0);
    }

    #[test]
    fn what_stands_still_has_no_time_left_and_what_is_begun_again_no_negative_speed() {
        let mut estimate = Estimate::default();
        estimate.see(at(1.0), bytes(10 * MIB));
        estimate.see(at(2.0), bytes(2 * MIB));
        assert!(estimate.rate().unwrap() >= 0.0);
        for second in 3..2000_u64 {
            estimate.see(at(second as f64), bytes(2 * MIB));
        }
        assert_eq!(estimate.time_left(bytes(MIB)), None);
    }

    #[test]
    fn the_same_moment_twice_changes_nothing() {
        let mut estimate = Estimate::default();
        estimate.see(at(1.0), bytes(MIB));
        estimate.see(at(1.0), bytes(2 * MIB));
        assert!(near(estimate.rate().unwrap(), MIB as f64, 1e-6));
    }
}
