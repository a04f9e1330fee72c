//! `cluster status` of a run whose processes were killed, or that is being or was ended: it says
//! who is at work, and what to run next, as `finish` does.

use std::fs;
use std::time::Duration;

use s3_endpoint::{Action, Fault};
use serde_json::Value;

use crate::cluster_input::edit;
use crate::support::{
    Memory, World, assert_same,
    cluster::{Cluster, IN_ORDER, different, held, with_a_film},
};

#[test]
fn a_process_that_was_killed_is_told_as_dead_and_not_watched() {
    let memory = Memory::start();
    let (world, dir) = with_a_film(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 1);
    let attempt = held(&memory, &cluster);
    let table = cluster.phase("status").done();
    table.says("0 of 1 done, 1 running").says("shard 0 runs on");
    assert_eq!(cluster.status()["running"][0]["alive"], true);
    assert!(attempt.kill());

    let status = cluster.status();
    assert_eq!(status["running"][0]["alive"], false, "{status}");
    assert_eq!(status["seconds_left"], Value::Null, "{status}");
    assert_eq!(status["bytes_per_second"], Value::Null, "{status}");
    for watch in [&[][..], &["--watch"]] {
        let table = cluster.phase("status").args(watch).done();
        let table = table.says("0 of 1 done, 0 running, 1 dead");
        let table = table.says("which is dead").says("--shard 0`");
        assert!(!table.stdout.contains("  left"), "{table}");
        assert!(!table.stdout.contains("runs on"), "{table}");
    }
    // The same process, as another machine sees it.
    let began = fs::read(cluster.file("shard/0000/began.1")).unwrap();
    edit(&cluster.file("shard/0000/began.1"), |began| {
        began["identity"]["space"] = "another machine".into();
    });
    assert_eq!(cluster.status()["running"][0]["alive"], Value::Null);
    cluster.phase("status").done().says("1 running");
    edit(&cluster.file("shard/0000/beat.1"), |beat| {
        beat["at"] = "2026-01-01T00:00:00Z".into();
    });
    let table = cluster.phase("status").done();
    let table = table.says("0 running, 1 silent");
    table.says("no heartbeat for").says("--shard 0`");

    // On its own machine nobody has to wait until its silence is long enough.
    fs::write(cluster.file("shard/0000/began.1"), began).unwrap();
    cluster.apply(0).done();
    cluster
        .phase("status")
        .done()
        .says("1 of 1 done, 0 running");
}

#[test]
fn a_planner_that_was_killed_is_told_as_dead() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::ranges(&world, "backup", &dir, 2, &IN_ORDER);
    let hold = Action::Stall(Duration::from_secs(1000));
    let hits = memory.inject(Fault::on("ListObjectsV2").always().act(hold));
    let plan = cluster.phase("plan").args(["--shard", "0"]).trusting();
    let plan = plan.start();
    plan.wait_until(&memory, "a listing", || hits.count() > 0);
    cluster.phase("status").done().says("range 0 runs on");
    assert!(plan.kill());
    memory.clear_faults();
    cluster
        .phase("status")
        .done()
        .says("1 dead")
        .says("1 waiting");
    // Nothing else waits then, so it is not watched.
    cluster.plan(1).done();
    let table = cluster.phase("status").arg("--watch").done();
    let table = table.says("1 dead").says("which is dead");
    table.says("cluster plan").says("--shard 0`");
}

#[test]
fn what_failed_is_advised_to_be_tried_again() {
    let memory = Memory::start();
    let (world, dir) = with_a_film(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 2);
    let denied = Fault::on("PutObject").always();
    memory.inject(denied.act(Action::error(403, "AccessDenied")));
    cluster.apply(1).trusting().exits(3);
    let table = cluster.phase("status").done();
    table.says("to complete shard 1, put right what failed, and run");
    cluster.apply(0).trusting().exits(3);
    let table = cluster.phase("status").done();
    table.says("to complete 2 shards, put right what failed, and run");
    memory.clear_faults();
    cluster.phase("apply").done();
    let table = cluster.phase("status").done();
    assert!(!table.stdout.contains("to complete"), "{table}");
}

/// Its first heartbeat comes before it has read its part of the plan.
#[test]
fn the_work_of_a_shard_is_told_before_it_counts() {
    let memory = Memory::start();
    let (world, dir) = with_a_film(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 1);
    let attempt = held(&memory, &cluster);
    edit(&cluster.file("shard/0000/beat.1"), |beat| {
        for name in ["transfers", "bytes"] {
            beat[name] = serde_json::json!({ "done": 0, "all": 0 });
        }
    });
    let shard = &cluster.status()["running"][0];
    assert_eq!(shard["transfers"]["all"], 17, "{shard}");
    assert!(
        shard["bytes"]["all"].as_u64().unwrap() > 11 << 20,
        "{shard}"
    );
    assert!(attempt.kill());
}

#[test]
fn nothing_runs_after_the_end() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 1);
    cluster.phase("apply").done();
    cluster.finish().done();
    assert!(cluster.file("end/began.1").exists());
    let status = cluster.status();
    assert_eq!(status["state"], "finished");
    assert_eq!(status.get("deleting"), None, "{status}");
    let table = cluster.phase("status").done().says("8 of 8 made");
    assert!(!table.stdout.contains("the deletions"), "{table}");
}

#[test]
fn who_ends_a_run_without_its_deletions_is_told() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 2);
    cluster.apply(0).done();
    let run: Value = serde_json::from_slice(&fs::read(cluster.file("run.json")).unwrap()).unwrap();
    let at = "2026-01-01T00:00:00Z";
    let mark = serde_json::json!({
        "run": run["id"], "host": "elsewhere", "process": 7, "at": at
    });
    let ending = cluster.file("ending.json");
    for (mark, by) in [
        (mark.to_string(), "elsewhere, process 7"),
        ("{".to_owned(), ""),
    ] {
        fs::write(&ending, mark).unwrap();
        let status = cluster.status();
        assert_eq!(status["state"], "ending", "{status}");
        let being_ended = &status["being_ended"];
        match by {
            "" => assert!(being_ended["error"].is_string(), "{status}"),
            by => assert_eq!(being_ended["by"], by, "{status}"),
        }
        let table = cluster.phase("status").done();
        let table = table.says("being ended without its deletions").says(by);
        table.says("--without-deletions`");
        // Whatever meets it gives the same advice.
        let again =
            "finish run --without-deletions`".replace("run", &cluster.run.to_string_lossy());
        cluster.finish().exits(3).says(&again);
        if by.is_empty() {
            cluster.apply(1).exits(1).says("ending.json").says(&again);
        }
    }
    cluster.finish().arg("--without-deletions").exits(3);
    let status = cluster.status();
    assert_eq!(status["state"], "incomplete");
    assert_eq!(status.get("being_ended"), None, "{status}");
}

/// It would be taken for one that nobody has begun.
#[test]
fn a_shard_whose_done_file_was_cut_is_told_with_the_way_out() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 2);
    cluster.phase("apply").done();
    let done = cluster.file("shard/0001/done");
    fs::write(&done, "").unwrap();
    let status = cluster.status();
    let unknown = &status["unknown"][0];
    assert_eq!(
        (&unknown["shard"], &status["waiting"]),
        (&1.into(), &1.into()),
        "{status}"
    );
    let why = unknown["why"].as_str().unwrap();
    assert!(
        why.contains("0001/done") && why.contains("remove that file"),
        "{status}"
    );
    let table = cluster.phase("status").done();
    table.says("shard 1 is not done").says("remove that file");
    let finish = cluster
        .finish()
        .exits(3)
        .says("remove the file named above");
    finish.says("--shard 1`, then run `s3mirror cluster finish");
    cluster.apply(1).exits(1).says("remove that file");
    // As it says.
    fs::remove_file(&done).unwrap();
    cluster.apply(1).done();
    cluster.finish().done();
    assert_same(&world.bucket.contents(), &dir.contents());
}

/// As `apply` says it, so that it can be compared and typed.
#[test]
fn a_name_with_what_drives_a_terminal_is_escaped_once() {
    let memory = Memory::start();
    let name = "evil\u{1b}[31m\nx";
    let shown = r"'evil\u{1b}[31m\nx'";
    let (world, dir) = World::with(&memory, &[], &[(name, "planned")]);
    let cluster = Cluster::split(&world, "backup", &dir, 1);
    dir.write(name, "edited since");
    cluster.apply(0).exits(3).says(shown);
    cluster.phase("status").done().says(shown);
    cluster.finish().exits(3).says(shown);
    let json = cluster.finish().arg("--json").exits(3);
    let text = format!("{:?}", json.json());
    assert!(
        text.contains(&format!("{shown:?}").replace('"', "")),
        "{text}"
    );
}
