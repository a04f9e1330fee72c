//! The processes of a life: each is started, perhaps stopped, continued or killed, and in the
//! end judged by its exit status.

use std::{fs, path::Path};

use serde_json::Value;

use super::{diary::Diary, hidden::files_below};
use crate::support::{
    Outcome,
    dice::Dice,
    run::{Run, Running},
};

/// Those that have started and whose end nobody has seen.
#[derive(Default)]
pub(super) struct Processes {
    at_work: Vec<Process>,
    pub(super) counts: Counts,
}

/// What has befallen processes.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) started: u64,
    pub(super) killed: u64,
    pub(super) stopped: u64,
    /// Those that ended with a status that is to be tried again.
    pub(super) failed: u64,
}

/// One of them.
struct Process {
    running: Running,
    phase: &'static str,
    /// What it is called in the diary.
    name: String,
    /// Whether SIGSTOP holds it.
    is_stopped: bool,
    /// Whether it was sent SIGTERM.
    is_terminated: bool,
}

impl Processes {
    pub(super) fn start(&mut self, phase: &'static str, what: &str, run: Run, diary: &mut Diary) {
        let running = run.start();
        let name = format!("{phase}{what} ({})", running.id());
        diary.note(format!("starts {name}"));
        self.counts.started += 1;
        self.at_work.push(Process {
            running,
            phase,
            name,
            is_stopped: false,
            is_terminated: false,
        });
    }

    pub(super) fn len(&self) -> usize {
        self.at_work.len()
    }

    /// Whether each attempt of them has said in `run` that it has begun, so that it takes no
    /// number of an attempt any more, and nobody counts them.
    pub(super) fn have_begun(&self, run: &Path) -> bool {
        let files = files_below(run).into_iter();
        let began = files.filter(|name| name.contains("/began."));
        let texts: Vec<_> = began.flat_map(|name| fs::read(run.join(name))).collect();
        let files = texts.iter().flat_map(|text| serde_json::from_slice(text));
        let begun: Vec<_> = files.map(|file: Value| file["process"].as_u64()).collect();
        let attempts = self.at_work.iter();
        let mut attempts = attempts.filter(|process| process.phase != "seal");
        attempts.all(|attempt| {
            // Without a number it takes one shard after the other, or counts what all have done.
            attempt.name.contains("--shard") && begun.contains(&Some(attempt.running.id().into()))
        })
    }

    /// Judges those that have ended.
    pub(super) fn reap(&mut self, diary: &mut Diary) {
        for mut process in std::mem::take(&mut self.at_work) {
            if process.running.has_ended() {
                self.counts.failed += u64::from(!process.end(diary));
            } else {
                self.at_work.push(process);
            }
        }
    }

    pub(super) fn kill(&mut self, dice: &mut Dice, diary: &mut Diary) {
        if let Some(index) = self.any(dice, |_| true) {
            let process = self.at_work.remove(index);
            let was_killed = process.running.kill();
            self.counts.killed += u64::from(was_killed);
            let how = if was_killed {
                "kills"
            } else {
                "comes too late to kill"
            };
            diary.note(format!("{how} {}", process.name));
        }
    }

    pub(super) fn terminate(&mut self, dice: &mut Dice, diary: &mut Diary) {
        if let Some(index) = self.any(dice, |process| !process.is_stopped) {
            let process = &mut self.at_work[index];
            process.running.signal("TERM");
            process.is_terminated = true;
            diary.note(format!("terminates {}", process.name));
        }
    }

    pub(super) fn stop(&mut self, dice: &mut Dice, diary: &mut Diary) {
        if let Some(index) = self.any(dice, |process| !process.is_stopped) {
            let process = &mut self.at_work[index];
            process.running.signal("STOP");
            self.counts.stopped += 1;
            process.is_stopped = true;
            diary.note(format!("stops {}", process.name));
        }
    }

    pub(super) fn resume(&mut self, dice: &mut Dice, diary: &mut Diary) {
        if let Some(index) = self.any(dice, |process| process.is_stopped) {
            self.at_work[index].resume(diary);
        }
    }

    pub(super) fn resume_all(&mut self, diary: &mut Diary) {
        let stopped = self.at_work.iter_mut().filter(|process| process.is_stopped);
        stopped.for_each(|process| process.resume(diary));
    }

    /// Waits for the end of all that nobody has stopped.
    pub(super) fn wait(&mut self, diary: &mut Diary) {
        for process in std::mem::take(&mut self.at_work) {
            if process.is_stopped {
                self.at_work.push(process);
            } else {
                self.counts.failed += u64::from(!process.end(diary));
            }
        }
    }

    fn any(&self, dice: &mut Dice, is_one: impl Fn(&Process) -> bool) -> Option<usize> {
        let all = self.at_work.iter().enumerate();
        let ones: Vec<_> = all.filter(|(_, process)| is_one(process)).collect();
        let ones: Vec<_> = ones.into_iter().map(|(index, _)| index).collect();
        (!ones.is_empty()).then(|| ones[dice.index(ones.len())])
    }
}

impl Process {
    fn resume(&mut self, diary: &mut Diary) {
        self.running.signal("CONT");
        self.is_stopped = false;
        diary.note(format!("continues {}", self.name));
    }

    /// Waits for its end, which must be one of those that its phase may have in bad weather;
    /// whether it was a good one.
    fn end(self, diary: &mut Diary) -> bool {
        let outcome = self.running.end();
        let status = outcome.status.code();
        diary.note(format!("{} ends: {}", self.name, told(&outcome)));
        let is_plausible = match status {
            // A signal that came before it was listened to, or to a phase that changes nothing.
            None | Some(143) => self.is_terminated,
            Some(0 | 3) => true,
            // Before anything was changed.
            Some(1) => self.phase != "status",
            _ => false,
        };
        assert!(is_plausible, "the end of {} {outcome}", self.phase);
        status == Some(0)
    }
}

/// An end in one line.
pub(super) fn told(outcome: &Outcome) -> String {
    let said = outcome.stderr.trim_end().lines().last();
    let said = said.unwrap_or_default();
    format!("{} {said}", outcome.status)
}
