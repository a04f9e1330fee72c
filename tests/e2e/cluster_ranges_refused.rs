//! The guards judge the sums of all ranges; what is missing, foreign or edited is refused
//! by name.

use std::fs;

use s3_endpoint::{Config, ListOrder};

use crate::support::{
    Memory, World, assert_same,
    cluster::{Cluster, IN_ORDER, deletions, different, split_keys},
    plans::PlanText,
};

/// So many entries that stay, and so many that only the bucket has, spread over the keys.
fn place(memory: &Memory, kept: usize, gone: usize) -> (World<'_>, crate::support::Dir) {
    let world = World::on(memory);
    let dir = world.dir("dir");
    for number in 0..kept {
        let key = format!("d{:02}/kept{number:03}", number % 8);
        dir.write(&key, "1");
        world.bucket.put(&key, "1");
    }
    for number in 0..gone {
        world
            .bucket
            .put(&format!("d{:02}/gone{number:03}", number % 8), "1");
    }
    (world, dir)
}

#[test]
fn percentages_of_ranges_are_judged_by_the_sum() {
    let memory = Memory::start();
    // 51 % of all, though the deletions of each range are below 50 % of what the target has.
    let (world, dir) = place(&memory, 98, 102);
    let cluster = Cluster::ranges(&world, "backup", &dir, 8, &IN_ORDER);
    cluster.phase("plan").done();
    let deleted: Vec<_> = (0..cluster.plans())
        .map(|range| {
            let lines = PlanText::lines(&cluster.file(&format!("plan/{range:04}.plan")));
            let is_deletion = |line: &&String| line.contains(r#""action":"delete""#);
            lines.iter().filter(is_deletion).count()
        })
        .collect();
    let percent = |deleted: usize| 100 * deleted / 200;
    assert!(
        deleted.iter().all(|range| percent(*range) < 50),
        "{deleted:?}"
    );
    assert_eq!(percent(deleted.iter().sum()), 51, "{deleted:?}");
    world.no_requests(|| {
        let refused = cluster.seal().exits(4);
        let refused = refused.says("102 of the target's 200").says("--max-delete");
        // That is no option of `seal`.
        refused.says("split again with --no-delete")
    });
    assert_eq!(cluster.status()["state"], "refused");
    world.no_requests(|| {
        for phase in [cluster.apply(0), cluster.finish()] {
            let outcome = phase.exits(3).says("102 of the target's 200");
            outcome.says("were refused").says("cluster seal");
        }
    });
    cluster.seal().args(["--max-delete", "51%"]).done();
    cluster.phase("apply").done();
    cluster.finish().done();
    assert_same(&world.bucket.contents(), &dir.contents());
}

/// All that one range of the target has is deleted, which is 1 % of all.
#[test]
fn a_range_that_is_emptied_is_judged_with_the_others() {
    let memory = Memory::start();
    let (world, dir) = place(&memory, 99, 0);
    let cluster = Cluster::ranges(&world, "backup", &dir, 8, &IN_ORDER);
    world.bucket.put("zz/gone", "1");
    dir.write("a", "1");
    cluster.phase("plan").done();
    cluster.seal().args(["--max-delete", "1%"]).done();
    cluster.phase("apply").done();
    cluster.finish().done();
    assert_same(&world.bucket.contents(), &dir.contents());
}

#[test]
fn an_empty_source_is_one_that_is_empty_in_all_ranges() {
    let memory = Memory::start();
    let (world, dir) = place(&memory, 40, 0);
    let cluster = Cluster::ranges(&world, "backup", &dir, 4, &IN_ORDER);
    for name in fs::read_dir(dir.path()).unwrap() {
        fs::remove_dir_all(name.unwrap().path()).unwrap();
    }
    cluster.phase("plan").done();
    world.no_requests(|| cluster.seal().exits(4).says("the source is empty"));
    assert_eq!(deletions(&memory), 0);
}

#[test]
fn a_key_that_is_too_long_in_one_range_refuses_all() {
    let memory = Memory::start();
    let (world, dir) = place(&memory, 40, 0);
    dir.write(format!("d03/{}", "x".repeat(60)), "1");
    let options = [&IN_ORDER[..], &["--max-key-length", "50"]].concat();
    let cluster = Cluster::ranges(&world, "backup", &dir, 4, &options);
    cluster.phase("plan").done();
    world.no_requests(|| cluster.seal().exits(4).says("longer than is allowed"));
}

/// A shard may have parts of several plans: that which is at fault is named.
#[test]
fn a_shard_names_the_plan_whose_part_was_edited() {
    let memory = Memory::start();
    let (world, dir) = place(&memory, 40, 0);
    for number in 0..40 {
        dir.write(format!("d07/new{number:03}"), "1");
    }
    for directory in 0..7 {
        dir.write(format!("d{directory:02}/new"), "1");
    }
    let cluster = Cluster::sealed(&world, "backup", &dir, 8);
    let sealed = fs::read(cluster.file("sealed.json")).unwrap();
    let sealed: serde_json::Value = serde_json::from_slice(&sealed).unwrap();
    let shards = sealed["shards"].as_array().unwrap();
    let of_two = |shard: &serde_json::Value| shard.as_array().unwrap().len() > 1;
    let shard = shards.iter().position(of_two).unwrap();
    let part = &shards[shard][1];
    let name = format!("plan/{:04}.plan", part["plan"].as_u64().unwrap());
    let at = part["at"].as_u64().unwrap() + part["length"].as_u64().unwrap() - 1;
    let mut bytes = fs::read(cluster.file(&name)).unwrap();
    bytes[usize::try_from(at).unwrap()] ^= 1;
    fs::write(cluster.file(&name), bytes).unwrap();
    let outcome = world.no_requests(|| cluster.apply(shard).exits(1));
    outcome.says(&name).says("cut or edited");
}

/// Splitting again never helps: the link and what it leads to would have to be in one range.
#[test]
fn a_link_from_one_range_into_another_is_planned_by_one_machine() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.dir("dir");
    for number in 0..40 {
        let key = format!("d{}/{number:02}", number % 2);
        world.bucket.put(&key, "1");
        dir.write(&key, "1");
    }
    dir.link("d0/link", "../d1/39");
    world.bucket.put("d0/link", "1");
    let cluster = Cluster::ranges(&world, "restore", &dir, 2, &IN_ORDER);
    let outcome = cluster.phase("plan").exits(4);
    let outcome = outcome
        .says("'d0/link'")
        .says("other ranges would not help")
        .says("cluster split PLAN");
    assert!(
        !outcome.stderr.contains("cluster split` again"),
        "{outcome}"
    );
    // What nothing completes is not advised to be completed.
    let table = cluster.phase("status").done();
    assert!(!table.stdout.contains("to complete"), "{table}");
}

/// Alone, it would be executed without the guards over all.
#[test]
fn the_plan_of_one_range_is_not_applied_alone() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::ranges(&world, "backup", &dir, 3, &IN_ORDER);
    cluster.phase("plan").done();
    let plan = cluster.file("plan/0001.plan");
    let seal = format!("cluster seal {}", cluster.run.display());
    world.no_requests(|| {
        crate::support::plans::apply(&world, &plan)
            .exits(1)
            .says("one key range")
            .says(&seal);
        let other = world.sandbox.path("other");
        let outcome = crate::support::cluster::split(&world, &plan, &other, 2).exits(1);
        outcome.says("one key range");
        assert!(!other.exists());
        world.s3mirror().arg("show").arg(&plan).done();
    });
}

/// What somebody does to a run whose ranges are all planned.
type Edit = (&'static str, i32, fn(&Cluster));

fn change_header(cluster: &Cluster, edit: impl FnOnce(&mut serde_json::Value)) {
    PlanText::edit_header(&cluster.file("plan/0001.plan"), edit);
}

#[test]
fn a_plan_that_is_missing_foreign_or_edited_is_refused_by_name() {
    let memory = Memory::start();
    let edits: [Edit; 7] = [
        ("range 1", 3, |cluster| {
            fs::remove_file(cluster.file("plan/0001.plan")).unwrap();
        }),
        ("0001.plan", 1, |cluster| {
            fs::copy(
                cluster.file("plan/0000.plan"),
                cluster.file("plan/0001.plan"),
            )
            .unwrap();
        }),
        ("0001.plan", 1, |cluster| {
            change_header(cluster, |header| {
                header["origin"]["run"] = "another".into();
            });
        }),
        ("0001.plan", 1, |cluster| {
            change_header(cluster, |header| {
                header["range"] = serde_json::json!({});
            });
        }),
        ("0001.plan", 1, |cluster| {
            change_header(cluster, |header| {
                header["origin"]["prefix"] = "x/".into();
            });
        }),
        ("0001.plan", 1, |cluster| {
            let plan = cluster.file("plan/0001.plan");
            let bytes = fs::read(&plan).unwrap();
            fs::write(plan, &bytes[..bytes.len() - 1]).unwrap();
        }),
        ("0001.plan", 1, |cluster| {
            let plan = cluster.file("plan/0001.plan");
            let mut bytes = fs::read(&plan).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(plan, bytes).unwrap();
        }),
    ];
    for (what, status, change) in edits {
        let (world, dir) = different(&memory);
        let cluster = Cluster::ranges(&world, "backup", &dir, 3, &IN_ORDER);
        cluster.phase("plan").done();
        change(&cluster);
        let outcome = world.no_requests(|| cluster.seal().exits(status).says(what));
        assert!(!cluster.file("sealed.json").exists());
        let (run, plan) = (cluster.run.display(), cluster.file("plan/0001.plan"));
        if status == 1 {
            let outcome = outcome.says(&format!("`rm {}`", plan.display()));
            outcome.says(&format!("`s3mirror cluster plan {run} --shard 1`"));
            fs::remove_file(plan).unwrap();
        }
        cluster.plan(1).done();
        cluster.seal().done();
    }
}

/// While somebody reads the question, the plan of a range is removed, and made again.
#[test]
fn a_plan_that_is_replaced_while_it_is_judged_is_not_sealed() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::ranges(&world, "backup", &dir, 3, &IN_ORDER);
    cluster.phase("plan").done();
    let (plan, other) = (cluster.file("plan/0001.plan"), world.sandbox.path("other"));
    let judged = fs::read(&plan).unwrap();
    fs::remove_file(&plan).unwrap();
    cluster.plan(1).done();
    fs::rename(&plan, &other).unwrap();
    assert_ne!(fs::read(&other).unwrap(), judged, "made at another time");
    fs::write(&plan, &judged).unwrap();
    let script = "touch \"$SHOWN\"; \
        (until grep --quiet Continue \"$SHOWN\"; do sleep 0.1; done; \
        mv \"$OTHER\" \"$PLAN\"; printf 'yes\\n') | \
        script --quiet --return --echo never --command \
        'exec \"$PROGRAM\" cluster seal \"$RUN\"' /dev/null | tee \"$SHOWN\"; \
        grep --quiet 'replaced after it was judged' \"$SHOWN\"";
    let run = world.s3mirror();
    let run = run
        .env("SHOWN", world.sandbox.path("shown"))
        .env("OTHER", &other)
        .env("PLAN", &plan)
        .env("PROGRAM", crate::support::run::program())
        .env("RUN", &cluster.run);
    world.no_requests(|| run.in_shell(script).is(0));
    assert!(!cluster.file("sealed.json").exists());
    cluster.seal().done();
    cluster.phase("apply").done();
    cluster.finish().done();
    assert_same(&world.bucket.contents(), &dir.contents());
}

#[test]
fn a_plan_of_a_range_that_is_edited_after_the_seal_deletes_nothing() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::sealed(&world, "backup", &dir, 3);
    cluster.phase("apply").done();
    let plan = cluster.file("plan/0001.plan");
    let mut bytes = fs::read(&plan).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(plan, bytes).unwrap();
    world.no_requests(|| cluster.finish().exits(3).says("0001.plan"));
    assert_eq!(deletions(&memory), 0);
}

/// An entry has come that keys below it, in the next range, depend on.
#[test]
fn ranges_that_something_reaches_over_must_be_split_again() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.dir("dir");
    for number in 0..40 {
        world.bucket.put(&format!("d/{number:02}"), "1");
    }
    let cluster = Cluster::ranges(&world, "restore", &dir, 2, &IN_ORDER);
    assert_eq!(cluster.plans(), 2);
    world.bucket.put("d", "1");
    cluster
        .plan(0)
        .exits(4)
        .says("'d' reaches over")
        .says("cluster split");
    // Nor is the seal tried again behind it.
    let outcome = cluster.seal().exits(3);
    let outcome = outcome
        .says("range 0 cannot be planned")
        .says("'d' reaches over");
    assert!(!outcome.stderr.contains("cluster plan"), "{outcome}");
    cluster.seal().arg("--retried").exits(4);
    let failed = &cluster.status()["failed"][0];
    assert_eq!(failed["shard"], 0);
    assert_eq!(
        (&failed["outdated"], &failed["refused"]),
        (&false.into(), &true.into())
    );
}

#[test]
fn what_cannot_be_divided_is_wrong_usage() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let run = world.sandbox.path("run");
    world.no_requests(|| {
        for shards in [0, 1001] {
            let split = split_keys(&world, "backup", &dir, &run, shards);
            split.exits(2).says("1 to 1000");
        }
        let inside = dir.join("run");
        let split = split_keys(&world, "backup", &dir, &inside, 2);
        split.exits(1).says("inside the directory");
        let split = split_keys(&world, "backup", &dir, &run, 2);
        split.args(["--at", "1d"]).exits(2).says("--at is for");
        let split = split_keys(&world, "backup", &dir, &run, 2);
        split
            .args(["--files-from", "-"])
            .exits(2)
            .says("--plan-out");
        assert!(!run.exists());
    });
    let cluster = Cluster::ranges(&world, "backup", &dir, 2, &IN_ORDER);
    let ranges = cluster.plans();
    cluster
        .plan(ranges)
        .exits(2)
        .says(&format!("there is no range {ranges}"));
    let (world, dir) = different(&memory);
    let by_plan = Cluster::split(&world, "backup", &dir, 2);
    by_plan.phase("plan").exits(2).says("split by a plan");
    by_plan.seal().exits(2).says("cluster apply");
}

/// It was said of a server that walks a tree.
#[test]
fn a_server_that_does_not_list_in_the_order_that_was_said_is_not_planned_by_ranges() {
    let memory = Memory::with(Config {
        list_order: ListOrder::DirectoryWise,
        ..Config::default()
    });
    let world = World::on(&memory);
    let dir = world.dir("dir");
    for directory in ["a", "a-b", "a.b", "b"] {
        for number in 0..20 {
            world.bucket.put(&format!("{directory}/{number:02}"), "1");
        }
    }
    world.bucket.put("a!x", "1");
    let cluster = Cluster::ranges(&world, "restore", &dir, 4, &IN_ORDER);
    let refused = cluster.phase("plan").exits(4);
    let refused = refused.says("byte order");
    refused
        .says("split")
        .says("without --lists-in-order always");
    cluster.seal().args(["--retried"]).exits(4);
    assert!(dir.contents().is_empty());
}
