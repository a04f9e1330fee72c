//! A plan that is applied again: after an interruption, or by mistake. What is as it wants
//! counts as done.

use std::time::Duration;

use s3_endpoint::{Action, Fault};
use serde_json::Value;

use crate::support::{
    Dir, Memory, Server, World, assert_same,
    content::{map, mebibytes},
    plans::{apply, save},
};

on_all_servers! {
    applied_twice_a_plan_is_done_and_changes_nothing_more
}

fn with_a_subdirectory(server: &dyn Server) -> (World<'_>, Dir) {
    World::with(
        server,
        &[
            ("gone", "1"),
            ("same", "22"),
            ("sub/size", "333"),
            ("sub/theirs", "4444"),
        ],
        &[("same", "22"), ("sub/size", "333 and more"), ("new", "5")],
    )
}

fn applied_twice_a_plan_is_done_and_changes_nothing_more(server: &dyn Server) {
    for (command, copied) in [("backup", 2), ("restore", 3)] {
        let (world, dir) = with_a_subdirectory(server);
        let plan = save(&world, &["mock", command], &dir);
        apply(&world, &plan).done();
        let (objects, tree) = (world.bucket.objects(), dir.snapshot());
        assert_same(&world.bucket.contents(), &dir.contents());

        let outcome = apply(&world, &plan).arg("--json").done();

        assert_eq!(report(&outcome.json())["already_done"]["entries"], copied);
        assert_same(&world.bucket.objects(), &objects);
        assert_same(&dir.snapshot(), &tree);
    }
}

fn report(lines: &[Value]) -> &Value {
    let report = lines.iter().find(|line| line["event"] == "report");
    report.unwrap()
}

/// The first refusal shows that the plan was applied before; from then on, nothing is sent
/// or fetched in vain.
#[test]
fn what_is_done_is_neither_sent_nor_fetched_again() {
    let memory = Memory::start();
    let names: Vec<String> = (0..100).map(|number| format!("{number:03}")).collect();
    for (command, copies) in [("backup", "PutObject"), ("restore", "GetObject")] {
        let world = World::on(&memory);
        let dir = world.dir("dir");
        for name in &names {
            match command {
                "backup" => dir.write(name, "text"),
                _ => world.bucket.put(name, "text"),
            }
        }
        dir.write("same", "1");
        world.bucket.put("same", "1");
        let plan = save(&world, &["mock", command], &dir);
        let heads = memory.count("HeadObject");
        apply(&world, &plan).one_by_one().trusting().done();
        assert_eq!(memory.count("HeadObject"), heads, "none at first");
        let before = memory.count(copies);

        let run = apply(&world, &plan)
            .one_by_one()
            .trusting()
            .arg("-v")
            .done();

        let in_vain = memory.count(copies) - before;
        assert_eq!(in_vain, usize::from(command == "backup"), "{run}");
        let run = run.says("already done          100").says("done       042");
        assert!(!run.stderr.contains("error"), "{run}");
    }
}

#[test]
fn a_plan_whose_application_was_killed_is_completed_by_applying_it_again() {
    let memory = Memory::start();
    for (command, held) in [("backup", "UploadPart"), ("restore", "GetObject")] {
        let world = World::on(&memory);
        let dir = world.dir("dir");
        let film = mebibytes(20, 1);
        for name in ["a", "b", "film", "z"] {
            let content: &[u8] = if name == "film" { &film } else { b"text" };
            match command {
                "backup" => dir.write(name, content),
                _ => world.bucket.put(name, content),
            }
        }
        match command {
            "backup" => world.bucket.put("gone", "1"),
            _ => dir.write("gone", "1"),
        }
        let plan = save(&world, &["mock", command], &dir);
        let stall = Action::Stall(Duration::from_secs(1000));
        let hits = memory.inject(Fault::on(held).key("film").always().act(stall));
        let run = apply(&world, &plan).one_by_one().start();
        run.wait_until(&memory, "the film", || hits.count() > 0);
        run.kill();
        memory.clear_faults();

        let outcome = apply(&world, &plan).arg("--json").done();

        assert_eq!(report(&outcome.json())["already_done"]["entries"], 2);
        // It also removes what the killed one has left: the file that was half there, and the
        // mark, which would refuse the next backup.
        assert_same(&world.bucket.contents(), &dir.contents());
        assert!(!dir.is_marked());
        world.only_lists(|| world.command(&[command], &dir).arg("--yes").done());
        assert_same(&world.bucket.contents(), &dir.contents());
        assert!(!dir.contents().contains_key("gone"));
    }
}

#[test]
fn what_is_neither_as_seen_nor_as_wanted_is_named_at_each_application() {
    let memory = Memory::start();
    for command in ["backup", "restore"] {
        let (world, dir) = with_a_subdirectory(&memory);
        let plan = save(&world, &["mock", command], &dir);
        apply(&world, &plan).done();
        match command {
            "backup" => world.bucket.put("sub/size", "somebody else's"),
            _ => dir.write("sub/size", "my edit"),
        }
        let (objects, tree) = (world.bucket.objects(), dir.snapshot());
        for _ in 0..2 {
            let outcome = apply(&world, &plan).exits(3).says("'sub/size'");
            assert_eq!(outcome.stderr.matches("error: '").count(), 1, "{outcome}");
            assert_same(&world.bucket.objects(), &objects);
            assert_same(&dir.snapshot(), &tree);
        }
    }
}

/// Its object was written by a program that had another clock: nobody could tell a later
/// edit from it.
#[test]
fn a_file_that_was_edited_after_it_was_applied_is_named() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1"), ("b", "2")]);
    let plan = save(&world, &["mock", "backup"], &dir);
    apply(&world, &plan).done();
    dir.write("b", "X");
    apply(&world, &plan).exits(3).says("'b'");
    assert_same(&world.bucket.contents(), &map(&[("a", "1"), ("b", "2")]));
}
