//! What has failed by itself, as a file that cannot be read: it is tried again after a pause
//! of its own, and delays nothing else. Pure: the time is an argument.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::backoff::Backoff;
use super::dirty::{OVERHEAD, covers};

/// The longest pause before an item is tried again: somebody has to look at it.
const LONGEST: Duration = Duration::from_mins(10);

/// Keys and directories that have failed.
#[derive(Debug)]
pub(super) struct Retries {
    items: BTreeMap<String, Retry>,
    bytes: usize,
    /// The most that the items may take, in bytes.
    most: usize,
}

/// How often an item has failed in a row, and when it is tried again.
#[derive(Debug, Clone, Copy)]
struct Retry {
    failures: Backoff,
    at: Instant,
}

/// More has failed than is remembered.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooMany;

impl Retries {
    pub(super) fn new(most: usize) -> Self {
        Self {
            items: BTreeMap::new(),
            bytes: 0,
            most,
        }
    }

    /// A run that looked at `tried` has ended at `now`, and `failed` of it has failed.
    pub(super) fn ended(
        &mut self,
        tried: &BTreeSet<String>,
        failed: BTreeSet<String>,
        now: Instant,
    ) -> Result<(), TooMany> {
        let old = std::mem::take(&mut self.items);
        let (old, others): (BTreeMap<_, _>, _) =
            old.into_iter().partition(|(item, _)| covers(tried, item));
        self.items = others;
        self.bytes = self.items.keys().map(|item| size(item)).sum();
        self.add(&old, failed, now)
    }

    /// A run that looked at everything has ended at `now`, and `failed` has failed.
    pub(super) fn full_ended(
        &mut self,
        failed: BTreeSet<String>,
        now: Instant,
    ) -> Result<(), TooMany> {
        let old = std::mem::take(&mut self.items);
        self.bytes = 0;
        self.add(&old, failed, now)
    }

    fn add(
        &mut self,
        old: &BTreeMap<String, Retry>,
        failed: BTreeSet<String>,
        now: Instant,
    ) -> Result<(), TooMany> {
        for item in failed {
            let before = old.get(&item).map(|retry| retry.failures);
            let mut failures = before.unwrap_or_default();
            let at = now + failures.fail(LONGEST);
            self.bytes += size(&item);
            self.items.insert(item, Retry { failures, at });
        }
        if self.bytes <= self.most {
            return Ok(());
        }
        self.items.clear();
        self.bytes = 0;
        Err(TooMany)
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.items.values().map(|retry| retry.at).min()
    }

    /// Those that are due at `now`. They stay until a run has ended that looked at them.
    pub(super) fn due(&self, now: Instant) -> impl Iterator<Item = &String> {
        let due = self.items.iter().filter(move |(_, retry)| retry.at <= now);
        due.map(|(item, _)| item)
    }

    /// Whether `item` is one of them.
    pub(super) fn has(&self, item: &str) -> bool {
        self.items.contains_key(item)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.items.len()
    }
}

/// Memory of an item, in bytes; about what the map takes.
fn size(item: &str) -> usize {
    item.len() + OVERHEAD
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(items: &[&str]) -> BTreeSet<String> {
        items.iter().map(|item| (*item).to_owned()).collect()
    }

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    fn due(retries: &Retries, at: Instant) -> BTreeSet<String> {
        retries.due(at).cloned().collect()
    }

    #[test]
    fn each_has_pauses_of_its_own_that_grow_to_ten_minutes() {
        let start = Instant::now();
        let mut retries = Retries::new(1 << 20);
        let mut now = start;
        for pause in [2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600] {
            let failed = set(&["a"]);
            retries.ended(&failed, failed.clone(), now).unwrap();
            assert_eq!(retries.next(), Some(now + seconds(pause)));
            assert_eq!(due(&retries, now + seconds(pause - 1)), set(&[]));
            now += seconds(pause);
            assert_eq!(due(&retries, now), set(&["a"]));
        }
        // Another one begins with the shortest pause, and does not change the first.
        retries.ended(&set(&["b"]), set(&["b"]), now).unwrap();
        assert_eq!(due(&retries, now + seconds(2)), set(&["a", "b"]));
        retries.ended(&set(&["a"]), set(&[]), now).unwrap();
        assert_eq!(due(&retries, now + seconds(600)), set(&["b"]));
        assert_eq!(retries.len(), 1);
    }

    #[test]
    fn what_a_run_looked_at_by_a_directory_above_is_over_as_well() {
        let now = Instant::now();
        let mut retries = Retries::new(1 << 20);
        let failed = set(&["d/x", "d/y/z", "dd"]);
        retries.ended(&failed, failed.clone(), now).unwrap();
        retries.ended(&set(&["d/"]), set(&["d/x"]), now).unwrap();
        assert_eq!(due(&retries, now + seconds(2)), set(&["dd"]));
        assert_eq!(due(&retries, now + seconds(4)), set(&["d/x", "dd"]));
        retries.full_ended(set(&["dd"]), now).unwrap();
        assert_eq!(due(&retries, now + seconds(600)), set(&["dd"]));
    }

    #[test]
    fn more_than_is_remembered_is_said_and_forgotten() {
        let now = Instant::now();
        let mut retries = Retries::new(2 * size("a"));
        let failed = set(&["a", "b"]);
        retries.ended(&failed, failed.clone(), now).unwrap();
        retries.ended(&failed, failed.clone(), now).unwrap();
        let third = retries.ended(&set(&["c"]), set(&["c"]), now);
        assert_eq!((third, retries.len()), (Err(TooMany), 0));
        retries.ended(&failed, failed.clone(), now).unwrap();
    }
}
