//! Manifests of Kubernetes: a Job for each phase.

use std::fmt::Write as _;

use super::{Phases, Words};

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

impl Words<'_> {
    pub(super) fn kubernetes(&self, phases: &Phases) -> String {
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
