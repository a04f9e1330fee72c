//! Manifests of Kubernetes: a Job for each phase.

use std::fmt::Write as _;

use super::{Phases, STATE, Words};

/// What every manifest says first.
const NEEDS: &str = "# For Kubernetes 1.29 or later. What must exist before, in the same namespace:
# - the claim (--volume), of a file system that all nodes mount (ReadWriteMany), which has the
#   run directory and the one that is mirrored where they are here, below --mount;
# - credentials: a service account with a role (--role), or the Secret s3mirror-credentials,
#   which holds AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_REGION if it is needed.
# A pod that fails with status 2 (wrong usage) or 4 (refused, or trying again is in vain) is not
# tried again. Jobs cannot be started again: delete them, and apply this once more; what is done is
# not done twice.
";

/// What a pod that was evicted from its node does not count as.
const EVICTED: &str = "      - action: Ignore
        onPodConditions:
          - type: DisruptionTarget
            status: \"True\"
";

impl Words<'_> {
    pub(super) fn kubernetes(&self, phases: &Phases) -> String {
        let name = &self.name;
        let mut text = NEEDS.to_owned();
        let mut waits = "";
        if let Some(ranges) = phases.ranges {
            let _ = write!(
                text,
                "#
# The plans first, and the seal, which is tried again until all are made. The shards and
# the end are suspended until it is completed; then:
#   kubectl wait --for=condition=Complete --timeout=-1s job/{name}-seal
#   kubectl patch job/{name} job/{name}-end -p '{{\"spec\":{{\"suspend\":false}}}}'
# If the guards refuse the plans, or the keys must be split again, the seal is never completed,
# and `kubectl get jobs` shows that it has failed.
"
            );
            waits = "  suspend: true\n";
            let plan = format!("{name}-plan");
            self.job(&mut text, &plan, &self.indexed(ranges), &self.plan);
            text += "---\n";
            self.job(
                &mut text,
                &format!("{name}-seal"),
                &until_done(),
                &self.seal,
            );
            text += "---\n";
        }
        text += "# The shards.\n";
        let indexed = [waits, &self.indexed(phases.shards)].concat();
        self.job(&mut text, name, &indexed, &self.apply);
        text += "---\n# The end, which fails with status 3 and is tried again until all shards are done; with \
             status 4\n# if the run is incomplete for good: its log says what to do.\n";
        let until = [waits, &until_done()].concat();
        self.job(&mut text, &format!("{name}-end"), &until, &self.finish);
        text
    }

    /// What a job with so many tasks has in its manifest.
    fn indexed(&self, tasks: usize) -> String {
        let parallelism = self.at_once().min(tasks);
        format!(
            "  completionMode: Indexed
  completions: {tasks}
  parallelism: {parallelism}
  backoffLimitPerIndex: 3
{policy}",
            policy = failure_policy("FailIndex"),
        )
    }

    /// A manifest; values are strings of YAML.
    fn job(&self, text: &mut String, name: &str, spec: &str, command: &[String]) {
        let options = self.options;
        // Kubernetes replaces `$(NAME)` by a variable of the container, and `$$` by `$`.
        let words = command.iter().map(|word| quoted(&word.replace('$', "$$")));
        let account = options.role.as_ref().map(|role| {
            let role = quoted(role);
            format!("      serviceAccountName: {role}\n")
        });
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
{account}      # The owner of the run directory, which nobody else may use.
      securityContext:
        runAsUser: {user}
        runAsGroup: {group}
      containers:
        - name: s3mirror
          image: {image}
          command: [{words}]
          env:
            - name: XDG_STATE_HOME
              value: {STATE}
          envFrom:
            - secretRef:
                name: s3mirror-credentials
                optional: true
          resources:
            requests:
              cpu: \"1\"
              memory: 512Mi
          volumeMounts:
            - name: data
              mountPath: {mount}
      volumes:
        - name: data
          persistentVolumeClaim:
            claimName: {volume}
",
            account = account.unwrap_or_default(),
            user = self.owner.user,
            group = self.owner.group,
            image = quoted(&options.image),
            words = words.collect::<Vec<_>>().join(", "),
            mount = quoted(&options.mount),
            volume = quoted(&options.volume),
        );
    }
}

/// What a job that is tried until all before it is done has in its manifest.
fn until_done() -> String {
    format!("  backoffLimit: 1000\n{}", failure_policy("FailJob"))
}

/// When a pod is not started again, and what is then done.
fn failure_policy(action: &str) -> String {
    format!(
        "  podReplacementPolicy: Failed
  podFailurePolicy:
    rules:
      - action: {action}
        onExitCodes:
          containerName: s3mirror
          operator: In
          values: [2, 4]
{EVICTED}"
    )
}

/// A string of JSON, in which everything is escaped that YAML does not print or takes for the
/// end of a line.
fn quoted(text: &str) -> String {
    let json = serde_json::Value::from(text).to_string();
    let mut yaml = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '\u{7f}'..='\u{9f}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{feff}'
            | '\u{fffe}'
            | '\u{ffff}' => {
                let _ = write!(yaml, "\\u{:04x}", u32::from(c));
            }
            _ => yaml.push(c),
        }
    }
    yaml
}
