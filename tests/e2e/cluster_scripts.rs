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

/// All engines; each of them with what a script of it needs.
const ENGINES: [&str; 4] = ["slurm", "kubernetes", "batch", "parallel"];

/// The command lines of the phases that a script starts, in order, without the program.
fn commands(script: &str) -> Vec<Vec<String>> {
    let begins = |line: &str| {
        let json = |text: &str| -> Vec<String> { serde_json::from_str(text).unwrap() };
        if let Some((_, list)) = line.split_once("command: ") {
            return Some(json(list).split_off(1));
        }
        if let Some((_, list)) = line.split_once("{\"command\":") {
            return Some(json(list.split_inclusive(']').next()?));
        }
        let (_, words) = line.split_once("s3mirror cluster ")?;
        let words = words.split_whitespace().take_while(|word| *word != "||");
        let words = words.map(|word| word.trim_end_matches(['\'', ')']).replace("@shard@", "0"));
        Some(std::iter::once("cluster".to_owned()).chain(words).collect())
    };
    script.lines().filter_map(begins).collect()
}

/// Each command of all scripts is parsed by the program, and fails only because there is no
/// such run directory.
#[track_caller]
fn scripts_have_right_usage(cluster: &Cluster, phases: &[&str]) {
    let metrics = cluster.world.sandbox.path("m.prom");
    let metrics = metrics.to_str().unwrap().to_owned();
    let options = [
        "--allow-overlap",
        "--metrics-file",
        &*metrics,
        "--concurrency=4",
    ];
    for engine in ENGINES {
        let script = cluster.script(engine).args(["--mount", "/", "--"]);
        // What this machine has in its environment is not looked at.
        let script = script.env("S3MIRROR_VERBOSE", "1").args(options).done();
        let commands = commands(&script.stdout);
        let names: Vec<_> = commands.iter().map(|words| &*words[1]).collect();
        assert_eq!(names, phases, "{engine}: {script}");
        for mut words in commands {
            let has = |option: &str| words.iter().any(|word| word == option);
            let phase = &*words[1];
            assert!(has("--concurrency=4"), "{engine} {words:?}");
            assert_eq!(has("--allow-overlap"), phase != "apply", "{engine}");
            assert_eq!(has("--metrics-file"), phase == "finish", "{engine}");
            assert_eq!(has(&metrics), phase == "finish", "{engine}");
            words[2] = "/no/such/run".to_owned();
            let run = cluster.world.s3mirror().env("SLURM_ARRAY_TASK_ID", "0");
            // The end can be tried again, though its run is missing.
            let status = if words[1] == "finish" { 3 } else { 1 };
            run.args(&words).exits(status).says("/no/such/run");
        }
    }
}

#[test]
fn a_phase_of_a_script_is_given_only_options_that_it_takes() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 2);
    scripts_have_right_usage(&cluster, &["apply", "finish"]);
    fs::remove_dir_all(&cluster.run).unwrap();
    let cluster = Cluster::ranges(&world, "backup", &dir, 2, &IN_ORDER);
    scripts_have_right_usage(&cluster, &["plan", "seal", "apply", "finish"]);
}

#[test]
fn options_that_no_phase_could_use_are_refused_when_a_script_is_printed() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 2);
    for engine in ENGINES {
        for (options, named, why) in [
            (
                &["--nonsense"][..],
                "--nonsense",
                "no command of the script takes",
            ),
            (
                &["--allow-empty-source"],
                "--allow-empty-source",
                "no command of the script takes",
            ),
            (&["--shard", "3"], "--shard", "omit it"),
            (&["-q"], "--quiet", "omit it"),
            (&["-v"], "--verbose", "omit it"),
            (&["--max-delete=3"], "--max-delete", "omit it"),
            (&["--without-deletions"], "--without-deletions", "by hand"),
            (&["--concurrency", "many"], "--concurrency", "many"),
            (&["--concurrency"], "--concurrency", "value"),
            (&["lost"], "'lost'", "omit it"),
        ] {
            let script = cluster.script(engine).args(["--mount", "/", "--"]);
            let refused = script.args(options).exits(2).says(named).says(why);
            assert!(refused.stdout.is_empty(), "{refused}");
        }
    }
    // Only the seal takes it, and has it from the option of the script.
    fs::remove_dir_all(&cluster.run).unwrap();
    let cluster = Cluster::ranges(&world, "backup", &dir, 2, &IN_ORDER);
    let script = cluster.script("slurm").args(["--", "--max-delete=3"]);
    script.exits(2).says("--max-delete").says("before '--'");
}

/// The guards have judged a plan when it was split.
#[test]
fn a_limit_that_no_command_of_a_script_takes_is_told() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 2);
    let script = || cluster.script("slurm");
    let limited = script().args(["--max-delete", "5%"]).done();
    assert_eq!(limited.stdout, script().done().stdout);
    limited.says("--max-delete has no effect");
}
