//! What starts the shards of a run: a script or manifest for each scheduler, to be
//! read and submitted.

use std::fmt::Write as _;
use std::path::Path;

use sync_core::text::shell_word;

use super::error::{ClusterError, Result};
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
    /// Options of `cluster apply` and `cluster finish`, as words.
    pub options: Vec<String>,
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
        if let Script::Kubernetes | Script::Batch = script {
            self.is_in_volume(Path::new(&options.mount))?;
        }
        let words = Words::of(self, options);
        Ok(match script {
            Script::Slurm => words.slurm(),
            Script::Kubernetes => words.kubernetes(),
            Script::Batch => words.batch(),
            Script::Parallel => words.parallel(),
        })
    }

    /// Checks that both directories are below the path at which containers have their volume.
    fn is_in_volume(&self, mount: &Path) -> Result<()> {
        let outside = [self.path(), self.mirrored()].into_iter();
        let mut outside = outside.filter(|path| !path.starts_with(mount));
        outside.next().map_or(Ok(()), |path| {
            Err(ClusterError::NotInVolume {
                path: path.to_owned(),
                mount: mount.to_owned(),
            })
        })
    }
}

struct Words<'a> {
    options: &'a ScriptOptions,
    shards: usize,
    /// A name that no other run has.
    name: String,
    apply: Vec<String>,
    finish: Vec<String>,
}

impl<'a> Words<'a> {
    fn of(run: &ClusterRun, options: &'a ScriptOptions) -> Self {
        let path = run.path().to_string_lossy().into_owned();
        let command = |phase: &str, more: &[&str]| {
            let begin = [options.program.as_str(), "cluster", phase, &path];
            let begin = begin.iter().chain(more).map(|word| (*word).to_owned());
            begin.chain(options.options.iter().cloned()).collect()
        };
        Self {
            options,
            shards: run.shards(),
            name: format!("s3mirror-{}", &run.id()[..run.id().len().min(8)]),
            apply: command("apply", &["--shard", "auto", "--quiet"]),
            finish: command("finish", &["--yes"]),
        }
    }

    fn last(&self) -> usize {
        self.shards.saturating_sub(1)
    }

    fn slurm(&self) -> String {
        let (name, last, at_once) = (&self.name, self.last(), self.options.at_once);
        let wrapped = |words| shell_word(&format!("exec {}", shell(words)));
        let (apply, finish) = (wrapped(&self.apply), wrapped(&self.finish));
        format!(
            "#!/bin/sh
# The shards as an array, and the end when all of them have ended. afterany, not
# afterok: a task that failed once and succeeded when it was requeued would hold up
# the end for good; finish itself checks that all shards are done.
set -eu
shards=$(sbatch --parsable --job-name={name} --array=0-{last}%{at_once} --requeue \\
  --wrap {apply})
sbatch --job-name={name}-end --dependency=afterany:\"$shards\" \\
  --wrap {finish}
"
        )
    }

    fn parallel(&self) -> String {
        let mut apply = self.apply.clone();
        for word in &mut apply {
            if word == "auto" {
                "{}".clone_into(word);
            }
        }
        let (last, at_once) = (self.last(), self.options.at_once);
        let (apply, finish) = (shell(&apply), shell(&self.finish));
        format!(
            "#!/bin/sh
# The shards, so many at a time, each tried twice; finish checks that all are done.
seq 0 {last} | parallel --jobs {at_once} --retries 2 --halt never {apply} || :
exec {finish}
"
        )
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

    fn batch(&self) -> String {
        let command = |words: &[String]| serde_json::json!({ "command": words }).to_string();
        let (name, queue) = (&self.name, shell_word(&self.options.queue));
        // An array has at least two tasks.
        let (array, apply) = if self.shards < 2 {
            let mut apply = self.apply.clone();
            for word in &mut apply {
                if word == "auto" {
                    "0".clone_into(word);
                }
            }
            (String::new(), apply)
        } else {
            (
                format!(" --array-properties size={}", self.shards),
                self.apply.clone(),
            )
        };
        let (apply, finish) = (
            shell_word(&command(&apply)),
            shell_word(&command(&self.finish)),
        );
        format!(
            "#!/bin/sh
# The shards as an array, and the end when all of them have ended, in whatever way:
# a dependency of AWS Batch needs success, so the end waits by itself.
set -eu
aws batch register-job-definition --cli-input-json {definition}
shards=$(aws batch submit-job --job-name {name} --job-queue {queue} --job-definition {name} \\
  --container-overrides {apply}{array} --query jobId --output text)
while :; do
  status=$(aws batch describe-jobs --jobs \"$shards\" --query 'jobs[0].status' --output text)
  case $status in
    SUCCEEDED | FAILED) break ;;
    '' | None) echo \"the job $shards is not known any more\" >&2; exit 1 ;;
  esac
  sleep 30
done
aws batch submit-job --job-name {name}-end --job-queue {queue} --job-definition {name} \\
  --container-overrides {finish}
",
            definition = shell_word(&self.batch_definition().to_string()),
        )
    }

    fn kubernetes(&self) -> String {
        let mut text = String::from(
            "# The shards, and the end, which fails with status 3 and is tried again until all are done.
# A pod that fails with status 2 (wrong usage) or 4 (refused) is not tried again.
",
        );
        let parallelism = self.options.at_once.min(self.shards);
        let indexed = format!(
            "  completionMode: Indexed
  completions: {}
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
",
            self.shards
        );
        self.job(&mut text, &self.name, &indexed, &self.apply);
        text += "---\n";
        let name = format!("{}-end", self.name);
        let until = "  backoffLimit: 1000
  podReplacementPolicy: Failed
  podFailurePolicy:
    rules:
      - action: FailJob
        onExitCodes:
          containerName: s3mirror
          operator: In
          values: [2, 4]
";
        self.job(&mut text, &name, until, &self.finish);
        text
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

/// Words as a shell reads them.
fn shell(words: &[String]) -> String {
    let words: Vec<_> = words.iter().map(|word| shell_word(word)).collect();
    words.join(" ")
}
