//! The server has had enough, keeps an object in an archive, no longer accepts
//! the credentials, or lives in another hour (cases 23, 29 and 30).

use chrono::TimeDelta;
use s3_endpoint::{Action, Config, Fault};

use crate::support::{Dir, Memory, World, assert_same, content::map};

/// Twelve files and three objects to delete.
fn with_many(memory: &Memory) -> (World<'_>, Dir) {
    let world = World::on(memory);
    let dir = world.dir("dir");
    for number in 0..12 {
        dir.write(format!("f{number:02}"), format!("{number}"));
    }
    for number in 0..3 {
        world.bucket.put(&format!("gone{number}"), "x");
    }
    (world, dir)
}

/// Refuses about a third of all requests during `work`.
#[track_caller]
fn refusing(memory: &Memory, work: impl FnOnce()) {
    let slow_down = Action::error(503, "SlowDown");
    let hits = memory.inject(Fault::any().fraction(0.3, 1).act(slow_down));
    work();
    let log = memory.log().into_iter();
    let refused = log.filter(|entry| entry.status == Some(503)).count();
    assert_eq!(u64::try_from(refused), Ok(hits.count()));
    assert!(refused >= 3, "only {refused} were refused");
    memory.clear_faults();
}

#[test]
fn a_backup_completes_though_a_third_of_all_requests_is_refused() {
    let memory = Memory::start();
    let (world, dir) = with_many(&memory);
    refusing(&memory, || drop(world.backup(&dir).done()));
    assert_same(&world.bucket.contents(), &dir.contents());
    world.only_lists(|| world.backup(&dir).done());
}

#[test]
fn a_restore_completes_though_a_third_of_all_requests_is_refused() {
    let memory = Memory::start();
    let (world, dir) = with_many(&memory);
    world.backup(&dir).done();
    let elsewhere = world.tree("elsewhere", &[("gone", "1")]);
    refusing(&memory, || drop(world.restore(&elsewhere).done()));
    assert_same(&elsewhere.files(), &world.bucket.objects());
    world.only_lists(|| world.restore(&elsewhere).done());
}

#[test]
fn an_archived_object_is_named_the_others_restored_and_nothing_deleted() {
    let memory = Memory::start();
    let world = World::on(&memory);
    for key in ["a", "cold", "z"] {
        world.bucket.put(key, key);
    }
    for class in ["GLACIER", "DEEP_ARCHIVE"] {
        memory.set_storage_class(&world.bucket.name, "cold", class);
        let dir = world.tree(class, &[("cold", "the old one"), ("gone", "1")]);
        memory.clear_log();

        let outcome = world.restore(&dir).exits(3).says("'cold'");

        outcome.says("restore it from the archive first");
        let mut expected = map(&[("a", "a"), ("z", "z")]);
        expected.extend(map(&[("cold", "the old one"), ("gone", "1")]));
        assert_same(&dir.contents(), &expected);
        assert_eq!(memory.asked("GetObject", "cold").len(), 1, "no retry helps");
    }
    // To leave it as it is costs no request.
    let dir = world.tree("equal", &[("a", "a"), ("cold", "cold"), ("z", "z")]);
    world.only_lists(|| world.backup(&dir).done());
}

/// Every further request would fail alike, so none is made.
#[test]
fn credentials_that_expire_midway_end_the_backup_without_deletions() {
    let memory = Memory::start();
    let (world, dir) = World::with(
        &memory,
        &[("gone", "1")],
        &[("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")],
    );
    let expired = Action::error(400, "ExpiredToken");
    memory.inject(Fault::on("PutObject").nth(2).always().act(expired));

    let run = world.backup(&dir).trusting().one_by_one();
    run.exits(3)
        .says("'b'")
        .says("the credentials have expired");

    assert_same(&world.bucket.contents(), &map(&[("a", "1"), ("gone", "1")]));
    assert_eq!(memory.story(), ["PutObject a 200", "PutObject b 400"]);
    // With valid credentials the next run completes.
    memory.clear_faults();
    world.backup(&dir).trusting().done();
    assert_same(&world.bucket.contents(), &dir.contents());
}

#[test]
fn credentials_that_expire_midway_end_the_restore_without_deletions() {
    let memory = Memory::start();
    let world = World::on(&memory);
    for key in ["a", "b", "c"] {
        world.bucket.put(key, "new");
    }
    let dir = world.tree("dir", &[("b", "the old one"), ("gone", "1")]);
    let expired = Action::error(400, "ExpiredToken");
    memory.inject(Fault::on("GetObject").nth(2).always().act(expired));

    let run = world.restore(&dir).one_by_one();
    run.exits(3)
        .says("'b'")
        .says("the credentials have expired");

    let expected = [("a", "new"), ("b", "the old one"), ("gone", "1")];
    assert_same(&dir.contents(), &map(&expected));
    assert_eq!(dir.snapshot().len(), 3, "no temporary is left");
    assert_eq!(memory.story(), ["GetObject a 200", "GetObject b 400"]);
}

/// Expired before the deletions: what was copied stays, nothing is deleted. A
/// request takes 1,000 keys; that for the others is not made.
#[test]
fn credentials_that_expire_before_the_deletions_leave_what_was_to_be_deleted() {
    let memory = Memory::start();
    let (world, dir) = with_many(&memory);
    for number in 0..1_200 {
        world.bucket.put(&format!("many/{number:04}"), "x");
    }
    let mut expected = world.bucket.contents();
    let expired = Action::error(400, "ExpiredToken");
    memory.inject(Fault::on("DeleteObjects").always().act(expired));
    let run = world.backup(&dir).trusting().args(["--max-delete", "1203"]);
    let outcome = run.exits(3).says("gone0");
    outcome.says("the credentials have expired");
    expected.extend(dir.contents());
    assert_same(&world.bucket.contents(), &expected);
    assert_eq!(memory.count("DeleteObjects"), 1);
}

/// Servers that are an hour ahead or behind. AWS refuses what was signed at
/// another hour, until it is signed by the server's clock; others don't mind.
fn in_another_hour() -> impl Iterator<Item = Memory> {
    let ways = [(-1, true), (-1, false), (1, true), (1, false)];
    ways.into_iter().map(|(hours, check_skew)| {
        let memory = Memory::with(Config {
            check_skew,
            ..Default::default()
        });
        memory.set_clock_offset(TimeDelta::hours(hours));
        memory
    })
}

#[test]
fn a_server_in_another_hour_is_warned_of_and_copies_go_on() {
    for memory in in_another_hour() {
        let world = World::on(&memory);
        let dir = world.tree("dir", &[("a", "1"), ("sub/b", "22")]);
        let elsewhere = world.dir("elsewhere");
        let warning = "the server's clock and that of this machine differ";

        world.backup(&dir).done().says(warning);
        assert_same(&world.bucket.contents(), &dir.contents());
        world.restore(&elsewhere).done().says(warning);
        assert_same(&elsewhere.files(), &world.bucket.objects());
        world.only_lists(|| world.backup(&dir).done());
        world.only_lists(|| world.restore(&elsewhere).done());
    }
}

#[test]
fn a_server_in_another_hour_means_no_deletion_in_either_direction() {
    for memory in in_another_hour() {
        let (world, dir) = World::with(
            &memory,
            &[("kept", "1"), ("only there", "2")],
            &[("kept", "1"), ("only here", "3")],
        );
        let (objects, tree) = (world.bucket.objects(), dir.snapshot());
        for run in [world.backup(&dir), world.restore(&dir)] {
            world.only_lists(|| run.exits(4).says("clocks").says("--no-delete"));
        }
        assert_same(&world.bucket.objects(), &objects);
        assert_same(&dir.snapshot(), &tree);

        world.backup(&dir).arg("--no-delete").done();
        world.restore(&dir).arg("--no-delete").done();
        let both = [("kept", "1"), ("only here", "3"), ("only there", "2")];
        assert_same(&world.bucket.contents(), &map(&both));
        assert_same(&dir.contents(), &map(&both));
    }
}
