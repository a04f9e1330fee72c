//! The rule as a table: every size, every time, every clock offset, both
//! directions, each way to compare.

use chrono::{DateTime, TimeDelta, Utc};
use sync_core::{
    Direction, Entry, Rule,
    rule::{Compare, Decision, Outcome, Pair, Reason},
};

use crate::support::{entry, key, noon};

const DIRECTIONS: [Direction; 2] = [Direction::Backup, Direction::Restore];
const COMPARES: [Compare; 3] = [Compare::Times, Compare::ExactTimes, Compare::Checksum];

/// The file's time less the object's, in nanoseconds.
const DIFFERENCES: [i64; 5] = [-1_000_000_000, -1, 0, 1, 1_000_000_000];

/// How far the objects' clock is ahead, in nanoseconds, and where the file
/// counts as later for each of [`DIFFERENCES`]. A clock that is ahead makes
/// the file that much later; one that is behind changes nothing; equal times
/// are the mark of a restored file and never later.
const LATER: [(i64, [bool; 5]); 10] = [
    (-2_000_000_000, [false, false, false, true, true]),
    (-1_000_000_000, [false, false, false, true, true]),
    (-1, [false, false, false, true, true]),
    (0, [false, false, false, true, true]),
    (1, [false, false, false, true, true]),
    (2, [false, true, false, true, true]),
    (999_999_999, [false, true, false, true, true]),
    (1_000_000_000, [false, true, false, true, true]),
    (1_000_000_001, [true, true, false, true, true]),
    (2_000_000_000, [true, true, false, true, true]),
];

/// The answer for equal sizes: where the file is later, where it is not
/// later but its time is earlier, and where the times are equal.
#[rustfmt::skip]
const ANSWERS: [(Direction, Compare, [Answer; 3]); 6] = {
    use Compare::{Checksum, ExactTimes, Times};
    use Answer::{CompareContent, Keep, Transfer};
    use Direction::{Backup, Restore};
    use Reason::{FileIsLater, ObjectIsLater, TimesDiffer, Unchanged};
    [
        (Backup,  Times,      [Transfer(FileIsLater), Keep(Unchanged),       Keep(Unchanged)]),
        (Backup,  ExactTimes, [Transfer(FileIsLater), Keep(Unchanged),       Keep(Unchanged)]),
        (Backup,  Checksum,   [Transfer(FileIsLater), CompareContent,        CompareContent]),
        (Restore, Times,      [Transfer(FileIsLater), Keep(ObjectIsLater),   Keep(Unchanged)]),
        (Restore, ExactTimes, [Transfer(FileIsLater), Transfer(TimesDiffer), Keep(Unchanged)]),
        (Restore, Checksum,   [Transfer(FileIsLater), CompareContent,        CompareContent]),
    ]
};

fn rule(direction: Direction, compare: Compare, offset: i64) -> Rule {
    Rule {
        compare,
        clock_offset: TimeDelta::nanoseconds(offset),
        ..Rule::new(direction)
    }
}

/// What the rule answers, without the entries.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Answer {
    Transfer(Reason),
    Delete(Reason),
    Keep(Reason),
    CompareContent,
}

/// The answer for `pair`, which must carry its entries.
fn answer(rule: &Rule, pair: Pair<&Entry>) -> Answer {
    let (answer, carried) = match rule.decide(pair) {
        Decision::CompareContent { source, target } => {
            (Answer::CompareContent, (Some(source), Some(target)))
        }
        Decision::Settled(outcome) => {
            let answer = match outcome {
                Outcome::Transfer { reason, .. } => Answer::Transfer(reason),
                Outcome::Delete { reason, .. } => Answer::Delete(reason),
                Outcome::Keep { reason, .. } => Answer::Keep(reason),
            };
            (
                answer,
                (outcome.source().copied(), outcome.target().copied()),
            )
        }
    };
    let given = match pair {
        Pair::Source(source) => (Some(source), None),
        Pair::Target(target) => (None, Some(target)),
        Pair::Both { source, target } => (Some(source), Some(target)),
    };
    assert_eq!(carried, given);
    answer
}

fn decide(rule: &Rule, file: &Entry, object: &Entry) -> Answer {
    let (source, target) = match rule.direction {
        Direction::Backup => (file, object),
        Direction::Restore => (object, file),
    };
    answer(rule, Pair::Both { source, target })
}

fn at(size: u64, time: DateTime<Utc>) -> Entry {
    Entry::new(key("a"), size, time)
}

/// Every rule with where its files are later.
fn all_rules() -> impl Iterator<Item = (Rule, [bool; 5], [Answer; 3])> {
    ANSWERS
        .into_iter()
        .flat_map(|(direction, compare, answers)| {
            LATER
                .into_iter()
                .map(move |(offset, later)| (rule(direction, compare, offset), later, answers))
        })
}

#[test]
fn equal_sizes_are_told_apart_by_their_times() {
    for object in [
        noon(0),
        DateTime::UNIX_EPOCH,
        noon(-3_900_000_000),
        noon(15_000_000_000),
    ] {
        for (rule, later, [is_later, is_earlier, is_equal]) in all_rules() {
            for (difference, later) in DIFFERENCES.into_iter().zip(later) {
                let file = object + TimeDelta::nanoseconds(difference);
                let expected = match (later, difference) {
                    (true, _) => is_later,
                    (false, 0) => is_equal,
                    (false, _) => is_earlier,
                };
                let decision = decide(&rule, &at(5, file), &at(5, object));
                assert_eq!(decision, expected, "{rule:?} {difference} ns from {object}");
            }
        }
    }
}

#[test]
fn another_size_is_always_copied() {
    for (rule, ..) in all_rules() {
        for (file, object) in [(4, 5), (6, 5), (0, 5), (5, 0), (0, u64::MAX)] {
            for difference in DIFFERENCES {
                let later = noon(0) + TimeDelta::nanoseconds(difference);
                let decision = decide(&rule, &at(file, later), &at(object, noon(0)));
                assert_eq!(decision, Answer::Transfer(Reason::SizeDiffers), "{rule:?}");
            }
        }
    }
}

#[test]
fn what_one_side_lacks_is_copied_or_deleted_whatever_its_time() {
    for (rule, ..) in all_rules() {
        for time in [noon(0), DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
            let only = at(5, time);
            let expected = Answer::Transfer(Reason::OnlyInSource);
            assert_eq!(answer(&rule, Pair::Source(&only)), expected);
            let expected = Answer::Delete(Reason::OnlyInTarget);
            assert_eq!(answer(&rule, Pair::Target(&only)), expected);
        }
    }
}

#[test]
fn the_ends_of_time_and_of_clocks_are_no_panic() {
    let ends = [DateTime::<Utc>::MIN_UTC, noon(0), DateTime::<Utc>::MAX_UTC];
    for (direction, compare) in DIRECTIONS
        .into_iter()
        .flat_map(|d| COMPARES.map(|c| (d, c)))
    {
        for clock_offset in [TimeDelta::MIN, TimeDelta::zero(), TimeDelta::MAX] {
            let rule = Rule {
                direction,
                compare,
                clock_offset,
                latest: None,
            };
            for (file, object) in ends.into_iter().flat_map(|f| ends.map(|o| (f, o))) {
                let decision = decide(&rule, &at(5, file), &at(5, object));
                let later = Answer::Transfer(Reason::FileIsLater);
                if file > object {
                    assert_eq!(decision, later);
                }
                if file == object {
                    assert_ne!(decision, later);
                }
            }
        }
    }
}

#[test]
fn revisions_decide_nothing() {
    let plain = entry("a", 5);
    let marked = entry("a", 5).with_revision(sync_core::entry::Revision::new("etag"));
    for (rule, ..) in all_rules() {
        assert_eq!(
            decide(&rule, &plain, &marked),
            decide(&rule, &plain, &plain)
        );
        assert_eq!(
            decide(&rule, &marked, &plain),
            decide(&rule, &plain, &plain)
        );
    }
}
