//! `cluster script`: what it prints starts all shards and the end.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::{
    Memory, assert_same,
    cluster::{Cluster, IN_ORDER, different},
    run::program,
};

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
    let script = cluster.script(engine).args(["--at-once", "2"]);
    let script = script.done().stdout;
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

#[test]
fn a_script_of_slurm_runs_all_phases_of_ranges_in_turn() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::ranges(&world, "backup", &dir, 3, &IN_ORDER);
    let path = with_programs(&cluster, &[("sbatch", SBATCH)]);
    run_script(&cluster, "slurm", &path);
    assert_eq!(cluster.status()["state"], "finished");
    assert_same(&world.bucket.contents(), &dir.contents());
}

/// Nothing of it could do any more than fail.
#[test]
fn a_run_that_is_finished_or_being_ended_has_no_script() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 2);
    let scripts = || {
        let engines = ["slurm", "kubernetes", "batch", "parallel"];
        engines.map(|engine| cluster.script(engine).args(["--mount", "/"]))
    };
    for script in scripts() {
        script.done();
    }

    // As if `finish --without-deletions` had been killed.
    let run = fs::read_to_string(cluster.file("run.json")).unwrap();
    let run: serde_json::Value = serde_json::from_str(&run).unwrap();
    let ending = serde_json::json!({ "run": run["id"], "host": "node7", "process": 7, "at": "2026-11-27T00:00:00Z" });
    fs::write(cluster.file("ending.json"), ending.to_string()).unwrap();
    for script in scripts() {
        let refused = script
            .exits(4)
            .says("is being ended as it is")
            .says("node7");
        assert!(refused.stdout.is_empty(), "{refused}");
    }
    fs::remove_file(cluster.file("ending.json")).unwrap();

    cluster.phase("apply").done();
    for script in scripts() {
        script.done();
    }
    cluster.finish().done();
    for script in scripts() {
        let refused = script.exits(4).says("is finished").says("cluster split");
        assert!(refused.stdout.is_empty(), "{refused}");
    }
}

#[test]
fn a_script_has_one_task_at_a_time_at_least() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 2);
    for engine in ["slurm", "kubernetes", "parallel"] {
        let script = || cluster.script(engine).args(["--mount", "/"]);
        script().args(["--at-once", "0"]).exits(2).says("--at-once");
        script().args(["--at-once", "1"]).done();
    }
}

/// A path of a run directory that is not text.
#[test]
fn what_no_script_can_name_is_refused() {
    use std::os::unix::ffi::OsStringExt;
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let mut cluster = Cluster::split(&world, "backup", &dir, 2);
    let odd = std::ffi::OsString::from_vec(b"run-\xff".to_vec());
    let odd = world.sandbox.path("").join(odd);
    fs::rename(&cluster.run, &odd).unwrap();
    cluster.run = odd;
    cluster.script("slurm").exits(2).says("not UTF-8");
}
