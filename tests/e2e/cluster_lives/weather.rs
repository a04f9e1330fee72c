//! What happens to the processes of a run: they are started twice, too early and too late,
//! killed, stopped and continued, and neither the server nor the file system is to be relied on.

use std::{thread, time::Duration};

use s3_endpoint::{Action, Fault};

use super::{judge::status_is_plausible, life::Life};
use crate::support::run::Run;

/// So many processes at once.
const MOST: usize = 6;

/// Requests that something may happen to.
const OPERATIONS: [&str; 9] = [
    "ListObjectsV2",
    "GetObject",
    "PutObject",
    "CreateMultipartUpload",
    "UploadPart",
    "CompleteMultipartUpload",
    "AbortMultipartUpload",
    "DeleteObjects",
    "HeadObject",
];

impl Life<'_, '_> {
    /// At least a quarter of so many steps while `phase` is due.
    pub(super) fn weather(&mut self, phase: &'static str, most: u64) {
        self.diary.note(format!("weather of {phase}"));
        if self.dice.once_in(2) {
            let late = Action::Stall(self.dice.time_below(Duration::from_millis(40)));
            self.memory.inject(Fault::any().always().act(late));
        }
        if phase == "apply" && self.dice.once_in(2) {
            self.hold_parts();
        }
        for _ in 0..most / 4 + self.dice.below(most) {
            self.step(phase);
            self.processes.reap(&mut self.diary);
            self.deletions.were_in_time(self.input, &self.dir);
        }
    }

    /// Transfers of several parts take so long that they are often met midway.
    fn hold_parts(&mut self) {
        let hold = Action::Stall(Duration::from_millis(300 + self.dice.below(600)));
        let operation = match self.input.direction.command {
            "backup" => Fault::on("UploadPart"),
            _ => Fault::on("GetObject").key_ending("/film"),
        };
        let nth = 2 + self.dice.below(2);
        self.memory.inject(operation.nth(nth).times(4).act(hold));
        self.diary.note("holds parts");
    }

    fn step(&mut self, phase: &'static str) {
        match self.dice.below(30) {
            0..9 => self.start(phase),
            9..11 => self.start_twins(phase),
            11 => self.start_another_phase(),
            12..15 => self.processes.kill(&mut self.dice, &mut self.diary),
            15 => self.processes.terminate(&mut self.dice, &mut self.diary),
            16..19 => self.processes.stop(&mut self.dice, &mut self.diary),
            19 => self.processes.resume(&mut self.dice, &mut self.diary),
            20..23 => self.inject(),
            23 => {
                let (dice, diary) = (&mut self.dice, &mut self.diary);
                self.hidden.hide(&self.processes, dice, diary);
            }
            24 => self.hidden.show(&mut self.diary),
            25 => self.look(),
            26 if phase == "apply" => self.edit(),
            _ => self.pause(),
        }
    }

    fn start(&mut self, phase: &'static str) {
        let (what, run) = self.phase(phase);
        self.begin_process(phase, &what, run);
    }

    /// The same twice, at once.
    fn start_twins(&mut self, phase: &'static str) {
        let one = if phase == "plan" {
            self.cluster.plans()
        } else {
            self.shards
        };
        let number = self.dice.index(one);
        for _ in 0..2 {
            let (what, run) = self.numbered(phase, number);
            self.begin_process(phase, &what, run);
        }
    }

    /// Too early, or for nothing.
    fn start_another_phase(&mut self) {
        let phase = match self.plans_ranges {
            true => self.dice.pick(&["plan", "seal", "apply", "finish"]),
            false => self.dice.pick(&["apply", "finish"]),
        };
        self.start(phase);
    }

    fn begin_process(&mut self, phase: &'static str, what: &str, run: Run) {
        if self.processes.len() < MOST {
            if phase != "seal" {
                // No two may take one number, and what counts as done by the run depends on
                // how many have begun.
                self.hidden.show(&mut self.diary);
            }
            self.processes.start(phase, what, run, &mut self.diary);
            if self.dice.once_in(2) {
                self.pause();
            }
        }
    }

    /// A phase for one shard or range, or for all that are left.
    fn phase(&mut self, phase: &'static str) -> (String, Run) {
        if matches!(phase, "plan" | "apply") && self.dice.once_in(5) {
            let run = self.cluster.phase(phase);
            return match phase {
                "apply" => (String::new(), run.args(&self.manner)),
                _ => (String::new(), run),
            };
        }
        let all = if phase == "plan" {
            self.cluster.plans()
        } else {
            self.shards
        };
        let number = self.dice.index(all);
        self.numbered(phase, number)
    }

    fn numbered(&self, phase: &'static str, number: usize) -> (String, Run) {
        let what = format!(" --shard {number}");
        match phase {
            "plan" => (what, self.cluster.plan(number)),
            "apply" => (what, self.apply(number)),
            "seal" => (String::new(), self.seal()),
            _ => (String::new(), self.cluster.finish()),
        }
    }

    /// Something goes wrong with some of the next requests.
    fn inject(&mut self) {
        let action = match self.dice.below(6) {
            0 => Action::error(503, "SlowDown"),
            1 => Action::error(500, "InternalError"),
            2 => Action::Reset,
            3 => Action::CutBodyAfter(self.dice.below(200)),
            4 => Action::Stall(self.dice.time_below(Duration::from_millis(400))),
            _ => Action::LoseAnswer,
        };
        let operation = self.dice.pick(&OPERATIONS);
        let (nth, times) = (1 + self.dice.below(8), 1 + self.dice.below(3));
        let what = format!("{action:?} of {operation}, {times} from {nth}");
        self.diary.note(what);
        let fault = Fault::on(operation).nth(nth).times(times);
        self.memory.inject(fault.act(action));
    }

    /// Whatever happens, the status can be asked for, unless a file of it is moved just then.
    fn look(&mut self) {
        let status = self.cluster.status();
        status_is_plausible(&status);
        let state = &status["state"];
        self.diary.note(format!("the state is {state}"));
    }

    /// Somebody changes what was planned, in few lives.
    fn edit(&mut self) {
        if !self.input.direction.deletes || !self.dice.once_in(3) {
            return self.pause();
        }
        let (copied, surplus) = (self.input.copied(), self.input.surplus());
        let keys = if self.dice.once_in(3) && !surplus.is_empty() {
            surplus
        } else {
            copied
        };
        let key = keys[self.dice.index(keys.len())];
        self.diary.note(format!("edits the source of {key}"));
        self.is_edited = true;
        match self.input.direction.command {
            "backup" => self.dir.write_now(key, "edited meanwhile"),
            _ => self.cluster.world.bucket.put(key, "edited meanwhile"),
        }
    }

    fn pause(&mut self) {
        let most = self.dice.pick(&[10, 60, 250]);
        thread::sleep(self.dice.time_below(Duration::from_millis(most)));
    }
}
