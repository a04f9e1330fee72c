//! Stopped on request: exit status 130, nothing half done.

use std::{
    thread,
    time::{Duration, Instant},
};

use s3_endpoint::{Action, Fault};

use crate::support::{Memory, World, assert_same, content::map, run::Run};

/// Waits until the endpoint has been asked for `operation`.
fn wait_for(memory: &Memory, operation: &str) {
    let start = Instant::now();
    while memory.count(operation) == 0 {
        assert!(start.elapsed() < Duration::from_secs(30), "no {operation}");
        thread::sleep(Duration::from_millis(5));
    }
}

const LONG: Action = Action::Stall(Duration::from_secs(60));

#[test]
fn an_interrupted_backup_ends_with_130_and_leaves_no_open_upload() {
    let memory = Memory::start();
    let world = World::on(&memory);
    world.bucket.put("gone", "1");
    let dir = world.dir("dir");
    dir.write("film", vec![1; 20 << 20]);
    memory.inject(Fault::on("UploadPart").always().act(LONG));

    let running = world.backup(&dir).args(["--part-size", "8MiB"]).start();
    wait_for(&memory, "UploadPart");
    running.signal("INT");
    let outcome = running.end().is(130);

    assert!(
        outcome.took < Duration::from_secs(15),
        "took {:?}",
        outcome.took
    );
    assert_same(&world.bucket.contents(), &map(&[("gone", "1")]));
    assert_eq!(memory.open_uploads(&world.bucket.name), []);
}

#[test]
fn an_interrupted_restore_ends_with_130_and_leaves_no_temporary() {
    let memory = Memory::start();
    let world = World::on(&memory);
    world.bucket.put("film", vec![1; 20 << 20]);
    let dir = world.tree("dir", &[("film", "the old one"), ("other", "x")]);
    let before = dir.snapshot();
    memory.inject(Fault::on("GetObject").nth(2).always().act(LONG));

    let running = world.restore(&dir).args(["--part-size", "8MiB"]).start();
    wait_for(&memory, "GetObject");
    running.signal("INT");
    running.end().is(130);

    assert_same(&dir.snapshot(), &before);
}

#[test]
fn an_interrupted_listing_ends_with_130() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    memory.inject(Fault::on("ListObjectsV2").always().act(LONG));
    let running = world.backup(&dir).start();
    wait_for(&memory, "ListObjectsV2");
    running.signal("INT");
    running.end().is(130);
}

#[test]
fn a_terminated_backup_ends_with_143_and_leaves_no_open_upload() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.dir("dir");
    dir.write("film", vec![1; 20 << 20]);
    memory.inject(Fault::on("UploadPart").always().act(LONG));
    let running = world.backup(&dir).args(["--part-size", "8MiB"]).start();
    wait_for(&memory, "UploadPart");
    running.signal("TERM");
    running.end().is(143);
    assert_eq!(memory.open_uploads(&world.bucket.name), []);
}

/// A backup that is killed while it sends its first part.
fn kill_a_backup(memory: &Memory, backup: Run) {
    memory.clear_log();
    memory.inject(Fault::on("UploadPart").always().act(LONG));
    let running = backup.args(["--part-size", "8MiB"]).start();
    wait_for(memory, "UploadPart");
    drop(running);
    memory.clear_faults();
}

/// What a killed run left is found and removed by the next.
#[test]
fn the_run_after_a_killed_one_converges_and_cleans_up() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.dir("dir");
    dir.write("film", vec![1; 20 << 20]);
    kill_a_backup(&memory, world.backup(&dir));

    world.backup(&dir).args(["--part-size", "8MiB"]).done();

    assert_same(&world.bucket.contents(), &dir.contents());
    assert_eq!(memory.open_uploads(&world.bucket.name), []);
}

/// Another machine's upload may be of the same bucket, prefix and key.
#[test]
fn the_run_after_a_killed_one_leaves_the_uploads_of_others() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.dir("dir");
    dir.write("film", vec![1; 20 << 20]);
    let elsewhere = world.dir("another home");
    kill_a_backup(&memory, world.backup(&dir).env("HOME", elsewhere.path()));
    let theirs = memory.open_uploads(&world.bucket.name);
    kill_a_backup(&memory, world.backup(&dir));
    assert_eq!(memory.open_uploads(&world.bucket.name).len(), 2);
    dir.remove("film");

    // A mock changes nothing, a restore does not upload; nor is there anything
    // else to do.
    world.only_lists(|| {
        world.mock_backup(&dir).done();
        world.restore(&dir).done();
    });
    assert_eq!(memory.open_uploads(&world.bucket.name).len(), 2);
    let outcome = world.backup(&dir).done();

    outcome.says("aborted 1 unfinished upload of an earlier run\n");
    assert_eq!(memory.open_uploads(&world.bucket.name), theirs);
    world.only_lists(|| world.backup(&dir).done());
}

/// Four parts, of which a killed run has sent two.
fn kill_after_two_parts(memory: &Memory, backup: Run) {
    memory.clear_log();
    memory.inject(Fault::on("UploadPart").nth(3).always().act(LONG));
    let running = backup.one_by_one().start();
    let start = Instant::now();
    while memory.count("UploadPart") < 3 {
        assert!(start.elapsed() < Duration::from_secs(30), "no third part");
        thread::sleep(Duration::from_millis(5));
    }
    drop(running);
    memory.clear_faults();
    memory.clear_log();
}

#[test]
fn the_run_after_a_killed_one_goes_on_with_a_large_upload() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.dir("dir");
    let mut film: Vec<u8> = (0..20_u32 << 20).map(|n| (n % 251) as u8).collect();
    dir.write("film", &film);
    kill_after_two_parts(&memory, world.backup(&dir));

    let outcome = world.backup(&dir).one_by_one().done();

    outcome.says("went on with uploads of an earlier run; 10.00 MiB were there already\n");
    assert_same(&world.bucket.contents(), &dir.contents());
    assert_eq!(memory.count("UploadPart"), 2, "the two that were missing");
    assert_eq!(memory.count("CreateMultipartUpload"), 0);
    assert_eq!(memory.open_uploads(&world.bucket.name), []);
    world.only_lists(|| world.backup(&dir).done());

    // What has changed since is sent again, and only that.
    film[0] ^= 1;
    dir.write_now("film", &film);
    kill_after_two_parts(&memory, world.backup(&dir));
    film[1] ^= 1;
    dir.write_now("film", &film);
    world.backup(&dir).one_by_one().done();
    assert_same(&world.bucket.contents(), &dir.contents());
    assert_eq!(memory.count("UploadPart"), 3, "the first one too");
    assert_eq!(memory.open_uploads(&world.bucket.name), []);
}
