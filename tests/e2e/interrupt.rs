//! Stopped on request (case 22): within five seconds, with a report, nothing
//! half done; at once if asked again. And the run after a killed one.

use std::time::{Duration, Instant};

use s3_endpoint::{Action, Fault};

use crate::support::{
    Dir, Memory, Outcome, World, assert_same,
    content::{map, mebibytes},
    run::{Run, Running},
};

/// How long it may take from the signal to the end.
const PROMISED: Duration = Duration::from_secs(5);

/// The same after a second signal.
const AT_ONCE: Duration = Duration::from_secs(1);

const SIGNALS: [(&str, i32); 3] = [("INT", 130), ("TERM", 143), ("HUP", 129)];

const LONG: Action = Action::Stall(Duration::from_secs(60));

/// Sends the signal and expects the end in time.
#[track_caller]
fn ends(running: Running, signal: &str, status: i32, limit: Duration) -> Outcome {
    let since = Instant::now();
    running.signal(signal);
    let outcome = running.end().is(status);
    let took = since.elapsed();
    assert!(took < limit, "took {took:?}: {outcome}");
    outcome
}

/// The same, with the report of what was done.
#[track_caller]
fn stops(running: Running, (signal, status): (&str, i32)) -> Outcome {
    ends(running, signal, status, PROMISED).says(" stopped in ")
}

/// An old object to be deleted, a small file, and a large one that a backup
/// sends in three parts. The small one is sent first.
fn with_a_film(memory: &Memory) -> (World<'_>, Dir) {
    let (world, dir) = World::with(memory, &[("gone", "1")], &[("a", "small")]);
    dir.write("film", vec![1; 11 << 20]);
    (world, dir)
}

/// A backup of it, when it has come to `operation`.
fn backup_until(memory: &Memory, world: &World, dir: &Dir, operation: &str) -> Running {
    let run = world.backup(dir).one_by_one();
    let running = run.heeding_hangups().start();
    running.wait_for(memory, operation, 1);
    running
}

#[test]
fn a_stopped_backup_ends_in_time_with_its_report_and_leaves_no_open_upload() {
    for signal in SIGNALS {
        let memory = Memory::start();
        let (world, dir) = with_a_film(&memory);
        memory.inject(Fault::on("UploadPart").nth(2).always().act(LONG));
        let running = backup_until(&memory, &world, &dir, "UploadPart");
        running.wait_for(&memory, "UploadPart", 2);

        let outcome = stops(running, signal);

        outcome.says("  uploaded                1           5 B");
        let expected = map(&[("a", "small"), ("gone", "1")]);
        assert_same(&world.bucket.contents(), &expected);
        assert_eq!(memory.open_uploads(&world.bucket.name), []);
        assert_eq!(memory.count("DeleteObjects"), 0);
        // The next one completes, and has nothing to clean up.
        memory.clear_faults();
        let outcome = world.backup(&dir).done();
        assert!(!outcome.stderr.contains("unfinished"), "{outcome}");
        assert_same(&world.bucket.contents(), &dir.contents());
    }
}

/// Neither the abort nor anything else is answered any more. What stays open
/// is for the next run.
#[test]
fn a_stopped_backup_ends_in_time_though_the_server_is_silent() {
    for signal in SIGNALS {
        let memory = Memory::start();
        let (world, dir) = with_a_film(&memory);
        memory.inject(Fault::on("UploadPart").nth(2).always().act(LONG));
        let silent = memory.inject(Fault::on("AbortMultipartUpload").always().act(LONG));
        let running = backup_until(&memory, &world, &dir, "UploadPart");
        running.wait_for(&memory, "UploadPart", 2);

        stops(running, signal).says("  uploaded                1           5 B");

        assert!(silent.count() > 0, "an abort was tried");
        let expected = map(&[("a", "small"), ("gone", "1")]);
        assert_same(&world.bucket.contents(), &expected);
        assert_eq!(memory.open_uploads(&world.bucket.name).len(), 1);
        memory.clear_faults();
        let outcome = world.backup(&dir).one_by_one().done();
        outcome.says("resumed uploads of an earlier run; 5.00 MiB were there already");
        assert_eq!(memory.open_uploads(&world.bucket.name), []);
        assert_same(&world.bucket.contents(), &dir.contents());
    }
}

/// So `nohup` starts it.
#[test]
fn a_hangup_that_is_ignored_stays_ignored() {
    let memory = Memory::start();
    let (world, dir) = with_a_film(&memory);
    let brief = Action::Stall(Duration::from_secs(1));
    memory.inject(Fault::on("UploadPart").nth(1).act(brief));
    let nohup = std::process::Command::new("nohup");
    let running = world.backup(&dir).one_by_one().under(nohup).start();
    running.wait_for(&memory, "UploadPart", 1);
    running.signal("HUP");
    running.end().is(0);
    assert_same(&world.bucket.contents(), &dir.contents());
}

/// A completion and a deletion are not given up, but not waited for either.
#[test]
fn a_backup_is_stopped_in_time_in_each_of_its_requests() {
    for operation in [
        "PutObject",
        "CreateMultipartUpload",
        "CompleteMultipartUpload",
        "DeleteObjects",
    ] {
        let memory = Memory::start();
        let (world, dir) = with_a_film(&memory);
        memory.inject(Fault::on(operation).always().act(LONG));
        let running = backup_until(&memory, &world, &dir, operation);

        stops(running, ("INT", 130));

        let found = world.bucket.contents();
        let all = dir.contents();
        let whole = |key: &&str| found.get(*key).is_none_or(|found| *found == all[*key]);
        assert!(["a", "film"].iter().all(whole), "{found:?}");
        assert_eq!(found["gone"], "1".to_owned().into(), "{operation}");
        assert!(found.len() <= 3, "{found:?}");
        memory.clear_faults();
        world.backup(&dir).done();
        assert_same(&world.bucket.contents(), &dir.contents());
    }
}

#[test]
fn a_second_signal_ends_it_at_once_though_the_server_is_silent() {
    for (signal, status) in SIGNALS {
        let memory = Memory::start();
        let (world, dir) = with_a_film(&memory);
        memory.inject(Fault::on("UploadPart").always().act(LONG));
        memory.inject(Fault::on("AbortMultipartUpload").always().act(LONG));
        let running = backup_until(&memory, &world, &dir, "UploadPart");
        running.signal("INT");
        running.wait_for(&memory, "AbortMultipartUpload", 1);

        let outcome = ends(running, signal, status, AT_ONCE);

        assert!(!outcome.stdout.contains("stopped in"), "{outcome}");
        memory.clear_faults();
        world.backup(&dir).done();
        assert_eq!(memory.open_uploads(&world.bucket.name), []);
        assert_same(&world.bucket.contents(), &dir.contents());
    }
}

#[test]
fn a_stopped_restore_ends_in_time_with_its_report_and_leaves_no_temporary() {
    for signal in SIGNALS {
        let memory = Memory::start();
        let world = World::on(&memory);
        world.bucket.put("a", "small");
        world.bucket.put("film", vec![1; 11 << 20]);
        let dir = world.tree("dir", &[("film", "the old one"), ("other", "x")]);
        let mut expected = dir.contents();
        memory.inject(Fault::on("GetObject").nth(3).always().act(LONG));

        let run = world.restore(&dir).one_by_one();
        let running = run.heeding_hangups().start();
        running.wait_for(&memory, "GetObject", 3);
        let outcome = stops(running, signal);

        outcome.says("  downloaded              1           5 B");
        expected.extend(map(&[("a", "small")]));
        assert_same(&dir.contents(), &expected);
        assert_eq!(dir.snapshot().len(), 3, "no temporary is left");
        memory.clear_faults();
        world.restore(&dir).done();
        assert_same(&dir.files(), &world.bucket.objects());
    }
}

/// Files that are being written in threads when the signal comes.
#[test]
fn a_restore_that_is_stopped_at_any_moment_leaves_no_temporary() {
    let memory = Memory::start();
    let world = World::on(&memory);
    for number in 0..400 {
        world.bucket.put(&format!("{}/{number}", number % 7), "new");
    }
    world.bucket.put("film", mebibytes(8, 1));
    for requests in (1..=400).step_by(40) {
        let dir = world.tree(&format!("dir-{requests}"), &[("gone", "1")]);
        memory.clear_log();
        let running = world.restore(&dir).args(["--part-size", "5MiB"]).start();
        running.wait_for(&memory, "GetObject", requests);
        let since = Instant::now();
        running.signal("TERM");
        // It may have been done before.
        let outcome = running.end();
        assert!(since.elapsed() < PROMISED, "{outcome}");
        assert!(
            [Some(143), Some(0)].contains(&outcome.status.code()),
            "{outcome}"
        );

        let objects = world.bucket.objects();
        let mut files = dir.files();
        if let Some(gone) = files.remove("gone") {
            assert_eq!(gone.content, "1".to_owned().into());
        }
        for (name, file) in &files {
            // No temporary, nothing half done.
            assert_eq!(Some(file), objects.get(name), "{name} of {outcome}");
        }
    }
}

#[test]
fn an_interrupted_listing_ends_with_130() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    memory.inject(Fault::on("ListObjectsV2").always().act(LONG));
    let running = world.backup(&dir).start();
    running.wait_for(&memory, "ListObjectsV2", 1);
    ends(running, "INT", 130, AT_ONCE);
}

/// A backup that is killed while it sends its first part.
fn kill_a_backup(memory: &Memory, backup: Run) {
    memory.clear_log();
    memory.inject(Fault::on("UploadPart").always().act(LONG));
    let running = backup.args(["--part-size", "8MiB"]).start();
    running.wait_for(memory, "UploadPart", 1);
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
pub(crate) fn kill_after_two_parts(memory: &Memory, backup: Run) {
    memory.clear_log();
    memory.inject(Fault::on("UploadPart").nth(3).always().act(LONG));
    let running = backup.one_by_one().start();
    running.wait_for(memory, "UploadPart", 3);
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

    outcome.says("resumed uploads of an earlier run; 10.00 MiB were there already\n");
    assert_same(&world.bucket.contents(), &dir.contents());
    assert_eq!(memory.count("UploadPart"), 2, "the two that were missing");
    assert_eq!(memory.count("CreateMultipartUpload"), 0);
    assert_eq!(memory.open_uploads(&world.bucket.name), []);
    world.only_lists(|| world.backup(&dir).done());

    // A file that changed since is sent from its start: the object would be dated by the
    // beginning of the upload, before its file, and be sent whole once more.
    film[0] ^= 1;
    dir.write_now("film", &film);
    kill_after_two_parts(&memory, world.backup(&dir));
    film[1] ^= 1;
    dir.write_now("film", &film);
    world.backup(&dir).one_by_one().done();
    assert_same(&world.bucket.contents(), &dir.contents());
    assert_eq!(memory.count("UploadPart"), 4, "all of them");
    assert_eq!(memory.open_uploads(&world.bucket.name), []);
    world.only_lists(|| world.backup(&dir).done());
}
