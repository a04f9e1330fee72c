//! Two clocks, neither of them exact: servers that cut times or round them,
//! objects that were dated by a wrong clock, a clock that is set during a run,
//! file systems of whole seconds. No edit of the same size is lost, and a second
//! run is quiet.

use std::{process::Command, thread, time::Duration};

use chrono::{TimeDelta, Utc};
use s3_endpoint::{Action, Config, Fault, Precision, Rounding};

use crate::support::{Dir, Memory, World, assert_same, content::map, mount::Mount, times::at};

/// Servers by how they make a time of their present.
fn servers() -> impl Iterator<Item = Memory> {
    [
        (Precision::Second, Rounding::Down),
        (Precision::Second, Rounding::Up),
        (Precision::Second, Rounding::Nearest),
        (Precision::Millisecond, Rounding::Down),
    ]
    .into_iter()
    .map(|(precision, rounding)| {
        Memory::with(Config {
            precision,
            rounding,
            ..Config::default()
        })
    })
}

/// Waits until the present second has only so much left.
fn near_the_end_of_a_second(left: TimeDelta) {
    let now = i64::from(Utc::now().timestamp_subsec_nanos());
    let wait = (1_000_000_000 - left.num_nanoseconds().unwrap() - now).rem_euclid(1_000_000_000);
    thread::sleep(Duration::from_nanos(wait.unsigned_abs()));
}

#[test]
fn a_file_written_in_the_second_of_its_upload_is_sent_once() {
    for memory in servers() {
        let world = World::on(&memory);
        let dir = world.dir("dir");
        near_the_end_of_a_second(TimeDelta::milliseconds(600));
        dir.write_now("a", "1");
        dir.write("old", "2");
        world.backup(&dir).done();
        world.only_lists(|| world.backup(&dir).done());
        assert_same(&world.bucket.contents(), &dir.contents());
    }
}

/// At the beginning, in the middle and at the end of a second.
#[test]
fn an_edit_right_after_a_backup_is_not_missed() {
    for memory in servers() {
        for left in [990, 600, 300, 30] {
            let world = World::on(&memory);
            let dir = world.tree("dir", &[("a", "first!")]);
            near_the_end_of_a_second(TimeDelta::milliseconds(left));
            world.backup(&dir).done();
            dir.write_now("a", "second");
            world.backup(&dir).done();
            assert_same(&world.bucket.contents(), &dir.contents());
            world.only_lists(|| world.backup(&dir).done());
        }
    }
}

/// A server may be ahead by less than its dates can tell.
#[test]
fn an_edit_is_not_missed_though_the_server_is_ahead_by_part_of_a_second() {
    for memory in servers() {
        for ahead in [300, 900, 1500] {
            memory.set_clock_offset(TimeDelta::milliseconds(ahead));
            let world = World::on(&memory);
            let dir = world.tree("dir", &[("a", "first!")]);
            world.backup(&dir).done();
            dir.write_now("a", "second");
            world.backup(&dir).done();
            assert_same(&world.bucket.contents(), &dir.contents());
        }
    }
}

#[test]
fn objects_of_the_future_are_copied_once_and_counted() {
    let counted = "of these 2 because the object is dated in the future";
    for memory in servers() {
        let world = World::on(&memory);
        let dir = world.tree("dir", &[("a", "new 1"), ("b", "new 2"), ("c", "33")]);
        for (name, text) in [("a", "old 1"), ("b", "old 2")] {
            let future = Utc::now() + TimeDelta::hours(1);
            memory.put_at(&world.bucket.name, name, text, future);
        }
        world.mock_backup(&dir).done().says(counted);
        world.backup(&dir).done().says(counted);
        assert_same(&world.bucket.contents(), &dir.contents());
        world.only_lists(|| world.backup(&dir).done());
    }
}

#[test]
fn a_restore_copies_objects_of_the_future_once() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "an edit")]);
    let future = Utc::now() + TimeDelta::hours(1);
    memory.put_at(&world.bucket.name, "a", "in time", future);
    world.restore(&dir).done().says("dated in the future");
    assert_same(&dir.files(), &world.bucket.objects());
    world.only_lists(|| world.restore(&dir).done());
    world.only_lists(|| world.backup(&dir).done());
    dir.write_now("a", "edited!");
    world.backup(&dir).done();
    assert_same(&world.bucket.contents(), &dir.contents());
    world.only_lists(|| world.backup(&dir).done());
}

/// It is followed during the run: nothing is deleted by times that mean
/// nothing, and what it has dated wrongly is put right by the next run.
#[test]
fn a_clock_that_is_set_during_a_run_is_warned_of_and_means_no_deletion() {
    let memory = Memory::start();
    let (world, dir) = World::with(&memory, &[("gone", "1")], &[("a", "first!"), ("b", "2")]);
    let ahead = Action::run(|state| state.set_clock_offset(TimeDelta::hours(1)));
    memory.inject(Fault::on("PutObject").nth(1).act(ahead));
    world
        .backup(&dir)
        .one_by_one()
        .exits(3)
        .says("was set by 3")
        .says("nothing is deleted");
    assert!(world.bucket.contents().contains_key("gone"));

    memory.set_clock_offset(TimeDelta::zero());
    dir.write_now("a", "second");
    world.backup(&dir).done();
    assert_same(&world.bucket.contents(), &dir.contents());
    world.only_lists(|| world.backup(&dir).done());
}

#[test]
fn a_second_version_within_the_second_of_a_restore_arrives() {
    for memory in servers() {
        let world = World::on(&memory);
        let dir = world.dir("dir");
        near_the_end_of_a_second(TimeDelta::milliseconds(980));
        memory.put(&world.bucket.name, "a", "first!", None);
        thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(Duration::from_millis(400));
                memory.put(&world.bucket.name, "a", "second", None);
            });
            world.restore(&dir).done();
        });
        let exact = ["--compare", "exact-times"];
        world.restore(&dir).args(exact).done();
        assert_same(&dir.contents(), &map(&[("a", "second")]));
        assert_same(&dir.files(), &world.bucket.objects());
        world.only_lists(|| world.restore(&dir).args(exact).done());
    }
}

/// More than any file system keeps, on either side of its range.
#[test]
fn times_that_no_file_can_have_are_restored_once() {
    let memory = Memory::start();
    let world = World::on(&memory);
    for (name, time) in [
        ("first", "0001-01-01T00:00:00Z"),
        ("last", "2999-12-31T23:59:59Z"),
    ] {
        memory.put_at(&world.bucket.name, name, "text", at(time));
    }
    let dir = world.dir("dir");
    world.restore(&dir).done();
    assert_same(&dir.contents(), &world.bucket.contents());
    for compare in ["times", "exact-times"] {
        world.only_lists(|| world.restore(&dir).args(["--compare", compare]).done());
    }
    world.only_lists(|| world.backup(&dir).done());
}

/// A file system of whole seconds in the place of `dir`.
#[track_caller]
fn coarse_disk<'d>(world: &World<'_>, dir: &'d Dir) -> Mount<'d> {
    let image = world.sandbox.path("image");
    let file = std::fs::File::create(&image).unwrap();
    file.set_len(4 << 20).unwrap();
    // Inodes of 128 bytes have no room for nanoseconds.
    let mut mkfs = Command::new("mkfs.ext2");
    let output = mkfs.args(["-q", "-I", "128"]).arg(&image).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "this test needs mkfs.ext2: {said}");
    let disk = Mount::at(dir.path(), &["-o", "loop", image.to_str().unwrap()]);
    std::fs::remove_dir(dir.join("lost+found")).unwrap();
    disk
}

#[test]
#[ignore = "mounts a file system, so it needs root; `cargo xtask test` runs it"]
fn no_edit_on_a_file_system_of_whole_seconds_is_missed() {
    for memory in servers() {
        let world = World::on(&memory);
        let dir = world.dir("dir");
        let _disk = coarse_disk(&world, &dir);
        for left in [950, 500, 50] {
            near_the_end_of_a_second(TimeDelta::milliseconds(left));
            dir.write_now("a", "1st");
            world.backup(&dir).done();
            dir.write_now("a", "2nd");
            world.backup(&dir).done();
            assert_same(&world.bucket.contents(), &dir.contents());
            world.only_lists(|| world.backup(&dir).done());
        }
        // What was restored there is neither an edit nor restored again.
        world.bucket.put("b", "restored");
        world.restore(&dir).done();
        world.only_lists(|| world.restore(&dir).done());
        world.only_lists(|| world.backup(&dir).done());
        dir.write_now("b", "edited!!");
        world.backup(&dir).done();
        assert_same(&world.bucket.contents(), &dir.contents());
    }
}
