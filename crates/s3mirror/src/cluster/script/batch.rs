//! A job definition of AWS Batch, and the commands of a shell that submit its jobs.

use std::fmt::Write as _;

use sync_core::text::shell_word;

use super::{Phases, Words, numbered};

impl Words<'_> {
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

    pub(super) fn batch(&self, phases: &Phases) -> String {
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
}
