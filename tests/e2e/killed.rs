//! SIGKILL at random moments (case 20): what has its final name is whole, the
//! next run converges and leaves nothing behind, the one after has nothing to
//! do.
//!
//! First in the middle of a large copy, which is held there; then a seed says
//! when: after so many requests and some time, or after some time alone. Even
//! seeds kill a backup, odd ones a restore. `KILL_SEEDS` is how many are tried,
//! `KILL_SEED` the first; a seed that fails prints itself:
//!
//! ```text
//! KILL_SEED=17 KILL_SEEDS=1 cargo test --workspace --test e2e killed
//! ```

mod scene;

use std::{sync::mpsc, thread, time::Duration};

use s3_endpoint::{Action, Fault};

use crate::support::{
    Content, Memory, World, assert_same,
    dice::{Dice, number},
    run::Run,
};
use scene::{Contents, Scene, is_temporary, new, nothing_is_torn, old, version};

/// How many seeds are tried by default: some ten seconds.
const SEEDS: u64 = 8;

/// How many further seeds are tried at most, as long as none has struck midway.
const MORE: u64 = 16;

#[test]
fn a_backup_that_is_killed_leaves_nothing_torn_and_the_next_one_converges() {
    for_each_seed(0, &Killed::BACKUP);
}

#[test]
fn a_restore_that_is_killed_leaves_nothing_torn_and_the_next_one_converges() {
    for_each_seed(1, &Killed::RESTORE);
}

fn for_each_seed(rest: u64, killed: &Killed) {
    let first = number("KILL_SEED").unwrap_or(0);
    let seeds = first..first + number("KILL_SEEDS").unwrap_or(SEEDS);
    let seeds: Vec<_> = seeds.filter(|seed| seed % 2 == rest).collect();
    if seeds.is_empty() {
        return;
    }
    let held = killed.at(|scene| killed.kill_in_a_large_copy(scene));
    held.is_midway(killed.command);
    let whole = killed.measured();
    let mut tally = Tally::default();
    for &seed in &seeds {
        let _named = Named(seed);
        tally.add(killed.at(|scene| killed.kill(scene, &mut Dice(seed), &whole)));
    }
    // One seed alone may strike before anything is done. Where the machine is so busy
    // that all do, further ones are tried.
    if seeds.len() as u64 >= SEEDS / 2 {
        let last = seeds.last().copied().unwrap_or_default();
        let further = (1..=MORE).map(|n| last + 2 * n);
        for seed in further {
            if tally.has_met_midway(killed.command) {
                break;
            }
            let _named = Named(seed);
            tally.add(killed.at(|scene| killed.kill(scene, &mut Dice(seed), &whole)));
        }
        tally.is_midway(killed.command);
    }
    println!("{}: {tally:?}", killed.command);
}

/// Names the seed when it fails.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("replay it with KILL_SEED={} KILL_SEEDS=1", self.0);
        }
    }
}

/// What a run takes that nobody kills.
struct Whole {
    time: Duration,
    requests: u64,
}

/// What came of the seeds, for whoever wants to know what they met.
#[derive(Debug, Default)]
struct Tally {
    seeds: u64,
    /// Those that ended before they were killed.
    ended: u64,
    /// Those with some entries in their new version and some in the old.
    midway: u64,
    left_temporaries: u64,
    left_uploads: u64,
    /// Uploads that were begun though the client never heard so.
    unheard: u64,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.seeds += other.seeds;
        self.ended += other.ended;
        self.midway += other.midway;
        self.left_temporaries += other.left_temporaries;
        self.left_uploads += other.left_uploads;
        self.unheard += other.unheard;
    }

    /// Expects that something was killed when some of it was done and something
    /// was begun: else the tests here have shown nothing.
    #[track_caller]
    fn is_midway(&self, command: &str) {
        let is_midway = self.has_met_midway(command);
        assert!(is_midway, "no {command} was killed midway: {self:?}");
    }

    fn has_met_midway(&self, command: &str) -> bool {
        let begun = match command {
            "backup" => self.left_uploads,
            _ => self.left_temporaries,
        };
        self.ended < self.seeds && self.midway > 0 && begun > 0
    }
}

/// Each answer comes so late that most of a run's time is between its first copy and
/// its last one: else most moments would be before or after.
fn late() -> Fault {
    let late = Action::Stall(Duration::from_millis(20));
    Fault::any().always().act(late)
}

/// A direction, and how its target is looked at.
struct Killed {
    command: &'static str,
    contents: fn(&Scene) -> Contents,
}

impl Killed {
    const BACKUP: Self = Self {
        command: "backup",
        contents: |scene| scene.world.bucket.contents(),
    };
    const RESTORE: Self = Self {
        command: "restore",
        contents: |scene| {
            let mut files = scene.dir.contents();
            files.retain(|name, _| !is_temporary(name));
            files
        },
    };

    fn scene<'m>(&self, memory: &'m Memory) -> Scene<'m> {
        let world = World::on(memory);
        let dir = world.dir("dir");
        let (files, objects) = match self.command {
            "backup" => (new(), old()),
            _ => (old(), new()),
        };
        for (name, content) in files {
            dir.write(name, content.0);
        }
        for (key, content) in objects {
            world.bucket.put(&key, content.0);
        }
        Scene { memory, world, dir }
    }

    /// With few requests at once, so that it takes a while until the last.
    fn run(&self, scene: &Scene) -> Run {
        let run = scene.world.command(&[self.command], &scene.dir);
        run.args(["--yes", "--part-size", "5MiB", "--concurrency", "6"])
    }

    /// The fastest of three.
    fn measured(&self) -> Whole {
        let run = || {
            let memory = Memory::start();
            let scene = self.scene(&memory);
            memory.inject(late());
            let time = self.run(&scene).done().took;
            assert_same(&(self.contents)(&scene), &new());
            let requests = memory.log().len().try_into().unwrap();
            Whole { time, requests }
        };
        let runs: [_; 3] = std::array::from_fn(|_| run());
        runs.into_iter().min_by_key(|whole| whole.time).unwrap()
    }

    /// Kills one, looks at what it left, and lets the next two do their work.
    fn at(&self, kill: impl FnOnce(&Scene) -> bool) -> Tally {
        let memory = Memory::start();
        let scene = self.scene(&memory);
        let mut tally = Tally {
            seeds: 1,
            ended: u64::from(!kill(&scene)),
            ..Tally::default()
        };

        let left = (self.contents)(&scene);
        nothing_is_torn(&left);
        let is_new = |(key, content): (&String, &Content)| *content == version(key, "new");
        let written = left.iter().filter(|entry| is_new(*entry)).count();
        tally.midway += u64::from(0 < written && written < new().len());
        tally.left_temporaries += u64::from(!scene.temporaries().is_empty());
        tally.left_uploads += u64::from(!scene.uploads().is_empty());

        self.run(&scene).done();
        assert_same(&(self.contents)(&scene), &new());
        assert_eq!(scene.temporaries(), [""; 0]);
        assert_eq!(scene.state(), [""; 0]);
        let unheard = scene.unheard();
        assert_eq!(scene.uploads(), unheard);
        tally.unheard += u64::from(!unheard.is_empty());

        let before = (scene.world.bucket.objects(), scene.dir.snapshot());
        scene.world.only_lists(|| self.run(&scene).done());
        assert_same(&scene.world.bucket.objects(), &before.0);
        assert_same(&scene.dir.snapshot(), &before.1);
        tally
    }

    /// Kills it while the second part of a large entry is held up.
    fn kill_in_a_large_copy(&self, scene: &Scene) -> bool {
        let operation = match self.command {
            "backup" => "UploadPart",
            _ => "GetObject",
        };
        let hold = Action::Stall(Duration::from_secs(1000));
        let second = Fault::on(operation).key("film").nth(2);
        let hits = scene.memory.inject(second.always().act(hold));
        let running = self.run(scene).start();
        running.wait_until(scene.memory, "a second part", || hits.count() > 0);
        let killed = running.kill();
        scene.memory.clear_faults();
        killed
    }

    /// Kills it at a moment of the dice; whether it was still running.
    fn kill(&self, scene: &Scene, dice: &mut Dice, whole: &Whole) -> bool {
        scene.memory.inject(late());
        if dice.below(2) == 0 {
            let moment = dice.time_below(whole.time);
            let running = self.run(scene).start();
            thread::sleep(moment);
            let killed = running.kill();
            scene.memory.clear_faults();
            return killed;
        }
        let nth = 1 + dice.below(whole.requests);
        // About what a few requests take.
        let more = dice.time_below(whole.time / 8);
        let (sender, arrived) = mpsc::channel();
        let tell = Action::run(move |_| {
            // Nobody may be waiting any more.
            let _ = sender.send(());
        });
        scene.memory.inject(Fault::any().nth(nth).act(tell));
        let running = self.run(scene).start();
        // Requests may be fewer, as after a change that saves one.
        let _ = arrived.recv_timeout(whole.time * 3);
        thread::sleep(more);
        let killed = running.kill();
        scene.memory.clear_faults();
        killed
    }
}
