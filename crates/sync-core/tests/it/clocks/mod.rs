//! Two clocks, neither of them exact: whatever a file system and a server cut
//! off or round, whenever something is edited, no edit of the same size is lost,
//! and a run after which nothing happened finds nothing to do.

mod sim;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use sync_core::{Direction, execute::Report, plan::PlanOptions, rule::Compare};

use crate::support::{cases, noon, plan, run};
use sim::{Bucket, Config, Disk, MILLI, Rounding, SECOND, Sim, What};

const NAMES: [&str; 3] = ["a", "b", "c"];

/// What happens beside the runs: when, in nanoseconds from noon, what, to which
/// of the names.
type Happening = (i64, What, usize);

/// Clock offsets that differ by less than a run can wait for; the others.
const NEAR: [i64; 9] = [0, 1, 300, 900, 1300, 2500, -300, -900, -1300];
const FAR: [i64; 4] = [30_000, 600_000, -30_000, -600_000];

fn configs(offsets: &'static [i64]) -> impl Strategy<Value = Config> {
    let units = vec![1, 4 * MILLI, SECOND, 2 * SECOND];
    let roundings = vec![
        Rounding::Millisecond,
        Rounding::Cut,
        Rounding::Up,
        Rounding::Nearest,
    ];
    let ways = vec![2 * MILLI, 40 * MILLI, 300 * MILLI];
    (
        select(units),
        any::<bool>(),
        select(roundings),
        select(offsets),
        select(ways),
        any::<u64>(),
    )
        .prop_map(
            |(unit, has_change_time, rounding, offset, way, seed)| Config {
                unit,
                // FAT, whose unit that is, keeps no other time.
                has_change_time: has_change_time && unit < 2 * SECOND,
                rounding,
                offset: offset * MILLI,
                way,
                seed,
            },
        )
}

fn moments() -> impl Strategy<Value = i64> {
    // Some of them just at the end of a second, or of a unit.
    let whole =
        (-3_i64..6).prop_flat_map(|s| (-6_i64..6).prop_map(move |m| s * SECOND + m * MILLI));
    prop_oneof![(-3 * SECOND)..(6 * SECOND), whole]
}

fn happenings(what: &'static [What]) -> impl Strategy<Value = Vec<Happening>> {
    vec((moments(), select(what), 0..NAMES.len()), 0..8)
}

const LOCAL: [What; 5] = [
    What::Write,
    What::Write,
    What::Write,
    What::Chmod,
    What::Rename,
];

struct World {
    sim: Sim,
    disk: Disk,
    bucket: Bucket,
}

impl World {
    fn new(config: &Config, happenings: &[Happening]) -> Self {
        let noon = noon(0).timestamp_nanos_opt().unwrap();
        let sim = Sim::new(config.clone(), noon - 3600 * SECOND);
        for (time, what, name) in happenings {
            sim.plan(noon + time, *what, NAMES[*name]);
        }
        let (disk, bucket) = (Disk(sim.clone()), Bucket(sim.clone()));
        let world = Self { sim, disk, bucket };
        for name in NAMES {
            world.sim.plan(0, What::Write, name);
        }
        let now = world.sim.now();
        world.sim.rest(noon - 4 * SECOND - now);
        world
    }

    /// The run of a new process.
    fn run(&self, direction: Direction, compare: Compare) -> Report {
        self.sim.forget_clock();
        let options = with!(PlanOptions::new(direction), compare);
        match direction {
            Direction::Backup => {
                let plan = plan(&self.disk, &self.bucket, &options);
                run(&plan, &self.disk, &self.bucket)
            }
            Direction::Restore => {
                let plan = plan(&self.bucket, &self.disk, &options);
                run(&plan, &self.bucket, &self.disk)
            }
        }
    }

    /// Runs while things happen, then once when all has happened; after that
    /// both sides are equal. Says whether a run has named what it could not keep
    /// up with; then they need not be.
    fn live(&self, direction: Direction, gaps: &[i64], compare: Compare) -> bool {
        for gap in gaps {
            self.sim.rest(*gap);
            if !self.run(direction, compare).is_complete() {
                return false;
            }
        }
        self.sim.rest_until_done();
        let report = self.run(direction, compare);
        assert!(report.is_complete(), "{report:?}");
        if let Some(difference) = self.sim.difference() {
            panic!("an edit is lost:\n{difference}");
        }
        true
    }

    fn is_quiet(&self, direction: Direction, compare: Compare) {
        let before = self.sim.writes();
        self.run(direction, compare);
        assert_eq!(self.sim.writes(), before, "a second {direction:?} is quiet");
    }
}

fn gaps() -> impl Strategy<Value = Vec<i64>> {
    vec(prop_oneof![0..(50 * MILLI), 0..(4 * SECOND)], 0..4)
}

proptest! {
    #![proptest_config(cases(3000))]

    #[test]
    fn no_edit_is_lost_and_a_second_backup_is_quiet(
        config in configs(&NEAR),
        happenings in happenings(&LOCAL),
        gaps in gaps(),
    ) {
        let world = World::new(&config, &happenings);
        prop_assume!(world.live(Direction::Backup, &gaps, Compare::Times));
        world.is_quiet(Direction::Backup, Compare::Times);
    }

    /// Where clocks differ by more, what was written by the future of the other
    /// clock may be sent again; but nothing is lost. (A file system of whole
    /// seconds without change times is at a loss there: an edit in the very
    /// second of its object, by another clock, is taken for a restored file.)
    #[test]
    fn no_edit_is_lost_where_clocks_differ(
        config in configs(&FAR),
        happenings in happenings(&[What::Write]),
        gaps in gaps(),
    ) {
        let unit = config.unit.min(SECOND);
        let config = Config { unit, has_change_time: true, ..config };
        let world = World::new(&config, &happenings);
        prop_assume!(world.live(Direction::Backup, &gaps, Compare::Times));
    }

    /// Objects of the same size that were dated by a clock that was ahead, by
    /// more than the precision of all: their time hides no edit.
    #[test]
    fn no_edit_is_hidden_by_an_object_of_the_future(
        config in configs(&NEAR),
        happenings in happenings(&LOCAL),
        ahead in (30 * SECOND)..(7200 * SECOND),
        compare in select(&[Compare::Times, Compare::ExactTimes, Compare::Checksum]),
    ) {
        let world = World::new(&config, &happenings);
        for name in NAMES {
            world.sim.put_dated(name, ahead);
        }
        world.live(Direction::Backup, &[], compare);
        world.is_quiet(Direction::Backup, compare);
    }

    /// Nor does one hide itself from a restore; and what it was restored to is
    /// at rest, and no edit of that is lost.
    #[test]
    fn a_version_within_the_second_of_a_restore_arrives(
        config in configs(&NEAR),
        happenings in happenings(&[What::Put]),
        gaps in gaps(),
        edits in happenings(&LOCAL),
        ahead in select(&[None, Some(100 * SECOND)]),
    ) {
        let world = World::new(&config, &happenings);
        for name in NAMES {
            world.sim.put_dated(name, ahead.unwrap_or(-100 * SECOND));
        }
        world.sim.empty_directory();
        // What the default rule keeps, since the object is newer, is another matter.
        prop_assume!(world.live(Direction::Restore, &gaps, Compare::ExactTimes));
        world.is_quiet(Direction::Restore, Compare::ExactTimes);
        world.is_quiet(Direction::Restore, Compare::Times);
        world.is_quiet(Direction::Backup, Compare::Times);
        let now = world.sim.now();
        for (time, what, name) in edits {
            world.sim.plan(now + time.max(0), what, NAMES[name]);
        }
        prop_assume!(world.live(Direction::Backup, &gaps, Compare::Times));
        world.is_quiet(Direction::Backup, Compare::Times);
    }
}

/// Found by the property: the last change of the file has the same coarse time
/// before and after the edit.
#[test]
fn an_edit_in_the_same_unit_as_a_change_of_its_mode_is_copied_once() {
    let config = Config {
        unit: 2 * SECOND,
        has_change_time: false,
        rounding: Rounding::Cut,
        offset: 1_300 * MILLI,
        way: 300 * MILLI,
        seed: 5_940_285_482_444_268_841,
    };
    let happenings = [
        (2 * SECOND, What::Chmod, 2),
        (2_020_332_709, What::Write, 2),
    ];
    let world = World::new(&config, &happenings);
    assert!(world.live(Direction::Backup, &[0, 0, 0], Compare::Times));
    world.is_quiet(Direction::Backup, Compare::Times);
}
