//! The end of a run says the truth: what was deleted and what was not, by whom, and what to run
//! next; also where deletions fail, are stopped, or are made while somebody ends the run
//! without them.

use std::fs;
use std::time::Duration;

use s3_endpoint::{Action, Fault};

use crate::cluster_input::edit;
use crate::support::{
    Dir, Memory, World, assert_same,
    cluster::{Cluster, counted, deletions, different, held, report, with_a_film},
};

/// The entries of [`different`] that a backup deletes.
const DELETED: usize = 8;

/// A run all of whose shards are done.
fn copied<'w, 's>(world: &'w World<'s>, dir: &Dir) -> Cluster<'w, 's> {
    let cluster = Cluster::split(world, "backup", dir, 2);
    cluster.phase("apply").done();
    cluster
}

/// How many entries of the bucket have no file.
fn left(world: &World, dir: &Dir) -> usize {
    let files = dir.contents();
    let objects = world.bucket.contents();
    objects
        .keys()
        .filter(|key| !files.contains_key(*key))
        .count()
}

fn entries(tally: &serde_json::Value) -> usize {
    usize::try_from(tally["entries"].as_u64().unwrap()).unwrap()
}

#[test]
fn what_could_not_be_deleted_is_told_and_deleted_by_the_next_finish() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let clean = world.command(&["backup", "--yes", "--json"], &dir).done();
    let (world, dir) = different(&memory);
    let cluster = copied(&world, &dir);
    let refused = Action::fail_keys(["d0/0", "d1/5"], "AccessDenied");
    memory.inject(Fault::on("DeleteObjects").act(refused));
    let outcome = cluster.finish().trusting().exits(3);
    let outcome = outcome.says("d0/0").says("put right what failed");
    assert!(!outcome.stderr.contains("nothing"), "{outcome}");
    assert_eq!(left(&world, &dir), 2);

    let status = cluster.status();
    assert_eq!(status["state"], "copied");
    assert_eq!(entries(&status["deleted"]), DELETED - 2);
    assert_eq!(status["not_deleted"]["entries"], 2);
    let names = status["not_deleted"]["names"].as_array().unwrap();
    assert_eq!(names.len(), 2, "{status}");
    let table = cluster.phase("status").done();
    let table = table.says("6 of 8 made").says("the deletions failed on");
    table.says("to make the deletions that are left, run");

    let merged = report(&cluster.finish().trusting().arg("--json").done());
    assert_eq!(counted(&merged), counted(&report(&clean)));
    assert_same(&world.bucket.contents(), &dir.contents());
    assert_eq!(cluster.status()["state"], "finished");
    cluster.phase("status").done().says("8 of 8 made");
}

/// A file has come back since the plan, so that its object is never deleted by this run.
#[test]
fn a_run_that_was_deleted_in_part_can_be_ended_as_it_is() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = copied(&world, &dir);
    dir.write("d0/0", "it is back");
    for _ in 0..2 {
        let outcome = cluster.finish().exits(3).says("in the source again");
        outcome
            .says("--without-deletions")
            .says("what was deleted stays deleted");
        assert_eq!(left(&world, &dir), 0);
    }
    cluster.finish().arg("--retried").exits(4);
    cluster.phase("status").done().says("--without-deletions");

    let end = || cluster.finish().args(["--without-deletions", "--json"]);
    let outcome = end().exits(3).says("deleted 7 entries");
    let ended = report(&outcome.says("not everything was deleted"));
    assert_eq!(entries(&ended["deleted"]), DELETED - 1, "{ended}");
    let status = cluster.status();
    assert_eq!(status["state"], "incomplete");
    assert_eq!(entries(&status["deleted"]), DELETED - 1);
    let table = cluster.phase("status").done().says("7 of 8 made");
    assert!(!table.stdout.contains("nothing"), "{table}");
    assert_eq!(counted(&report(&end().exits(3))), counted(&ended));
    world.backup(&dir).done();
    assert_same(&world.bucket.contents(), &dir.contents());
}

/// Whatever comes after it, nobody says that nothing was deleted.
#[test]
fn a_finish_that_was_killed_while_it_deleted_is_known() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = copied(&world, &dir);
    memory.inject(Fault::on("DeleteObjects").act(Action::LoseAnswer));
    let hold = Action::Stall(Duration::from_secs(1000));
    memory.inject(Fault::on("DeleteObjects").nth(2).always().act(hold));
    let finish = cluster.finish().trusting().start();
    finish.wait_for(&memory, "DeleteObjects", 2);
    assert_eq!(cluster.status()["state"], "deleting");
    assert!(finish.kill());
    memory.clear_faults();
    assert_eq!(left(&world, &dir), 0);
    let status = cluster.status();
    assert_eq!(status["state"], "deleting");
    assert_eq!(status["deleting"]["attempt"], 1);
    let table = cluster
        .phase("status")
        .done()
        .says("the deletions have not ended on");
    table.says("the process that deletes is dead: run");

    let plan = cluster.file("plan/0000.plan");
    let bytes = fs::read(&plan).unwrap();
    fs::write(&plan, &bytes[..bytes.len() - 1]).unwrap();
    let outcome = world.no_requests(|| cluster.finish().exits(3));
    outcome
        .says("may have deleted some")
        .says("put the plan back as it was");
    fs::write(&plan, bytes).unwrap();
    cluster.finish().done();
    assert_same(&world.bucket.contents(), &dir.contents());
}

#[test]
fn a_finish_that_was_stopped_while_it_deleted_says_so() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = copied(&world, &dir);
    let late = Action::Stall(Duration::from_secs(1));
    memory.inject(Fault::on("DeleteObjects").act(late));
    let finish = cluster.finish().trusting().start();
    finish.wait_for(&memory, "DeleteObjects", 1);
    finish.signal("INT");
    let outcome = finish.end().is(130);
    let outcome = outcome
        .says("at least 8 entries were deleted")
        .says("cluster finish");
    assert!(!outcome.stderr.contains("nothing is deleted"), "{outcome}");
    assert_eq!(cluster.status()["not_deleted"]["why"], "it was stopped");
    cluster.finish().done();
    assert_same(&world.bucket.contents(), &dir.contents());
}

/// Somebody ends the run as it is, on another machine, while the deletions are made.
#[test]
fn deletions_stop_when_the_run_is_ended_without_them() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = copied(&world, &dir);
    let hold = Action::Stall(Duration::from_secs(1000));
    memory.inject(Fault::on("DeleteObjects").act(hold));
    let finish = cluster.finish().trusting().start();
    finish.wait_for(&memory, "DeleteObjects", 1);
    let end = cluster.finish().args(["--without-deletions", "--json"]);
    let ended = end.start();
    let outcome = finish.end().is(3);
    outcome
        .says("being ended without its deletions")
        .says("--without-deletions");
    let outcome = ended.end().is(3);
    let ended = report(&outcome.says("1 attempt").says("had begun to delete"));
    assert_eq!(entries(&ended["deleted"]), 0, "{ended}");
    assert_eq!(left(&world, &dir), DELETED);
    assert_eq!(cluster.status()["state"], "incomplete");
    assert_eq!(deletions(&memory), 1, "none after the mark");
}

#[test]
fn of_two_that_finish_the_slower_one_tells_the_report_of_the_other() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = copied(&world, &dir);
    let hold = Action::Stall(Duration::from_secs(1000));
    memory.inject(Fault::on("DeleteObjects").act(hold));
    let slow = cluster.finish().trusting().arg("--json").start();
    slow.wait_for(&memory, "DeleteObjects", 1);
    let quick = report(&cluster.finish().trusting().arg("--json").done());
    let slow = slow
        .end()
        .is(0)
        .says("finished meanwhile by another process");
    assert_eq!(counted(&report(&slow)), counted(&quick));
    assert_eq!(entries(&quick["deleted"]), DELETED);
    assert_same(&world.bucket.contents(), &dir.contents());
}

#[test]
fn a_shard_whose_process_lives_is_waited_for_and_not_begun_again() {
    let memory = Memory::start();
    let (world, dir) = with_a_film(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 1);
    let attempt = held(&memory, &cluster);
    let outcome = cluster.finish().exits(3);
    let outcome = outcome
        .says("is at work")
        .says("wait until shard 0 is done");
    assert!(!outcome.stderr.contains("cluster apply"), "{outcome}");
    attempt.kill();
    let outcome = cluster.finish().exits(3);
    outcome.says("is dead").says(&format!(
        "cluster apply {} --shard 0",
        cluster.run.display()
    ));
}

/// An attempt was killed after one that has failed: what that has said is still told.
#[test]
fn the_failure_before_an_attempt_that_has_not_ended_is_told() {
    let memory = Memory::start();
    let (world, dir) = with_a_film(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 1);
    let refuse = Action::error(403, "AccessDenied");
    memory.inject(Fault::on("PutObject").key("d3/7").always().act(refuse));
    let hold = Action::Stall(Duration::from_secs(1000));
    memory.inject(Fault::on("CreateMultipartUpload").always().act(hold));
    let small = ["--concurrency", "4", "--part-size", "5MiB"];
    let first = cluster.apply(0).trusting().args(small).start();
    first.wait_for(&memory, "CreateMultipartUpload", 1);
    first.signal("INT");
    first.end();
    memory.clear_faults();
    held(&memory, &cluster).kill();
    let status = cluster.status();
    let failed = &status["running"][0]["failed"];
    assert_eq!(failed["attempt"], 1, "{status}");
    assert_eq!(failed["names"][0][0], "d3/7", "{status}");
    cluster
        .phase("status")
        .done()
        .says("attempt 1")
        .says("d3/7");
    cluster.finish().exits(3).says("is dead").says("d3/7");
}

/// The value of a metric.
fn metric(text: &str, name: &str) -> f64 {
    let line = text.lines().find(|line| line.starts_with(name)).unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn metrics_are_those_of_the_run_and_stay_when_its_report_is_told_again() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = copied(&world, &dir);
    std::thread::sleep(Duration::from_millis(2_100));
    let file = world.sandbox.path("run.prom");
    let finish = || cluster.finish().arg("--metrics-file").arg(&file);
    finish().done();
    let first = fs::read_to_string(&file).unwrap();
    let seconds = metric(&first, "s3mirror_duration_seconds");
    assert!((2.0..100.0).contains(&seconds), "since the split: {first}");
    std::thread::sleep(Duration::from_millis(1_100));
    finish().done();
    assert_eq!(fs::read_to_string(&file).unwrap(), first);
    // On another machine, which has no such file.
    fs::remove_file(&file).unwrap();
    finish().done();
    let other = fs::read_to_string(&file).unwrap();
    let success = |text| metric(text, "s3mirror_last_success_timestamp_seconds{");
    let moved = success(&other) - success(&first);
    assert!((-1.0..=0.0).contains(&moved), "{first}\n{other}");
}

/// As a machine that went down may leave it.
#[test]
fn what_a_process_said_of_its_deletions_need_not_be_readable() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = copied(&world, &dir);
    let refused = Action::fail_keys(["d0/0", "d1/5"], "AccessDenied");
    memory.inject(Fault::on("DeleteObjects").act(refused));
    cluster.finish().trusting().exits(3);
    fs::write(cluster.file("end/failed.1"), "{").unwrap();
    let status = cluster.status();
    assert_eq!(status["state"], "copied");
    assert_eq!(entries(&status["deleted"]), 0);
    let outcome = cluster.finish().arg("--without-deletions").exits(3);
    outcome.says("may have deleted some").says("cannot be read");
    assert_eq!(cluster.status()["state"], "incomplete");
}

/// What was in the way of a transfer is gone, though nothing else may be deleted.
#[test]
fn what_shards_have_deleted_counts_where_the_end_deletes_nothing() {
    let memory = Memory::start();
    let world_and_dir = World::with(
        &memory,
        &[("a/b", "below"), ("c", "1")],
        &[("a", "1"), ("d", "2")],
    );
    let (world, dir) = world_and_dir;
    let cluster = Cluster::split(&world, "restore", &dir, 1);
    cluster.apply(0).done();
    edit(&cluster.file("shard/0000/done"), |done| {
        assert_eq!(done["report"]["deleted"]["entries"], 1, "{done}");
        done["report"]["clock_jump_ms"] = 3_600_000.into();
    });
    cluster.finish().arg("--retried").exits(4);
    let outcome = cluster.finish().arg("--json").exits(3);
    let kept = report(&outcome.says("a clock was set while its shards"));
    assert_eq!(entries(&kept["deleted"]), 1, "{kept}");
    let end = cluster.finish().args(["--without-deletions", "--json"]);
    let ended = report(&end.exits(3));
    assert_eq!(entries(&ended["deleted"]), 1, "{ended}");
    assert!(dir.contents().contains_key("c"));
}

/// As of a single run that did not come further.
#[test]
fn a_finish_that_cannot_end_reports_what_was_done() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 2);
    cluster.apply(0).done();
    let metrics = world.sandbox.path("metrics.prom");
    let finish = || cluster.finish().arg("--metrics-file").arg(&metrics);
    let half = report(&finish().arg("--json").exits(3));
    assert_eq!(half["kept"]["entries"], 16, "{half}");
    let done = entries(&half["created"]) + entries(&half["overwritten"]);
    assert!((1..16).contains(&done), "{half}");
    assert_eq!(half["not_written"], 16 - done as u64, "{half}");
    assert_eq!(entries(&half["deleted"]), 0, "{half}");
    let text = fs::read_to_string(&metrics).unwrap();
    let kept = text.lines().find(|line| line.contains("kept"));
    assert!(kept.is_some_and(|line| line.ends_with(" 16")), "{text}");

    // What failed counts as failed.
    dir.write("d3/31", "edited since");
    cluster.apply(1).exits(3);
    let failed = report(&cluster.finish().arg("--json").exits(3));
    assert!(failed["failed"].as_u64().unwrap() > 0, "{failed}");
}

/// The second one asks about all of them: those of the first are found gone.
#[test]
fn a_second_finish_says_how_many_deletions_the_first_one_made() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = copied(&world, &dir);
    let refused = Action::fail_keys(["d0/0"], "AccessDenied");
    memory.inject(Fault::on("DeleteObjects").act(refused));
    let first = cluster.finish().trusting().exits(3);
    let first = first.says("all shards are done; 8 entries are to be deleted");
    assert!(!first.stderr.contains("in all"), "{first}");
    let second = cluster.finish().done();
    second.says("in all: `finish` had begun to delete and deleted 7 entries");
}

/// One file has changed, and a link stands where the directory of the other one was.
#[test]
fn finish_and_status_agree_on_deletions_that_would_fail_again() {
    let memory = Memory::start();
    let files = [("changed/a", "a"), ("moved/b", "b")];
    let (world, dir) = World::with(&memory, &[("kept", "kept")], &files);
    let cluster = Cluster::split(&world, "restore", &dir, 1);
    cluster.phase("apply").done();
    dir.write("changed/a", "edited since");
    let elsewhere = world.sandbox.path("elsewhere");
    fs::rename(dir.join("moved"), &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, dir.join("moved")).unwrap();
    let advice = "what has changed since the plan was made is not deleted by this run";
    cluster.finish().exits(3).says("moved/b").says(advice);
    let status = cluster.status();
    assert_eq!(status["not_deleted"]["entries"], 2, "{status}");
    cluster.phase("status").done().says(advice);
    assert!(elsewhere.join("b").exists());
}
