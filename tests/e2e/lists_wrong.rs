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

/// A list whose names have a wrong prefix: nothing is done, which is no success.
#[test]
fn a_list_of_which_neither_side_has_anything_fails() {
    let memory = Memory::start();
    let (world, dir) = World::with(
        &memory,
        &[("a", "1"), ("b/x", "2")],
        &[("a", "1"), ("c", "3")],
    );
    let (objects, files) = (world.bucket.contents(), dir.contents());
    let text = "data/a\ndata/b/\n";
    let told = "nothing in the list of --files-from exists on either side: 'data/a', 'data/b/'";
    for command in [
        &["backup", "-y"][..],
        &["restore", "-y"],
        &["mock", "backup"],
        &["mock", "restore", "--check"],
        &["verify"],
    ] {
        let run = by_list(world.command(command, &dir), text).exits(1);
        run.says(told).says("below the prefix in --bucket");
        let run = by_list(world.command(command, &dir), text).arg("--json");
        let lines = run.exits(1).json();
        let last = lines.last().unwrap();
        match command[0] {
            "mock" => assert_eq!(lines[0]["counts"]["not_found"]["names"], 2, "{lines:?}"),
            _ => assert_eq!(last["not_found"], 2, "{last}"),
        }
    }
    assert_same(&world.bucket.contents(), &objects);
    assert_same(&dir.contents(), &files);
    // Nor is the plan of it applied.
    let plan = world.sandbox.path("plan");
    let mock = by_list(world.mock_backup(&dir), text).arg("--plan-out");
    mock.arg(&plan).exits(1);
    world
        .s3mirror()
        .arg("show")
        .arg(&plan)
        .done()
        .says("not found");
    crate::support::plans::apply(&world, &plan)
        .exits(1)
        .says(told);
}

/// Of a list of which they have something, the rest is done.
#[test]
fn names_that_neither_side_has_are_reported_and_the_rest_is_done() {
    let memory = Memory::start();
    let (world, dir) = World::with(&memory, &[("gone", "1")], &[("a", "1"), ("b", "2")]);
    dir.mkdir("empty");
    let absent: String = (0..1001).map(|n| format!("none{n:04}\n")).collect();
    let text = format!("{absent}a\ngone\nempty\nempty/\nb/\n");
    let told = "1,002 names in the list of --files-from exist on neither side: 'b/', 'none0000', \
                'none0001', 'none0002', 'none0003', and 997 more";
    let mock = by_list(world.mock_backup(&dir), &text).done();
    mock.says(told)
        .says("  not found           1,002  of the list, on either side");
    let backup = by_list(world.backup(&dir), &text).done();
    backup.says(told).says("  not found           1,002");
    assert_same(&world.bucket.contents(), &map(&[("a", "1")]));
    let backup = by_list(world.backup(&dir), "a\nnone\n")
        .arg("--json")
        .done();
    assert_eq!(backup.json().pop().unwrap()["not_found"], 1, "{backup}");
    let told = "1 name in the list of --files-from exists on neither side: 'none'";
    let restore = by_list(world.restore(&dir), "a\nnone\n").done();
    restore.says(told);
    let verify = by_list(world.command(&["verify"], &dir), "a\nnone\n").done();
    verify.says(told).says("  not found                     1");
    let verify = by_list(world.command(&["verify"], &dir), "a\nnone\n");
    let verify = verify.arg("--json").done();
    assert_eq!(verify.json().pop().unwrap()["not_found"], 1, "{verify}");
}

/// What is there is not absent: a directory that `find` prints, a link that is not followed, a
/// name that is excluded, and a directory of which only a placeholder is left.
#[test]
fn what_stands_for_no_entry_and_is_there_is_not_missed() {
    let memory = Memory::start();
    let (world, dir) = World::with(&memory, &[], &[("d/f", "1"), ("real/f", "1")]);
    dir.link("link", "real");
    dir.mkdir("empty");
    world.bucket.put("marked/", "");
    for name in ["d", "link", "link/f", "x.tmp", "empty/", "marked/"] {
        for command in [&["backup", "-y"][..], &["verify"]] {
            let run = by_list(world.command(command, &dir), &format!("{name}\n"));
            let outcome = run.args(["--exclude", "*.tmp"]).done();
            assert!(
                !outcome.stderr.contains("neither side"),
                "{name}: {outcome}"
            );
        }
    }
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
