//! `cluster script batch`: what it prints is what AWS Batch takes, and makes both sides equal.

use std::fs;
use std::os::unix::fs::MetadataExt;

use s3_endpoint::{Action, Fault};
use serde_json::json;

use crate::docs::top;
use crate::support::{
    Memory, assert_same,
    batch::{Batch, Sender},
    cluster::{Cluster, IN_ORDER, deletions, different},
};

/// What is printed, of a volume that has everything.
fn printed(cluster: &Cluster<'_, '_>, options: &[&str]) -> String {
    let script = cluster.script("batch").args(["--mount", "/"]);
    script.args(options).done().stdout
}

#[track_caller]
fn makes_both_sides_equal(cluster: &Cluster<'_, '_>, options: &[&str], sender: Sender) -> Batch {
    let script = printed(cluster, options);
    let batch = Batch::run(cluster, &script, sender);
    let status = batch.outcome.status.code();
    assert_eq!(status, Some(0), "{script}{}", batch.outcome);
    assert_eq!(cluster.status()["state"], "finished");
    batch
}

#[test]
fn a_script_of_batch_submits_an_array_and_the_end() {
    let memory = Memory::start();
    // An array of AWS Batch has two tasks at least.
    for (shards, tasks) in [(1, 1), (2, 2), (3, 3)] {
        let (world, dir) = different(&memory);
        let cluster = Cluster::split(&world, "backup", &dir, shards);
        let batch = makes_both_sides_equal(&cluster, &[], Sender::Tests);
        assert_same(&world.bucket.contents(), &dir.contents());
        assert_eq!(batch.names(), ["", "-end"]);
        let exits = batch.jobs[0]["exits"].as_object().unwrap();
        assert_eq!(exits.len(), tasks);
    }
}

#[test]
fn a_script_of_batch_runs_all_phases_of_ranges_in_turn() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::ranges(&world, "backup", &dir, 3, &IN_ORDER);
    let batch = makes_both_sides_equal(&cluster, &[], Sender::Tests);
    assert_eq!(batch.names(), ["-plan", "-seal", "", "-end"]);
    assert_same(&world.bucket.contents(), &dir.contents());
    assert_eq!(batch.definitions.len(), 1);
}

#[test]
fn a_container_of_batch_is_the_owner_of_the_run_and_has_the_role() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 2);
    let role = "arn:aws:iam::123456789012:role/mirror";
    let options = ["--role", role, "--volume", "fs-1", "--queue", "it's *"];
    let batch = makes_both_sides_equal(&cluster, &options, Sender::Tests);
    let container = &batch.definitions[0]["containerProperties"];
    assert_eq!(container["jobRoleArn"], role);
    let owner = fs::metadata(&cluster.run).unwrap();
    let user = container["user"].as_str().unwrap();
    assert!(user.starts_with(&format!("{}:", owner.uid())), "{user}");
    let volume = &container["volumes"][0]["efsVolumeConfiguration"];
    assert_eq!(volume["fileSystemId"], "fs-1");
    assert_eq!(batch.jobs[0]["jobQueue"], "it's *");
}

/// AWS Batch puts the words of a job behind the entry point, which it cannot replace.
#[test]
fn the_image_of_a_release_has_the_entry_point_that_batch_needs() {
    let image = fs::read_to_string(top().join("Containerfile")).unwrap();
    let entry = "\nENTRYPOINT [\"/usr/bin/s3mirror\"]\n";
    assert!(image.contains(entry), "{image}");
}

/// No pattern matches its status 3, so that the service tries it again.
#[test]
fn a_task_of_batch_that_failed_is_tried_again() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 2);
    let refuse = Action::error(403, "AccessDenied");
    memory.inject(Fault::on("PutObject").key("d1/1").act(refuse));
    let batch = makes_both_sides_equal(&cluster, &[], Sender::Tests);
    let tasks = batch.jobs[0]["exits"].as_object().unwrap();
    assert_eq!(tasks.len(), 2);
    for exits in [json!([3, 0]), json!([0])] {
        let is_of_one = tasks.values().filter(|task| **task == exits).count() == 1;
        assert!(is_of_one, "{tasks:?}");
    }
    assert_same(&world.bucket.contents(), &dir.contents());
}

#[test]
fn a_script_of_batch_ends_as_its_last_job() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 2);
    let refuse = || Action::error(403, "AccessDenied");
    memory.inject(Fault::on("PutObject").always().act(refuse()));
    let batch = Batch::run(&cluster, &printed(&cluster, &[]), Sender::Tests);
    batch.outcome.is(1).says("the run is not complete");
    assert_eq!(batch.jobs[1]["exits"], json!({ "None": [3, 3, 3] }));
    assert_eq!(deletions(&memory), 0);
    memory.clear_faults();
    // Run again, it does what is left.
    makes_both_sides_equal(&cluster, &[], Sender::Tests);
    assert_same(&world.bucket.contents(), &dir.contents());
}

#[test]
fn a_task_of_batch_that_would_end_the_same_way_is_not_tried_again() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::ranges(&world, "backup", &dir, 2, &IN_ORDER);
    let script = printed(&cluster, &["--", "--concurrency=7"]);
    let script = script.replace("--concurrency=7", "--no-such-option");
    let batch = Batch::run(&cluster, &script, Sender::Tests);
    batch.outcome.is(1).says("the plans are not sealed");
    assert_eq!(batch.jobs[1]["exits"], json!({ "None": [2] }));
    // And a seal that the guards refuse.
    let script = printed(&cluster, &["--max-delete", "0"]);
    let batch = Batch::run(&cluster, &script, Sender::Tests);
    batch.outcome.is(1).says("the plans are not sealed");
    assert_eq!(batch.jobs[1]["exits"], json!({ "None": [4] }));
    assert_eq!(deletions(&memory), 0);
}

/// Its end fails once, though a task that fails so is otherwise tried again.
#[test]
fn a_run_of_batch_that_is_incomplete_for_good_is_not_finished_again() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 2);
    dir.write("d0/12", "edited since");
    let batch = Batch::run(&cluster, &printed(&cluster, &[]), Sender::Tests);
    let outcome = batch.outcome.is(1).says("the run is not complete");
    outcome.says("--without-deletions");
    assert_eq!(batch.jobs[1]["exits"], json!({ "None": [4] }));
}

/// Its compute environment decides that.
#[test]
fn how_many_tasks_batch_runs_at_a_time_is_not_said_in_vain() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 2);
    let script = || cluster.script("batch").args(["--mount", "/"]);
    let refused = script().args(["--at-once", "2"]).exits(2);
    refused.says("--at-once").says("maxvCpus");
    let refused = script().env("S3MIRROR_AT_ONCE", "2").exits(2);
    refused.says("S3MIRROR_AT_ONCE").says("maxvCpus");
    script().done();
}

#[test]
#[ignore = "needs the aws command line; `cargo xtask test` runs it"]
fn the_aws_command_line_takes_the_script_of_a_plan_and_of_ranges() {
    let memory = Memory::start();
    let role = ["--role", "arn:aws:iam::123456789012:role/mirror"];
    for options in [&[][..], &role] {
        let (world, dir) = different(&memory);
        let cluster = Cluster::split(&world, "backup", &dir, 3);
        makes_both_sides_equal(&cluster, options, Sender::Aws);
        assert_same(&world.bucket.contents(), &dir.contents());
    }
    let (world, dir) = different(&memory);
    let mut cluster = Cluster::ranges(&world, "backup", &dir, 3, &IN_ORDER);
    // Neither the shell nor the aws command line may take anything of it for its own.
    let odd = world.sandbox.path("my $(exit 9)'s {} \"run\" of *");
    fs::rename(&cluster.run, &odd).unwrap();
    cluster.run = odd;
    makes_both_sides_equal(&cluster, &[], Sender::Aws);
    assert_same(&world.bucket.contents(), &dir.contents());
}

#[test]
#[ignore = "needs the aws command line; `cargo xtask test` runs it"]
fn the_aws_command_line_refuses_what_is_not_of_the_model_of_batch() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 3);
    let script = printed(&cluster, &[]);
    for (right, wrong, said) in [
        ("\"onExitCode\"", "\"onExitCodes\"", "onExitCodes"),
        ("\"attempts\": 3", "\"attempts\": \"3\"", "attempts"),
        ("\"image\": \"s3mirror\",", "\"image\": [],", "image"),
        ("{\"command\":", "{\"commands\":", "commands"),
        ("size=3", "size=three", "'three'"),
        ("size=3", "sizes=3", "sizes"),
    ] {
        assert!(script.contains(right), "{right} in {script}");
        let batch = Batch::run(&cluster, &script.replace(right, wrong), Sender::Aws);
        assert_ne!(batch.outcome.status.code(), Some(0), "{wrong}");
        batch.outcome.says(said);
        assert!(batch.jobs.is_empty());
    }
    assert_eq!(cluster.status()["shards"]["done"], 0);
}
