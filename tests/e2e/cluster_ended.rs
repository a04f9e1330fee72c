//! A run that is ended as it is, while attempts are at work; and one whose files were removed.

use std::fs;
use std::path::Path;
use std::time::Duration;

use s3_endpoint::{Action, Fault};
use serde_json::{Value, json};

use crate::support::{
    Memory, World, assert_same,
    cluster::{Cluster, IN_ORDER, PARTS, different, held, report, split_keys, with_a_film},
};

/// Entries of the plan of [`with_a_film`] that are copied.
const COPIED: u64 = 17;

fn written(report: &Value) -> u64 {
    ["created", "overwritten"]
        .map(|name| report[name]["entries"].as_u64().unwrap())
        .iter()
        .sum()
}

/// The report of what ends the run as it is.
#[track_caller]
fn end(cluster: &Cluster) -> Value {
    let end = cluster.finish().args(["--without-deletions", "--json"]);
    report(&end.exits(3))
}

#[test]
fn an_attempt_at_work_stops_and_reports_before_the_run_is_ended_without_it() {
    let memory = Memory::start();
    let (world, dir) = with_a_film(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 1);
    let before = world.bucket.contents();
    let attempt = held(&memory, &cluster);
    let ended = end(&cluster);
    // It has aborted its upload by itself, and noted what it had done, before the end.
    assert!(cluster.file("shard/0000/failed.1").exists());
    assert!(memory.count("AbortMultipartUpload") > 0);
    assert!(memory.open_uploads(&world.bucket.name).is_empty());
    assert!(!world.bucket.contents().contains_key("film"));
    let after = world.bucket.contents();
    let copied = after
        .iter()
        .filter(|(key, text)| before.get(*key) != Some(*text));
    assert_eq!(written(&ended), copied.count() as u64, "{ended}");
    assert_eq!(
        written(&ended) + ended["not_written"].as_u64().unwrap(),
        COPIED
    );
    assert_eq!(ended["failed"], 0, "{ended}");

    attempt.end().is(3).says("ended without shard 0");
    assert_eq!(cluster.status()["state"], "incomplete");
    world.no_requests(|| {
        cluster
            .apply(0)
            .exits(3)
            .says("the run was ended without shard 0")
    });
}

/// One that cannot look is waited for in bounded time. When it wakes, it leaves nothing.
#[test]
fn a_run_is_ended_in_bounded_time_and_by_nobody_else_meanwhile() {
    let memory = Memory::start();
    let (world, dir) = with_a_film(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 1);
    let attempt = held(&memory, &cluster);
    attempt.signal("STOP");
    let ending = cluster.finish().arg("--without-deletions").start();
    let mark = cluster.file("ending.json");
    ending.wait_until(&memory, "a mark", || mark.exists());
    assert!(ending.kill(), "it waits");
    world.no_requests(|| {
        let outcome = cluster.apply(0).exits(3);
        outcome.says("being ended").says("--without-deletions");
        cluster
            .phase("apply")
            .exits(3)
            .says("being ended without 1 shard");
        cluster.finish().exits(3).says("--without-deletions");
    });
    assert_eq!(memory.open_uploads(&world.bucket.name).len(), 1);

    let outcome = cluster.finish().arg("--without-deletions").exits(3);
    outcome.says("1 attempt may be at work").says("aborted 1");
    assert!(memory.open_uploads(&world.bucket.name).is_empty());
    attempt.signal("CONT");
    attempt
        .end()
        .is(3)
        .says("the run was ended without shard 0");
    assert!(memory.open_uploads(&world.bucket.name).is_empty());
    assert!(!world.bucket.contents().contains_key("film"));
    world.backup(&dir).done();
    assert_same(&world.bucket.contents(), &dir.contents());
}

#[test]
fn the_files_of_a_shard_that_were_removed_are_made_again() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 2);
    cluster.phase("apply").done();
    for removed in ["shard/0001", "shard"] {
        fs::remove_dir_all(cluster.file(removed)).unwrap();
        world.no_requests(|| cluster.finish().exits(3).says("shard 1 is not done"));
        let outcome = cluster.phase("apply").done();
        outcome.says("shard 1: its directory").says("made again");
    }
    let mode = fs::metadata(cluster.file("shard/0001")).unwrap();
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&mode.permissions()) & 0o777,
        0o700
    );
    cluster.finish().done();
    assert_same(&world.bucket.contents(), &dir.contents());
}

/// What a shard that lost its files had copied is looked at, and not copied again.
#[test]
fn a_shard_that_lost_its_files_copies_only_what_is_left() {
    let memory = Memory::start();
    let (world, dir) = with_a_film(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 1);
    let refuse = Action::error(403, "AccessDenied");
    memory.inject(Fault::on("PutObject").key("d3/7").always().act(refuse));
    cluster.apply(0).args(PARTS).exits(3);
    memory.clear_faults();
    fs::remove_dir_all(cluster.file("shard/0000")).unwrap();
    let puts = memory.count("PutObject");
    let again = cluster.apply(0).trusting().args(PARTS).done();
    assert_eq!(memory.count("PutObject") - puts, 1, "{again}");
    cluster.finish().done();
    assert_same(&world.bucket.contents(), &dir.contents());
}

#[test]
fn the_files_of_a_range_that_were_removed_are_made_again() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::ranges(&world, "backup", &dir, 3, &IN_ORDER);
    let ranges = cluster.plans();
    cluster.plan(0).done();
    for removed in ["range/0001", "range", "plan"] {
        fs::remove_dir_all(cluster.file(removed)).unwrap();
        cluster.plan(1).done();
    }
    world.no_requests(|| cluster.seal().exits(3).says("have no plan"));
    cluster.phase("plan").done();
    assert!((0..ranges).all(|range| Path::exists(&cluster.file(&format!("plan/{range:04}.plan")))));
    cluster.seal().done();
    cluster.phase("apply").done();
    cluster.finish().done();
    assert_same(&world.bucket.contents(), &dir.contents());
}

/// Its shards may have been completed all the same, by the time of the end.
#[test]
fn a_run_that_is_being_ended_as_it_is_deletes_nothing_though_all_is_copied() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 2);
    let attempt = cluster.finish().arg("--without-deletions").start();
    let mark = cluster.file("ending.json");
    attempt.wait_until(&memory, "a mark", || mark.exists());
    attempt.kill();
    let text = fs::read(&mark).unwrap();
    // As if the shards had been done before it.
    for name in ["ending.json", "finished.json"] {
        let _ = fs::remove_file(cluster.file(name));
    }
    cluster.phase("apply").done();
    fs::write(&mark, text).unwrap();
    let stale = world.bucket.contents().len();
    let outcome = cluster.finish().exits(3);
    outcome
        .says("without its deletions")
        .says("--without-deletions");
    assert_eq!(world.bucket.contents().len(), stale);
    assert!(stale > dir.contents().len());
    end(&cluster);
    assert_eq!(world.bucket.contents().len(), stale);
}

/// A split that was killed left a run that nobody divides any more.
#[test]
fn a_split_that_was_killed_is_told_and_not_waited_for() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let run = world.sandbox.path("run");
    let hold = Action::Stall(Duration::from_secs(1000));
    memory.inject(Fault::on("ListObjectsV2").always().act(hold));
    let split = split_keys(&world, "restore", &dir, &run, 2).start();
    let mark = run.join("splitting.json");
    split.wait_until(&memory, "a mark", || mark.exists());
    let status = || world.s3mirror().args(["cluster", "status"]).arg(&run);
    status().done().says("splitting").says("started");
    assert!(split.kill());
    let told = format!("remove {}", run.display());
    for watch in [&[][..], &["--watch"]] {
        let outcome = status().args(watch).exits(1);
        outcome.says("which is dead").says(&told);
    }
    memory.clear_faults();
    fs::remove_dir_all(&run).unwrap();
    split_keys(&world, "restore", &dir, &run, 2).done();
    let planning = status().arg("--json").done().json().pop().unwrap();
    assert_eq!(planning["state"], "planning");
}

/// What waits until a file is out of its way fails because others do, and would fail again
/// with them.
#[test]
fn a_shard_whose_other_entries_wait_for_an_outdated_one_is_not_run_again() {
    let memory = Memory::start();
    let objects = [("edited", "1"), ("in the way/below", "2")];
    let (world, dir) = World::with(&memory, &objects, &[("in the way", "a file")]);
    let cluster = Cluster::split(&world, "restore", &dir, 1);
    world.bucket.put("edited", "meanwhile");
    let outcome = cluster.apply(0).exits(3);
    outcome.says("2 entries failed").says("--without-deletions");
    cluster.phase("apply").exits(3).says("would fail again");
    let outcome = cluster.finish().exits(3).says("--without-deletions");
    assert!(!outcome.stderr.contains("cluster apply"), "{outcome}");
    end(&cluster);
    world.restore(&dir).arg("--max-delete=100%").done();
    assert_same(&dir.contents(), &world.bucket.contents());
}

/// What is run at the end by a scheduler that tries again: the report stays that of the run.
#[test]
fn a_run_that_is_incomplete_for_good_is_not_tried_again_and_its_command_is_run_once() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 2);
    dir.write("d0/12", "edited since");
    let heard = world.sandbox.path("heard");
    let hook = format!("echo $S3MIRROR_EXIT >> '{}'", heard.display());
    let finish = || {
        let finish = cluster.finish().args(["--json", "--on-finish", &hook]);
        finish.arg("--retried")
    };
    // A shard that nobody has begun may still be done.
    cluster.apply(0).exits(3);
    finish().exits(3).says("shard 1 is not done");
    cluster.apply(1).done();
    assert_eq!(report(&finish().exits(4))["exit"], 3);
    cluster.finish().exits(3).says("changed");

    fs::remove_file(&heard).unwrap();
    let end = || finish().arg("--without-deletions");
    assert_eq!(report(&end().exits(3))["exit"], 3);
    for again in [end(), finish()] {
        let again = again.exits(4).says("finished before");
        assert_eq!(report(&again)["exit"], 3);
    }
    cluster.finish().exits(3);
    assert_eq!(fs::read_to_string(&heard).unwrap(), "3\n");
}

#[test]
fn a_run_that_is_being_ended_is_not_finished_again_by_a_scheduler() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 2);
    cluster.phase("apply").done();
    let run: Value = serde_json::from_slice(&fs::read(cluster.file("run.json")).unwrap()).unwrap();
    let at = "2026-01-01T00:00:00Z";
    let mark = json!({ "run": run["id"], "host": "elsewhere", "process": 7, "at": at });
    fs::write(cluster.file("ending.json"), mark.to_string()).unwrap();
    world.no_requests(|| {
        cluster.finish().exits(3).says("being ended");
        cluster
            .finish()
            .arg("--retried")
            .exits(4)
            .says("being ended");
    });
}
