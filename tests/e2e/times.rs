//! Times at the edges, in any time zone: no panic, and a second run moves
//! nothing (case 31). UTC is the only time reference.

use crate::support::{Memory, World, assert_same, times::at};

const ZONES: [&str; 4] = [
    "UTC",
    "America/St_Johns",
    "Pacific/Kiritimati",
    ":/no/such/zone",
];

#[test]
fn a_second_backup_of_old_files_moves_nothing_in_any_time_zone() {
    let memory = Memory::start();
    for (number, zone) in ZONES.into_iter().enumerate() {
        let world = World::on(&memory);
        let dir = world.dir("dir");
        dir.write_at("1901", "a", at("1901-12-31T12:00:00.5Z"));
        dir.write_at("1969", "b", at("1969-12-31T23:59:59.999999999Z"));
        dir.write_at("1970", "c", at("1970-01-01T00:00:00Z"));
        dir.write_at("2021", "d", at("2021-03-28T02:30:00.000000001Z"));
        let other = ZONES[(number + 1) % ZONES.len()];
        world.backup(&dir).env("TZ", zone).done();
        assert_same(&world.bucket.contents(), &dir.contents());
        world.only_lists(|| world.backup(&dir).env("TZ", other).done());
    }
}

#[test]
fn objects_of_any_time_are_restored_with_exactly_that_time() {
    for precision in [
        s3_endpoint::Precision::Second,
        s3_endpoint::Precision::Millisecond,
    ] {
        let config = s3_endpoint::Config {
            precision,
            ..Default::default()
        };
        let memory = Memory::with(config);
        for (number, zone) in ZONES.into_iter().enumerate() {
            let world = World::on(&memory);
            for time in [
                "1901-12-31T12:00:00Z",
                "1969-12-31T23:59:59.5Z",
                "1970-01-01T00:00:00Z",
                "2021-03-28T02:30:00.123Z",
                // Beyond 32 bits of seconds, and within what ext4 can keep.
                "2400-02-29T23:59:59.999Z",
            ] {
                memory.put_at(&world.bucket.name, time, "text", at(time));
            }
            let dir = world.dir("dir");
            world.restore(&dir).env("TZ", zone).done();
            assert_same(&dir.files(), &world.bucket.objects());
            let other = ZONES[(number + 1) % ZONES.len()];
            world.only_lists(|| {
                world
                    .restore(&dir)
                    .env("TZ", other)
                    .args(["--compare", "exact-times"])
                    .done();
                world.backup(&dir).env("TZ", other).done();
            });
        }
    }
}

/// More than every file system keeps: what it keeps must at least be stable.
#[test]
fn objects_of_2500_are_restored_and_a_second_run_moves_nothing() {
    let memory = Memory::start();
    let world = World::on(&memory);
    memory.put_at(
        &world.bucket.name,
        "future",
        "text",
        at("2500-01-01T00:00:00Z"),
    );
    let dir = world.dir("dir");
    world.restore(&dir).done();
    assert_same(&dir.contents(), &world.bucket.contents());
    world.only_lists(|| world.restore(&dir).done());
}

/// By the rule a file from the future is later than any object, so it is sent
/// at every run: no edit is missed, at that price.
#[test]
fn files_of_the_future_are_sent_without_panic() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.dir("dir");
    dir.write_at("2500", "a", at("2500-01-01T00:00:00Z"));
    dir.write_at("2100", "b", at("2100-01-01T00:00:00.5Z"));
    world.backup(&dir).done();
    world.backup(&dir).done();
    assert_same(&world.bucket.contents(), &dir.contents());
}

/// The offset comes from the server's `Date` header: behind by ten minutes,
/// we would date an edit before the object that it follows.
#[test]
fn an_edit_is_not_missed_when_the_local_clock_is_behind() {
    let memory = Memory::start();
    let world = World::on(&memory);
    memory.set_clock_offset(chrono::TimeDelta::minutes(10));
    let dir = world.tree("dir", &[("a", "first!")]);
    world.backup(&dir).done();
    dir.write_now("a", "second");
    world.backup(&dir).done().says("clock");
    assert_same(&world.bucket.contents(), &dir.contents());
}
