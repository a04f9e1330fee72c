//! Runs by a list of keys: they end as runs of all keys do, and ask about nothing else.

use std::{fs, process::Command, thread, time::Duration};

use chrono::{TimeDelta, Utc};
use s3_endpoint::{Action, Fault};

use crate::support::{
    Dir, Memory, Server, World, assert_same,
    cluster::Cluster,
    content::map,
    plans::{PlanText, apply},
    run::Run,
    times::{LONG_AGO, at},
};

on_all_servers! {
    a_backup_of_what_find_prints_makes_the_bucket_equal
    a_restore_by_a_list_makes_the_directory_equal
}

/// `--files-from -` with these names, each on a line.
fn by_list(run: Run, names: &[&str]) -> Run {
    let lines: String = names.iter().map(|name| format!("{name}\n")).collect();
    run.args(["--files-from", "-"]).stdin(&lines)
}

/// 60 files in three directories.
fn tree<'s>(server: &'s dyn Server) -> (World<'s>, Dir) {
    let world = World::on(server);
    let dir = world.dir("dir");
    for number in 0..60 {
        dir.write(format!("d{}/f{number:02}", number % 3), format!("{number}"));
    }
    (world, dir)
}

/// What `find` prints below `dir`, with NULs between the names.
fn find(dir: &Dir, expression: &[&str]) -> Vec<u8> {
    let mut command = Command::new("find");
    let command = command.current_dir(dir.path()).arg(".").args(expression);
    let output = command.arg("-print0").output().unwrap();
    assert!(output.status.success());
    output.stdout
}

/// Backs up `dir`, and then makes files, writes some again, and removes some. Returns their
/// names with NULs between them: those that `find -newer` prints, and those that are gone.
fn changed_since_a_backup(world: &World, dir: &Dir) -> Vec<u8> {
    world.backup(dir).done();
    // What is edited in the second of its upload may be sent once more.
    thread::sleep(Duration::from_millis(1100));
    let stamp = world.sandbox.path("stamp");
    fs::write(&stamp, "").unwrap();
    thread::sleep(Duration::from_millis(20));
    dir.write_now("d0/f00", "another text");
    dir.write_now("d1/new", "1");
    dir.write_now("new/deep/x", "2");
    dir.write_now("line\nfeed \u{e9}", "3");
    for gone in ["d2/f02", "d2/f05"] {
        dir.remove(gone);
    }
    let mut list = find(dir, &["-type", "f", "-newer", stamp.to_str().unwrap()]);
    list.extend_from_slice(b"d2/f02\0d2/f05\0");
    assert_eq!(list.iter().filter(|byte| **byte == 0).count(), 6);
    list
}

fn a_backup_of_what_find_prints_makes_the_bucket_equal(server: &dyn Server) {
    let (world, dir) = tree(server);
    let file = world.sandbox.path("list");
    fs::write(&file, changed_since_a_backup(&world, &dir)).unwrap();
    let run = |run: Run| run.arg("--files-from").arg(&file).arg("--from0");
    run(world.backup(&dir)).done();
    assert_same(&world.bucket.contents(), &dir.contents());
    run(world.command(&["verify"], &dir)).done();
    let again = run(world.backup(&dir)).arg("--json").done();
    let report = again.json().pop().unwrap();
    for what in ["created", "overwritten", "deleted"] {
        assert_eq!(report[what]["entries"], 0, "{again}");
    }
    world.only_lists(|| world.backup(&dir).done());
}

fn a_restore_by_a_list_makes_the_directory_equal(server: &dyn Server) {
    let (world, dir) = tree(server);
    world.backup(&dir).done();
    let elsewhere = world.dir("elsewhere");
    world.restore(&elsewhere).done();
    dir.write_now("d0/f00", "another text");
    dir.write_now("d1/new", "1");
    dir.remove("d2/f02");
    fs::remove_dir_all(dir.join("d1")).unwrap();
    // The last that a restore may meet: a directory where a file is, and no such file.
    dir.write("d1/deep/x", "2");
    world.backup(&dir).arg("--max-delete=100%").done();
    let names = ["d0/f00", "d2/f02", "d1/", "absent", "none/"];
    let restore = || by_list(world.restore(&elsewhere), &names).arg("--max-delete=100%");
    restore().done();
    assert_same(&elsewhere.contents(), &dir.contents());
    assert!(!elsewhere.is_marked());
    by_list(world.command(&["verify"], &elsewhere), &names).done();
    let again = restore().arg("--json").done();
    assert_eq!(
        again.json().pop().unwrap()["created"]["entries"],
        0,
        "{again}"
    );
}

/// The keys that the requests since `clear_log` were about.
fn asked(memory: &Memory) -> Vec<String> {
    let log = memory.log().into_iter();
    let mut keys: Vec<_> = log.filter_map(|entry| entry.key).collect();
    keys.sort();
    keys.dedup();
    keys
}

#[test]
fn nothing_but_what_find_prints_is_asked_about() {
    let memory = Memory::start();
    let (world, dir) = tree(&memory);
    let file = world.sandbox.path("list");
    let list = changed_since_a_backup(&world, &dir);
    fs::write(&file, &list).unwrap();
    memory.clear_log();
    let run = world.backup(&dir).trusting().arg("--files-from").arg(&file);
    run.arg("--from0").done();
    let list = String::from_utf8(list).unwrap();
    let names = list.split_terminator('\0');
    let mut names: Vec<_> = names.map(|name| name.trim_start_matches("./")).collect();
    names.sort_unstable();
    assert_eq!(asked(&memory), names, "{:?}", memory.story());
    let lists = memory
        .log()
        .into_iter()
        .filter(|it| it.operation == "ListObjectsV2");
    assert_eq!(lists.count(), 1, "{:?}", memory.story());
    assert_same(&world.bucket.contents(), &dir.contents());
}

#[test]
fn only_the_listed_keys_are_asked_about() {
    let memory = Memory::start();
    let (world, dir) = tree(&memory);
    world.backup(&dir).done();
    dir.write_now("d0/f00", "another text");
    dir.write_now("d1/f01", "not listed");
    dir.remove("d2/f02");
    dir.remove("d2/f05");
    memory.clear_log();
    let names = ["d0/f00", "d0/f03", "./d2/f02", "none"];
    by_list(world.backup(&dir).trusting(), &names).done();
    assert_eq!(asked(&memory), ["d0/f00", "d0/f03", "d2/f02", "none"]);
    let count = |operation| memory.count(operation);
    let counts = ["ListObjectsV2", "HeadObject", "PutObject", "DeleteObjects"].map(count);
    assert_eq!(counts, [1, 4, 1, 1], "{:?}", memory.story());
    let objects = world.bucket.contents();
    assert_eq!(objects["d1/f01"], "1".into());
    assert!(objects.contains_key("d2/f05") && !objects.contains_key("d2/f02"));
}

#[test]
fn a_plan_by_a_list_is_shown_saved_and_applied() {
    let memory = Memory::start();
    let (world, dir) = tree(&memory);
    world.backup(&dir).done();
    dir.write_now("d0/f00", "another text");
    dir.write_now("d1/f01", "not listed");
    let file = world.sandbox.path("plan");
    let names = ["d0/f00", "d0/f03", "d9/"];
    let mock = by_list(world.mock_backup(&dir), &names).arg("--plan-out");
    let said = mock.arg(&file).done();
    let summary = "selected by  --files-from (2 keys, 1 directory)";
    let said = said.says(summary).says("  overwrite               1");
    said.says("made already: 2 LIST, 2 HEAD");
    world.no_requests(|| world.s3mirror().arg("show").arg(&file).done().says(summary));
    PlanText::edit_header(&file, |header| {
        assert_eq!(header["selection"]["keys"]["keys"], 2, "{header}");
    });
    apply(&world, &file).done();
    let objects = world.bucket.contents();
    assert_eq!(objects["d0/f00"], "another text".into());
    assert_eq!(objects["d1/f01"], "1".into());
}

#[test]
fn a_plan_by_a_list_is_executed_by_many_processes() {
    let memory = Memory::start();
    for command in ["backup", "restore"] {
        let (world, dir) = tree(&memory);
        world.backup(&dir).done();
        let there = world.dir("there");
        world.restore(&there).done();
        for number in 0..6 {
            dir.write_now(format!("d0/new{number}"), "1");
        }
        dir.remove("d0/f00");
        let (source, expected) = match command {
            "backup" => (&dir, dir.contents()),
            _ => {
                world.backup(&dir).done();
                (&there, dir.contents())
            }
        };
        let plan = world.sandbox.path("plan");
        let mock = by_list(world.command(&["mock", command], source), &["d0/"]);
        mock.arg("--plan-out").arg(&plan).done();
        let cluster = Cluster {
            world: &world,
            run: world.sandbox.path("run"),
        };
        crate::support::cluster::split(&world, &plan, &cluster.run, 2).done();
        for shard in [1, 0] {
            cluster.apply(shard).done();
        }
        cluster.finish().done();
        assert_same(&world.bucket.contents(), &expected);
        assert_same(
            &there.contents(),
            &match command {
                "backup" => there.contents(),
                _ => expected,
            },
        );
        assert!(!there.is_marked());
    }
}

/// The weekly run of all keys still has to complete the restore that it began.
#[test]
fn a_restore_by_a_list_does_not_complete_another_one() {
    let memory = Memory::start();
    let (world, dir) = tree(&memory);
    world.backup(&dir).done();
    let there = world.dir("there");
    let refused = Action::error(403, "AccessDenied");
    memory.inject(Fault::on("GetObject").key("d1/f01").act(refused));
    world.restore(&there).exits(3);
    there.remove("d0/f03");
    by_list(world.restore(&there), &["d0/f03"]).done();
    assert!(there.is_marked());
    assert_eq!(there.contents().len(), 59, "it was restored");
    let refused = by_list(world.backup(&there), &["d0/f00", "d1/f01"]).exits(4);
    refused.says("has not been completed");
    world.restore(&there).arg("--max-delete=100%").done();
    assert!(!there.is_marked());
}

/// A mark in a directory above a listed key, which no walk reads.
#[test]
fn an_unfinished_restore_of_a_directory_above_a_listed_key_is_met() {
    let memory = Memory::start();
    let (world, dir) = tree(&memory);
    world.backup(&dir).done();
    dir.write(format!("d1/{}", crate::support::RESTORE_MARK), "a restore");
    dir.remove("d1/f01");
    let refused = by_list(world.backup(&dir), &["d1/f01"]).exits(4);
    refused.says("has not been completed");
    by_list(world.backup(&dir), &["d0/f00"]).done();
}

#[test]
fn the_past_is_restored_by_a_list() {
    let memory = Memory::start();
    let world = World::on(&memory);
    memory.set_versioning(&world.bucket.name, Some("Enabled"));
    let ago = |days| Utc::now() - TimeDelta::days(days);
    for (name, then, now) in [("a", "then", "now"), ("b", "then too", "now too")] {
        memory.put_at(&world.bucket.name, name, then, ago(10));
        memory.put_at(&world.bucket.name, name, now, ago(1));
    }
    memory.put_at(&world.bucket.name, "new", "1", ago(1));
    let dir = world.tree(
        "dir",
        &[("a", "now"), ("b", "now too"), ("new", "1"), ("kept", "2")],
    );
    let restore = by_list(world.restore(&dir), &["a", "new"]).args(["--at", "5d"]);
    restore
        .done()
        .says("back to the present: restore with the same options");
    assert_same(
        &dir.contents(),
        &map(&[("a", "then"), ("b", "now too"), ("kept", "2")]),
    );
}

#[test]
fn the_trash_keeps_what_a_restore_by_a_list_replaces() {
    let memory = Memory::start();
    let (world, dir) = tree(&memory);
    world.backup(&dir).done();
    dir.write_at("d0/f00", "of the directory", Utc::now());
    dir.write("d0/gone", "1");
    let trash = world.dir("trash");
    let restore = by_list(world.restore(&dir), &["d0/f00", "d0/gone"]).arg("--trash");
    restore
        .arg(trash.path())
        .done()
        .says("trash                   2  in ");
    assert_eq!(dir.contents()["d0/f00"], "0".into());
    assert_eq!(trash.contents().len(), 2);
}

/// Of what is in the way and not listed, neither side is touched.
#[test]
fn what_is_in_the_way_and_not_listed_stays() {
    let memory = Memory::start();
    let (world, dir) = World::with(
        &memory,
        &[("a", "file"), ("b/x", "below")],
        &[("a/keep", "1"), ("b", "2"), ("gone", "3")],
    );
    let before = dir.contents();
    by_list(world.restore(&dir), &["a", "b/x", "gone"]).exits(3);
    assert_same(&dir.contents(), &before);
    by_list(world.restore(&dir), &["a", "a/", "b", "b/", "gone"])
        .arg("--max-delete=100%")
        .done();
    assert_same(&dir.contents(), &map(&[("a", "file"), ("b/x", "below")]));
}

/// A link above a listed key hides what would be below it: the bucket keeps that.
#[test]
fn what_hides_a_listed_key_is_not_taken_for_its_absence() {
    let memory = Memory::start();
    let objects = [
        ("link/x", "1"),
        ("fifo/x", "2"),
        ("file/x", "3"),
        ("z", "4"),
    ];
    let (world, dir) = World::with(
        &memory,
        &objects,
        &[("real/x", "1"), ("file", "5"), ("z", "4")],
    );
    dir.link("link", "real");
    dir.mkfifo("fifo");
    by_list(world.backup(&dir), &["link/x", "fifo/x", "file/x"]).done();
    let expected = map(&[("link/x", "1"), ("fifo/x", "2"), ("z", "4")]);
    assert_same(&world.bucket.contents(), &expected);
}

#[test]
fn other_options_of_the_selection_apply_on_top() {
    let memory = Memory::start();
    let (world, dir) = World::with(
        &memory,
        &[("gone.tmp", "1")],
        &[("a", "1"), ("b.tmp", "2"), ("old", "3"), ("other", "4")],
    );
    for name in ["a", "b.tmp"] {
        dir.touch(name, Utc::now());
    }
    dir.touch("old", at(LONG_AGO));
    let run = by_list(world.backup(&dir), &["a", "b.tmp", "gone.tmp", "old"]);
    run.args(["--exclude", "*.tmp", "--newer-than", "1d"])
        .done();
    assert_same(
        &world.bucket.contents(),
        &map(&[("a", "1"), ("gone.tmp", "1")]),
    );
}

/// An object below the listed directory has a name that no file here can have.
#[test]
fn an_object_that_cannot_be_named_hides_what_a_listed_directory_lacks() {
    let memory = Memory::start();
    let world = World::on(&memory);
    world.bucket.put("data/photos/a", "1");
    world.bucket.put("data/photos/x\u{e9}", "2");
    memory.inject(
        Fault::on("ListObjectsV2")
            .always()
            .act(Action::edit(|answer| {
                let body = String::from_utf8_lossy(&answer.body).replace("%C3%A9", "%FF");
                answer.body = body.into_bytes();
            })),
    );
    let dir = world.tree("dir", &[("photos/only-here", "3")]);
    let place = format!("{}/data", world.bucket.name);
    let run = world.command_at(&["restore", "--yes"], &dir, &place);
    let run = by_list(run, &["photos/"]).args(["--max-delete", "100%"]);
    run.exits(3).says("is not UTF-8");
    assert_same(
        &dir.contents(),
        &map(&[("photos/a", "1"), ("photos/only-here", "3")]),
    );
}
