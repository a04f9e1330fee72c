//! What Kubernetes does with a manifest of a Job: it holds it against its schema and its rules,
//! and runs the command once for each index.

use std::{fs, process::Command};

use serde_json::{Value, json};
use yaml_rust2::{Yaml, YamlLoader};

use super::{Outcome, World};

/// The oldest version that has all fields which the manifests use, and the newest of the schemas.
const VERSIONS: [&str; 2] = ["1.29", "1.37"];

/// The documents of a manifest.
#[track_caller]
pub(crate) fn documents(text: &str) -> Vec<Value> {
    let documents = YamlLoader::load_from_str(text);
    let documents = documents.unwrap_or_else(|error| panic!("{error}\n{text}"));
    documents.iter().map(json_of).collect()
}

fn json_of(yaml: &Yaml) -> Value {
    match yaml {
        Yaml::String(text) => json!(text),
        Yaml::Integer(number) => json!(number),
        Yaml::Boolean(is) => json!(is),
        Yaml::Array(items) => items.iter().map(json_of).collect(),
        Yaml::Hash(fields) => {
            let field =
                |(name, value): (&Yaml, &Yaml)| (name.as_str().unwrap().to_owned(), json_of(value));
            Value::Object(fields.iter().map(field).collect())
        }
        Yaml::Null => Value::Null,
        other => panic!("{other:?}"),
    }
}

/// Holds a manifest against the published schemas, strictly: a field that they do not have is
/// wrong. What is wrong, if anything is.
pub(crate) fn schema_errors(world: &World<'_>, text: &str) -> Option<String> {
    let program = std::env::var_os("S3MIRROR_TEST_KUBERNETES_VALIDATE").expect(
        "S3MIRROR_TEST_KUBERNETES_VALIDATE must name kubernetes-validate; `cargo xtask test` \
         installs it and runs this test",
    );
    let file = world.sandbox.path("manifest.yaml");
    fs::write(&file, text).unwrap();
    let mut validate = Command::new(program);
    validate.arg("--strict");
    validate.args(VERSIONS.iter().flat_map(|version| ["-k", version]));
    let output = validate.arg(&file).output().unwrap();
    let said = [output.stdout, output.stderr].map(|it| String::from_utf8_lossy(&it).into_owned());
    let passed = said.concat().matches(" passed for resource ").count();
    let documents = YamlLoader::load_from_str(text).map_or(0, |documents| documents.len());
    let is_valid = output.status.success() && passed == documents * VERSIONS.len();
    (!is_valid).then(|| said.concat())
}

/// What is wrong with a Job by the rules of the API server that its schema does not have
/// (`pkg/apis/batch/validation` of Kubernetes): values of enumerations, and fields that need
/// each other.
pub(crate) fn rule_errors(job: &Value) -> Vec<&'static str> {
    let mut rules = Rules(Vec::new());
    rules.of_job(job);
    rules.of_failures(&job["spec"]);
    rules.of_volumes(&job["spec"]["template"]["spec"]);
    rules.0
}

/// What is wrong so far.
struct Rules(Vec<&'static str>);

impl Rules {
    fn must(&mut self, is_so: bool, what: &'static str) {
        if !is_so {
            self.0.push(what);
        }
    }

    /// The value is one of these, or absent.
    fn one_of(&mut self, value: &Value, names: &[&str], what: &'static str) {
        self.must(!has(value) || names.iter().any(|name| value == name), what);
    }

    fn of_job(&mut self, job: &Value) {
        let (name, spec) = (&job["metadata"]["name"], &job["spec"]);
        self.must(job["apiVersion"] == "batch/v1", "apiVersion");
        self.must(job["kind"] == "Job", "kind");
        // The pods of an Indexed Job have its name and their index for their host name.
        let last = spec["completions"].as_u64().unwrap_or(1).saturating_sub(1);
        let host = format!("{}-{last}", name.as_str().unwrap_or_default());
        self.must(is_label(&host), "name");
        let mode = &spec["completionMode"];
        self.one_of(mode, &["Indexed", "NonIndexed"], "completionMode");
        if mode == "Indexed" {
            self.must(has(&spec["completions"]), "Indexed without completions");
        } else {
            let per_index = has(&spec["backoffLimitPerIndex"]);
            self.must(!per_index, "backoffLimitPerIndex of NonIndexed");
        }
        if has(&spec["maxFailedIndexes"]) {
            let per_index = has(&spec["backoffLimitPerIndex"]);
            self.must(per_index, "maxFailedIndexes without backoffLimitPerIndex");
        }
        let restart = &spec["template"]["spec"]["restartPolicy"];
        self.must(has(restart), "no restartPolicy");
        self.one_of(restart, &["Never", "OnFailure"], "restartPolicy");
        let replacement = &spec["podReplacementPolicy"];
        let policies = ["Failed", "TerminatingOrFailed"];
        self.one_of(replacement, &policies, "podReplacementPolicy");
    }

    /// The policy of pods that fail.
    fn of_failures(&mut self, spec: &Value) {
        let (policy, pod) = (&spec["podFailurePolicy"], &spec["template"]["spec"]);
        if has(policy) {
            let never = pod["restartPolicy"] == "Never";
            self.must(never, "podFailurePolicy without restartPolicy Never");
            let replacement = &spec["podReplacementPolicy"];
            let what = "podFailurePolicy without podReplacementPolicy Failed";
            self.one_of(replacement, &["Failed"], what);
        }
        for rule in items(&policy["rules"]) {
            let (action, codes) = (&rule["action"], &rule["onExitCodes"]);
            self.must(has(action), "a rule without action");
            let actions = ["Count", "FailIndex", "FailJob", "Ignore"];
            self.one_of(action, &actions, "action");
            let per_index = has(&spec["backoffLimitPerIndex"]);
            let what = "FailIndex without backoffLimitPerIndex";
            self.must(action != "FailIndex" || per_index, what);
            let is_one = has(codes) != has(&rule["onPodConditions"]);
            self.must(is_one, "onExitCodes or onPodConditions");
            if has(codes) {
                self.of_exit_codes(codes, pod);
            }
            for condition in items(&rule["onPodConditions"]) {
                let status = &condition["status"];
                self.must(has(status), "a condition without status");
                self.one_of(status, &["True", "False", "Unknown"], "status");
            }
        }
    }

    fn of_exit_codes(&mut self, codes: &Value, pod: &Value) {
        self.one_of(&codes["operator"], &["In", "NotIn"], "operator");
        let names = items(&pod["containers"]).iter().map(|it| &it["name"]);
        let is_known = names
            .into_iter()
            .any(|name| *name == codes["containerName"]);
        self.must(is_known, "containerName");
        let values = items(&codes["values"]).iter().map(Value::as_u64);
        let values: Vec<_> = values.collect();
        let is_ordered = values.is_sorted_by(|a, b| a < b);
        self.must(!values.is_empty() && is_ordered, "values");
        self.must(!values.contains(&Some(0)), "0 among values");
    }

    fn of_volumes(&mut self, pod: &Value) {
        let volumes = items(&pod["volumes"]).iter().map(|it| &it["name"]);
        let volumes: Vec<_> = volumes.collect();
        for container in items(&pod["containers"]) {
            for mounted in items(&container["volumeMounts"]) {
                self.must(volumes.contains(&&mounted["name"]), "volumeMounts");
                let path = mounted["mountPath"].as_str().unwrap_or_default();
                self.must(!path.is_empty() && !path.contains(':'), "mountPath");
            }
        }
    }
}

fn has(value: &Value) -> bool {
    !value.is_null()
}

/// Whether it is a label of DNS (RFC 1123).
fn is_label(name: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !name.is_empty()
        && name.len() <= 63
        && name.chars().all(is_inner)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

fn items(list: &Value) -> &[Value] {
    list.as_array().map_or(&[], Vec::as_slice)
}

/// Runs the task of that index, or the only one, as its container would.
#[track_caller]
pub(crate) fn run(world: &World<'_>, job: &Value, index: Option<u64>) -> Outcome {
    let container = &job["spec"]["template"]["spec"]["containers"][0];
    let variables: Vec<_> = items(&container["env"])
        .iter()
        .map(|variable| {
            let text = |name: &str| variable[name].as_str().unwrap();
            (text("name"), text("value"))
        })
        .collect();
    let command = items(&container["command"]).iter();
    let words: Vec<_> = command
        .map(|word| expanded(word.as_str().unwrap(), &variables))
        .collect();
    assert_eq!(words[0], "s3mirror");
    let mut run = world.s3mirror().args(&words[1..]);
    for (name, value) in variables {
        // Its file system is not that of this machine.
        let value = value.replace(
            "/tmp",
            world.dir("tmp-of-a-container").path().to_str().unwrap(),
        );
        run = run.env(name, value);
    }
    if let Some(index) = index {
        run = run.env("JOB_COMPLETION_INDEX", index.to_string());
    }
    run.run()
}

/// A word of a command, with what Kubernetes puts in the place of `$(NAME)` and `$$`.
fn expanded(word: &str, variables: &[(&str, &str)]) -> String {
    let mut text = String::new();
    let mut rest = word;
    while let Some((before, after)) = rest.split_once('$') {
        text += before;
        let name = after
            .strip_prefix('(')
            .and_then(|after| after.split_once(')'));
        let known = name.and_then(|(name, after)| {
            let found = variables.iter().find(|(known, _)| *known == name)?;
            Some((found.1, after))
        });
        (text, rest) = match known {
            Some((value, after)) => (text + value, after),
            None => (text + "$", after.strip_prefix('$').unwrap_or(after)),
        };
    }
    text + rest
}

/// Runs the jobs one after the other: each index of those that are indexed, from the last one.
#[track_caller]
pub(crate) fn run_all(world: &World<'_>, jobs: &[Value]) {
    for job in jobs {
        match job["spec"]["completions"].as_u64() {
            Some(indexes) => {
                for index in (0..indexes).rev() {
                    run(world, job, Some(index)).is(0);
                }
            }
            None => {
                run(world, job, None).is(0);
            }
        }
    }
}
