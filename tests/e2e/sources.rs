//! A source that is missing, not wholly readable, or holds more than files
//! (cases 1, 3, 13, 16 and 17 of the fault list).

use std::{
    ffi::OsStr,
    fs::{self, Permissions},
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
    time::Duration,
};

use crate::support::{
    Dir, Memory, World, assert_same,
    content::map,
    strace::{Call, calls, traced},
};

#[test]
fn a_root_that_is_missing_or_no_directory_is_an_error_without_any_request() {
    let memory = Memory::start();
    let (world, dir) = World::with(&memory, &[("a", "1")], &[("file", "x")]);
    let before = dir.snapshot();
    for (command, root) in [
        ("backup", "missing"),
        ("backup", "missing/below"),
        ("backup", "file"),
        ("backup", "file/below"),
        ("restore", "file"),
        ("restore", "file/below"),
    ] {
        let run = world
            .s3mirror()
            .args([command, "--yes", "--dir"])
            .arg(dir.join(root));
        let run = run.args(["--bucket", &world.bucket.name]);
        world.no_requests(|| run.exits(1).complains_in_one_line().says(root));
    }
    assert_same(&dir.snapshot(), &before);
    assert_same(&world.bucket.contents(), &map(&[("a", "1")]));
}

/// A restore has nothing to lose there; a mock does not make it.
#[test]
fn a_restore_makes_a_directory_that_is_missing() {
    let memory = Memory::start();
    let world = World::on(&memory);
    world.bucket.put("a/b", "1");
    let parent = world.dir("parent");
    let root = parent.join("new");
    for (command, expected) in [
        (["mock", "restore"].as_slice(), 0),
        (&["restore", "--yes"], 3),
    ] {
        let run = world.s3mirror().args(command).arg("--dir").arg(&root);
        run.args(["--bucket", &world.bucket.name]).done();
        assert_eq!(parent.snapshot().len(), expected, "{:?}", parent.snapshot());
    }
    assert_same(&parent.contents(), &map(&[("new/a/b", "1")]));
}

#[test]
fn an_unreadable_root_is_an_error_without_any_request() {
    let memory = Memory::start();
    let (world, dir) = World::with(&memory, &[("a", "1")], &[("file", "x")]);
    fs::set_permissions(dir.path(), Permissions::from_mode(0o000)).unwrap();
    let run = world
        .s3mirror_as_nobody()
        .args(["backup", "--yes", "--dir"])
        .arg(dir.path());
    world.no_requests(|| {
        run.args(["--bucket", &world.bucket.name])
            .exits(1)
            .says("dir")
    });
    fs::set_permissions(dir.path(), Permissions::from_mode(0o700)).unwrap();
    assert_same(&world.bucket.contents(), &map(&[("a", "1")]));
}

/// A bucket with one object that a whole backup would delete, and a directory.
fn with_object_to_delete(memory: &Memory) -> (World<'_>, Dir) {
    let (world, dir) = World::with(
        memory,
        &[("gone", "1")],
        &[("a", "1"), ("sub/b", "22"), ("z", "333")],
    );
    (world, dir)
}

#[test]
fn an_unreadable_file_or_directory_means_the_rest_is_copied_and_nothing_deleted() {
    for hidden in ["sub", "sub/b"] {
        let memory = Memory::start();
        let (world, dir) = with_object_to_delete(&memory);
        fs::set_permissions(dir.join(hidden), Permissions::from_mode(0o000)).unwrap();
        let run = world
            .s3mirror_as_nobody()
            .args(["backup", "--yes", "--dir"])
            .arg(dir.path());
        run.args(["--bucket", &world.bucket.name])
            .exits(3)
            .says(hidden);
        fs::set_permissions(dir.join(hidden), Permissions::from_mode(0o700)).unwrap();
        assert_same(
            &world.bucket.contents(),
            &map(&[("a", "1"), ("gone", "1"), ("z", "333")]),
        );
    }
}

/// What the bucket has below an unreadable directory is not deleted either.
#[test]
fn objects_below_an_unreadable_directory_survive() {
    let memory = Memory::start();
    let (world, dir) = with_object_to_delete(&memory);
    world.backup(&dir).done();
    fs::set_permissions(dir.join("sub"), Permissions::from_mode(0o000)).unwrap();
    let run = world
        .s3mirror_as_nobody()
        .args(["backup", "--yes", "--dir"])
        .arg(dir.path());
    run.args(["--bucket", &world.bucket.name])
        .exits(3)
        .says("sub");
    fs::set_permissions(dir.join("sub"), Permissions::from_mode(0o700)).unwrap();
    assert_same(&world.bucket.contents(), &dir.contents());
}

#[test]
fn a_name_that_is_not_utf8_is_named_and_nothing_deleted() {
    let memory = Memory::start();
    let (world, dir) = with_object_to_delete(&memory);
    dir.write(OsStr::from_bytes(b"latin-\xe9"), "x");
    dir.write(OsStr::from_bytes(b"dir-\xff/file"), "y");

    world
        .backup(&dir)
        .exits(3)
        .says(r": latin-\xe9;")
        .says(r": dir-\xff;");

    let mut expected = map(&[("a", "1"), ("sub/b", "22"), ("z", "333")]);
    expected.extend(map(&[("gone", "1")]));
    assert_same(&world.bucket.contents(), &expected);
}

/// A special file that is opened may block for ever, so the time tells.
const AT_ONCE: Duration = Duration::from_secs(1);

/// Backs up a tree with one file of each of `kinds`, of that name.
#[track_caller]
fn are_skipped(memory: &Memory, world: &World, dir: &Dir, kinds: &[&str]) {
    let outcome = world.backup(dir).arg("-v").done();
    let counted = format!("skipped {:>17}  socket, FIFO or device", kinds.len());
    for said in kinds.iter().chain([&counted.as_str()]) {
        assert!(
            (outcome.stdout.clone() + &outcome.stderr).contains(said),
            "{said}: {outcome}"
        );
    }
    assert_same(&world.bucket.contents(), &dir.contents());
    memory.clear_log();
    // The fastest of three: other tests keep the machine busy.
    let again = || world.only_lists(|| world.backup(dir).done().took);
    let took = (0..3).map(|_| again()).min().unwrap();
    assert!(took < AT_ONCE, "took {took:?}");
}

#[test]
fn special_files_are_skipped_and_counted_without_being_opened() {
    let memory = Memory::start();
    let (world, dir) = with_object_to_delete(&memory);
    dir.mkfifo("fifo");
    let _socket = std::os::unix::net::UnixListener::bind(dir.join("socket")).unwrap();
    are_skipped(&memory, &world, &dir, &["fifo", "socket"]);
}

/// One that is opened acts: a tape rewinds, a watchdog is set off. Those made
/// here belong to no driver, so only the log tells.
#[test]
#[ignore = "makes devices, so it needs root, and strace; `cargo xtask test` runs it"]
fn devices_are_skipped_and_counted_without_being_opened() {
    let memory = Memory::start();
    let (world, dir) = with_object_to_delete(&memory);
    for (name, kind) in [("block-device", "b"), ("character-device", "c")] {
        dir.mknod(name, kind);
    }
    are_skipped(&memory, &world, &dir, &["block-device", "character-device"]);
    let log = world.sandbox.path("strace");
    let options = ["-e", "trace=?open,openat,openat2"];
    traced(world.backup(&dir), &options, &log).done();
    let opened = calls(&log);
    assert!(
        opened.iter().any(|call| call.strings()[0] == "sub"),
        "{opened:?}"
    );
    let device = |call: &Call| call.strings()[0].ends_with("-device");
    assert!(!opened.iter().any(device), "{opened:?}");
}

#[test]
fn a_link_to_a_file_inside_is_copied_as_that_file() {
    let memory = Memory::start();
    let (world, dir) = with_object_to_delete(&memory);
    dir.link("link", "sub/b");
    dir.link("sub/up", "../a");

    world.backup(&dir).done();

    let mut expected = dir.contents();
    expected.extend(map(&[("link", "22"), ("sub/up", "1")]));
    assert_same(&world.bucket.contents(), &expected);
    // It is compared as the file that it names: a second run does nothing.
    world.only_lists(|| world.backup(&dir).done());
}

#[test]
fn other_links_are_skipped_and_counted_in_finite_time() {
    let memory = Memory::start();
    let (world, dir) = with_object_to_delete(&memory);
    let outside = world.tree("outside", &[("secret", "not to be copied")]);
    dir.link("loop", "loop");
    dir.link("dangling", "nothing");
    dir.link("out", outside.join("secret"));
    dir.link("sub/out", "../../outside/secret");
    dir.link("to-dir", "sub");
    dir.link("sub/to-parent", "..");
    dir.link("to-outside", outside.path());

    let outcome = world.backup(&dir).arg("-v").done();

    for name in [
        "loop",
        "dangling",
        "out",
        "sub/out",
        "to-dir",
        "sub/to-parent",
        "to-outside",
    ] {
        assert!(
            outcome.stdout.contains(name) || outcome.stderr.contains(name),
            "{name}: {outcome}"
        );
    }
    assert_same(&world.bucket.contents(), &dir.contents());
}

/// As below /proc, or on some FUSE and network file systems.
#[test]
fn files_that_report_no_size_are_saved_with_what_they_hold() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let directory = "/proc/sys/fs/inotify";
    let on = |words: &[&str]| {
        let run = world.s3mirror().args(words).args(["--dir", directory]);
        run.args(["--bucket", &world.bucket.name])
    };
    // Of an earlier run, when they were taken for empty.
    world.bucket.put("max_user_watches", "");

    on(&["backup", "--yes"]).done();

    let mut there = std::collections::BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let content = fs::read(entry.path()).unwrap();
        assert!(!content.is_empty() && entry.metadata().unwrap().len() == 0);
        there.insert(entry.file_name().into_string().unwrap(), content.into());
    }
    assert_same(&world.bucket.contents(), &there);
    on(&["verify"]).done();
}
