//! How much was deleted within a day, so that slow damage trips the guard as well as a
//! sudden one: each cycle may delete what the day has left.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use sync_core::plan::MaxDelete;

/// What the limit of deletions is for.
const SPAN: Duration = Duration::from_hours(24);

/// Deletions that are counted together, so that a day takes little memory.
const GRAIN: Duration = Duration::from_mins(1);

/// The deletions of the last 24 hours.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// When some were made, and how many.
    deleted: VecDeque<(Instant, u64)>,
    /// Entries of the target after the last full run.
    total: Option<u64>,
}

impl Window {
    /// Counts deletions of a run.
    pub(super) fn add(&mut self, now: Instant, entries: u64) {
        match self.deleted.back_mut() {
            _ if entries == 0 => {}
            Some((since, count)) if now.saturating_duration_since(*since) < GRAIN => {
                *count = count.saturating_add(entries);
            }
            _ => self.deleted.push_back((now, entries)),
        }
    }

    /// A full run has left so many entries in the target.
    pub(super) fn set_total(&mut self, entries: u64) {
        self.total = Some(entries);
    }

    /// Entries of the target after the last full run.
    pub(super) fn total(&self) -> Option<u64> {
        self.total
    }

    /// How many were deleted within the last 24 hours.
    pub(super) fn deleted(&self, now: Instant) -> u64 {
        let is_recent = |since: Instant| now.saturating_duration_since(since) < SPAN + GRAIN;
        let recent = self.deleted.iter().filter(|(since, _)| is_recent(*since));
        recent.map(|(_, count)| *count).fold(0, u64::saturating_add)
    }

    /// What the next run may delete of `most`. The first run, before which nothing is
    /// known, may delete what any backup may.
    pub(super) fn left(&mut self, now: Instant, most: MaxDelete) -> MaxDelete {
        let Some(total) = self.total else {
            return most;
        };
        while let Some((since, _)) = self.deleted.front()
            && now.saturating_duration_since(*since) >= SPAN + GRAIN
        {
            self.deleted.pop_front();
        }
        MaxDelete::Entries(most.of(total).saturating_sub(self.deleted(now)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    #[test]
    fn the_first_run_is_judged_by_itself() {
        let mut window = Window::default();
        assert_eq!(
            window.left(Instant::now(), MaxDelete::Half),
            MaxDelete::Half
        );
    }

    #[test]
    fn small_deletions_add_up_to_the_limit_and_are_forgotten_after_a_day() {
        let start = Instant::now();
        let mut window = Window::default();
        window.set_total(1000);
        let mut left = |hour: u32, deletes: u64| {
            let now = start + HOUR * hour;
            window.add(now, deletes);
            window.left(now, MaxDelete::Percent(20))
        };
        assert_eq!(left(0, 0), MaxDelete::Entries(200));
        assert_eq!(left(1, 90), MaxDelete::Entries(110));
        assert_eq!(left(2, 90), MaxDelete::Entries(20));
        assert_eq!(left(3, 30), MaxDelete::Entries(0));
        // One hour later than 24 the first ones no longer count.
        assert_eq!(left(26, 0), MaxDelete::Entries(80));
        assert_eq!(left(29, 0), MaxDelete::Entries(200));
    }

    #[test]
    fn a_number_of_entries_is_for_the_day_and_half_is_at_least_ten() {
        let now = Instant::now();
        let mut window = Window::default();
        window.set_total(4);
        window.add(now, 3);
        assert_eq!(window.left(now, MaxDelete::Half), MaxDelete::Entries(7));
        assert_eq!(
            window.left(now, MaxDelete::Entries(5)),
            MaxDelete::Entries(2)
        );
        window.set_total(100);
        assert_eq!(window.left(now, MaxDelete::Half), MaxDelete::Entries(47));
    }

    #[test]
    fn a_day_of_deletions_takes_one_place_a_minute() {
        let start = Instant::now();
        let mut window = Window::default();
        window.set_total(1);
        for second in 0..7200 {
            window.add(start + Duration::from_secs(second), 1);
        }
        assert_eq!(window.deleted.len(), 120);
        assert_eq!(window.deleted(start + HOUR), 7200);
    }
}
