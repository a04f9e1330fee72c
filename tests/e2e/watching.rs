//! What is shown during a run: bars on a terminal, a line every ten
//! seconds elsewhere, the state for who asks by a signal.

use std::{fs, time::Duration};

use s3_endpoint::{Action, Fault};

use crate::support::{Dir, Memory, World, content::mebibytes, run::Running};

const QUIET: [&[&str]; 2] = [&[], &["--quiet"]];

/// Stalls the next `operation`; the count of them with that one.
fn stall(memory: &Memory, operation: &str, seconds: u64) -> usize {
    let stall = Action::Stall(Duration::from_secs(seconds));
    memory.inject(Fault::on(operation).act(stall));
    memory.count(operation) + 1
}

fn with_three_files(memory: &Memory) -> (World<'_>, Dir) {
    let (world, dir) = World::with(
        memory,
        &[("gone", "x")],
        &[("a", "1"), ("b", "2"), ("c", "3")],
    );
    (world, dir)
}

/// Asks a run for its state while the endpoint holds up `operation`, and
/// returns what it said on standard error.
fn asked(memory: &Memory, operation: &str, options: &[&str]) -> String {
    let (world, dir) = with_three_files(memory);
    let stalled = stall(memory, operation, 2);
    let running: Running = world.backup(&dir).args(options).one_by_one().start();
    running.wait_for(memory, operation, stalled);
    // What was done before the request is counted in no time.
    std::thread::sleep(Duration::from_millis(100));
    running.signal("USR1");
    running.end().is(0).stderr
}

#[test]
fn sigusr1_tells_the_state_at_once_in_every_phase_also_when_quiet() {
    let memory = Memory::start();
    for options in QUIET {
        let said = asked(&memory, "ListObjectsV2", options);
        assert_eq!(said, "listing: 1 files, 0 objects so far\n");
        let said = asked(&memory, "PutObject", options);
        let told = "uploading: 1 B of 3 B (33 %), 0 of 3 files, ";
        assert!(said.starts_with(told), "{said}");
        let said = asked(&memory, "DeleteObjects", options);
        assert_eq!(said, "deleting: 0 of 1 objects\n");
    }
}

/// It would look like one that works.
#[test]
fn a_run_that_waits_for_a_silent_server_says_so() {
    let memory = Memory::start();
    let (world, dir) = with_three_files(&memory);
    let stall = Action::Stall(Duration::from_secs(60));
    memory.inject(Fault::on("PutObject").always().act(stall));
    let running = world.backup(&dir).arg("-q").start();
    running.wait_for(&memory, "PutObject", 1);
    std::thread::sleep(Duration::from_secs(17));
    running.signal("USR1");
    std::thread::sleep(Duration::from_millis(500));
    running.signal("TERM");
    let outcome = running.end().is(143);
    outcome.says(", no answer from the server for ");
}

#[test]
fn sigusr1_tells_the_state_while_somebody_is_asked() {
    let memory = Memory::start();
    let (world, dir) = with_three_files(&memory);
    // `script` is a terminal; the answer comes when the state has been told.
    let script = r#"
        wait_for() {
            for _ in $(seq 1000); do grep -q "$1" seen && return; sleep 0.05; done
            echo "not within 50 s: $1" >&2; exit 1
        }
        (wait_for Continue; pkill -USR1 -f "^$1 backup -d dir-asked"
         wait_for planned:; echo yes) |
        script -qefc "$*" seen"#;
    std::os::unix::fs::symlink(dir.path(), world.sandbox.path("dir-asked")).unwrap();
    let run = world.s3mirror().args(["backup", "-d", "dir-asked", "-b"]);
    fs::write(world.sandbox.path("seen"), "").unwrap();
    let run = run.arg(&world.bucket.name).env("TERM", "xterm");
    let outcome = run.in_shell(script).is(0);
    let line = "planned: 3 files to upload (3 B), 1 objects to delete; nothing is done yet";
    let (before, _) = outcome.stdout.split_once(line).unwrap();
    // Nothing is drawn over the question.
    let (_, after) = before.split_once("Type yes to go on: ").unwrap();
    assert_eq!(after, "", "{outcome}");
}

/// On a narrow line it takes long until the first part is complete.
#[test]
fn what_is_moved_is_seen_before_a_part_is_complete() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.dir("dir");
    dir.write("film", mebibytes(16, 1));
    let narrow = ["--bwlimit", "2MiB"];
    let up = || world.backup(&dir).args(narrow).start();
    let seen = |running: Running| {
        std::thread::sleep(Duration::from_secs(3));
        running.signal("USR1");
        std::thread::sleep(Duration::from_millis(200));
        running.signal("TERM");
        let said = running.end().is(143).stderr;
        let (_, rest) = said.split_once("loading: ").unwrap();
        let (number, rest) = rest.split_once(' ').unwrap();
        assert!(rest.starts_with("MiB of 16.00 MiB"), "{said}");
        let number: f64 = number.parse().unwrap();
        assert!((2.0..8.0).contains(&number), "{said}");
    };
    seen(up());
    world.backup(&dir).done();
    let elsewhere = world.dir("elsewhere");
    seen(world.restore(&elsewhere).args(narrow).start());
}

/// Whoever asks every s3mirror on a machine must not end one.
#[test]
fn sigusr1_ends_neither_verify_nor_doctor() {
    let memory = Memory::start();
    let (world, dir) = with_three_files(&memory);
    world.backup(&dir).done();
    let stalled = stall(&memory, "HeadObject", 2);
    let verify = world.command(&["verify"], &dir).start();
    verify.wait_for(&memory, "HeadObject", stalled);
    verify.signal("USR1");
    let said = verify.end().is(0).stderr;
    assert!(said.starts_with("comparing: "), "{said}");
    let stalled = stall(&memory, "ListObjectsV2", 2);
    let doctor = world.s3mirror().args(["doctor", "-b", &world.bucket.name]);
    let doctor = doctor.start();
    doctor.wait_for(&memory, "ListObjectsV2", stalled);
    doctor.signal("USR1");
    assert_eq!(doctor.end().is(0).stderr, "trying it out\n");
}

/// A job that takes seconds says nothing of its progress.
#[test]
fn without_a_terminal_there_is_a_line_every_ten_seconds() {
    let memory = Memory::start();
    let worlds = QUIET.map(|options| {
        let (world, dir) = with_three_files(&memory);
        (world, dir, options)
    });
    let stalls = Action::Stall(Duration::from_secs(11));
    memory.inject(Fault::on("ListObjectsV2").times(2).act(stalls));
    let running = worlds
        .iter()
        .map(|(world, dir, options)| world.backup(dir).args(*options).start());
    let running: Vec<_> = running.collect();
    let said: Vec<_> = running
        .into_iter()
        .map(|run| run.end().is(0).stderr)
        .collect();
    assert_eq!(said, ["listing: 1 files, 0 objects so far\n", ""]);
}

/// What a terminal of 80 columns shows of a large and a small file.
#[test]
fn on_a_terminal_there_is_a_bar_for_all_and_a_line_for_each_large_copy() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("small", "1")]);
    let name = format!("{}/film", "long-name".repeat(12));
    dir.write(&name, mebibytes(11, 1));
    let stall = Action::Stall(Duration::from_secs(1));
    memory.inject(Fault::on("UploadPart").nth(3).act(stall));
    let script = r#"script -qec "stty cols 80; $*" /dev/null"#;
    let run = world.backup(&dir).one_by_one().env("TERM", "xterm");
    let outcome = run.in_shell(script).is(0);
    let seen = outcome.stdout.clone();
    for text in ["uploading    ", "─", "%", " of 2 files", "…", "name/film  "] {
        assert!(seen.contains(text), "'{text}' in {outcome}");
    }
    // One for all of it, none for the small file.
    assert!(!seen.contains("small"), "{outcome}");
    assert!(seen.contains("backup done in"), "{outcome}");
}
