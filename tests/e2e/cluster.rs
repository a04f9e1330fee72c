//! One plan, executed by several processes: the end is that of one run, nothing is
//! deleted before all shards are done, and the report counts each action once.

use std::fs;

use serde_json::Value;

use crate::support::{
    Memory, Server, World, assert_same,
    cluster::{Cluster, counted, deletions, different, report, split},
    plans::{PlanText, save, with_a_subdirectory},
};

on_all_servers! {
    the_shards_of_a_backup_end_as_one_run
    the_shards_of_a_restore_end_as_one_run
}

fn the_shards_of_a_backup_end_as_one_run(server: &dyn Server) {
    let (world, dir) = with_a_subdirectory(server);
    let cluster = Cluster::split(&world, "backup", &dir, 3);
    for shard in [2, 0, 1] {
        cluster.apply(shard).done();
    }
    cluster.finish().done();
    assert_same(&world.bucket.contents(), &dir.contents());
    world.only_lists(|| world.backup(&dir).done());
}

fn the_shards_of_a_restore_end_as_one_run(server: &dyn Server) {
    let (world, dir) = with_a_subdirectory(server);
    let cluster = Cluster::split(&world, "restore", &dir, 3);
    for shard in [2, 0, 1] {
        cluster.apply(shard).done();
        assert!(dir.is_marked(), "the restore is not completed");
    }
    cluster.finish().done();
    assert_same(&dir.contents(), &world.bucket.contents());
    assert!(!dir.is_marked());
    world.only_lists(|| world.restore(&dir).done());
}

#[test]
fn the_merged_report_is_that_of_one_run() {
    let memory = Memory::start();
    for command in ["backup", "restore"] {
        let (world, dir) = different(&memory);
        let one = world.command(&[command, "--yes", "--json"], &dir).done();
        let (world, dir) = different(&memory);
        let cluster = Cluster::split(&world, command, &dir, 5);
        // All of them, one after the other, in one process.
        cluster.phase("apply").done();
        let metrics = world.sandbox.path("run.prom");
        let heard = world.sandbox.path("heard");
        let run = cluster
            .finish()
            .arg("--json")
            .arg("--metrics-file")
            .arg(&metrics);
        let hook = format!("cat > '{}'", heard.display());
        let outcome = run.args(["--on-finish", &hook]).done();
        let all = report(&outcome);
        assert_eq!(counted(&all), counted(&report(&one)), "{command}");
        let metrics = fs::read_to_string(metrics).unwrap();
        assert!(metrics.contains("s3mirror_exit_status{"), "{metrics}");
        let heard: Value = serde_json::from_str(&fs::read_to_string(heard).unwrap()).unwrap();
        assert_eq!(heard, all);
        // The same again.
        let again = report(&cluster.finish().arg("--json").done());
        assert_eq!(counted(&again), counted(&all), "{command}");
        assert_eq!(cluster.status()["state"], "finished");
    }
}

#[test]
fn what_is_in_the_way_gives_way_within_its_shard_and_counts_once() {
    let memory = Memory::start();
    let place = || {
        World::with(
            &memory,
            &[
                ("a/b", "below"),
                ("c", "1"),
                ("tree", "a file now"),
                ("z", "2"),
            ],
            &[("a", "1"), ("tree/x", "2"), ("tree/y", "3"), ("y", "gone")],
        )
    };
    for command in ["backup", "restore"] {
        let (world, dir) = place();
        let one = world.command(&[command, "--yes", "--json", "--max-delete", "100%"], &dir);
        let one = report(&one.done());
        let (world, dir) = place();
        let plan = save(&world, &["mock", command, "--max-delete", "100%"], &dir);
        let run = world.sandbox.path("run");
        split(&world, &plan, &run, 8)
            .args(["--max-delete", "100%"])
            .done();
        let cluster = Cluster { world: &world, run };
        for shard in 0..8 {
            cluster.apply(shard).done();
        }
        let all = report(&cluster.finish().arg("--json").done());
        assert_eq!(counted(&all), counted(&one), "{command}");
        assert_same(&dir.contents(), &world.bucket.contents());
    }
}

#[test]
fn nothing_is_deleted_before_the_last_shard_is_done() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let before = world.bucket.contents();
    let cluster = Cluster::split(&world, "backup", &dir, 4);
    for shard in 0..4 {
        let outcome = world.no_requests(|| cluster.finish().exits(3));
        let outcome = outcome.says(&format!("shard {shard} is not done"));
        // One command does all that are left.
        let apply = format!("run `s3mirror cluster apply {}", cluster.run.display());
        outcome.says(&match shard {
            3 => format!("{apply} --shard 3`, then"),
            _ => format!("{apply}`, then"),
        });
        cluster.apply(shard).done();
    }
    assert_eq!(deletions(&memory), 0);
    for key in before.keys() {
        assert!(world.bucket.contents().contains_key(key), "{key}");
    }
    cluster.finish().done();
    assert!(deletions(&memory) > 0);
    assert_same(&world.bucket.contents(), &dir.contents());
}

/// Asks as a run does: without a terminal nobody can answer.
#[test]
fn a_question_comes_before_the_run_and_before_its_deletions() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let plan = save(&world, &["mock", "backup"], &dir);
    let run = world.sandbox.path("run");
    let ask = world.s3mirror().args(["cluster", "split"]).arg(&plan);
    let ask = ask.arg("--run").arg(&run).args(["-n", "2"]);
    world.no_requests(|| ask.exits(4).says("--yes"));
    assert!(!run.exists());
    let cluster = Cluster::split(&world, "backup", &dir, 2);
    cluster.phase("apply").done();
    world.no_requests(|| cluster.phase("finish").exits(4).says("--yes"));
    assert_eq!(deletions(&memory), 0);
    cluster.finish().done();
    assert_same(&world.bucket.contents(), &dir.contents());
}

/// 51 % of all, though each shard is below; and one shard of 100 %, with 1 % of all.
#[test]
fn percentages_are_judged_by_the_sum() {
    let memory = Memory::start();
    let place = |kept: usize, gone: usize| {
        let world = World::on(&memory);
        let dir = world.dir("dir");
        for number in 0..kept {
            let key = format!("kept{number:03}");
            dir.write(&key, "1");
            world.bucket.put(&key, "1");
        }
        for number in 0..gone {
            world.bucket.put(&format!("gone{number:03}"), "1");
        }
        dir.write("new", "1");
        let plan = save(&world, &["mock", "backup", "--max-delete", "100%"], &dir);
        (world, dir, plan)
    };
    let (world, _, plan) = place(19, 21);
    let run = world.sandbox.path("run");
    world.no_requests(|| split(&world, &plan, &run, 8).exits(4).says("--max-delete"));
    assert!(!run.exists());
    // What was allowed then is not asked of a shard again.
    split(&world, &plan, &run, 2)
        .args(["--max-delete", "60%"])
        .done();
    let cluster = Cluster { world: &world, run };
    cluster.apply(0).done();
    cluster.apply(1).done();
    let (world, dir, plan) = place(99, 1);
    let run = world.sandbox.path("run");
    split(&world, &plan, &run, 8)
        .args(["--max-delete", "1%"])
        .done();
    let cluster = Cluster { world: &world, run };
    cluster.phase("apply").done();
    cluster.finish().done();
    assert_same(&world.bucket.contents(), &dir.contents());
}

#[test]
fn a_source_that_could_not_be_read_keeps_all_that_it_lacks() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let odd = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"d0/\xff");
    fs::write(dir.join(odd), "1").unwrap();
    let plan = world.sandbox.path("plan");
    let mock = world.mock_backup(&dir).arg("--plan-out").arg(&plan);
    mock.exits(3);
    let run = world.sandbox.path("run");
    split(&world, &plan, &run, 3)
        .done()
        .says("nothing is deleted");
    let cluster = Cluster { world: &world, run };
    cluster.phase("apply").done();
    let told = "1 name of the plan keeps all deletions back: ";
    cluster.phase("status").done().says(told);
    let outcome = cluster.finish().exits(3).says(told);
    outcome
        .says("name is not UTF-8")
        .says("the source is incomplete");
    assert_eq!(deletions(&memory), 0);
    assert_eq!(cluster.status()["state"], "incomplete");
    cluster.finish().exits(3);
}

#[test]
fn a_shard_that_fails_is_named_and_run_again() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 4);
    let lines = PlanText::lines(&cluster.file("plan/0000.plan"));
    let is_copy = |line: &&String| line.contains(r#""action":"transfer""#);
    let copy = lines.iter().find(is_copy).unwrap();
    let copy: Value = serde_json::from_str(copy).unwrap();
    let key = copy["source"]["key"].as_str().unwrap().to_owned();
    let refuse = s3_endpoint::Action::error(403, "AccessDenied");
    memory.inject(
        s3_endpoint::Fault::on("PutObject")
            .key(&key)
            .always()
            .act(refuse),
    );
    cluster
        .apply(0)
        .exits(3)
        .says(&key)
        .says("shard 0 is not done")
        .says("again");
    for shard in 1..4 {
        cluster.apply(shard).done();
    }
    world.no_requests(|| cluster.finish().exits(3).says("shard 0").says(&key));
    let status = cluster.status();
    assert_eq!(status["state"], "copying");
    assert_eq!(status["failed"][0]["shard"], 0);
    assert_eq!(
        status["failed"][0]["names"][0][0],
        Value::from(key.as_str())
    );
    cluster
        .phase("status")
        .done()
        .says("3 of 4 done")
        .says("shard 0 failed");
    assert_eq!(deletions(&memory), 0);
}

/// Entries that were edited, and one that was deleted, since they were planned: no
/// attempt copies them, so the run can only be ended as it is.
#[test]
fn a_run_whose_files_have_changed_is_finished_without_deletions() {
    let memory = Memory::start();
    for command in ["backup", "restore"] {
        let (world, dir) = different(&memory);
        let cluster = Cluster::split(&world, command, &dir, 2);
        if command == "backup" {
            dir.write("d0/12", "edited since");
            dir.remove("d3/7");
        } else {
            world.bucket.put("d0/0", "edited since");
            world.bucket.put("d3/35", "edited since");
        }
        let before = deletions(&memory);
        // The other direction would undo what is to be done.
        let plain = format!("make a new plan or run `s3mirror {command}`");
        let outcome = cluster.phase("apply").exits(3).says(&plain);
        outcome.says("--without-deletions").says("changed");
        // It would fail again, so it is not tried again.
        let outcome = world.no_requests(|| cluster.phase("apply").exits(3));
        outcome.says("--without-deletions").says("would fail again");
        let outcome = world.no_requests(|| cluster.finish().exits(3));
        outcome.says("--without-deletions").says("changed");
        cluster.phase("status").done().says("--without-deletions");
        let status = cluster.status();
        assert_eq!(status["direction"], command);
        let mut failed = status["failed"].as_array().unwrap().iter();
        assert!(failed.any(|shard| shard["outdated"] == true), "{status}");

        let end = || cluster.finish().arg("--without-deletions").arg("--json");
        let outcome = end().exits(3);
        let ended = report(&outcome.says("changed"));
        assert_eq!(ended["exit"], 3);
        assert_eq!(ended["failed"], 2, "{ended}");
        assert_eq!(ended["not_written"], 0, "{ended}");
        assert!(!ended["deletions_withheld"].is_null(), "{ended}");
        assert_eq!(cluster.status()["state"], "incomplete");
        assert_eq!(counted(&report(&end().exits(3))), counted(&ended));
        let outcome = world.no_requests(|| cluster.phase("apply").exits(3));
        outcome.says("the run was ended without");
        assert_eq!(deletions(&memory), before);
        assert_eq!(dir.is_marked(), command == "restore");
        if command == "restore" {
            let backup = world.backup(&dir).exits(4);
            backup
                .says("complete the cluster run")
                .says("cluster split");
        }

        // A plain run puts the rest right.
        world.command(&[command, "--yes"], &dir).done();
        assert_same(&world.bucket.contents(), &dir.contents());
        assert!(!dir.is_marked());
    }
}

/// As where a file system below the directory is not mounted: what is missing there may be
/// removed or not, so another machine, or this one later, tries it.
#[test]
fn what_a_machine_does_not_have_is_left_to_another_one() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 2);
    let away = world.sandbox.path("away");
    let hidden = dir.join("d3");
    fs::rename(&hidden, &away).unwrap();
    fs::create_dir(&hidden).unwrap();
    let outcome = cluster.phase("apply").exits(3);
    let outcome = outcome.says("is not done").says("not mounted");
    outcome
        .says("--without-deletions")
        .says("on one that has it");
    let status = cluster.status();
    let failed = &status["failed"][0];
    assert_eq!(failed["absent_on"], serde_json::json!([failed["host"]]));
    assert_eq!(
        (&failed["outdated"], &failed["refused"]),
        (&false.into(), &false.into())
    );
    let shard = failed["shard"].as_u64().unwrap();
    let again = format!("--shard {shard}` on one that has it");
    cluster
        .phase("status")
        .done()
        .says("not found on")
        .says(&again);
    // It is not there still: nobody tries again in vain.
    world.no_requests(|| {
        let outcome = cluster.phase("apply").exits(3);
        outcome.says("would fail again here").says("not mounted");
        cluster.finish().exits(3).says("not found on").says(&again);
    });
    fs::remove_dir(&hidden).unwrap();
    fs::rename(&away, &hidden).unwrap();
    // As on a machine that has it.
    let outcome = world.no_requests(|| cluster.finish().exits(3));
    outcome.says(&format!("--shard {shard}`, then"));
    cluster.phase("apply").done();
    cluster.finish().done();
    assert_same(&world.bucket.contents(), &dir.contents());
}

#[test]
fn a_run_that_nobody_has_begun_is_finished_without_deletions() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 2);
    cluster.apply(0).done();
    let end = |cluster: &Cluster| {
        cluster
            .finish()
            .args(["--without-deletions", "--json"])
            .run()
    };
    let ended = report(&end(&cluster).is(3).says("shard 1 is not done"));
    let written = |ended: &Value| {
        let created = ended["created"]["entries"].as_u64().unwrap();
        created + ended["overwritten"]["entries"].as_u64().unwrap()
    };
    let not_written = ended["not_written"].as_u64().unwrap();
    assert!(not_written > 0);
    assert_eq!(written(&ended) + not_written, 16, "{ended}");
    assert_eq!(deletions(&memory), 0);
    world.no_requests(|| cluster.apply(0).done().says("done already"));
    let outcome = world.no_requests(|| cluster.apply(1).exits(3));
    outcome.says("the run was ended without shard 1");

    // All is copied, but the deletions are not wanted any more.
    let (world, dir) = different(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 2);
    cluster.phase("apply").done();
    let ended = report(&end(&cluster).is(3));
    assert_eq!(written(&ended), 16);
    assert_eq!(
        ended["deletions_withheld"],
        "the run was finished without them"
    );
    assert_eq!(deletions(&memory), 0);
}
