//! The disk is full (case 19): the old file stays whole, nothing else is left
//! behind.

use std::process::Command;

use crate::support::{Dir, Memory, World, assert_same, content::mebibytes, mount::Mount};

/// An object of so many MiB on a disk of `size`, where an old version of it
/// is; what was asked for.
#[track_caller]
fn is_survived(mib: u64, size: &str) -> Vec<String> {
    let memory = Memory::start();
    let world = World::on(&memory);
    world.bucket.put("a", "small");
    world.bucket.put("film", mebibytes(mib, 1));
    world.bucket.put("z", "small too");
    let dir = world.dir("dir");
    let disk = Mount::tmpfs(dir.path(), &format!("size={size}"));
    dir.write("film", "the old one");
    dir.write("gone", "1");
    let before = dir.files();

    let outcome = world.restore(&dir).one_by_one().exits(3).says("'film'");

    let story = memory.story();
    let outcome = outcome.says("No space left on device");
    outcome.says("1 entry was not written: not tried, because a write to the file system of 'z'");
    // What comes after it is not even tried.
    let mut expected = before;
    expected.insert("a".into(), world.bucket.objects()["a"].clone());
    assert_same(&dir.files(), &expected);
    assert_eq!(dir.snapshot().len(), 3, "no temporary is left");
    // With enough space the next run completes.
    disk.remount("size=32m");
    world.restore(&dir).one_by_one().done();
    assert_same(&dir.files(), &world.bucket.objects());
    story
}

#[test]
#[ignore = "mounts a file system, so it needs root; `cargo xtask test` runs it"]
fn a_full_disk_leaves_the_old_file_whole_and_no_temporary() {
    let story = is_survived(3, "1m");
    assert_eq!(story, ["GetObject a 200", "GetObject film 200"]);
}

/// Its room is taken before its first part is fetched.
#[test]
#[ignore = "mounts a file system, so it needs root; `cargo xtask test` runs it"]
fn a_file_in_parts_that_finds_no_room_is_not_even_fetched() {
    let story = is_survived(11, "7m");
    assert_eq!(story, ["GetObject a 200"]);
}

/// The list of the work continues in another directory.
#[test]
#[ignore = "mounts a file system, so it needs root; `cargo xtask test` runs it"]
fn a_directory_for_temporary_files_that_fills_up_ends_no_run() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.dir("dir");
    many_names(&dir);
    let temporary = world.dir("temporary");
    let _disk = Mount::tmpfs(temporary.path(), "size=64k");
    let run = world.backup(&dir).arg("-q");
    drop(run.env("TMPDIR", temporary.path()).done());
    assert_same(&world.bucket.contents(), &dir.contents());
}

/// With `ulimit -f`, a file must not get long; the list is longer.
#[test]
fn a_limit_on_the_size_of_files_ends_no_run() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.dir("dir");
    many_names(&dir);
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -f 128 && exec \"$@\"", "sh"]);
    drop(world.backup(&dir).arg("-q").under(shell).done());
    assert_same(&world.bucket.contents(), &dir.contents());
}

/// Files whose list takes some hundreds of KiB.
fn many_names(dir: &Dir) {
    for number in 0..1000 {
        dir.write(format!("{number:0>200}"), "");
    }
}

fn many(memory: &Memory) -> (World<'_>, Dir) {
    let world = World::on(memory);
    for number in 0..60 {
        world
            .bucket
            .put(&format!("a/{number:02}"), vec![b'x'; 100_000]);
        world.bucket.put(&format!("b/{number:02}"), "small");
    }
    let dir = world.dir("dir");
    (world, dir)
}

/// How many lines say that something failed, and how many objects were fetched.
#[track_caller]
fn cost(memory: &Memory, outcome: &crate::support::Outcome) -> (usize, usize) {
    let errors = outcome.stderr.lines().filter(|l| l.starts_with("error"));
    (errors.count(), memory.count("GetObject"))
}

/// One that is mounted below it takes files all the same.
#[test]
#[ignore = "mounts a file system, so it needs root; `cargo xtask test` runs it"]
fn nothing_is_fetched_for_a_file_system_that_is_read_only() {
    let memory = Memory::start();
    let (world, dir) = many(&memory);
    let disk = Mount::tmpfs(dir.path(), "size=16m");
    let below = world.dir("dir/b");
    dir.write("gone", "1");
    disk.remount("ro,size=16m");

    let outcome = world.restore(&dir).exits(3);

    let outcome = outcome.says("120 entries were not written: ");
    let outcome = outcome.says("the file system is mounted read-only");
    assert_eq!(cost(&memory, &outcome), (1, 0), "{outcome}");
    outcome.says("not written           120");

    memory.clear_log();
    let other = Mount::tmpfs(below.path(), "size=16m");
    let outcome = world
        .restore(&dir)
        .exits(3)
        .says("60 entries were not written: ");
    assert_eq!(cost(&memory, &outcome), (1, 60), "{outcome}");
    assert_eq!(below.contents().len(), 60);
    drop(other);
}

#[test]
#[ignore = "mounts a file system, so it needs root; `cargo xtask test` runs it"]
fn little_is_fetched_for_a_file_system_that_is_full() {
    let memory = Memory::start();
    let (world, dir) = many(&memory);
    let below = world.dir("dir/a");
    let _disk = Mount::tmpfs(below.path(), "size=300k");
    let outcome = world.restore(&dir).one_by_one().exits(3);
    little_is_said(&memory, &world, &below, &outcome, 60 + 6);
    // Side by side, those that are on their way are fetched, but not named; those
    // that wait for their turn are not.
    for number in 0..60 {
        let _ = std::fs::remove_file(below.join(format!("{number:02}")));
    }
    memory.clear_log();
    let outcome = world.restore(&dir).exits(3);
    little_is_said(&memory, &world, &below, &outcome, 60 + 50);
}

#[track_caller]
fn little_is_said(
    memory: &Memory,
    world: &World,
    below: &Dir,
    outcome: &crate::support::Outcome,
    most: usize,
) {
    let there = below.contents().len();
    assert!((1..4).contains(&there), "{there}");
    // Those of the other file system are all there.
    assert_eq!(world.dir("dir/b").contents().len(), 60);
    for said in [
        "entries were not written: ",
        "free some space and run again",
    ] {
        assert!(outcome.stderr.contains(said), "{outcome}");
    }
    let (errors, fetched) = cost(memory, outcome);
    assert_eq!(errors, 2, "{outcome}");
    assert!(fetched < most, "{fetched}");
}

/// Though there is much space.
#[test]
#[ignore = "mounts a file system, so it needs root; `cargo xtask test` runs it"]
fn inodes_that_are_used_up_are_not_taken_for_space() {
    let memory = Memory::start();
    let (world, dir) = many(&memory);
    let below = world.dir("dir/a");
    let _disk = Mount::tmpfs(below.path(), "size=16m,nr_inodes=20");
    let outcome = world.restore(&dir).one_by_one().exits(3);
    assert!(
        outcome.stderr.contains("No space left on device"),
        "{outcome}"
    );
    assert!(!outcome.stderr.contains("free some space"), "{outcome}");
    outcome.says("no inode left");
}
