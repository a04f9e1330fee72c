//! What a run lacks before it can be finished.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use sync_core::{checksum::Crc64Hasher, text::printable};

use super::directory::cannot_read;
use super::error::{ClusterError, Result};
use super::failure::FailedFile;
use super::files::{Done, DoneFile, plan_name};
use super::life::Life;
use super::run::ClusterRun;
use super::shard::{Running, Shard, ShardState, Task as _};
use crate::mirror::Report;

/// Why a run cannot be finished now.
#[derive(Debug, Clone, PartialEq)]
pub struct Missing {
    /// The shard that lacks something; none if it is the plan.
    pub shard: Option<usize>,
    /// What completes it.
    pub remedy: Remedy,
    what: String,
    /// What the shard has done all the same, as far as that is known.
    pub(super) done: Box<Done>,
    /// Entries of it that failed.
    pub(super) failed: u64,
}

/// What completes a run that lacks something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remedy {
    /// Another attempt at the shard.
    Apply,
    /// The same, once the file is removed that does not say that the shard is done.
    RemoveAndApply,
    /// To wait for the attempt at the shard, whose process is there.
    Wait,
    /// To wait for the attempt at the shard, if that is at work: its last heartbeat is
    /// recent, by the clock of its machine.
    WaitOrApply,
    /// Nothing: entries are no longer what was planned, so that another attempt at the shard
    /// would fail in the same way.
    Outdated,
    /// Another attempt at the shard on another machine, if that has what was not found, which
    /// this one lacks too; nothing, if it was removed.
    Elsewhere,
    /// To put the plan back as it was.
    Plan,
    /// Nothing: somebody ends the run without its deletions.
    Declined,
}

/// A run that cannot be finished now.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Unfinished {
    /// Why.
    pub missing: Vec<Missing>,
    /// What was done so far, as one process would report it that did not come further: by the
    /// shards that are done, by the attempts of the others as far as these have said so, and at
    /// the end.
    pub report: Report,
}

impl ClusterRun {
    /// The plans that are not those which were sealed.
    pub(super) fn edited_plans(&self) -> Vec<Missing> {
        let mut edited = Vec::new();
        for (number, sum) in self.sealed.plans.iter().enumerate() {
            let name = plan_name(number);
            let path = self.directory.join(&name);
            let what = match sum_of(&path) {
                Ok(found) if found == (sum.bytes, sum.crc64.clone()) => continue,
                Ok(_) => format!("'{name}' is not the plan that was split; it was cut or edited"),
                Err(error) => cannot_read(&path, error).to_string(),
            };
            edited.push(Missing {
                remedy: Remedy::Plan,
                ..Missing::new(None, what)
            });
        }
        edited
    }

    /// What a shard has done, by all of its attempts; or why it counts as not done.
    pub(super) fn done(&self, shard: Shard) -> Result<Done, Missing> {
        let missing = |what| Missing::new(Some(shard.0), what);
        let state = self.state(shard).map_err(|error| Missing {
            remedy: match error {
                ClusterError::NotDone { .. } => Remedy::RemoveAndApply,
                _ => Remedy::Apply,
            },
            ..missing(why_unknown(&error))
        });
        match state? {
            ShardState::Done(done) => Ok(self.by_all_attempts(shard, done.by.attempt, done.report)),
            ShardState::Waiting => Err(missing("it has not been started".to_owned())),
            ShardState::Running(running) => Err(Self::not_ended(shard, &running)),
            ShardState::Failed(failed) => {
                let (place, mut why) = (failed.by.place(), failed.told());
                let hosts = shard.absent_on(&self.directory);
                if failed.is_absent() {
                    why += &format!(" (not found on {})", printable(&hosts.join(", ")));
                }
                Err(Missing {
                    remedy: if failed.is_outdated() {
                        Remedy::Outdated
                    } else if self.is_absent_here(&failed) {
                        Remedy::Elsewhere
                    } else {
                        Remedy::Apply
                    },
                    failed: failed.entries.saturating_sub(failed.not_written),
                    done: Box::new(self.by_all_attempts(shard, failed.by.attempt, failed.report)),
                    ..missing(format!("it failed on {place}: {why}"))
                })
            }
        }
    }

    /// Whether an attempt that failed would fail in the same way on this machine, because it
    /// lacks what was not found.
    pub(super) fn is_absent_here(&self, failed: &FailedFile) -> bool {
        failed.is_absent() && failed.is_absent_from(self.mirrored())
    }

    /// A shard whose last attempt has not ended.
    fn not_ended(shard: Shard, running: &Running) -> Missing {
        let by = &running.began.by;
        let shown = || format!("its last heartbeat was {} s ago", running.quiet.as_secs());
        let (remedy, lives) = match running.life {
            Life::AtWork => (Remedy::Wait, "is at work".to_owned()),
            Life::Dead => (Remedy::Apply, "is dead".to_owned()),
            Life::Recent => (Remedy::WaitOrApply, shown()),
            Life::Silent => (Remedy::Apply, shown()),
        };
        let mut what = format!(
            "it has not ended; its last attempt began {}, and {lives}",
            by.beginning()
        );
        let mut missing = Missing::new(Some(shard.0), String::new());
        if let Some(failed) = &running.failed {
            let place = failed.by.place();
            what += &format!("; the one before it failed on {place}: {}", failed.told());
        }
        (missing.what, missing.remedy) = (what, remedy);
        missing
    }
}

impl ClusterRun {
    /// What is known of a shard.
    pub(super) fn state(&self, shard: Shard) -> Result<ShardState> {
        match self.look(shard)? {
            state if state.is_dead() => self.look(shard),
            state => Ok(state),
        }
    }

    fn look(&self, shard: Shard) -> Result<ShardState> {
        match self.done_file(shard)? {
            Some(done) => Ok(ShardState::Done(Box::new(done))),
            None => shard.attempts(&self.directory),
        }
    }

    /// What an attempt has said that did all of a shard, if one did.
    pub(super) fn done_file(&self, shard: Shard) -> Result<Option<DoneFile>> {
        let name = shard.done();
        let wrong = |why| ClusterError::NotDone {
            path: self.directory.join(&name),
            why,
        };
        let done = match self.directory.read::<DoneFile>(&name) {
            Ok(done) => done.map(|done| done.value),
            Err(ClusterError::Foreign { why, .. }) => return Err(wrong(why)),
            Err(error) => return Err(error),
        };
        match done {
            Some(done)
                if done.by.run != self.run.id
                    || done.by.shard != shard.0
                    || done.sealed != self.seal =>
            {
                Err(wrong("it is of another run, shard or plan".to_owned()))
            }
            done => Ok(done),
        }
    }

    /// What a shard has done, if `last` is what its attempt of that number says. That one had
    /// predecessors, also where their files are not seen.
    fn by_all_attempts(&self, shard: Shard, number: u32, last: Done) -> Done {
        if number > 1 || shard.last_attempt(&self.directory) > 1 {
            last.with_others()
        } else {
            last
        }
    }
}

impl Missing {
    /// The will to delete: somebody at `place` ends the run without its deletions.
    pub(super) fn declined(place: &str) -> Self {
        let what = format!("the run is being ended without its deletions, by {place}");
        Self {
            remedy: Remedy::Declined,
            ..Self::new(None, what)
        }
    }

    fn new(shard: Option<usize>, what: String) -> Self {
        Self {
            shard,
            remedy: Remedy::Apply,
            what,
            done: Box::default(),
            failed: 0,
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.shard {
            Some(shard) => write!(f, "shard {shard} is not done: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

/// Why is not known how far a shard is, and what to do about it.
pub(super) fn why_unknown(error: &ClusterError) -> String {
    match error {
        ClusterError::NotDone { .. } => {
            format!("{error}; remove that file, and the shard is executed again")
        }
        error => error.to_string(),
    }
}

/// Bytes and sum of a file.
fn sum_of(path: &Path) -> io::Result<(u64, String)> {
    let mut file = File::open(path)?;
    let mut sum = Crc64Hasher::default();
    let mut buffer = vec![0; 256 << 10];
    let mut bytes = 0;
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok((bytes, sum.finish().to_string())),
            read => {
                sum.update(&buffer[..read]);
                bytes += read as u64;
            }
        }
    }
}
