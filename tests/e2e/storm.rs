//! A server that refuses everything for a while (case 23), and one that is
//! merely far away: how many requests are in flight at once.

use std::thread;
use std::time::Duration;

use s3_endpoint::{Action, Entry, Fault, max_in_flight};

use crate::support::{Memory, World, assert_same};

/// Long enough for requests to overlap, whatever the machine does.
const LATENCY: Duration = Duration::from_millis(200);

fn between(log: &[Entry], from: Duration, to: Duration) -> Vec<Entry> {
    let within = |entry: &&Entry| entry.start >= from && entry.start < to;
    log.iter().filter(within).cloned().collect()
}

fn begun(memory: &Memory) -> Duration {
    memory
        .log()
        .last()
        .map_or(Duration::ZERO, |last| last.start)
}

/// A backup, and a storm of 503 in its middle.
fn rides_out(storm: Duration) {
    let memory = Memory::start();
    let world = World::on(&memory);
    world.bucket.put("gone", "1");
    let dir = world.dir("dir");
    for number in 0..600 {
        dir.write(format!("f{number:03}"), format!("{number}"));
    }
    memory.inject(Fault::any().always().act(Action::Stall(LATENCY)));

    let running = world.backup(&dir).args(["--max-delete", "1"]).start();
    running.wait_for(&memory, "PutObject", 100);
    let before = memory.log();
    let slow_down = Action::error(503, "SlowDown");
    memory.inject(Fault::any().always().act(slow_down));
    let start = begun(&memory);
    thread::sleep(storm);
    memory.clear_faults();
    memory.inject(Fault::any().always().act(Action::Stall(LATENCY)));
    let log = memory.log();
    running.end().is(0);

    assert!(max_in_flight(&before, Some("PutObject")) >= 30);
    let half = between(&log, start + storm / 2, start + storm);
    assert!(
        max_in_flight(&half, None) <= 2,
        "{}",
        max_in_flight(&half, None)
    );
    let all = between(&log, start, start + storm);
    assert!(all.len() < 300, "{} requests in the storm", all.len());
    let after = between(&memory.log(), start + storm, Duration::MAX);
    assert!(
        max_in_flight(&after, Some("PutObject")) >= 4,
        "it grows again"
    );
    assert_same(&world.bucket.contents(), &dir.contents());
}

#[test]
fn a_storm_of_503_is_met_with_fewer_requests_and_ends_in_success() {
    rides_out(Duration::from_secs(10));
}

#[test]
#[ignore = "takes more than a minute"]
fn a_storm_of_503_for_a_minute_ends_in_success() {
    rides_out(Duration::from_secs(60));
}

#[test]
fn a_server_that_is_far_away_gets_more_requests_at_once() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.dir("dir");
    for number in 0..1500 {
        dir.write(format!("f{number:04}"), format!("{number}"));
    }
    memory.inject(Fault::any().always().act(Action::Stall(LATENCY)));

    world.backup(&dir).done();

    let most = max_in_flight(&memory.log(), Some("PutObject"));
    assert!((100..=256).contains(&most), "{most} at once");
}

#[test]
fn no_more_requests_are_under_way_than_the_option_says() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.dir("dir");
    for number in 0..50 {
        dir.write(format!("f{number:02}"), format!("{number}"));
    }
    memory.inject(Fault::any().always().act(Action::Stall(LATENCY / 4)));

    world.backup(&dir).args(["--concurrency", "5"]).done();

    assert_eq!(max_in_flight(&memory.log(), None), 5);
}
