//! The limit of open files: raised where that is allowed, and kept to where it
//! is not.

use std::{fs, process::Command, time::Duration};

use s3_endpoint::{Action, Fault, max_in_flight};

use crate::support::{Memory, World, assert_same, run::Run};

/// `run`, after `limit` in the same shell.
fn after(limit: &str, run: Run) -> Run {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{limit}; exec \"$@\""), "sh"]);
    run.under(shell)
}

/// The limits of open files of a process, soft and hard.
fn limits_of(process: u32) -> (u64, u64) {
    let limits = fs::read_to_string(format!("/proc/{process}/limits")).unwrap();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let mut numbers = line.unwrap().split_ascii_whitespace().skip(3);
    let mut next = || numbers.next().unwrap().parse().unwrap();
    (next(), next())
}

/// As 256 of macOS, where the hard limit is far higher.
#[test]
fn a_low_limit_that_may_be_raised_is_raised() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    let brief = Action::Stall(Duration::from_secs(1));
    memory.inject(Fault::on("ListObjectsV2").act(brief));
    let running = after("ulimit -S -n 100", world.backup(&dir)).start();
    running.wait_for(&memory, "ListObjectsV2", 1);
    let (soft, hard) = limits_of(running.id());
    assert!(hard > 1000, "this test needs a higher hard limit");
    assert_eq!(soft, hard.min(4_096));
    running.end().is(0);
}

#[test]
fn with_few_handles_there_are_few_requests_at_once_and_all_is_done() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.dir("dir");
    for number in 0..300 {
        dir.write(format!("{}/{number}", number % 7), number.to_string());
    }
    let latency = Action::Stall(Duration::from_millis(30));
    memory.inject(Fault::any().always().act(latency));
    let few = |run| after("ulimit -n 120", run);
    few(world.backup(&dir)).done();
    assert_same(&world.bucket.contents(), &dir.contents());
    let there = world.dir("there");
    few(world.restore(&there)).done();
    assert_same(&there.contents(), &dir.contents());
    let most = max_in_flight(&memory.log(), None);
    assert!((2..=6).contains(&most), "{most} at once");
}

/// As on a machine with many cores: each thread that sends requests has handles of
/// its own.
#[test]
fn with_few_handles_there_are_few_threads_and_all_is_done() {
    const MIB: usize = 1 << 20;
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.dir("dir");
    for number in 0..12 {
        dir.write(number.to_string(), number.to_string().repeat(2 * MIB));
    }
    let few = |run: Run| after("ulimit -n 120", run.env("S3MIRROR_THREADS", "64"));
    few(world.backup(&dir)).done();
    assert_same(&world.bucket.contents(), &dir.contents());
    let there = world.dir("there");
    few(world.restore(&there)).done();
    assert_same(&there.contents(), &dir.contents());
}
