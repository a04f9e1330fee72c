//! `--bwlimit`: all requests together keep to it, and it trips no other limit.

use std::time::{Duration, Instant};

use s3_endpoint::{Entry, max_in_flight};

use crate::support::{Dir, Memory, World, assert_same, content::mebibytes};

/// Three mebibytes in files of one request each.
fn three_mebibytes(world: &World) -> Dir {
    let dir = world.dir("dir");
    for number in 0..24 {
        dir.write(format!("f{number:02}"), &mebibytes(1, number)[..128 << 10]);
    }
    dir
}

/// From the first request of an operation to the end of the last.
fn span(log: &[Entry], operation: &str) -> Duration {
    let of = || log.iter().filter(|entry| entry.operation == operation);
    let begin = of().map(|entry| entry.start).min().unwrap();
    let end = of().filter_map(|entry| entry.end).max().unwrap();
    end - begin
}

#[track_caller]
fn keeps_to_it(took: Duration) {
    let expected = Duration::from_secs(2)..Duration::from_secs(5);
    assert!(expected.contains(&took), "took {took:?}");
}

#[test]
fn three_mebibytes_at_one_a_second_take_three_seconds_up_and_down() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = three_mebibytes(&world);
    world.backup(&dir).args(["--bwlimit", "1MiB"]).done();
    assert_same(&world.bucket.contents(), &dir.contents());
    keeps_to_it(span(&memory.log(), "PutObject"));

    memory.clear_log();
    let elsewhere = world.dir("elsewhere");
    // A timetable that is the same all day. What has been sent on a connection
    // is not read yet, so the endpoint sees the rate only by the requests that
    // are not made, and there must be few connections.
    let run = world.restore(&elsewhere).args(["--concurrency", "2"]);
    run.args(["--bwlimit", "00:00,1MiB/s 12:00,1MiB"]).done();
    assert_same(&elsewhere.files(), &world.bucket.objects());
    keeps_to_it(span(&memory.log(), "GetObject"));
}

#[test]
fn parts_of_one_file_keep_to_it_together() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.dir("dir");
    dir.write("film", mebibytes(15, 1));
    let run = world.backup(&dir).args(["--part-size", "5MiB"]);
    run.args(["--bwlimit", "5MiB"]).done();
    assert_same(&world.bucket.contents(), &dir.contents());
    let log = memory.log();
    keeps_to_it(span(&log, "UploadPart"));
    assert_eq!(memory.count("UploadPart"), 3, "none was sent twice");
    assert_eq!(max_in_flight(&log, Some("UploadPart")), 3, "at once");
}

#[test]
fn where_little_may_travel_few_requests_share_it() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.dir("dir");
    for number in 0..20 {
        dir.write(format!("f{number:02}"), vec![1; 4 << 10]);
    }
    world.backup(&dir).args(["--bwlimit", "64KiB"]).done();
    assert_same(&world.bucket.contents(), &dir.contents());
    assert!(max_in_flight(&memory.log(), Some("PutObject")) <= 2);
}

#[test]
fn off_is_no_limit() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = three_mebibytes(&world);
    world.backup(&dir).args(["--bwlimit", "off"]).done();
    // A minute and a half by the lowest limit that there may be.
    assert!(span(&memory.log(), "PutObject") < Duration::from_secs(20));
}

#[test]
fn a_run_that_is_held_back_is_stopped_in_time() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.dir("dir");
    dir.write("film", mebibytes(11, 1));
    let run = world.backup(&dir).args(["--part-size", "5MiB"]);
    let running = run.args(["--bwlimit", "16KiB"]).start();
    running.wait_for(&memory, "UploadPart", 1);
    let asked = Instant::now();
    running.signal("INT");
    running.end().is(130);
    assert!(asked.elapsed() < Duration::from_secs(5));
    assert_eq!(memory.open_uploads(&world.bucket.name), []);
}
