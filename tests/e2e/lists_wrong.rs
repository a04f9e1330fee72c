//! Lists that are empty or wrong, and sources that are gone: nothing is done.

use std::fs;

use crate::support::{Dir, Memory, World, assert_same, content::map, run::Run};

fn by_list(run: Run, text: &str) -> Run {
    run.args(["--files-from", "-"]).stdin(text)
}

fn with_objects<'s>(memory: &'s Memory, count: usize) -> (World<'s>, Dir, String) {
    let world = World::on(memory);
    let names: Vec<_> = (0..count).map(|number| format!("f{number:02}")).collect();
    for name in &names {
        world.bucket.put(name, "x");
    }
    let dir = world.dir("dir");
    (world, dir, names.join("\n") + "\n")
}

#[test]
fn a_list_with_lines_that_are_no_key_is_not_used() {
    let memory = Memory::start();
    let (world, dir) = World::with(&memory, &[], &[("a", "1")]);
    let text = "a\n/abs\n../up\n./a/../b\n.\n";
    for command in [
        &["backup"][..],
        &["restore"],
        &["mock", "backup"],
        &["verify"],
    ] {
        let run = by_list(world.command(command, &dir), text);
        let run = if command == ["verify"] || command[0] == "mock" {
            run
        } else {
            run.arg("-y")
        };
        let outcome = world.no_requests(|| run.exits(2)).complains_in_one_line();
        for wrong in [
            "line 2: '/abs' begins with a slash",
            "line 3: '../up' has a",
            "line 4: './a/../b' has a",
            "line 5: '.' is the directory itself",
            "--from0",
            "nothing was done",
        ] {
            assert!(outcome.stderr.contains(wrong), "{wrong} in {outcome}");
        }
    }
    assert!(world.bucket.contents().is_empty());
    let latin = world.sandbox.path("latin");
    fs::write(&latin, b"a\ncaf\xe9\n").unwrap();
    let run = world.backup(&dir).arg("--files-from").arg(&latin);
    run.exits(2).says("line 2: 'caf\\xe9' is not UTF-8");
    let run = by_list(world.backup(&dir), "a\0b\0");
    run.exits(2).says("has a NUL byte").says("--from0");
}

#[test]
fn a_list_that_cannot_be_read_is_a_usage_error() {
    let memory = Memory::start();
    let (world, dir) = World::with(&memory, &[], &[("a", "1")]);
    for file in [world.sandbox.path("none"), dir.path().to_owned()] {
        let run = world.backup(&dir).arg("--files-from").arg(&file);
        world
            .no_requests(|| run.exits(2))
            .complains_in_one_line()
            .says("--files-from '");
    }
    world
        .backup(&dir)
        .arg("--from0")
        .exits(2)
        .says("--files-from");
}

#[test]
fn a_list_of_nothing_is_done_at_once_and_says_so() {
    let memory = Memory::start();
    let (world, dir) = World::with(&memory, &[("b", "2")], &[("a", "1")]);
    for text in ["", "\n\n"] {
        for command in ["backup", "restore", "verify"] {
            let run = by_list(world.command(&[command], &dir), text);
            let outcome = world.no_requests(|| run.done());
            outcome.says("the list of --files-from names no key: there is nothing to do");
        }
    }
    assert_same(&world.bucket.contents(), &map(&[("b", "2")]));
    assert_same(&dir.contents(), &map(&[("a", "1")]));
}

#[test]
fn a_question_needs_a_terminal_where_the_list_is_the_standard_input() {
    let memory = Memory::start();
    let (world, dir) = World::with(&memory, &[], &[("yes", "1")]);
    let run = by_list(world.command(&["backup"], &dir), "yes\n");
    run.exits(4).says("--yes");
    assert!(world.bucket.contents().is_empty());
}

/// An unmounted disk leaves an empty directory, or none.
#[test]
fn a_source_that_is_gone_deletes_nothing() {
    let memory = Memory::start();
    let (world, dir, names) = with_objects(&memory, 3);
    let all = world.bucket.contents();
    by_list(world.backup(&dir), &names)
        .exits(4)
        .says("the source is empty")
        .says("--allow-empty-source");
    by_list(world.backup(&dir), "f00\n")
        .exits(4)
        .says("the source is empty");
    dir.mkdir("empty/directories");
    by_list(world.backup(&dir), "./\n")
        .exits(4)
        .says("the source is empty");
    fs::remove_dir_all(dir.path()).unwrap();
    by_list(world.backup(&dir), &names)
        .exits(1)
        .says("does not exist");
    assert_same(&world.bucket.contents(), &all);
}

#[test]
fn a_bucket_that_is_empty_or_gone_deletes_nothing() {
    let memory = Memory::start();
    let (world, dir) = World::with(&memory, &[], &[("a", "1"), ("b", "2")]);
    by_list(world.restore(&dir), "a\n")
        .exits(4)
        .says("the source is empty");
    let elsewhere = world.command_at(&["restore", "-y"], &dir, "no-such-bucket");
    by_list(elsewhere, "a\n").exits(1);
    assert_same(&dir.contents(), &map(&[("a", "1"), ("b", "2")]));
}

#[test]
fn a_few_deletions_are_made_and_more_need_to_be_allowed() {
    let memory = Memory::start();
    let (world, dir, names) = with_objects(&memory, 21);
    dir.write("other", "1");
    let few: String = names.split_inclusive('\n').take(10).collect();
    by_list(world.backup(&dir), &few).done();
    assert_eq!(world.bucket.contents().len(), 11);
    let refused = by_list(world.backup(&dir), &names).exits(4);
    refused
        .says("11 of the 11 entries that the target has of the list")
        .says("--max-delete");
    assert_eq!(world.bucket.contents().len(), 11);
    by_list(world.backup(&dir), &names)
        .args(["--max-delete", "11"])
        .done();
    assert!(world.bucket.contents().is_empty());
    let (world, dir, names) = with_objects(&memory, 21);
    dir.write("other", "1");
    by_list(world.backup(&dir), &names)
        .arg("--no-delete")
        .done();
    assert_eq!(world.bucket.contents().len(), 21);
}

/// Of a saved plan, the guards are asked again.
#[test]
fn a_saved_plan_by_a_list_keeps_what_the_guards_need() {
    let memory = Memory::start();
    let (world, dir, names) = with_objects(&memory, 3);
    dir.write("other", "1");
    let plan = world.sandbox.path("plan");
    let mock = by_list(world.mock_backup(&dir), &names).arg("--plan-out");
    mock.arg(&plan).done();
    crate::support::plans::apply(&world, &plan).done();
    assert!(world.bucket.contents().is_empty());
}

#[test]
fn the_source_that_lacks_a_permission_deletes_nothing() {
    let memory = Memory::start();
    let objects = [("closed/x", "1"), ("gone", "2")];
    let (world, dir) = World::with(&memory, &objects, &[("closed/x", "1"), ("a", "3")]);
    let closed = dir.join("closed");
    let set = |mode| {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&closed, fs::Permissions::from_mode(mode)).unwrap();
    };
    set(0o000);
    let run = world
        .s3mirror_as_nobody()
        .args(["backup", "--yes", "--dir"]);
    let run = run.arg(dir.path()).args(["--bucket", &world.bucket.name]);
    by_list(run, "closed/x\ngone\na\n").exits(3).says("closed");
    set(0o755);
    let expected = map(&[("closed/x", "1"), ("gone", "2"), ("a", "3")]);
    assert_same(&world.bucket.contents(), &expected);
}
