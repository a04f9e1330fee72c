//! Many machines that plan as well: each lists a range of the keys, the plans are judged
//! together and executed by shards. The end is that of one run.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{
    Dir, Memory, Server, World, assert_same,
    cluster::{Cluster, IN_ORDER, counted, deletions, different, report, split_keys},
    plans::{PlanText, with_a_subdirectory},
};

on_all_servers! {
    ranges_of_a_backup_end_as_one_run
    ranges_of_a_restore_end_as_one_run
}

fn all_phases(world: &World, command: &str, dir: &Dir) {
    let cluster = Cluster::ranges(world, command, dir, 3, &[]);
    assert!(cluster.plans() > 1);
    cluster.phase("plan").done();
    cluster.seal().done();
    for shard in [2, 0, 1] {
        cluster.apply(shard).done();
    }
    cluster.finish().done();
}

fn ranges_of_a_backup_end_as_one_run(server: &dyn Server) {
    let (world, dir) = with_a_subdirectory(server);
    all_phases(&world, "backup", &dir);
    assert_same(&world.bucket.contents(), &dir.contents());
    world.only_lists(|| world.backup(&dir).done());
}

fn ranges_of_a_restore_end_as_one_run(server: &dyn Server) {
    let (world, dir) = with_a_subdirectory(server);
    all_phases(&world, "restore", &dir);
    assert_same(&dir.contents(), &world.bucket.contents());
    assert!(!dir.is_marked());
    world.only_lists(|| world.restore(&dir).done());
}

/// The lines of plans but their headers; first those of what was skipped, in any order.
fn lines(texts: &[String]) -> (Vec<String>, Vec<String>) {
    let lines = texts.iter().flat_map(|text| text.lines().skip(1));
    let is_skip = |line: &String| line.contains(r#""action":"skip""#);
    let (mut skipped, others): (Vec<_>, _) = lines.map(str::to_owned).partition(is_skip);
    skipped.sort();
    (skipped, others)
}

#[test]
fn plans_of_ranges_laid_end_to_end_are_the_plan_of_one_run() {
    let memory = Memory::start();
    for command in ["backup", "restore"] {
        let (world, dir) = different(&memory);
        // Names between a directory and what is below it.
        for name in ["d1-a", "d1.x", "d1/a/b", "d1/a-b", "d10"] {
            dir.write(name, "1");
            world.bucket.put(&format!("{name}x"), "2");
        }
        let options = ["--exclude", "d3/*", "--symlinks", "skip"];
        let mock = world.command(&["mock", command, "--json"], &dir);
        let whole = mock.args(options).done().stdout;
        let options = [&options[..], &IN_ORDER].concat();
        let cluster = Cluster::ranges(&world, command, &dir, 7, &options);
        assert!(cluster.plans() > 3, "{}", cluster.plans());
        cluster.phase("plan").done();
        let plans: Vec<_> = (0..cluster.plans())
            .map(|number| {
                let file = cluster.file(&format!("plan/{number:04}.plan"));
                let show = world.s3mirror().args(["show", "--json"]).arg(file);
                show.done().stdout
            })
            .collect();
        assert_eq!(lines(&plans), lines(&[whole]), "{command}");
        for plan in &plans {
            let header: Value = serde_json::from_str(plan.lines().next().unwrap()).unwrap();
            assert!(header["range"].is_object() && header["origin"]["run"].is_string());
        }
    }
}

#[test]
fn the_merged_report_of_ranges_is_that_of_one_run() {
    let memory = Memory::start();
    for command in ["backup", "restore"] {
        let (world, dir) = different(&memory);
        let one = world.command(&[command, "--yes", "--json"], &dir).done();
        let (world, dir) = different(&memory);
        let cluster = Cluster::sealed(&world, command, &dir, 5);
        cluster.phase("apply").done();
        let all = report(&cluster.finish().arg("--json").done());
        assert_eq!(counted(&all), counted(&report(&one)), "{command}");
        assert_same(&dir.contents(), &world.bucket.contents());
        assert_eq!(cluster.status()["state"], "finished");
    }
}

#[test]
fn no_deletion_of_any_range_comes_before_the_last_shard_is_done() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::sealed(&world, "backup", &dir, 4);
    for shard in 0..4 {
        world.no_requests(|| {
            let outcome = cluster.finish().exits(3);
            outcome.says(&format!("shard {shard} is not done"))
        });
        cluster.apply(shard).done();
        assert_eq!(deletions(&memory), 0);
    }
    cluster.finish().done();
    assert!(deletions(&memory) > 0);
    assert_same(&world.bucket.contents(), &dir.contents());
}

#[test]
fn the_ranges_list_no_more_than_one_run_and_two_pages_each() {
    let memory = Memory::with(s3_endpoint::Config {
        page_size: 100,
        ..s3_endpoint::Config::default()
    });
    let world = World::on(&memory);
    let dir = world.dir("dir");
    for number in 0..600 {
        let key = format!("d{:02}/{number}", number % 12);
        dir.write(&key, "1");
        world.bucket.put(&key, "1");
    }
    let lists = |work: &dyn Fn()| {
        let before = memory.count("ListObjectsV2");
        work();
        memory.count("ListObjectsV2") - before
    };
    let one = lists(&|| drop(world.mock_backup(&dir).done()));
    for command in ["backup", "restore"] {
        let run = world.sandbox.path(command);
        let splits = lists(&|| {
            let split = split_keys(&world, command, &dir, &run, 8);
            split.args(IN_ORDER).done();
        });
        let cluster = Cluster { world: &world, run };
        let ranges = cluster.plans();
        assert!(ranges > 4, "{ranges}");
        let planned = lists(&|| drop(cluster.phase("plan").done()));
        assert!(
            planned <= one + 2 * ranges,
            "{planned} of {one}, {ranges} ranges"
        );
        assert!(splits <= 30, "{splits}: few to divide the keys");
        // A first attempt has nothing to look for.
        cluster.seal().done();
        assert_eq!(lists(&|| drop(cluster.phase("apply").done())), 0);
    }
}

#[test]
fn a_server_whose_order_is_not_known_lists_all_for_each_range_and_that_is_said_once() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let run = world.sandbox.path("run");
    let split = split_keys(&world, "backup", &dir, &run, 4);
    split.done().says("--lists-in-order always");
    let cluster = Cluster { world: &world, run };
    let plan = cluster.phase("plan").done();
    assert!(!plan.to_string().contains("byte order"), "{plan}");
    cluster.seal().done();
    cluster.phase("apply").done();
    cluster.finish().done();
    assert_same(&world.bucket.contents(), &dir.contents());
}

/// What the source cannot read is in one range.
#[test]
fn an_unreadable_directory_in_one_range_keeps_the_deletions_of_all_back() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    // Of several ranges: it is a line in the plan of each, and counts once.
    for number in 0..20 {
        dir.write(format!("d1/closed/{number:02}"), "1");
        world.bucket.put(&format!("d1/closed/{number:02}"), "1");
    }
    let odd = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"d1/\xff");
    let cluster = Cluster::ranges(&world, "backup", &dir, 8, &IN_ORDER);
    fs::write(dir.join(odd), "1").unwrap();
    let planned = cluster.phase("plan").done();
    // Whoever looks later need not know which of the tasks has said it.
    let status = cluster.status();
    let unread = status["unread"].as_array().unwrap();
    let first = &unread[0];
    let (range, host) = (&first["range"], first["host"].as_str().unwrap());
    assert_eq!(first["names"], 1, "{status}");
    assert!(
        first["first"][0].as_str().unwrap().starts_with("d1/"),
        "{status}"
    );
    let told = format!("1 name of range {range} (planned on {host}) keeps all deletions back: d1/");
    let run = cluster.run.display();
    let again = format!(
        "`rm {run}/plan/{:04}.plan`, then `s3mirror cluster plan {run} --shard {range}`",
        range.as_u64().unwrap()
    );
    planned.says(&told).says(&again);
    cluster.phase("status").done().says(&told).says(&again);
    let sealed = cluster.seal().arg("--json").done();
    sealed.says(&told).says(&again);
    cluster.phase("apply").done();
    let outcome = cluster.finish().arg("--json").exits(3).says(&told);
    assert_eq!(deletions(&memory), 0);
    let finished = report(&outcome);
    assert_eq!(finished["deletions_withheld"], "the source is incomplete");
    let after = cluster.status();
    assert_eq!(after["state"], "incomplete");
    assert_eq!(after["unread"], status["unread"]);
    cluster.finish().exits(3).says(&told);
}

/// As the advice says.
#[test]
fn a_range_that_is_planned_again_once_it_can_be_read_keeps_no_deletion_back() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let odd = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"d1/\xff");
    let cluster = Cluster::ranges(&world, "backup", &dir, 3, &IN_ORDER);
    fs::write(dir.join(odd), "1").unwrap();
    cluster.phase("plan").done();
    let status = cluster.status();
    let range = status["unread"][0]["range"].as_u64().unwrap();
    fs::remove_file(dir.join(odd)).unwrap();
    fs::remove_file(cluster.file(&format!("plan/{range:04}.plan"))).unwrap();
    let planned = cluster.plan(usize::try_from(range).unwrap()).done();
    assert!(!planned.stderr.contains("deletions"), "{planned}");
    assert_eq!(cluster.status().get("unread"), None);
    cluster.seal().done();
    cluster.phase("apply").done();
    cluster.finish().done();
    assert_same(&world.bucket.contents(), &dir.contents());
    assert!(deletions(&memory) > 0);
}

/// A directory that cannot be read, of which several ranges have keys: it is a line in the plan
/// of each, and what the bucket has there stays in all of them.
#[test]
fn an_unreadable_directory_that_spans_several_ranges_deletes_nothing_in_any() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.dir("dir");
    for number in 0..40 {
        let key = format!("closed/{number:02}");
        dir.write(&key, "1");
        world.bucket.put(&key, "1");
        world.bucket.put(&format!("{key}-gone"), "1");
    }
    dir.write("zz", "1");
    let before = world.bucket.contents();
    let run = world.sandbox.path("run");
    // Whoever is not root owns the run directory.
    let phase = |phase: &str| world.s3mirror_as_nobody().args(["cluster", phase]);
    let split = phase("split").arg("backup").arg("--dir").arg(dir.path());
    let split = split.args(["--bucket", &world.bucket.name, "-n", "4", "--run"]);
    split.arg(&run).args(IN_ORDER).done();
    let closed = dir.join("closed");
    let mode = std::os::unix::fs::PermissionsExt::from_mode;
    fs::set_permissions(&closed, mode(0o000)).unwrap();
    phase("plan").arg(&run).done();
    let cluster = Cluster { world: &world, run };
    let lines = |range| PlanText::lines(&cluster.file(&format!("plan/{range:04}.plan")));
    let says_skipped = |line: &String| line.contains(r#""action":"skip""#);
    let plans = 0..cluster.plans();
    let skipping = plans.filter(|range| lines(*range).iter().any(says_skipped));
    let skipping: Vec<_> = skipping.collect();
    assert!(skipping.len() > 1, "{skipping:?}");
    for range in &skipping {
        let is_deletion = |line: &String| line.contains(r#""action":"delete""#);
        assert!(!lines(*range).iter().any(is_deletion), "range {range}");
    }
    phase("seal").arg("--yes").arg(&cluster.run).done();
    phase("apply").arg(&cluster.run).done();
    let finish = phase("finish").args(["--yes", "--json"]).arg(&cluster.run);
    let finished = report(&finish.exits(3));
    fs::set_permissions(&closed, mode(0o700)).unwrap();
    assert_eq!(finished["deletions_withheld"], Value::Null, "{finished}");
    assert_eq!(deletions(&memory), 0);
    let after = world.bucket.contents();
    assert!(
        before
            .iter()
            .all(|(key, text)| after.get(key) == Some(text))
    );
    assert!(after.contains_key("zz"));
}

#[test]
fn a_range_that_is_planned_twice_at_once_has_one_plan() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::ranges(&world, "backup", &dir, 3, &IN_ORDER);
    let slow = s3_endpoint::Action::Stall(std::time::Duration::from_secs(2));
    memory.inject(s3_endpoint::Fault::on("ListObjectsV2").act(slow));
    let first = cluster.plan(0).start();
    first.wait_for(&memory, "ListObjectsV2", 1);
    cluster.plan(0).done().says("range 0:");
    let plan = fs::read(cluster.file("plan/0000.plan")).unwrap();
    first.end().is(0).says("range 0");
    assert_eq!(fs::read(cluster.file("plan/0000.plan")).unwrap(), plan);
    world.no_requests(|| cluster.plan(0).done().says("planned already"));
    assert!(cluster.file("range/0000/began.2").exists());
    let names = fs::read_dir(cluster.file("plan")).unwrap();
    assert_eq!(names.count(), 1, "no temporary stays");
    let plan_all = || cluster.phase("plan").done();
    assert!(!plan_all().stderr.contains("all ranges"));
    world.no_requests(|| plan_all().says("all ranges have a plan"));
    cluster.seal().done();
    cluster.seal().done().says("sealed already");
    world.no_requests(|| cluster.plan(1).done().says("planned already"));
    world.no_requests(|| plan_all().says("all ranges have a plan"));
    let apply_all = || cluster.phase("apply").done();
    assert!(!apply_all().stderr.contains("all shards"));
    world.no_requests(|| apply_all().says("all shards are done"));
    cluster.finish().done();
    assert_same(&world.bucket.contents(), &dir.contents());
}

#[test]
fn the_state_of_a_run_goes_from_planning_to_finished() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::ranges(&world, "backup", &dir, 3, &IN_ORDER);
    let state = |expected: &str| {
        let status = cluster.status();
        assert_eq!(status["state"], expected, "{status}");
        status
    };
    let ranges = cluster.plans();
    let status = state("planning");
    assert_eq!(status["ranges"]["done"], 0);
    assert_eq!(status["waiting"], ranges);
    let refuse = s3_endpoint::Action::error(403, "AccessDenied");
    memory.inject(s3_endpoint::Fault::on("ListObjectsV2").always().act(refuse));
    cluster.plan(1).exits(1).says("range 1");
    memory.clear_faults();
    assert_eq!(state("planning")["failed"][0]["shard"], 1);
    cluster
        .phase("status")
        .done()
        .says("planning")
        .says("range 1 failed");
    let outcome = world.no_requests(|| cluster.seal().exits(3));
    outcome.says("have no plan").says("cluster plan");
    world.no_requests(|| {
        for phase in [cluster.apply(0), cluster.finish()] {
            // It does not know whether all ranges are planned.
            phase.exits(3).says("cluster seal").says("cluster status");
        }
    });
    cluster.phase("plan").done();
    state("planned");
    cluster.seal().args(["--max-delete", "0"]).exits(4);
    assert_eq!(state("refused")["refused"].as_array().unwrap().len(), 1);
    cluster.phase("status").done().says("would be deleted");
    cluster.phase("seal").exits(4).says("--yes");
    cluster.seal().done();
    let status = state("sealed");
    assert_eq!(status["ranges"]["done"], ranges);
    cluster.apply(0).done();
    state("copying");
    cluster.phase("apply").done();
    state("copied");
    cluster.finish().done();
    state("finished");
}

/// What was chosen when the keys were divided holds for all ranges, on any machine.
#[test]
fn the_options_that_decide_are_those_of_the_split() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    dir.write("d1/skip.tmp", "1");
    dir.write("ignored/x", "1");
    let ignore = world.sandbox.path("ignore");
    fs::write(&ignore, "# some\n\nignored/\n").unwrap();
    let run = world.sandbox.path("run");
    let split = split_keys(&world, "backup", &dir, &run, 4).args(IN_ORDER);
    let split = split.args(["--exclude", "*.tmp", "--no-delete", "--exclude-from"]);
    split.arg(&ignore).done();
    fs::remove_file(&ignore).unwrap();
    let cluster = Cluster { world: &world, run };
    cluster.phase("plan").done();
    cluster.seal().done();
    cluster.phase("apply").done();
    cluster.finish().done();
    let objects = world.bucket.contents();
    assert!(!objects.contains_key("d1/skip.tmp") && !objects.contains_key("ignored/x"));
    assert!(objects.contains_key("d0/0"), "it is not deleted");
    assert_eq!(deletions(&memory), 0);
}

#[test]
fn a_machine_without_the_directory_plans_nothing() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::ranges(&world, "backup", &dir, 2, &IN_ORDER);
    let away = world.sandbox.path("away");
    fs::rename(dir.path(), &away).unwrap();
    world.no_requests(|| {
        cluster.plan(0).exits(1).says("mount its file system");
        fs::create_dir(dir.path()).unwrap();
        cluster.plan(0).exits(1).says("it is another directory");
    });
    assert!(!Path::new(&cluster.file("plan/0000.plan")).exists());
    let status = cluster.status();
    let why = status["failed"][0]["why"].as_str().unwrap();
    assert!(why.contains("No such file"), "the first is noted: {status}");
    fs::remove_dir(dir.path()).unwrap();
    fs::rename(&away, dir.path()).unwrap();
    cluster.phase("plan").done();
    assert_eq!(cluster.status()["state"], "planned");
}
