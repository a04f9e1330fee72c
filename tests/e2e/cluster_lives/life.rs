//! One life: a clean plain run of the same input, which says what must come of it; a run of
//! many processes in bad weather; calm, in which all is done in order; and what is left.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{
    diary::Diary,
    hidden::Hidden,
    input::Input,
    judge::{Deletions, Places, nothing_is_left, status_is_plausible},
    processes::{Counts, Processes, told},
};
use crate::support::{
    Dir, Memory, Outcome, World, assert_same,
    cluster::{Cluster, IN_ORDER, counted, report, split, split_keys},
    dice::Dice,
    plans::mock,
    run::Run,
};

/// A run of many processes, and what is known of it.
pub(super) struct Life<'w, 's> {
    pub(super) memory: &'s Memory,
    pub(super) cluster: Cluster<'w, 's>,
    pub(super) dir: Dir,
    pub(super) input: &'w Input,
    pub(super) dice: Dice,
    pub(super) diary: Diary,
    pub(super) processes: Processes,
    pub(super) hidden: Hidden,
    pub(super) deletions: Deletions,
    /// Whether each machine plans its own range of keys.
    pub(super) plans_ranges: bool,
    /// How many shards or ranges there are at most.
    pub(super) shards: usize,
    /// What each attempt at a shard is told.
    pub(super) manner: Vec<String>,
    /// Whether somebody has changed what was planned.
    pub(super) is_edited: bool,
}

/// What came of a clean plain run.
struct Clean {
    places: Places,
    counted: Vec<Value>,
}

/// How lives came to their end.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) lives: u64,
    ranges: u64,
    without_deletions: u64,
    processes: Counts,
}

impl Tally {
    pub(super) fn add(&mut self, other: &Self) {
        self.lives += other.lives;
        self.ranges += other.ranges;
        self.without_deletions += other.without_deletions;
        self.processes.started += other.processes.started;
        self.processes.killed += other.processes.killed;
        self.processes.stopped += other.processes.stopped;
        self.processes.failed += other.processes.failed;
    }

    /// Expects that much has happened: else the lives have shown nothing.
    #[track_caller]
    pub(super) fn is_eventful(&self) {
        let Counts {
            started,
            killed,
            stopped,
            failed,
        } = self.processes;
        // A third of what lives had met when this was written, at least.
        let is_eventful = started > 2 * self.lives
            && killed > self.lives / 4
            && stopped > self.lives / 5
            && failed > self.lives / 50
            && self.ranges > self.lives / 4;
        assert!(is_eventful && self.without_deletions > 0, "{self:?}");
    }
}

/// Lives one life.
pub(super) fn live(seed: u64, command: &'static str) -> Tally {
    let mut dice = Dice(seed);
    let input = Input::random(&mut dice, command);
    let memory = Memory::start();
    let began = Utc::now();
    let clean = Clean::of(&input, &memory, began);
    let world = World::on(&memory);
    let mut life = Life::begin(&input, &memory, &world, dice);
    life.split();
    if life.plans_ranges {
        life.weather("plan", 8);
        life.plan_in_order();
    }
    life.weather("apply", 24);
    life.apply_in_order();
    life.weather("finish", 5);
    let report = life.finish_in_order();
    life.come_to_rest(&report);
    if let (Some(report), false) = (&report, life.is_edited) {
        assert_eq!(counted(report), clean.counted);
        Places::of(&world, &life.dir, began).are(&clean.places);
    }
    life.a_plain_run_puts_the_rest_right(report.is_none(), began);
    Tally {
        lives: 1,
        ranges: u64::from(life.plans_ranges),
        without_deletions: u64::from(report.is_none()),
        processes: life.processes.counts,
    }
}

impl Clean {
    fn of(input: &Input, memory: &Memory, began: DateTime<Utc>) -> Self {
        let world = World::on(memory);
        let dir = world.dir("dir");
        input.fill(memory, &world, &dir);
        let run = plain(&world, &dir, input).arg("--json").done();
        Self {
            places: Places::of(&world, &dir, began),
            counted: counted(&report(&run)),
        }
    }
}

impl<'w, 's> Life<'w, 's> {
    fn begin(input: &'w Input, memory: &'s Memory, world: &'w World<'s>, mut dice: Dice) -> Self {
        let dir = world.dir("dir");
        input.fill(memory, world, &dir);
        let run = world.sandbox.path("run");
        let away = world.sandbox.path("away");
        let concurrency = dice.pick(&["1", "3", "8"]);
        let mut manner = vec!["--concurrency", concurrency, "--part-size", "5MiB"];
        if dice.once_in(2) {
            manner.push("--trust-conditional");
        }
        Self {
            memory,
            dir,
            input,
            plans_ranges: dice.once_in(2),
            shards: 1 + dice.index(6),
            manner: manner.into_iter().map(str::to_owned).collect(),
            is_edited: false,
            dice,
            diary: Diary::new(),
            processes: Processes::default(),
            hidden: Hidden::of(&run, away.clone()),
            deletions: Deletions::of(&run, &away),
            cluster: Cluster { world, run },
        }
    }

    /// Divides the plan of one machine, or the keys; a split that was killed is done again.
    fn split(&mut self) {
        let (command, world) = (self.input.direction.command, self.cluster.world);
        let plan = world.sandbox.path("plan");
        if !self.plans_ranges {
            let mock = guarded(mock(world, command, &self.dir), self.input);
            mock.arg("--plan-out").arg(&plan).done();
        }
        let (run, shards) = (self.cluster.run.clone(), self.shards);
        let divided = || match self.plans_ranges {
            true => {
                let keys = split_keys(world, command, &self.dir, &run, shards).args(IN_ORDER);
                with_deletions(keys, self.input)
            }
            false => split(world, &plan, &run, shards).args(["--max-delete", "100%"]),
        };
        if self.dice.once_in(6) {
            let killed = divided().start();
            let moment = self.dice.time_below(std::time::Duration::from_millis(150));
            std::thread::sleep(moment);
            killed.kill();
            self.diary.note("kills a split");
            let _ = std::fs::remove_dir_all(&run);
        }
        divided().done();
        self.deletions.watch(self.memory);
    }

    /// Plans what has no plan, and seals.
    fn plan_in_order(&mut self) {
        self.calm();
        for range in 0..self.cluster.plans() {
            self.now("plan", self.cluster.plan(range), &[0]);
        }
        self.now("seal", self.seal(), &[0]);
    }

    /// Executes what is not done.
    fn apply_in_order(&mut self) {
        self.calm();
        for shard in 0..self.shards {
            let ends: &[i32] = if self.is_edited { &[0, 3] } else { &[0] };
            self.now("apply", self.apply(shard), ends);
        }
    }

    /// The report of the run; none if it had to be ended as it is.
    fn finish_in_order(&mut self) -> Option<Value> {
        self.calm();
        let finish = self.cluster.finish().arg("--json");
        let ends: &[i32] = if self.is_edited { &[0, 3] } else { &[0] };
        let finished = self.now("finish", finish, ends);
        if finished.status.success() {
            return Some(report(&finished));
        }
        finished.says("--without-deletions");
        // Those that cannot look would be waited for.
        self.processes.resume_all(&mut self.diary);
        let end = self.cluster.finish().arg("--without-deletions");
        self.now("finish --without-deletions", end, &[3]);
        None
    }

    /// All that was stopped wakes and ends; the report of the run stays what it is.
    fn come_to_rest(&mut self, finished: &Option<Value>) {
        self.processes.resume_all(&mut self.diary);
        self.processes.wait(&mut self.diary);
        self.deletions.were_in_time(self.input, &self.dir);
        let ends: &[i32] = if finished.is_some() { &[0] } else { &[3] };
        let again = self.now("finish", self.cluster.finish().arg("--json"), ends);
        if let Some(finished) = finished {
            assert_eq!(counted(&report(&again)), counted(finished));
        }
        let status = self.cluster.status();
        status_is_plausible(&status);
        let state = match finished {
            Some(_) => "finished",
            None => "incomplete",
        };
        assert_eq!(status["state"], state, "{status}");
    }

    fn a_plain_run_puts_the_rest_right(&mut self, is_incomplete: bool, began: DateTime<Utc>) {
        let world = self.cluster.world;
        let plain = || plain(world, &self.dir, self.input);
        if is_incomplete || self.is_edited {
            plain().done();
            assert_same(&world.bucket.contents(), &self.dir.contents());
        }
        let before = Places::of(world, &self.dir, began);
        world.only_lists(|| plain().done());
        Places::of(world, &self.dir, began).are(&before);
        assert!(!self.dir.is_marked());
        nothing_is_left(self.memory, world, &self.dir);
    }

    /// The weather is good from now on. Those that work come to their end; what is stopped
    /// stays so, or some of it wakes.
    fn calm(&mut self) {
        self.memory.clear_faults();
        self.deletions.watch(self.memory);
        self.hidden.show(&mut self.diary);
        if self.dice.once_in(2) {
            self.processes.resume(&mut self.dice, &mut self.diary);
        }
        self.diary.note("calm");
        self.processes.reap(&mut self.diary);
    }

    /// Runs a phase and expects one of these ends.
    fn now(&mut self, what: &str, run: Run, ends: &[i32]) -> Outcome {
        let outcome = run.run();
        self.diary.note(format!("{what}: {}", told(&outcome)));
        let status = outcome.status.code();
        assert!(status.is_some_and(|it| ends.contains(&it)), "{outcome}");
        self.deletions.were_in_time(self.input, &self.dir);
        outcome
    }

    pub(super) fn apply(&self, shard: usize) -> Run {
        self.cluster.apply(shard).args(&self.manner)
    }

    pub(super) fn seal(&self) -> Run {
        self.cluster.seal().args(["--max-delete", "100%"])
    }
}

/// The plain run that the life is compared with.
fn plain(world: &World, dir: &Dir, input: &Input) -> Run {
    let command = &[input.direction.command, "--yes", "--part-size", "5MiB"];
    guarded(world.command(command, dir), input)
}

/// With deletions and the right to make them all; or without any.
fn guarded(run: Run, input: &Input) -> Run {
    if input.direction.deletes {
        run.args(["--max-delete", "100%"])
    } else {
        run.arg("--no-delete")
    }
}

fn with_deletions(run: Run, input: &Input) -> Run {
    if input.direction.deletes {
        run
    } else {
        run.arg("--no-delete")
    }
}
