//! One life: some rounds of planning and executing in bad weather, then calm.

use std::sync::Arc;

use sync_core::{
    entry::SkipCause,
    execute,
    execute::Report,
    listing::Side,
    make_plan,
    plan::{Plan, refusals},
    spool::MemorySpools,
};

use super::equal;
use super::faulty::FaultyStore;
use super::run::Run;
use super::stage::Stage;
use crate::support::lines;

/// What happened, so that a test can require that it does happen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) plans_failed: u64,
    pub(super) refused: u64,
    pub(super) killed: u64,
    pub(super) stopped: u64,
    pub(super) failed: u64,
    pub(super) complete: u64,
    pub(super) foreign: u64,
    pub(super) created: u64,
    pub(super) overwritten: u64,
    pub(super) deleted: u64,
    pub(super) steps: u64,
}

impl Tally {
    pub(super) fn add(&mut self, other: &Self) {
        self.plans_failed += other.plans_failed;
        self.refused += other.refused;
        self.killed += other.killed;
        self.stopped += other.stopped;
        self.failed += other.failed;
        self.complete += other.complete;
        self.foreign += other.foreign;
        self.created += other.created;
        self.overwritten += other.overwritten;
        self.deleted += other.deleted;
        self.steps += other.steps;
    }

    /// Expects of many lives that each kind of event was met, a third as often
    /// as is usual: else the judge has seen nothing of it.
    pub(super) fn is_eventful(&self, lives: u64) {
        for (what, count, of_a_hundred) in [
            ("plans that failed", self.plans_failed, 4),
            ("plans that were refused", self.refused, 12),
            ("runs that were killed", self.killed, 5),
            ("runs that were stopped", self.stopped, 6),
            ("entries that failed", self.failed, 18),
            ("complete runs", self.complete, 22),
            ("changes by others", self.foreign, 80),
            ("created entries", self.created, 48),
            ("overwritten entries", self.overwritten, 16),
            ("deleted entries", self.deleted, 33),
        ] {
            let expected = lives * of_a_hundred / 100;
            assert!(count >= expected, "{count} {what}, expected {expected}");
        }
    }
}

struct Life {
    stage: Stage,
    source: FaultyStore,
    target: FaultyStore,
    tally: Tally,
}

pub(super) fn live(seed: u64) -> Tally {
    let stage = Stage::new(seed);
    let mut life = Life {
        source: FaultyStore::new(Side::Source, &stage),
        target: FaultyStore::new(Side::Target, &stage),
        stage,
        tally: Tally::default(),
    };
    let rounds = 1 + life.below(3);
    for _ in 0..rounds {
        life.round();
    }
    life.calm();
    life.tally.foreign = life.stage.state().foreign;
    life.tally.steps = life.stage.scheduler.steps() as u64;
    life.tally
}

impl Life {
    fn below(&self, bound: usize) -> usize {
        self.stage.state().random.below(bound)
    }

    fn chance(&self, permille: usize) -> bool {
        self.stage.state().random.chance(permille)
    }

    /// A moment at which something happens, or never.
    fn moment(&self, permille: usize) -> usize {
        if self.chance(permille) {
            self.below(80)
        } else {
            usize::MAX
        }
    }

    fn round(&mut self) {
        if self.stage.world().weather.foreign > 0 {
            (0..self.below(3)).for_each(|_| self.stage.meddle());
        }
        let seconds = self.below(3) as i64;
        self.stage.rest(seconds);
        let Some(plan) = self.plan() else { return };
        let limits = self.stage.world().limits;
        let refused = refusals(plan.header(), &limits);
        equal::refusals_are_right(&plan, &limits, &refused);
        if !refused.is_empty() {
            self.tally.refused += 1;
            return;
        }
        if self.stage.world().weather.foreign > 0 && self.chance(300) {
            self.stage.meddle();
        }
        self.run(&plan);
    }

    fn plan(&mut self) -> Option<Plan> {
        let changes = self.stage.target.changes();
        let names = self.stage.source.contents().into_keys();
        self.stage.state().judge.plans(names);
        let options = self.stage.world().plan;
        let spools = Arc::new(MemorySpools);
        let plan = make_plan(&self.source, &self.target, &options, spools);
        let plan = self.stage.scheduler.run(plan);
        assert_eq!(
            self.stage.target.changes(),
            changes,
            "planning changes nothing"
        );
        match plan {
            Ok(plan) => {
                if super::number("SIM_SEED").is_some() {
                    println!("plan: {:#?}", lines(&plan));
                }
                self.stage.state().judge.planned(&plan);
                Some(plan)
            }
            Err(_) => {
                self.tally.plans_failed += 1;
                None
            }
        }
    }

    fn run(&mut self, plan: &Plan) {
        let (stop, kill) = (self.moment(250), self.moment(300));
        let stop = self.stage.scheduler.steps().saturating_add(stop);
        let report = self.execute(plan, stop, kill);
        let run = self.stage.state().judge.ends(report.is_none());
        self.count(&run);
        match report {
            None => self.tally.killed += 1,
            Some(report) => {
                let was_stopped = self.stage.scheduler.steps() >= stop;
                equal::report_is_true(plan, &report, &run, was_stopped);
                // What could not be read may be in the way of what could.
                let skipped = &plan.counts().skipped_in_source;
                if !was_stopped && !skipped.contains_key(&SkipCause::Unreadable) {
                    let names = self.stage.source.contents().into_keys().collect();
                    self.stage
                        .state()
                        .judge
                        .all_possible_was_copied(&run, &names);
                }
                self.tally.stopped += u64::from(report.stopped);
                self.tally.failed += report.failed;
                self.tally.complete += u64::from(report.is_complete());
            }
        }
        let target = self.stage.target.contents();
        self.stage.state().judge.target_is_whole(&target);
    }

    fn execute(&self, plan: &Plan, stop: usize, kill: usize) -> Option<Report> {
        let options = self.stage.world().execute;
        let stop_signal = self.stage.scheduler.after(stop);
        let judge = |stage: &Stage| stage.state().judge.runs(plan, options.concurrency, stop);
        judge(&self.stage);
        let run = execute(
            plan,
            &self.source,
            &self.target,
            &options,
            &self.stage,
            stop_signal,
        );
        self.stage.scheduler.run_for(run, kill).map(Result::unwrap)
    }

    fn count(&mut self, run: &Run) {
        let [created, overwritten, deleted] = run.done();
        self.tally.created += created;
        self.tally.overwritten += overwritten;
        self.tally.deleted += deleted;
    }

    /// One run makes the target equal, whether or not time has passed since the
    /// last edit.
    fn calm(&mut self) {
        self.stage.become_calm();
        if self.chance(500) {
            self.stage.rest(10);
        }
        self.calm_run();
        let changes = self.stage.target.changes();
        let plan = self.calm_run();
        assert_eq!(
            self.stage.target.changes(),
            changes,
            "a run too many changes something"
        );
        equal::is_settled(&plan);
        let world = self.stage.world();
        equal::target_equals_source(&world, &plan, &self.stage.source, &self.stage.target);
    }

    fn calm_run(&mut self) -> Plan {
        let plan = self.plan().unwrap();
        let limits = self.stage.world().limits;
        assert_eq!(
            refusals(plan.header(), &limits),
            [],
            "nothing is refused any more"
        );
        let report = self.execute(&plan, usize::MAX, usize::MAX).unwrap();
        let run = self.stage.state().judge.ends(false);
        equal::report_is_true(&plan, &report, &run, false);
        self.count(&run);
        plan
    }
}
