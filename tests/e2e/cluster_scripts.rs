//! `cluster script`: what it prints starts all shards and the end.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::{
    Memory, assert_same,
    cluster::{Cluster, IN_ORDER, different},
    run::program,
};

#[test]
fn a_manifest_of_kubernetes_has_indexed_completions() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 3);
    let script = world.s3mirror().args(["cluster", "script", "kubernetes"]);
    let script = script
        .arg(&cluster.run)
        .args(["--at-once", "2", "--volume", "claim"])
        .arg("--mount")
        .arg(world.sandbox.path(""));
    let text = world.no_requests(|| script.done()).stdout;
    let documents = yaml_rust2::YamlLoader::load_from_str(&text).unwrap();
    assert_eq!(documents.len(), 2, "{text}");
    let spec = &documents[0]["spec"];
    for job in &documents {
        assert_eq!(job["apiVersion"].as_str(), Some("batch/v1"));
        assert_eq!(job["kind"].as_str(), Some("Job"));
        let pod = &job["spec"]["template"]["spec"];
        assert_eq!(pod["restartPolicy"].as_str(), Some("Never"));
        assert_eq!(job["spec"]["podReplacementPolicy"].as_str(), Some("Failed"));
        let claim = &pod["volumes"][0]["persistentVolumeClaim"]["claimName"];
        assert_eq!(claim.as_str(), Some("claim"));
    }
    assert_eq!(spec["completionMode"].as_str(), Some("Indexed"));
    assert_eq!(spec["completions"].as_i64(), Some(3));
    assert_eq!(spec["parallelism"].as_i64(), Some(2));
    assert_eq!(spec["backoffLimitPerIndex"].as_i64(), Some(3));
    let rule = &spec["podFailurePolicy"]["rules"][0];
    assert_eq!(rule["action"].as_str(), Some("FailIndex"));
    // Its commands, as the engine would run them.
    let command = |index: usize| {
        let command = &documents[index]["spec"]["template"]["spec"]["containers"][0]["command"];
        let words = command.as_vec().unwrap().iter();
        words
            .map(|word| word.as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    for index in ["2", "0", "1"] {
        let run = world.s3mirror().args(&command(0)[1..]);
        run.env("JOB_COMPLETION_INDEX", index).done();
    }
    world.s3mirror().args(&command(1)[1..]).done();
    assert_same(&world.bucket.contents(), &dir.contents());
}

#[test]
fn a_container_must_find_both_directories_below_its_volume() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 2);
    let script = |engine: &str, mount: &std::path::Path| {
        let script = world.s3mirror().args(["cluster", "script", engine]);
        script.arg(&cluster.run).arg("--mount").arg(mount)
    };
    let top = world.sandbox.path("");
    for engine in ["kubernetes", "batch"] {
        for (mount, outside) in [
            ("/data".into(), &*cluster.run),
            (cluster.run.clone(), dir.path()),
            (world.sandbox.path("ru"), &*cluster.run),
        ] {
            let refused = script(engine, &mount).exits(2).says("--mount");
            refused.says(&format!("'{}' is not below", outside.display()));
        }
        script(engine, &top).done();
    }
    for engine in ["slurm", "parallel"] {
        script(engine, std::path::Path::new("/data")).done();
    }
}
/// Does what sbatch would, at once.
const SBATCH: &str = r#"#!/bin/sh
last= ; wrap=
for word; do
  case $word in --array=*) last=${word#--array=0-}; last=${last%%%*} ;; esac
  wrap=$word
done
if [ -n "$last" ]; then
  for task in $(seq 0 "$last"); do SLURM_ARRAY_TASK_ID=$task SLURM_JOB_ID=7 sh -c "$wrap" >&2; done
else
  sh -c "$wrap" >&2
fi
echo 7
"#;

/// Does what the AWS command line would, at once.
const AWS: &str = r#"#!/usr/bin/env python3
import json, os, subprocess, sys
words = sys.argv[2:]
def after(name):
    return words[words.index(name) + 1] if name in words else None
if words[0] == "register-job-definition":
    definition = json.loads(after("--cli-input-json"))
    endings = definition["retryStrategy"]["evaluateOnExit"]
    assert {(it["onExitCode"], it["action"]) for it in endings} == {("2", "EXIT"), ("4", "EXIT")}
elif words[0] == "describe-jobs":
    print("SUCCEEDED")
else:
    command = json.loads(after("--container-overrides"))["command"]
    array = after("--array-properties")
    tasks = range(int(array.removeprefix("size="))) if array else [None]
    for task in tasks:
        env = dict(os.environ)
        if task is not None:
            env["AWS_BATCH_JOB_ARRAY_INDEX"] = str(task)
        subprocess.run(command, env=env, check=True, stdout=sys.stderr)
    print("job-7")
"#;

/// Programs of these names that do what a scheduler does with their words.
fn with_programs(cluster: &Cluster, programs: &[(&str, &str)]) -> String {
    let bin = cluster.world.dir("bin");
    for (name, text) in programs {
        let path = bin.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let path = std::env::var("PATH").unwrap_or_default();
    let own = program().parent().unwrap();
    format!("{}:{}:{path}", bin.path().display(), own.display())
}

/// Runs what `cluster script` prints.
fn run_script(cluster: &Cluster, engine: &str, path: &str) {
    let script = cluster.world.s3mirror().args(["cluster", "script", engine]);
    let script = script
        .arg(&cluster.run)
        .args(["--at-once", "2", "--mount", "/"])
        .done()
        .stdout;
    let file = cluster.world.sandbox.path("script.sh");
    fs::write(&file, &script).unwrap();
    let run = cluster.world.s3mirror().env("PATH", path);
    let outcome = run.in_shell(&format!("sh '{}'", file.display()));
    assert_eq!(outcome.status.code(), Some(0), "{script}{outcome}");
}

#[test]
fn a_script_of_slurm_starts_an_array_and_the_end() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 3);
    let path = with_programs(&cluster, &[("sbatch", SBATCH)]);
    run_script(&cluster, "slurm", &path);
    assert_eq!(cluster.status()["state"], "finished");
    assert_same(&world.bucket.contents(), &dir.contents());
}

/// As Kubernetes would: the plans, the seal; then what was suspended.
#[test]
fn a_manifest_of_ranges_has_all_phases_and_suspends_the_shards() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::ranges(&world, "backup", &dir, 3, &IN_ORDER);
    let script = world.s3mirror().args(["cluster", "script", "kubernetes"]);
    let script = script.arg(&cluster.run).args(["--mount", "/"]);
    let text = world.no_requests(|| script.done()).stdout;
    let documents = yaml_rust2::YamlLoader::load_from_str(&text).unwrap();
    assert_eq!(documents.len(), 4, "{text}");
    let completions = [Some(cluster.plans()), None, Some(3), None];
    for (index, job) in documents.iter().enumerate() {
        let spec = &job["spec"];
        assert_eq!(spec["suspend"].as_bool(), (index >= 2).then_some(true));
        let expected = completions[index].map(|it| it as i64);
        assert_eq!(spec["completions"].as_i64(), expected);
        let command = &spec["template"]["spec"]["containers"][0]["command"];
        let command = command.as_vec().unwrap().iter();
        let words: Vec<_> = command.map(|word| word.as_str().unwrap()).collect();
        for task in 0..expected.unwrap_or(1) {
            let run = world.s3mirror().args(&words[1..]);
            run.env("JOB_COMPLETION_INDEX", task.to_string()).done();
        }
    }
    assert_same(&world.bucket.contents(), &dir.contents());
}

#[test]
fn scripts_of_ranges_run_all_phases_in_turn() {
    let memory = Memory::start();
    for (engine, name, program) in [("slurm", "sbatch", SBATCH), ("batch", "aws", AWS)] {
        let (world, dir) = different(&memory);
        let cluster = Cluster::ranges(&world, "backup", &dir, 3, &IN_ORDER);
        let path = with_programs(&cluster, &[(name, program)]);
        run_script(&cluster, engine, &path);
        assert_eq!(cluster.status()["state"], "finished");
        assert_same(&world.bucket.contents(), &dir.contents());
    }
}

#[test]
fn a_script_of_batch_submits_an_array_and_the_end() {
    let memory = Memory::start();
    for shards in [1, 3] {
        let (world, dir) = different(&memory);
        let cluster = Cluster::split(&world, "backup", &dir, shards);
        let path = with_programs(&cluster, &[("aws", AWS)]);
        run_script(&cluster, "batch", &path);
        assert_eq!(cluster.status()["state"], "finished");
        assert_same(&world.bucket.contents(), &dir.contents());
    }
}
