//! A job definition of AWS Batch, and the commands of a shell that submit its jobs.

use std::fmt::Write as _;

use serde_json::json;
use sync_core::text::shell_word;

use super::{Phases, STATE, Words, numbered};

/// What the script says first.
const NEEDS: &str = "#!/bin/sh
# Each phase when the one before it has ended, in whatever way: a dependency of AWS Batch
# needs success, so this waits by itself. The phases check that all before them is done. If
# this is interrupted, run it again: what is done is not done twice.
#
# What must exist before:
# - the queue (--queue), whose compute environment has EC2 instances; its maxvCpus is how many
#   tasks run at a time, one vCPU each;
# - the file system of EFS (--volume), which these instances may mount, and which has the run
#   directory and the one that is mirrored where they are here, below --mount;
# - the image (--image) in a registry; its entry point is s3mirror, as that of a release;
# - a role that permits the bucket: of the containers (--role), or of the instances.
# For Fargate, change in the definition: platformCapabilities is [\"FARGATE\"], MEMORY is 2048, and
# containerProperties have executionRoleArn, and networkConfiguration if the image is pulled
# through the internet.
set -eu
";

impl Words<'_> {
    fn batch_definition(&self) -> serde_json::Value {
        let options = self.options;
        let mut container = json!({
            "image": options.image,
            "command": arguments(&self.apply),
            // The owner of the run directory, which nobody else may use.
            "user": format!("{}:{}", self.owner.user, self.owner.group),
            "environment": [{ "name": "XDG_STATE_HOME", "value": STATE }],
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
        });
        if let Some(role) = &options.role {
            container["jobRoleArn"] = json!(role);
        }
        json!({
            "jobDefinitionName": self.name,
            "type": "container",
            "platformCapabilities": ["EC2"],
            // Wrong usage, a refusal, and a run that is incomplete for good would end the same way
            // again. What no pattern matches is tried again.
            "retryStrategy": {
                "attempts": 3,
                "evaluateOnExit": [
                    { "onExitCode": "2", "action": "EXIT" },
                    { "onExitCode": "4", "action": "EXIT" },
                ],
            },
            "containerProperties": container,
        })
    }

    pub(super) fn batch(&self, phases: &Phases) -> String {
        let (name, queue) = (&self.name, shell_word(&self.options.queue));
        let definition = shell_word(&format!("{:#}", self.batch_definition()));
        let mut text = NEEDS.to_owned();
        let _ = write!(
            text,
            "export AWS_PAGER=
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
aws batch register-job-definition --query jobDefinitionArn --output text --cli-input-json {definition}
"
        );
        if let Some(ranges) = phases.ranges {
            let _ = write!(
                text,
                "job=$(submit -plan {})
ended \"$job\"
job=$(submit -seal {})
ended \"$job\"
[ \"$status\" = SUCCEEDED ] || {{ echo \"the plans are not sealed: see the log of the job $job\" >&2; exit 1; }}
",
                array(ranges, &self.plan),
                one(&self.seal)
            );
        }
        let _ = write!(
            text,
            "job=$(submit '' {})
ended \"$job\"
job=$(submit -end {})
ended \"$job\"
[ \"$status\" = SUCCEEDED ] || {{ echo \"the run is not complete: see the log of the job $job\" >&2; exit 1; }}
",
            array(phases.shards, &self.apply),
            one(&self.finish)
        );
        text
    }
}

/// The options of a job with so many tasks; an array has at least two.
fn array(tasks: usize, words: &[String]) -> String {
    match tasks {
        0 | 1 => one(&numbered(words, "0")),
        _ => format!("{} --array-properties size={tasks}", one(words)),
    }
}

/// The options of a job with one task.
fn one(words: &[String]) -> String {
    let overrides = json!({ "command": arguments(words) }).to_string();
    format!("--container-overrides {}", shell_word(&overrides))
}

/// A command without its program: AWS Batch puts these words behind the entry point of the
/// image, which no job can replace.
fn arguments(words: &[String]) -> &[String] {
    words.get(1..).unwrap_or_default()
}
