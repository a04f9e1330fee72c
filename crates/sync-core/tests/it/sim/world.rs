//! What a seed begins with: two small stores whose names, sizes and times
//! collide, what is asked for, and how bad the weather is.

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use sync_core::testing::MemoryStore;
use sync_core::{
    Direction,
    execute::ExecuteOptions,
    listing::Side,
    plan::{Deletions, Limits, MaxDelete, PlanOptions},
    rule::Compare,
};

use crate::support::{Random, noon};

/// Names of a tree; those that a tree cannot hold side by side are among them.
pub(super) const PATHS: [&str; 10] = [
    "a", "a/b", "a.txt", "a-b/y", "a/b/c", "a/c", "b", "b/a", "A.txt", "z",
];

/// Of them, those that are in each other's way.
const IN_THE_WAY: [&str; 6] = ["a", "a/b", "a/b/c", "a/c", "b", "b/a"];

/// Names that only a bucket can hold.
pub(super) const NO_PATHS: [&str; 4] = ["../x", "a//b", "a/", "/b"];

/// Empty, of one part, of just one or two parts, of more.
pub(super) const SIZES: [usize; 6] = [0, 3, 4, 4, 8, 13];

/// What is asked for, and of what kind the stores are.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) plan: PlanOptions,
    pub(super) execute: ExecuteOptions,
    pub(super) limits: Limits,
    pub(super) weather: Weather,
    /// The names that come up.
    pub(super) paths: &'static [&'static str],
    pub(super) bucket_disordered: bool,
    pub(super) target_folds_names: bool,
    /// Whether the bucket is that of a server which keeps objects as files.
    pub(super) bucket_is_tree: bool,
    /// A name that the target cannot hold, nor what lies below it.
    pub(super) refused: Option<&'static str>,
    /// How far the bucket's clock is ahead of the directory's.
    pub(super) clock_offset: Option<TimeDelta>,
}

/// How often what goes wrong, in 1000 cases.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weather {
    /// Of an operation: an error, before or after its effect.
    pub(super) errors: usize,
    /// Of a reading: bytes that are damaged or too few.
    pub(super) damage: usize,
    /// Of a listing: that it fails, and of its items: that they are left out
    /// or come twice.
    pub(super) listings: usize,
    /// Of a moment: that another program changes one of the stores.
    pub(super) foreign: usize,
}

impl Weather {
    pub(super) const CALM: Self = Self {
        errors: 0,
        damage: 0,
        listings: 0,
        foreign: 0,
    };

    fn random(random: &mut Random) -> Self {
        Self {
            errors: random.pick(&[0, 0, 5, 30, 150]),
            damage: random.pick(&[0, 0, 30, 200]),
            listings: random.pick(&[0, 0, 20, 100]),
            foreign: random.pick(&[0, 0, 5, 25, 80]),
        }
    }
}

impl World {
    pub(super) fn random(random: &mut Random) -> Self {
        let direction = random.pick(&[Direction::Backup, Direction::Restore]);
        let memory = random.pick(&[0, 4, 9, 64 << 20]);
        let seconds = random.pick(&[None, Some(0), Some(0), Some(3), Some(-3)]);
        let world = Self {
            plan: with!(
                PlanOptions::new(direction),
                compare: random.pick(&[Compare::Times, Compare::ExactTimes, Compare::Checksum]),
                deletions: random.pick(&[
                    Deletions::On,
                    Deletions::On,
                    Deletions::On,
                    Deletions::Off,
                ]),
                max_key_bytes: random.pick(&[1000, 1000, 1000, 1000, 1000, 1000, 1000, 4]),
                sort_memory: random.pick(&[0, 16 << 20]),
                concurrency: 1 + random.below(8),
                memory,
            ),
            execute: with!(
                ExecuteOptions::default(),
                concurrency: 1 + random.below(8),
                memory,
                part_size: random.pick(&[3, 4, 5]),
            ),
            limits: with!(
                Limits::default(),
                max_delete: random.pick(&[
                    MaxDelete::Half,
                    MaxDelete::Percent(100),
                    MaxDelete::Percent(100),
                    MaxDelete::Percent(50),
                    MaxDelete::Entries(2),
                ]),
                allow_empty_source: random.chance(700),
            ),
            weather: Weather::random(random),
            paths: random.pick(&[&PATHS[..], &PATHS[..], &IN_THE_WAY[..]]),
            bucket_is_tree: random.chance(400),
            bucket_disordered: random.chance(150),
            target_folds_names: random.chance(100),
            refused: random.chance(80).then(|| random.pick(&PATHS)),
            clock_offset: match seconds {
                Some(0) if random.chance(100) => Some(TimeDelta::minutes(20)),
                seconds => seconds.map(TimeDelta::seconds),
            },
        };
        // Where nothing may give way, such a bucket never becomes equal.
        let may_give_way = world.plan.deletions == Deletions::On
            && world.refused.is_none()
            && !world.target_folds_names;
        Self {
            bucket_is_tree: world.bucket_is_tree && direction == Direction::Backup && may_give_way,
            ..world
        }
    }

    /// The world when nothing goes wrong any more and everything is allowed.
    pub(super) fn calmed(&self) -> Self {
        let mut calm = self.clone();
        calm.weather = Weather::CALM;
        calm.plan.max_key_bytes = 1000;
        calm.limits =
            with!(Limits::default(), max_delete: MaxDelete::Percent(100), allow_empty_source: true);
        // By that much the clocks must not differ; somebody has set them.
        calm.clock_offset = self
            .clock_offset
            .filter(|offset| *offset < TimeDelta::minutes(1));
        calm
    }

    pub(super) fn target_accepts(&self, name: &str) -> bool {
        let is_below = |refused: &str| name.starts_with(&format!("{refused}/"));
        self.refused
            .is_none_or(|refused| name != refused && !is_below(refused))
    }

    pub(super) fn files_are(&self) -> Side {
        match self.plan.direction {
            Direction::Backup => Side::Source,
            Direction::Restore => Side::Target,
        }
    }
}

/// The content of a version. Every byte follows from the version, so that a
/// mixture of two of them is neither.
pub(super) fn body(version: u64, size: usize) -> Bytes {
    let mut bytes = Random::new(version.rotate_left(32));
    (0..size).map(|_| bytes.next() as u8).collect()
}

/// A time before the simulation begins; some are equal, some nearly.
pub(super) fn old_time(random: &mut Random) -> DateTime<Utc> {
    let seconds = random.pick(&[-7200, -7200, -3600]);
    noon(seconds) + TimeDelta::nanoseconds(random.pick(&[0, 0, 1]))
}

/// Whether a tree that holds `name` has no room for `other`.
pub(super) fn collide(name: &str, other: &str) -> bool {
    let below = |name: &str, above: &str| name.starts_with(&format!("{above}/"));
    below(name, other) || below(other, name)
}

/// The names in `store` that leave no room for `name`.
pub(super) fn in_the_way(store: &MemoryStore, name: &str) -> Vec<String> {
    let names = store.contents().into_keys();
    names.filter(|other| collide(name, other)).collect()
}
