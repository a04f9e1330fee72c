//! `apply` executes a saved plan and nothing else: what has changed since is
//! named and kept.

use std::fs;
use std::time::Duration;

use s3_endpoint::{Action, Fault};

use crate::support::{
    Dir, Memory, Server, World, assert_same,
    content::map,
    faults::{puts, works_on},
    plans::{PlanText, apply, mock, save, with_a_subdirectory},
};

on_all_servers! {
    a_backup_is_applied_exactly_as_the_mock_showed_it
    a_restore_is_applied_exactly_as_the_mock_showed_it
}

fn a_backup_is_applied_exactly_as_the_mock_showed_it(server: &dyn Server) {
    let (world, dir) = with_a_subdirectory(server);
    let (objects, tree) = (world.bucket.objects(), dir.snapshot());
    let plan = world.only_looks(|| save(&world, &["mock", "backup"], &dir));
    assert_same(&world.bucket.objects(), &objects);
    assert_same(&dir.snapshot(), &tree);
    // What comes after the plan is not its business.
    dir.write("later", "6");
    world.bucket.put("theirs too", "7");

    apply(&world, &plan).done().says("made ").says("deleted");

    let mut expected = dir.contents();
    expected.remove("later");
    expected.extend(map(&[("theirs too", "7")]));
    assert_same(&world.bucket.contents(), &expected);
}

fn a_restore_is_applied_exactly_as_the_mock_showed_it(server: &dyn Server) {
    let (world, dir) = with_a_subdirectory(server);
    let objects = world.bucket.objects();
    let plan = world.only_lists(|| save(&world, &["mock", "restore"], &dir));
    dir.write("later", "6");
    world.bucket.put("theirs too", "7");

    apply(&world, &plan).done();

    let mut expected = world.bucket.contents();
    expected.remove("theirs too");
    expected.extend(map(&[("later", "6")]));
    assert_same(&dir.contents(), &expected);
    let times = |name: &str| (dir.files()[name].modified, objects[name].modified);
    assert_eq!(times("sub/size").0, times("sub/size").1);
}

/// What somebody does between the plan and its application.
type Change = fn(&World, &Dir);

#[test]
fn a_backup_of_all_sorts_refuses_just_what_has_changed_since() {
    let memory = Memory::start();
    // To which key, and what; nothing is deleted after a refusal.
    let changes: [(&str, Change); 4] = [
        ("new", |_, dir| dir.write("new", "edited")),
        ("new", |world, _| world.bucket.put("new", "theirs")),
        ("sub/size", |world, _| world.bucket.put("sub/size", "xxx")),
        ("sub/size", |_, dir| dir.remove("sub/size")),
    ];
    for (key, change) in changes {
        let (world, dir) = with_a_subdirectory(&memory);
        let plan = save(&world, &["mock", "backup"], &dir);
        change(&world, &dir);
        let mut expected = world.bucket.contents();
        for name in ["new", "sub/size"] {
            if name != key {
                expected.insert(name.to_owned(), dir.contents()[name].clone());
            }
        }

        let outcome = apply(&world, &plan).exits(3).says(&format!("'{key}'"));

        assert_eq!(outcome.stderr.matches("error:").count(), 1, "{outcome}");
        assert_same(&world.bucket.contents(), &expected);
    }
}

#[test]
fn a_restore_of_all_sorts_refuses_just_what_has_changed_since() {
    let memory = Memory::start();
    let changes: [(&str, Change); 4] = [
        ("gone", |_, dir| dir.write("gone", "mine")),
        ("gone", |world, _| world.bucket.put("gone", "theirs")),
        ("sub/size", |_, dir| dir.write("sub/size", "edited")),
        ("sub/size", |world, _| world.bucket.put("sub/size", "9")),
    ];
    for (key, change) in changes {
        let (world, dir) = with_a_subdirectory(&memory);
        let plan = save(&world, &["mock", "restore"], &dir);
        change(&world, &dir);
        let mut expected = dir.contents();
        for name in ["gone", "sub/size", "sub/theirs"] {
            if name != key {
                expected.insert(name.to_owned(), world.bucket.contents()[name].clone());
            }
        }

        let outcome = apply(&world, &plan).exits(3).says(&format!("'{key}'"));

        assert_eq!(outcome.stderr.matches("error:").count(), 1, "{outcome}");
        assert_same(&dir.contents(), &expected);
    }
}

#[test]
fn what_was_to_be_deleted_and_has_changed_since_is_kept_in_both_directions() {
    let memory = Memory::start();
    let files = [("kept", "1"), ("gone", "2"), ("gone too", "3")];
    for (command, back) in [
        ("backup", false),
        ("backup", true),
        ("restore", false),
        ("restore", true),
    ] {
        let world = World::on(&memory);
        let dir = world.tree("dir", &[("kept", "1")]);
        world.bucket.put("kept", "1");
        if command == "backup" {
            for (key, text) in files {
                world.bucket.put(key, text);
            }
        } else {
            for (key, text) in files {
                dir.write(key, text);
            }
        }
        let plan = save(&world, &["mock", command], &dir);
        // It is in the source again, or another version of it in the target.
        if (command == "backup") == back {
            dir.write("gone", "changed");
        } else {
            world.bucket.put("gone", "changed");
        }
        let sides = |world: &World, dir: &Dir| [world.bucket.contents(), dir.contents()];
        let mut expected = sides(&world, &dir);
        expected[usize::from(command == "restore")].remove("gone too");

        apply(&world, &plan).exits(3).says("'gone'");

        assert_same(&sides(&world, &dir)[0], &expected[0]);
        assert_same(&sides(&world, &dir)[1], &expected[1]);
    }
}

#[test]
fn what_is_in_the_way_gives_way_as_planned() {
    let memory = Memory::start();
    let (world, dir) = World::with(
        &memory,
        &[("a/b", "below"), ("a/c", "too"), ("tree", "a file now")],
        &[("a", "1"), ("tree/x", "2")],
    );
    let plan = save(&world, &["mock", "restore"], &dir);
    apply(&world, &plan).done();
    assert_same(&dir.contents(), &world.bucket.contents());
    // Once more: what was in the way is gone, and a directory is in the place of 'a'.
    apply(&world, &plan)
        .done()
        .says("already done            3");
    assert_same(&dir.contents(), &world.bucket.contents());
    dir.remove("a/c");
    apply(&world, &plan)
        .done()
        .says("already done            2");
    assert_same(&dir.contents(), &world.bucket.contents());
}

#[test]
fn a_file_that_changes_while_it_is_applied_is_named() {
    let memory = Memory::start();
    let (world, dir) = with_a_subdirectory(&memory);
    let plan = save(&world, &["mock", "backup"], &dir);
    let edit = works_on(dir.join("new"), |path| fs::write(path, "X").unwrap());
    memory.inject(Fault::on("PutObject").key("new").act(edit));
    let mut expected = world.bucket.contents();
    expected.extend(map(&[("new", "5"), ("sub/size", "333 and more")]));

    apply(&world, &plan)
        .exits(3)
        .says("'new'")
        .says("--compare checksum");

    assert_same(&world.bucket.contents(), &expected);
}

#[test]
fn an_object_that_changes_while_it_is_applied_is_named() {
    let memory = Memory::start();
    let (world, dir) = with_a_subdirectory(&memory);
    let plan = save(&world, &["mock", "restore"], &dir);
    let theirs = puts(&world, "gone", "theirs");
    memory.inject(Fault::on("GetObject").key("gone").act(theirs));
    let mut expected = dir.contents();
    expected.extend(map(&[("sub/size", "333"), ("sub/theirs", "4444")]));

    apply(&world, &plan).exits(3).says("'gone'");

    assert_same(&dir.contents(), &expected);
}

#[test]
fn the_guards_judge_a_plan_once_more() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("f0", "x")]);
    for number in 0..22 {
        world.bucket.put(&format!("f{number}"), "x");
    }
    let run = mock(&world, "backup", &dir).args(["--max-delete", "30"]);
    run.arg("--plan-out").arg(world.sandbox.path("plan")).done();
    let (plan, objects) = (world.sandbox.path("plan"), world.bucket.objects());

    world.no_requests(|| apply(&world, &plan).exits(4).says("--max-delete"));
    let run = apply(&world, &plan).args(["--max-delete", "20"]);
    world.no_requests(|| run.exits(4));
    assert_same(&world.bucket.objects(), &objects);

    apply(&world, &plan).args(["--max-delete", "21"]).done();
    assert_same(&world.bucket.contents(), &dir.contents());
}

#[test]
fn an_empty_source_has_to_be_allowed_once_more() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.dir("dir");
    world.bucket.put("a", "1");
    let run = mock(&world, "backup", &dir).arg("--allow-empty-source");
    run.arg("--plan-out").arg(world.sandbox.path("plan")).done();
    let plan = world.sandbox.path("plan");
    world.no_requests(|| apply(&world, &plan).exits(4).says("--allow-empty-source"));
    apply(&world, &plan).arg("--allow-empty-source").done();
    assert_same(&world.bucket.contents(), &dir.contents());
}

#[test]
fn without_a_terminal_and_without_yes_a_plan_is_refused() {
    let memory = Memory::start();
    let (world, dir) = with_a_subdirectory(&memory);
    let plan = save(&world, &["mock", "backup"], &dir);
    let run = world.s3mirror().arg("apply").arg(&plan);
    world.no_requests(|| run.stdin("yes\n").exits(4).says("--yes").says("made "));
}

#[test]
fn an_old_plan_says_how_old_it_is() {
    let memory = Memory::start();
    let (world, dir) = with_a_subdirectory(&memory);
    let plan = save(&world, &["mock", "backup"], &dir);
    for (created, said) in [
        ("2001-02-03T04:05:06Z", "years ago (2001-02-03T04:05:06Z)"),
        ("2990-01-01T00:00:00Z", "in the future"),
    ] {
        PlanText::edit_header(&plan, |header| header["origin"]["created"] = created.into());
        world.s3mirror().arg("apply").arg(&plan).exits(4).says(said);
        world.s3mirror().arg("show").arg(&plan).done().says(said);
    }
}

#[test]
fn a_plan_is_not_applied_while_another_run_works_there() {
    let memory = Memory::start();
    let (world, dir) = with_a_subdirectory(&memory);
    let plan = save(&world, &["mock", "backup"], &dir);
    let stall = Action::Stall(Duration::from_secs(60));
    memory.inject(Fault::on("ListObjectsV2").act(stall));
    let lists = memory.count("ListObjectsV2");
    let first = world.backup(&dir).start();
    first.wait_for(&memory, "ListObjectsV2", lists + 1);
    world.no_requests(|| apply(&world, &plan).exits(4).says("another run"));
}

#[test]
fn a_plan_saved_by_a_real_run_is_what_it_did() {
    let memory = Memory::start();
    for command in ["backup", "restore"] {
        let (world, dir) = with_a_subdirectory(&memory);
        let file = world.sandbox.path("plan");
        let run = world.command(&[command, "--yes", "--json"], &dir);
        let outcome = run.arg("--plan-out").arg(&file).done();
        let saved = PlanText::read(&file);
        assert!(outcome.stdout.starts_with(&saved), "{outcome}");
        assert!(saved.lines().count() > 2);
        assert_same(&world.bucket.contents(), &dir.contents());
    }
}

/// A saved plan is executed without a listing, so the server's time is not
/// known when the first file is to be copied.
#[test]
fn a_file_of_this_second_is_not_copied_again_after_its_plan_was_applied() {
    let memory = Memory::start();
    for _ in 0..3 {
        let world = World::on(&memory);
        let dir = world.dir("dir");
        dir.write_now("a", "1");
        let plan = save(&world, &["mock", "backup"], &dir);
        apply(&world, &plan).done();
        let puts = memory.count("PutObject");
        world.backup(&dir).done();
        assert_eq!(memory.count("PutObject"), puts, "nothing is copied again");
    }
}

/// As of any other run: a backup would copy the file, a restore would delete it.
#[test]
fn metrics_are_not_written_into_the_directory_of_the_plan() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    let plan = save(&world, &["mock", "backup"], &dir);
    let metrics = dir.join("run.prom");
    let with = |metrics| {
        let apply = world.s3mirror().args(["apply", "--yes"]).arg(&plan);
        apply.arg("--metrics-file").arg(metrics)
    };
    let refused = world.no_requests(|| with(&metrics).exits(1));
    refused.says("inside the directory that is mirrored");
    assert!(!metrics.exists());
    let outside = world.sandbox.path("run.prom");
    with(&outside).done();
    assert!(outside.exists());
}
