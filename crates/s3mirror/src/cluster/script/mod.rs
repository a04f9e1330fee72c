//! What starts the shards of a run: a script or manifest for each scheduler, to be
//! read and submitted.

mod batch;
mod kubernetes;

use std::fmt::Write as _;
use std::num::NonZeroUsize;
use std::path::Path;

use rustix::process::{getegid, geteuid};
use sync_core::text::shell_word;

use crate::cluster::error::{ClusterError, Result};
use crate::cluster::planning::RangeRun;
use crate::cluster::run::ClusterRun;

/// A scheduler for which a script can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Script {
    /// Array jobs of Slurm, as commands of a shell.
    Slurm,
    /// Indexed Jobs of Kubernetes, as manifests.
    Kubernetes,
    /// Array jobs of AWS Batch, as a job definition and commands of a shell.
    Batch,
    /// GNU parallel on one machine, as commands of a shell.
    Parallel,
}

/// What a script is made with.
#[derive(Debug, Clone)]
pub struct ScriptOptions {
    /// Most tasks at a time; none for the usual number, or where nothing can limit them.
    pub at_once: Option<NonZeroUsize>,
    /// The program.
    pub program: String,
    /// Options of the phases, beside those that a script gives them by itself.
    pub options: PhaseOptions,
    /// How much the plans may delete, as `--max-delete` takes it.
    pub max_delete: Option<String>,
    /// The image of the container.
    pub image: String,
    /// The volume that holds the directory and the run directory: a claim of
    /// Kubernetes, a file system of EFS.
    pub volume: String,
    /// Where that volume is mounted.
    pub mount: String,
    /// The queue of AWS Batch.
    pub queue: String,
    /// Who the containers are: a service account of Kubernetes, a role of AWS by its ARN.
    pub role: Option<String>,
}

/// The options of each phase, as words. Nobody checks here that the phase takes them.
#[derive(Debug, Clone, Default)]
pub struct PhaseOptions {
    /// Of the planning of a range.
    pub plan: Vec<String>,
    /// Of the seal.
    pub seal: Vec<String>,
    /// Of the execution of a shard.
    pub apply: Vec<String>,
    /// Of the end.
    pub finish: Vec<String>,
}

/// How many tasks run at a time, if nobody says it.
const USUAL_AT_ONCE: NonZeroUsize = NonZeroUsize::MIN.saturating_add(31);

/// The parent of the state directory in a container: each user can write there, and the
/// container has it for itself.
const STATE: &str = "/tmp";

impl ClusterRun {
    /// The script that starts all shards, and the end when these are done.
    ///
    /// # Errors
    /// [`ClusterError::Finished`] or [`ClusterError::BeingEnded`], if no shard could begin;
    /// [`ClusterError::NotInVolume`], if containers would not find the directories;
    /// [`ClusterError::NoLimit`] and [`ClusterError::NotText`].
    pub fn script(&self, script: Script, options: &ScriptOptions) -> Result<String> {
        let path = || self.path().to_owned();
        if self.is_ended()? {
            return Err(ClusterError::Finished { path: path() });
        }
        if let Some(by) = self.ending()? {
            return Err(ClusterError::BeingEnded { path: path(), by });
        }
        let places = [self.path(), self.mirrored()];
        let phases = Phases::of(None, self.shards());
        Words::of(self.path(), self.id(), script, options)?.script(script, &phases, places)
    }
}

impl RangeRun {
    /// The script that starts the planning of all ranges, and the other phases after it.
    ///
    /// # Errors
    /// [`ClusterError::NotInVolume`], if containers would not find the directories;
    /// [`ClusterError::NoLimit`] and [`ClusterError::NotText`].
    pub fn script(&self, script: Script, options: &ScriptOptions) -> Result<String> {
        let places = [self.path(), self.mirrored()];
        let phases = Phases::of(Some(self.ranges().len()), self.shards());
        Words::of(self.path(), self.id(), script, options)?.script(script, &phases, places)
    }
}

/// How many tasks the phases have.
struct Phases {
    /// None if the plans are sealed.
    ranges: Option<usize>,
    shards: usize,
}

impl Phases {
    fn of(ranges: Option<usize>, shards: usize) -> Self {
        Self { ranges, shards }
    }
}

struct Words<'a> {
    options: &'a ScriptOptions,
    /// A name that no other run has.
    name: String,
    owner: Owner,
    plan: Vec<String>,
    seal: Vec<String>,
    apply: Vec<String>,
    finish: Vec<String>,
}

/// To whom the run directory belongs: this process, or it would not have been opened.
struct Owner {
    user: u32,
    group: u32,
}

impl Owner {
    fn this() -> Self {
        Self {
            user: geteuid().as_raw(),
            group: getegid().as_raw(),
        }
    }
}

impl<'a> Words<'a> {
    fn of(path: &Path, id: &str, script: Script, options: &'a ScriptOptions) -> Result<Self> {
        let text = path.to_str().ok_or_else(|| ClusterError::NotText {
            path: path.to_owned(),
        })?;
        let (program, of_phases) = (options.program.as_str(), &options.options);
        let command = |phase: &str, more: &[&str], options: &[String]| -> Vec<String> {
            let begin = [program, "cluster", phase, text];
            let begin = begin.iter().chain(more).map(|word| (*word).to_owned());
            begin.chain(options.iter().cloned()).collect()
        };
        let task = ["--shard", "auto", "--quiet"];
        let last = match script {
            // They try again what ends with status 3.
            Script::Kubernetes | Script::Batch => &["--yes", "--retried"][..],
            Script::Slurm | Script::Parallel => &["--yes"],
        };
        let mut guards = last.to_vec();
        if let Some(most) = &options.max_delete {
            guards.extend(["--max-delete", most]);
        }
        Ok(Self {
            options,
            owner: Owner::this(),
            name: format!("s3mirror-{}", id.chars().take(8).collect::<String>()),
            plan: command("plan", &task, &of_phases.plan),
            seal: command("seal", &guards, &of_phases.seal),
            apply: command("apply", &task, &of_phases.apply),
            finish: command("finish", last, &of_phases.finish),
        })
    }

    /// The script of a run with these two directories.
    fn script(&self, script: Script, phases: &Phases, places: [&Path; 2]) -> Result<String> {
        if let Script::Kubernetes | Script::Batch = script {
            self.are_in_volume(places)?;
        }
        if let (Script::Batch, Some(_)) = (script, self.options.at_once) {
            return Err(ClusterError::NoLimit);
        }
        Ok(match script {
            Script::Slurm => self.slurm(phases),
            Script::Kubernetes => self.kubernetes(phases),
            Script::Batch => self.batch(phases),
            Script::Parallel => self.parallel(phases),
        })
    }

    /// Checks that both directories are below the path at which containers have their volume.
    fn are_in_volume(&self, places: [&Path; 2]) -> Result<()> {
        let mount = Path::new(&self.options.mount);
        let mut outside = places.into_iter().filter(|path| !path.starts_with(mount));
        outside.next().map_or(Ok(()), |path| {
            Err(ClusterError::NotInVolume {
                path: path.to_owned(),
                mount: mount.to_owned(),
            })
        })
    }

    /// How many tasks run at a time.
    fn at_once(&self) -> usize {
        self.options.at_once.unwrap_or(USUAL_AT_ONCE).get()
    }

    fn slurm(&self, phases: &Phases) -> String {
        let (name, at_once) = (&self.name, self.at_once());
        let wrapped = |words| shell_word(&format!("exec {}", shell(words)));
        let mut text = String::from(
            "#!/bin/sh
# Each phase as a job, the first ones as arrays. afterany, not afterok: a task that failed
# once and succeeded when it was requeued would hold up what comes after it for good; the
# phases themselves check that all before them is done.
set -eu
",
        );
        let mut after = String::new();
        if let Some(ranges) = phases.ranges {
            let (plan, seal) = (wrapped(&self.plan), wrapped(&self.seal));
            let last = last(ranges);
            let _ = write!(
                text,
                "ranges=$(sbatch --parsable --job-name={name}-plan --array=0-{last}%{at_once} --requeue \\
  --wrap {plan})
seal=$(sbatch --parsable --job-name={name}-seal --dependency=afterany:\"$ranges\" \\
  --wrap {seal})
"
            );
            // Without plans that may be executed, the shards are cancelled.
            after.push_str(" --dependency=afterok:\"$seal\" --kill-on-invalid-dep=yes");
        }
        let (apply, finish) = (wrapped(&self.apply), wrapped(&self.finish));
        let last = last(phases.shards);
        let _ = write!(
            text,
            "shards=$(sbatch --parsable --job-name={name} --array=0-{last}%{at_once} --requeue{after} \\
  --wrap {apply})
sbatch --job-name={name}-end --dependency=afterany:\"$shards\" \\
  --wrap {finish}
"
        );
        text
    }

    fn parallel(&self, phases: &Phases) -> String {
        let at_once = self.at_once();
        let all = |tasks: usize, words: &[String]| {
            let (last, words) = (last(tasks), shell(&numbered(words, SHARD)));
            // It gives its words to a shell once more, and puts numbers in the place of "{}".
            format!(
                "seq 0 {last} | parallel --quote -I {SHARD} --jobs {at_once} --retries 2 \\\n  \
                 --halt never {words} || :\n"
            )
        };
        let mut text = String::from(
            "#!/bin/sh
# So many at a time, each tried twice; what comes after them checks that all are done.
",
        );
        if let Some(ranges) = phases.ranges {
            text += &all(ranges, &self.plan);
            let _ = writeln!(text, "{} || exit", shell(&self.seal));
        }
        text += &all(phases.shards, &self.apply);
        let _ = writeln!(text, "exec {}", shell(&self.finish));
        text
    }
}

/// What GNU parallel replaces by the number of a task.
const SHARD: &str = "@shard@";

/// The number of the last of so many tasks.
fn last(tasks: usize) -> usize {
    tasks.saturating_sub(1)
}

/// A command for the task of that number.
fn numbered(words: &[String], number: &str) -> Vec<String> {
    let mut words = words.to_vec();
    // Options that follow may have the same value.
    if let Some(word) = words.iter_mut().find(|word| *word == "auto") {
        number.clone_into(word);
    }
    words
}

/// Words as a shell reads them.
fn shell(words: &[String]) -> String {
    let words: Vec<_> = words.iter().map(|word| shell_word(word)).collect();
    words.join(" ")
}
