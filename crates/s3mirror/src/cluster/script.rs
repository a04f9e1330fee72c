//! What starts the shards of a run: a script or manifest for each scheduler, to be
//! read and submitted.

use std::fmt::Write as _;
use std::path::Path;

use sync_core::text::shell_word;

use super::error::{ClusterError, Result};
use super::planning::RangeRun;
use super::run::ClusterRun;

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
    /// Most shards at a time.
    pub at_once: usize,
    /// The program.
    pub program: String,
    /// Options of each phase, as words.
    pub options: Vec<String>,
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
}

impl ClusterRun {
    /// The script that starts all shards, and the end when these are done.
    ///
    /// # Errors
    /// [`ClusterError::NotInVolume`], if containers would not find the directories.
    pub fn script(&self, script: Script, options: &ScriptOptions) -> Result<String> {
        let places = [self.path(), self.mirrored()];
        let phases = Phases::of(None, self.shards());
        Words::of(self.path(), self.id(), options).script(script, &phases, places)
    }
}

impl RangeRun {
    /// The script that starts the planning of all ranges, and the other phases after it.
    ///
    /// # Errors
    /// [`ClusterError::NotInVolume`], if containers would not find the directories.
    pub fn script(&self, script: Script, options: &ScriptOptions) -> Result<String> {
        let places = [self.path(), self.mirrored()];
        let phases = Phases::of(Some(self.ranges().len()), self.shards());
        Words::of(self.path(), self.id(), options).script(script, &phases, places)
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
    plan: Vec<String>,
    seal: Vec<String>,
    apply: Vec<String>,
    finish: Vec<String>,
}

impl<'a> Words<'a> {
    fn of(path: &Path, id: &str, options: &'a ScriptOptions) -> Self {
        let path = path.to_string_lossy().into_owned();
        let command = |phase: &str, more: &[&str]| -> Vec<String> {
            let begin = [options.program.as_str(), "cluster", phase, &path];
            let begin = begin.iter().chain(more).map(|word| (*word).to_owned());
            begin.chain(options.options.iter().cloned()).collect()
        };
        let mut guards = vec!["--yes"];
        if let Some(most) = &options.max_delete {
            guards.extend(["--max-delete", most]);
        }
        Self {
            options,
            name: format!("s3mirror-{}", id.chars().take(8).collect::<String>()),
            plan: command("plan", &["--shard", "auto", "--quiet"]),
            seal: command("seal", &guards),
            apply: command("apply", &["--shard", "auto", "--quiet"]),
            finish: command("finish", &["--yes"]),
        }
    }

    /// The script of a run with these two directories.
    fn script(&self, script: Script, phases: &Phases, places: [&Path; 2]) -> Result<String> {
        if let Script::Kubernetes | Script::Batch = script {
            self.are_in_volume(places)?;
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

    fn slurm(&self, phases: &Phases) -> String {
        let (name, at_once) = (&self.name, self.options.at_once);
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
        let at_once = self.options.at_once;
        let all = |tasks: usize, words: &[String]| {
            let (last, words) = (last(tasks), shell(&numbered(words, "{}")));
            format!(
                "seq 0 {last} | parallel --jobs {at_once} --retries 2 --halt never {words} || :\n"
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

    fn batch_definition(&self) -> serde_json::Value {
        let options = self.options;
        serde_json::json!({
            "jobDefinitionName": self.name,
            "type": "container",
            // Wrong usage and a refusal would end the same way again.
            "retryStrategy": {
                "attempts": 3,
                "evaluateOnExit": [
                    { "onExitCode": "2", "action": "EXIT" },
                    { "onExitCode": "4", "action": "EXIT" },
                ],
            },
            "containerProperties": {
                "image": options.image,
                "command": self.apply,
                "resourceRequirements": [
                    { "type": "VCPU", "value": "1" },
                    { "type": "MEMORY", "value": "512" },
                ],
                "volumes": [{
                    "name": "data",
                    "efsVolumeConfiguration": {
                        "fileSystemId": options.volume,
                        "transitEncryption": "ENABLED",
                    },
                }],
                "mountPoints": [{ "sourceVolume": "data", "containerPath": options.mount }],
            },
        })
    }

    fn batch(&self, phases: &Phases) -> String {
        let command = |words: &[String]| {
            let overrides = serde_json::json!({ "command": words }).to_string();
            format!("--container-overrides {}", shell_word(&overrides))
        };
        // An array has at least two tasks.
        let array = |tasks: usize, words: &[String]| match tasks {
            0 | 1 => command(&numbered(words, "0")),
            _ => format!("{} --array-properties size={tasks}", command(words)),
        };
        let (name, queue) = (&self.name, shell_word(&self.options.queue));
        let definition = shell_word(&self.batch_definition().to_string());
        let mut text = format!(
            "#!/bin/sh
# Each phase when the one before it has ended, in whatever way: a dependency of AWS Batch
# needs success, so this waits by itself. The phases check that all before them is done.
set -eu
submit() {{
  what=$1; shift
  aws batch submit-job --job-name \"{name}$what\" --job-queue {queue} --job-definition {name} \\
    --query jobId --output text \"$@\"
}}
ended() {{
  while :; do
    status=$(aws batch describe-jobs --jobs \"$1\" --query 'jobs[0].status' --output text)
    case $status in
      SUCCEEDED | FAILED) return ;;
      '' | None) echo \"the job $1 is not known any more\" >&2; exit 1 ;;
    esac
    sleep 30
  done
}}
aws batch register-job-definition --cli-input-json {definition}
"
        );
        if let Some(ranges) = phases.ranges {
            let _ = write!(
                text,
                "job=$(submit -plan {})
ended \"$job\"
job=$(submit -seal {})
ended \"$job\"
[ \"$status\" = SUCCEEDED ] || {{ echo \"the plans are not sealed\" >&2; exit 1; }}
",
                array(ranges, &self.plan),
                command(&self.seal)
            );
        }
        let _ = write!(
            text,
            "job=$(submit '' {})
ended \"$job\"
submit -end {}
",
            array(phases.shards, &self.apply),
            command(&self.finish)
        );
        text
    }

    fn kubernetes(&self, phases: &Phases) -> String {
        let name = &self.name;
        let mut text = String::from(
            "# The shards, and the end, which fails with status 3 and is tried again until all are done.
# A pod that fails with status 2 (wrong usage) or 4 (refused) is not tried again.
",
        );
        let mut waits = "";
        if let Some(ranges) = phases.ranges {
            let _ = write!(
                text,
                "# The plans first, and the seal, which is tried again until all are made. The shards and
# the end are suspended until it is completed; then:
#   kubectl wait --for=condition=Complete --timeout=-1s job/{name}-seal
#   kubectl patch job/{name} job/{name}-end -p '{{\"spec\":{{\"suspend\":false}}}}'
"
            );
            waits = "  suspend: true\n";
            let plan = format!("{name}-plan");
            self.job(&mut text, &plan, &self.indexed(ranges), &self.plan);
            text += "---\n";
            self.job(&mut text, &format!("{name}-seal"), UNTIL_DONE, &self.seal);
            text += "---\n";
        }
        let indexed = [waits, &self.indexed(phases.shards)].concat();
        self.job(&mut text, name, &indexed, &self.apply);
        text += "---\n";
        let until = [waits, UNTIL_DONE].concat();
        self.job(&mut text, &format!("{name}-end"), &until, &self.finish);
        text
    }

    /// What a job with so many tasks has in its manifest.
    fn indexed(&self, tasks: usize) -> String {
        let parallelism = self.options.at_once.min(tasks);
        format!(
            "  completionMode: Indexed
  completions: {tasks}
  parallelism: {parallelism}
  backoffLimitPerIndex: 3
  podReplacementPolicy: Failed
  podFailurePolicy:
    rules:
      - action: FailIndex
        onExitCodes:
          containerName: s3mirror
          operator: In
          values: [2, 4]
"
        )
    }

    /// A manifest; values are strings of JSON, which are strings of YAML.
    fn job(&self, text: &mut String, name: &str, spec: &str, command: &[String]) {
        let options = self.options;
        let quoted = |word: &String| serde_json::Value::from(word.as_str()).to_string();
        let words: Vec<_> = command.iter().map(quoted).collect();
        let _ = write!(
            text,
            "apiVersion: batch/v1
kind: Job
metadata:
  name: {name}
spec:
{spec}  template:
    spec:
      restartPolicy: Never
      containers:
        - name: s3mirror
          image: {image}
          command: [{words}]
          volumeMounts:
            - name: data
              mountPath: {mount}
      volumes:
        - name: data
          persistentVolumeClaim:
            claimName: {volume}
",
            image = quoted(&options.image),
            words = words.join(", "),
            mount = quoted(&options.mount),
            volume = quoted(&options.volume),
        );
    }
}

/// What a job that is tried until all before it is done has in its manifest.
const UNTIL_DONE: &str = "  backoffLimit: 1000
  podReplacementPolicy: Failed
  podFailurePolicy:
    rules:
      - action: FailJob
        onExitCodes:
          containerName: s3mirror
          operator: In
          values: [2, 4]
";

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
