//! A shard that is executed twice: in turn, at once, and by a process that was taken
//! for dead. The end is that of one run.

use std::fs;
use std::time::Duration;

use s3_endpoint::{Action, Fault};

use crate::support::{
    Memory, assert_same,
    cluster::{Cluster, IN_ORDER, PARTS, counted, deletions, different, held, report, with_a_film},
};

/// Answers come so late that there is time to do something meanwhile.
fn late(milliseconds: u64) -> Fault {
    let late = Action::Stall(Duration::from_millis(milliseconds));
    Fault::on("PutObject").always().act(late)
}

#[test]
fn a_shard_that_is_done_is_not_done_again() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 2);
    cluster.apply(0).done();
    world.no_requests(|| cluster.apply(0).done().says("shard 0 is done already"));
    cluster.phase("apply").done();
    cluster.finish().done();
    world.no_requests(|| cluster.apply(0).done().says("done already"));
    assert_same(&world.bucket.contents(), &dir.contents());
}

#[test]
fn of_two_attempts_the_slower_one_stops() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 1);
    // The last one of the first attempt never ends.
    let never = Action::Stall(Duration::from_secs(1000));
    memory.inject(Fault::on("PutObject").key("d1/1").act(never));
    let first = cluster.apply(0).trusting().start();
    first.wait_for(&memory, "PutObject", 2);
    cluster.apply(0).trusting().done();
    first.end().is(0).says("by another attempt");
    // It has not waited for the answer, nor asked again.
    assert_eq!(memory.asked("PutObject", "d1/1").len(), 2);
    cluster.finish().done();
    assert_same(&world.bucket.contents(), &dir.contents());
    world.only_lists(|| world.backup(&dir).done());
}

#[test]
fn a_shard_that_was_killed_is_run_again() {
    let memory = Memory::start();
    for command in ["backup", "restore"] {
        let (world, dir) = different(&memory);
        let clean = world.command(&[command, "--yes", "--json"], &dir).done();
        let (world, dir) = different(&memory);
        let cluster = Cluster::split(&world, command, &dir, 2);
        let operation = if command == "backup" {
            "PutObject"
        } else {
            "GetObject"
        };
        let late = Action::Stall(Duration::from_millis(300));
        memory.inject(Fault::on(operation).always().act(late));
        let before = memory.count(operation);
        let first = cluster.apply(0).args(["--concurrency", "1"]).start();
        first.wait_for(&memory, operation, before + 3);
        assert!(first.kill(), "it was at work");
        memory.clear_faults();
        let status = cluster.status();
        assert_eq!(status["running"][0]["shard"], 0, "{status}");
        let before = deletions(&memory);
        cluster
            .finish()
            .exits(3)
            .says("shard 0 is not done")
            .says("began");
        assert_eq!(deletions(&memory), before);

        cluster.phase("apply").done();
        let merged = report(&cluster.finish().arg("--json").done());
        assert_eq!(counted(&merged), counted(&report(&clean)), "{command}");
        assert_same(&world.bucket.contents(), &dir.contents());
        world.only_lists(|| world.command(&[command, "--yes"], &dir).done());
    }
}

/// A node that lost its daemon goes on while the shard is executed elsewhere, and
/// wakes when the run is finished.
#[test]
fn an_attempt_that_wakes_after_the_end_changes_nothing() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 2);
    memory.inject(late(500));
    let first = cluster.apply(0).args(["--concurrency", "2"]).start();
    first.wait_for(&memory, "PutObject", 1);
    first.signal("STOP");
    memory.clear_faults();
    cluster.apply(0).done();
    cluster.apply(1).done();
    cluster.finish().done();
    let after = world.bucket.objects();
    assert_same(&world.bucket.contents(), &dir.contents());

    first.signal("CONT");
    let outcome = first.end();

    assert!(matches!(outcome.status.code(), Some(0 | 3)), "{outcome}");
    assert_same(&world.bucket.objects(), &after);
    world.only_lists(|| world.backup(&dir).done());
}

#[test]
fn processes_that_take_all_shards_take_different_ones() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 8);
    memory.inject(late(100));
    let all = || cluster.phase("apply").args(["--concurrency", "1"]).start();
    let (one, other) = (all(), all());
    one.end().is(0);
    other.end().is(0);
    for shard in 0..8 {
        assert!(cluster.file(&format!("shard/000{shard}/done")).exists());
        assert!(!cluster.file(&format!("shard/000{shard}/began.2")).exists());
    }
    cluster.finish().done();
    assert_same(&world.bucket.contents(), &dir.contents());
}

#[test]
fn what_nobody_has_begun_is_taken_before_what_has_failed_or_is_at_work() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 4);
    let refuse = Action::error(403, "AccessDenied");
    memory.inject(Fault::on("PutObject").always().act(refuse));
    cluster.apply(1).exits(3);
    memory.clear_faults();
    memory.inject(late(3000));
    let other = cluster.apply(2).trusting().start();
    other.wait_for(&memory, "PutObject", memory.count("PutObject") + 1);
    memory.clear_faults();
    let all = cluster.phase("apply").trusting().arg("--json").done();
    let shards = all.json().into_iter();
    let shards = shards.filter_map(|line| line["shard"].as_u64());
    let shards: Vec<_> = shards.collect();
    assert!(matches!(shards[..], [0, 3, 1] | [3, 0, 1]), "{shards:?}");
    // It has waited for the other one.
    assert!(cluster.file("shard/0002/done").exists());
    assert!(!cluster.file("shard/0002/began.2").exists());
    other.end().is(0);
}

/// The run may come to its end between two looks at the shard that is waited for.
#[test]
fn a_process_that_waits_for_others_ends_when_the_run_is_finished_meanwhile() {
    let memory = Memory::start();
    let (world, dir) = with_a_film(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 1);
    let other = held(&memory, &cluster);
    let note = world.sandbox.path("note");
    let all = cluster.phase("apply").trusting();
    let all = all.complaining_to(fs::File::create(&note).unwrap()).start();
    all.wait_until(&memory, "a note that it waits", || {
        fs::read_to_string(&note)
            .unwrap()
            .contains("waits for 1 shard")
    });
    all.signal("STOP");
    other.signal("STOP");
    cluster.apply(0).trusting().args(PARTS).done();
    cluster.finish().done();
    all.signal("CONT");
    all.end().is(0);
}

/// An attempt that has copied all but the last entry when it is killed.
#[track_caller]
fn killed_at_its_last_entry(memory: &Memory, cluster: &Cluster) {
    let hold = Action::Stall(Duration::from_secs(1000));
    let last = memory.inject(Fault::on("PutObject").key("d3/7").always().act(hold));
    let second = cluster.apply(0).args(["--concurrency", "1"]).start();
    second.wait_until(memory, "the last one", || last.count() > 0);
    assert!(second.kill());
    memory.clear_faults();
}

/// The first attempt is the slower one, but the other one is killed.
#[test]
fn what_a_later_attempt_has_done_counts_as_done_by_the_run() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let clean = world.command(&["backup", "--yes", "--json"], &dir).done();
    let (world, dir) = different(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 1);
    memory.inject(late(500));
    let first = cluster.apply(0).args(["--concurrency", "1"]).start();
    first.wait_for(&memory, "PutObject", memory.count("PutObject") + 1);
    first.signal("STOP");
    memory.clear_faults();
    killed_at_its_last_entry(&memory, &cluster);

    first.signal("CONT");
    first.end().is(0).says("shard 0: ");
    let merged = report(&cluster.finish().arg("--json").done());
    assert_eq!(counted(&merged), counted(&report(&clean)));
    assert_same(&world.bucket.contents(), &dir.contents());
}

#[test]
fn processes_that_plan_all_ranges_plan_different_ones() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::ranges(&world, "backup", &dir, 8, &IN_ORDER);
    let ranges = cluster.plans();
    assert!(ranges > 4, "{ranges}");
    let late = Action::Stall(Duration::from_millis(300));
    memory.inject(Fault::on("ListObjectsV2").always().act(late));
    let (one, other) = (cluster.phase("plan").start(), cluster.phase("plan").start());
    one.end().is(0);
    other.end().is(0);
    let attempts: usize = (0..ranges)
        .map(|range| {
            let began = |number| cluster.file(&format!("range/{range:04}/began.{number}"));
            (1..).take_while(|number| began(*number).exists()).count()
        })
        .sum();
    // They may begin at the same one, and each takes over one that the other has begun last.
    assert!(attempts <= ranges + 3, "{attempts} for {ranges}");
}

/// As on NFS, where the files of another machine may be seen late: what counts as done by the
/// run does not depend on who looks when.
#[test]
fn whichever_of_two_attempts_ends_first_each_entry_counts_once() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let clean = world.command(&["backup", "--yes", "--json"], &dir).done();
    for is_later_the_first in [true, false] {
        let (world, dir) = different(&memory);
        let cluster = Cluster::split(&world, "backup", &dir, 1);
        memory.inject(late(500));
        let first = cluster.apply(0).args(["--concurrency", "1"]).start();
        first.wait_for(&memory, "PutObject", memory.count("PutObject") + 2);
        first.signal("STOP");
        memory.clear_faults();
        if is_later_the_first {
            cluster.apply(0).done();
            first.signal("CONT");
            first.end().is(0).says("by another attempt");
        } else {
            killed_at_its_last_entry(&memory, &cluster);
            let began = cluster.file("shard/0000/began.2");
            let away = world.sandbox.path("away");
            fs::rename(&began, &away).unwrap();
            first.signal("CONT");
            first.end().is(0).says("shard 0: ");
            fs::rename(&away, &began).unwrap();
        }
        let merged = report(&cluster.finish().arg("--json").done());
        assert_eq!(counted(&merged), counted(&report(&clean)));
        assert_same(&world.bucket.contents(), &dir.contents());
    }
}

/// As on NFS.
#[test]
fn what_was_done_before_an_attempt_counts_though_its_predecessor_is_not_seen() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let clean = world.command(&["backup", "--yes", "--json"], &dir).done();
    let (world, dir) = different(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 1);
    killed_at_its_last_entry(&memory, &cluster);
    cluster.apply(0).done();
    fs::rename(
        cluster.file("shard/0000/began.1"),
        world.sandbox.path("away"),
    )
    .unwrap();
    let merged = report(&cluster.finish().arg("--json").done());
    assert_eq!(counted(&merged), counted(&report(&clean)));
}

/// It was held up before it has begun to write, and wakes when the run is finished.
#[test]
fn a_slow_attempt_at_a_restore_leaves_no_mark_after_the_end() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::split(&world, "restore", &dir, 1);
    // A journal of somebody unknown: it waits to see whether that one is dead.
    let journal = cluster.file("shard/0000/uploads.7");
    fs::write(&journal, "").unwrap();
    let slow = cluster.apply(0).start();
    let heartbeat = cluster.file("shard/0000/beat.1");
    slow.wait_until(&memory, "a heartbeat", || heartbeat.exists());
    std::thread::sleep(Duration::from_millis(500));
    slow.signal("STOP");
    fs::remove_file(&journal).unwrap();
    cluster.apply(0).done();
    cluster.finish().done();
    assert!(!dir.is_marked());

    slow.signal("CONT");
    slow.end();
    assert!(!dir.is_marked());
    world.backup(&dir).done();
}

#[test]
fn an_upload_that_a_shard_left_open_is_resumed_by_the_next_attempt() {
    let memory = Memory::start();
    let (world, dir) = with_a_film(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 1);
    held(&memory, &cluster).kill();
    assert!(cluster.file("shard/0000/uploads.1").exists());

    let before = memory.count("UploadPart");
    cluster.apply(0).args(PARTS).done();
    assert_eq!(
        memory.count("UploadPart") - before,
        2,
        "the first part is there"
    );
    assert!(memory.open_uploads(&world.bucket.name).is_empty());
    cluster.finish().done().says("resumed");
    assert_same(&world.bucket.contents(), &dir.contents());
}

#[test]
fn attempts_leave_the_uploads_of_each_other_alone() {
    let memory = Memory::start();
    let (world, dir) = with_a_film(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 1);
    let first = held(&memory, &cluster);
    first.signal("STOP");
    let (parts, aborts) = (
        memory.count("UploadPart"),
        memory.count("AbortMultipartUpload"),
    );
    cluster.apply(0).trusting().args(PARTS).done();
    assert_eq!(memory.count("UploadPart") - parts, 3, "all of its own");
    assert_eq!(memory.count("AbortMultipartUpload"), aborts);
    assert_eq!(memory.open_uploads(&world.bucket.name).len(), 1);

    first.signal("CONT");
    first.end().is(0).says("by another attempt");
    assert!(memory.open_uploads(&world.bucket.name).is_empty());
    cluster.finish().done();
    assert_same(&world.bucket.contents(), &dir.contents());
}

#[test]
fn what_no_attempt_could_abort_is_aborted_at_the_end() {
    let memory = Memory::start();
    let (world, dir) = with_a_film(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 1);
    held(&memory, &cluster).kill();
    // The next attempt does not find it.
    let (journal, away) = (
        cluster.file("shard/0000/uploads.1"),
        world.sandbox.path("away"),
    );
    fs::rename(&journal, &away).unwrap();
    cluster.apply(0).args(PARTS).done();
    fs::rename(&away, &journal).unwrap();
    assert_eq!(memory.open_uploads(&world.bucket.name).len(), 1);
    cluster.finish().done().says("aborted 1 unfinished upload");
    assert!(memory.open_uploads(&world.bucket.name).is_empty());
    assert!(!journal.exists());
}

#[test]
fn an_upload_that_others_have_aborted_begins_again() {
    let memory = Memory::start();
    let (world, dir) = with_a_film(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 1);
    let gone = Action::error(404, "NoSuchUpload");
    memory.inject(Fault::on("UploadPart").key("film").nth(2).act(gone));
    cluster.apply(0).args(PARTS).done();
    assert_eq!(memory.asked("CreateMultipartUpload", "film").len(), 2);
    assert!(memory.open_uploads(&world.bucket.name).is_empty());
    cluster.finish().done();
    assert_same(&world.bucket.contents(), &dir.contents());
}

/// Nobody has stopped it, and whoever reads that looks for who did.
#[test]
fn an_attempt_that_an_error_ends_tells_that_error() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 2);
    let wrong = cluster.apply(0).env("AWS_SECRET_ACCESS_KEY", "wrong");
    let outcome = wrong
        .exits(3)
        .says("shard 0 is not done: others would fail alike: ");
    assert!(!outcome.stderr.contains("it was stopped"), "{outcome}");
    let status = cluster.status();
    let why = status["failed"][0]["why"].as_str().unwrap();
    assert!(why.contains("SignatureDoesNotMatch"), "{status}");
    let table = cluster.phase("status").done();
    table
        .says("shard 0 failed on")
        .says("others would fail alike");
    cluster.phase("apply").done();
    cluster.finish().done();
    assert_same(&world.bucket.contents(), &dir.contents());
}
