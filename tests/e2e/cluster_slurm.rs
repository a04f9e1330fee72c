//! Shards as the tasks of arrays of Slurm, on several nodes of this machine: tasks
//! are killed and requeued, and a node loses its daemon while its task goes on.

use std::{fs, time::Duration};

use s3_endpoint::{Action, Fault};
use serde_json::Value;

use crate::support::{
    Dir, Memory, Server, World, assert_same,
    cluster::{Cluster, IN_ORDER, deletions},
    run::program,
    slurm::Slurm,
    wait::{LIMIT, poll},
};

/// Files that the bucket has already.
const KEPT: usize = 40;

/// A tree of so many small files, of which the bucket has some, and objects that it
/// lacks.
fn tree(server: &dyn Server, files: usize) -> (World<'_>, Dir) {
    let world = World::on(server);
    let dir = world.dir("dir");
    for number in 0..files {
        let (key, text) = (
            format!("d{:03}/{number}", number / 100),
            format!("file {number}"),
        );
        dir.write(&key, &text);
        if number < KEPT {
            world.bucket.put(&key, &text);
        }
    }
    for number in 0..20 {
        world.bucket.put(&format!("gone/{number}"), "gone");
    }
    (world, dir)
}

/// Submits what `cluster script slurm` prints.
#[track_caller]
fn submit(slurm: &Slurm, cluster: &Cluster, options: &[&str]) {
    let script = cluster
        .world
        .s3mirror()
        .args(["cluster", "script", "slurm"]);
    let script = script.arg(&cluster.run).args(["--at-once", "4", "--"]);
    let script = script.args(options).done().stdout;
    let file = cluster.world.sandbox.path("run.sh");
    fs::write(&file, &script).unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    let own = program().parent().unwrap();
    let run = slurm.submits(cluster.world.s3mirror());
    let run = run.env("PATH", format!("{}:{path}", own.display()));
    let outcome = run.in_shell(&format!("sh '{}'", file.display()));
    assert_eq!(outcome.status.code(), Some(0), "{script}{outcome}");
}

fn is_finished(cluster: &Cluster) -> bool {
    cluster.file("finished.json").exists()
}

#[track_caller]
fn signal(name: &str, process: &str) {
    let mut kill = std::process::Command::new("kill");
    let status = kill.arg(format!("-{name}")).arg(process).status();
    assert!(status.unwrap().success());
}

/// Holds up the first upload.
fn hold(memory: &Memory) {
    let hold = Action::Stall(Duration::from_secs(1000));
    memory.inject(Fault::on("PutObject").act(hold));
}

#[test]
#[ignore = "needs Slurm and root; `cargo xtask test` runs it"]
fn an_array_and_its_end_make_both_sides_equal() {
    let memory = Memory::start();
    let (world, dir) = tree(&memory, 20_000);
    let cluster = Cluster::split(&world, "backup", &dir, 8);
    let slurm = Slurm::start(4);
    submit(&slurm, &cluster, &[]);
    slurm.hurries_until(|| is_finished(&cluster));
    slurm.waits();
    assert_same(&world.bucket.contents(), &dir.contents());
    let finished = fs::read_to_string(cluster.file("finished.json")).unwrap();
    let finished: Value = serde_json::from_str(&finished).unwrap();
    assert_eq!(finished["report"]["created"]["entries"], 20_000 - KEPT);
    assert_eq!(finished["report"]["deleted"]["entries"], 20);
    world.only_lists(|| world.backup(&dir).done());
}

#[test]
#[ignore = "needs Slurm and root; `cargo xtask test` runs it"]
fn a_task_that_was_killed_is_requeued() {
    let memory = Memory::start();
    let (world, dir) = tree(&memory, 400);
    let cluster = Cluster::split(&world, "backup", &dir, 4);
    let slurm = Slurm::start(2);
    hold(&memory);
    submit(&slurm, &cluster, &[]);
    let killed = poll(LIMIT, || {
        let status = cluster.status();
        let all = status["running"].as_array().unwrap();
        // The others are done: this one is held.
        let is_held = status["shards"]["done"] == 3 && all.len() == 1;
        is_held.then(|| all[0].clone())
    });
    let killed = killed.expect("three shards are done, one is held");
    signal("KILL", &killed["process"].to_string());
    memory.clear_faults();
    // The end has found a shard that is missing, and deleted nothing.
    slurm.waits();
    assert!(!is_finished(&cluster));
    assert_eq!(deletions(&memory), 0);

    slurm.control(&["requeue", killed["job"].as_str().unwrap()]);
    let is_copied = || cluster.status()["state"] == "copied";
    slurm.hurries_until(is_copied);
    slurm.waits();
    cluster.finish().done();
    assert_same(&world.bucket.contents(), &dir.contents());
    world.only_lists(|| world.backup(&dir).done());
}

#[test]
#[ignore = "needs Slurm and root; `cargo xtask test` runs it"]
fn a_task_of_a_lost_node_goes_on_beside_another_attempt() {
    let memory = Memory::start();
    let (world, dir) = tree(&memory, 400);
    let cluster = Cluster::split(&world, "backup", &dir, 1);
    let mut slurm = Slurm::start(2);
    hold(&memory);
    submit(&slurm, &cluster, &[]);
    let held = poll(LIMIT, || {
        let is_held = memory.count("PutObject") > 0;
        let status = cluster.status();
        is_held
            .then(|| status["running"][0].clone())
            .filter(|shard| !shard.is_null())
    });
    let shard = held.expect("the shard runs, and is held");
    let process = shard["process"].to_string();
    signal("STOP", &process);
    let node = slurm.node_of(shard["job"].as_str().unwrap());
    slurm.loses(node);
    memory.clear_faults();

    slurm.hurries_until(|| is_finished(&cluster));
    let after = world.bucket.objects();

    // It wakes, and sees that its work is done.
    signal("CONT", &process);
    let alive = format!("/proc/{process}/exe");
    let is_gone = || fs::read_link(&alive).is_err().then_some(());
    poll(LIMIT, is_gone).expect("the lost attempt has ended");
    assert_same(&world.bucket.objects(), &after);
    assert!(cluster.file("shard/0000/began.2").exists());
    assert_same(&world.bucket.contents(), &dir.contents());
    world.only_lists(|| world.backup(&dir).done());
}

#[test]
#[ignore = "needs Slurm and root; `cargo xtask test` runs it"]
fn a_shard_that_fails_for_good_keeps_all_deletions_back() {
    let memory = Memory::start();
    let (world, dir) = tree(&memory, 200);
    let cluster = Cluster::split(&world, "backup", &dir, 4);
    let slurm = Slurm::start(2);
    let refuse = Action::error(403, "AccessDenied");
    memory.inject(Fault::on("PutObject").key("d001/150").always().act(refuse));
    submit(&slurm, &cluster, &[]);
    slurm.waits();
    assert_eq!(deletions(&memory), 0);
    assert_eq!(cluster.status()["failed"].as_array().unwrap().len(), 1);
    cluster.finish().exits(3).says("d001/150");
    memory.clear_faults();
    cluster.phase("apply").done();
    cluster.finish().done();
    assert_same(&world.bucket.contents(), &dir.contents());
}

/// The output of the jobs that were submitted from there.
fn outputs(world: &World<'_>) -> Vec<String> {
    let entries = fs::read_dir(world.sandbox.path("")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let is_output = |path: &std::path::PathBuf| path.extension().is_some_and(|it| it == "out");
    let outputs = paths.filter(is_output);
    outputs
        .map(|path| fs::read_to_string(path).unwrap())
        .collect()
}

#[test]
#[ignore = "needs Slurm and root; `cargo xtask test` runs it"]
fn tasks_of_a_run_that_was_ended_by_hand_end_and_the_last_job_reports() {
    let memory = Memory::start();
    let (world, dir) = tree(&memory, 400);
    let cluster = Cluster::split(&world, "backup", &dir, 4);
    // One task at a time.
    let slurm = Slurm::start(1);
    hold(&memory);
    submit(&slurm, &cluster, &[]);
    let is_held = || {
        let running = cluster.status()["running"].as_array().unwrap().len();
        (running == 1 && memory.count("PutObject") > 0).then_some(())
    };
    poll(LIMIT, is_held).expect("a shard runs, and is held");
    cluster.finish().arg("--without-deletions").exits(3);
    memory.clear_faults();

    // Nothing is left in the queue, and nobody has cancelled it.
    slurm.waits();
    let outputs = outputs(&world);
    assert_eq!(outputs.len(), 5, "four tasks and the end: {outputs:#?}");
    let said = |text: &str| outputs.iter().filter(|it| it.contains(text)).count();
    // "The run is being ended", of a task that began before the end was noted.
    assert_eq!(said("ended without shard"), 4, "{outputs:#?}");
    assert_eq!(said("the run was finished before; this is its report"), 1);
    assert_eq!(deletions(&memory), 0);
    world.backup(&dir).done();
    assert_same(&world.bucket.contents(), &dir.contents());
}

/// All phases as jobs: the plans of ranges, their seal, the shards and the end.
fn arrays_plan_seal_and_copy(server: &dyn Server, files: usize, options: &[&str]) {
    let (world, dir) = tree(server, files);
    let cluster = Cluster::ranges(&world, "backup", &dir, 8, options);
    let ranges = cluster.plans();
    assert!(ranges > 4, "{ranges}");
    let slurm = Slurm::start(4);
    submit(&slurm, &cluster, &[]);
    slurm.hurries_until(|| is_finished(&cluster));
    slurm.waits();
    assert_same(&world.bucket.contents(), &dir.contents());
    let finished = fs::read_to_string(cluster.file("finished.json")).unwrap();
    let finished: Value = serde_json::from_str(&finished).unwrap();
    assert_eq!(finished["report"]["created"]["entries"], files - KEPT);
    assert_eq!(finished["report"]["deleted"]["entries"], 20);
    world.only_lists(|| world.backup(&dir).done());
}

#[test]
#[ignore = "needs Slurm and root; `cargo xtask test` runs it"]
fn arrays_that_plan_by_ranges_make_both_sides_equal() {
    arrays_plan_seal_and_copy(&Memory::start(), 4_000, &IN_ORDER);
}

fn arrays_that_plan_over_a_real_server(server: &dyn Server) {
    arrays_plan_seal_and_copy(server, 1_000, &[]);
}

on_server! {
    seaweedfs,
    "needs Slurm, root and SeaweedFS; `cargo xtask test` runs it",
    arrays_that_plan_over_a_real_server
}

/// Runs what `cluster script parallel` prints.
#[track_caller]
fn run_in_parallel(cluster: &Cluster) {
    let world = cluster.world;
    let script = world.s3mirror().args(["cluster", "script", "parallel"]);
    let script = script
        .arg(&cluster.run)
        .args(["--at-once", "3"])
        .done()
        .stdout;
    let file = world.sandbox.path("run.sh");
    fs::write(&file, &script).unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    let own = program().parent().unwrap();
    let run = world
        .s3mirror()
        .env("PATH", format!("{}:{path}", own.display()));
    let outcome = run.in_shell(&format!("sh '{}'", file.display()));
    assert_eq!(outcome.status.code(), Some(0), "{script}{outcome}");
}

#[test]
#[ignore = "needs GNU parallel; `cargo xtask test` runs it"]
fn gnu_parallel_starts_all_shards_and_the_end() {
    let memory = Memory::start();
    let (world, dir) = tree(&memory, 400);
    let mut cluster = Cluster::split(&world, "backup", &dir, 8);
    // Neither this shell nor the one that runs the shards may take anything of it for its own.
    let odd = world.sandbox.path("my {} $(exit 9)'s \"run\" of *");
    fs::rename(&cluster.run, &odd).unwrap();
    cluster.run = odd;
    run_in_parallel(&cluster);
    assert_same(&world.bucket.contents(), &dir.contents());
}

#[test]
#[ignore = "needs GNU parallel; `cargo xtask test` runs it"]
fn gnu_parallel_plans_seals_and_copies() {
    let memory = Memory::start();
    let (world, dir) = tree(&memory, 400);
    let cluster = Cluster::ranges(&world, "backup", &dir, 8, &IN_ORDER);
    run_in_parallel(&cluster);
    assert_same(&world.bucket.contents(), &dir.contents());
    assert_eq!(cluster.status()["state"], "finished");
}
