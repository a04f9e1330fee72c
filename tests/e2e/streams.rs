//! Standard streams that end early or are not a terminal (case 35).

use std::{
    fs::{self, File},
    io::Read as _,
    os::{
        fd::OwnedFd,
        unix::{fs::OpenOptionsExt as _, net::UnixStream},
    },
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use s3_endpoint::{Action, Fault};

use crate::support::{
    Dir, Memory, World, assert_same,
    cluster::{Cluster, IN_ORDER, different, split_keys},
    content::map,
    run::Run,
};

/// As Linux has it.
const O_NONBLOCK: i32 = 0o4000;

/// Many lines, so that a pipe of 64 KiB is full long before the end.
fn with_much_to_say(memory: &Memory) -> (World<'_>, Dir) {
    let world = World::on(memory);
    let dir = world.dir("dir");
    for number in 0..3000 {
        dir.write(format!("{}/{number}", "long-name".repeat(8)), "x");
    }
    (world, dir)
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let memory = Memory::start();
    let (world, dir) = with_much_to_say(&memory);
    let script = r#"{ "$@"; echo "status $?" >&2; } | head -n 1"#;
    for json in [&["--json"][..], &[]] {
        let outcome = world.mock_backup(&dir).args(json).in_shell(script);
        assert_eq!(outcome.stdout.lines().count(), 1, "{outcome}");
        assert_eq!(outcome.stderr, "status 0\n", "no complaint in {outcome}");
    }
}

/// Who stops reading has not asked to stop the backup.
#[test]
fn a_backup_whose_reader_leaves_is_still_whole() {
    let memory = Memory::start();
    let (world, dir) = with_much_to_say(&memory);
    world
        .backup(&dir)
        .args(["--json", "-v"])
        .in_shell("\"$@\" | head -n 1 >/dev/null")
        .is(0);
    assert_same(&world.bucket.contents(), &dir.contents());
}

#[test]
fn closed_streams_are_no_error() {
    let memory = Memory::start();
    for closed in ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"] {
        let world = World::on(&memory);
        let dir = world.tree("dir", &[("a", "1")]);
        world
            .backup(&dir)
            .in_shell(&format!("\"$@\" {closed}"))
            .is(0);
        assert_same(&world.bucket.contents(), &map(&[("a", "1")]));
    }
}

#[test]
fn a_full_device_is_told_and_is_no_panic() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    let outcome = world.mock_backup(&dir).in_shell("\"$@\" >/dev/full");
    assert_eq!(outcome.status.code(), Some(1), "{outcome}");
    // The other stream must not bring it down either.
    world.mock_backup(&dir).in_shell("\"$@\" 2>/dev/full").is(0);
}

/// The status is about the data: what is done is done, also where no report of
/// it can be written.
#[test]
fn work_that_is_done_is_not_failed_because_its_report_is_lost() {
    let memory = Memory::start();
    for how in [&[][..], &["-v"], &["--json"]] {
        let (world, dir) = World::with(&memory, &[("gone", "1")], &[("a", "1")]);
        let told = world.sandbox.path("told");
        let tell = format!("printf %s \"$S3MIRROR_EXIT\" > '{}'", told.display());
        let full = "\"$@\" >/dev/full";
        let backup = world.backup(&dir).args(how).args(["--on-finish", &tell]);
        let outcome = backup.in_shell(full).is(6);
        let outcome = outcome.says("cannot write the output").says("created 1");
        assert_eq!(
            outcome.stderr.matches("cannot write").count(),
            1,
            "{outcome}"
        );
        assert_same(&world.bucket.contents(), &map(&[("a", "1")]));
        assert_eq!(fs::read_to_string(told).unwrap(), "6");

        let there = world.dir("there");
        world.restore(&there).args(how).in_shell(full).is(6);
        assert_same(&there.contents(), &map(&[("a", "1")]));
        there.mkdir("empty");
        let cleanup = world.s3mirror().args(["cleanup", "--dir"]);
        cleanup.arg(there.path()).args(how).in_shell(full).is(6);
        assert!(!there.join("empty").exists());
    }
}

/// What there is to be said of the data comes before what became of the output.
#[test]
fn a_lost_report_hides_neither_a_failure_nor_a_refusal() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    let full = "\"$@\" >/dev/full";
    let refused = Fault::on("PutObject")
        .always()
        .act(Action::error(403, "AccessDenied"));
    memory.inject(refused);
    world.backup(&dir).arg("--json").in_shell(full).is(3);
    memory.clear_faults();
    world.bucket.put("b", "1");
    let empty = world.dir("empty");
    world.backup(&empty).arg("--json").in_shell(full).is(4);
    world.mock_backup(&dir).arg("--json").in_shell(full).is(1);
}

/// Whatever is lost of its output, the phase of a cluster run is done.
#[test]
fn a_phase_of_a_cluster_run_that_is_done_is_not_failed_because_its_output_is_lost() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let run = world.sandbox.path("run");
    let full = "\"$@\" >/dev/full";
    let split = split_keys(&world, "backup", &dir, &run, 2).args(IN_ORDER);
    split.in_shell(full).is(6);
    let cluster = Cluster { world: &world, run };
    let phases = [
        cluster.phase("plan"),
        cluster.seal(),
        cluster.phase("apply"),
    ];
    for phase in phases.into_iter().chain([cluster.finish()]) {
        let outcome = phase.in_shell(full).is(6);
        outcome.says("cannot write the output");
    }
    assert_eq!(cluster.status()["state"], "finished");
    assert_same(&world.bucket.contents(), &dir.contents());
}

/// As Slurm writes both into one file, of which people look at the end.
#[test]
fn what_is_written_beside_data_comes_after_the_data_before_it() {
    let memory = Memory::start();
    let (world, _) = World::with(&memory, &[("a", "1"), ("b", "1")], &[]);
    let into_one_file = |run: Run| {
        let log = world.sandbox.path("log");
        let script = format!("\"$@\" >'{}' 2>&1", log.display());
        let status = run.in_shell(&script).status.code();
        (status, fs::read_to_string(log).unwrap())
    };
    let empty = world.dir("empty");
    let (status, text) = into_one_file(world.backup(&empty));
    assert_eq!(status, Some(4), "{text}");
    let last = text.lines().last().unwrap();
    assert!(last.starts_with("error: refused"), "{text}");
    assert!(text.contains("  delete "), "{text}");

    // The shards fail, one after the other: each error is beside the line of its own shard.
    let dir = world.tree("dir", &[("c", "1"), ("d", "1")]);
    let cluster = Cluster::split(&world, "backup", &dir, 2);
    let denied = Action::error(403, "AccessDenied");
    memory.inject(Fault::on("PutObject").always().act(denied));
    let (status, text) = into_one_file(cluster.phase("apply").trusting());
    assert_eq!(status, Some(3), "{text}");
    let lines = text.lines().filter(|line| line.contains("shard "));
    let told: Vec<_> = lines.map(|line| line.starts_with("error:")).collect();
    assert_eq!(told, [false, true, false, true], "{text}");
}

/// A kill must not take back what was said of them.
#[test]
fn what_has_become_of_a_shard_or_range_is_written_when_it_ends() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let hold = || Action::Stall(Duration::from_secs(1000));
    let cluster = Cluster::ranges(&world, "backup", &dir, 4, &IN_ORDER);
    // Not more than three requests for each range, and not more than five uploads for each shard.
    for (phase, operation, held) in [("plan", "ListObjectsV2", 4), ("apply", "PutObject", 12)] {
        let hits = memory.inject(Fault::on(operation).nth(held).always().act(hold()));
        let log = world.sandbox.path(phase);
        let run = cluster.phase(phase).trusting().args(["--concurrency", "1"]);
        let running = run.writing_to(File::create(&log).unwrap()).start();
        running.wait_until(&memory, "one that is held", || hits.count() > 0);
        assert!(running.kill());
        let text = fs::read_to_string(log).unwrap();
        assert!(
            text.contains(" s\n"),
            "no line of a task that is done: '{text}'"
        );
        memory.clear_faults();
        cluster.phase(phase).done();
        if phase == "plan" {
            cluster.seal().done();
        }
    }
}

/// Who reads the data may take their time; who watches the run sees how far it is.
#[test]
fn progress_does_not_wait_for_the_reader_of_the_data() {
    let memory = Memory::start();
    let (world, dir) = with_much_to_say(&memory);
    let told = world.sandbox.path("told");
    let backup = world.backup(&dir).arg("--json").writing_to(Stdio::piped());
    let running = backup.complaining_to(File::create(&told).unwrap()).start();
    // Nobody reads the pipe, so it is full.
    thread::sleep(Duration::from_secs(3));
    running.signal("USR1");
    let is_told = || fs::metadata(&told).is_ok_and(|told| told.len() > 0);
    running.wait_until(&memory, "a line of progress", is_told);
    assert!(running.kill(), "it waits for a reader");
}

/// Whoever starts us may have made the pipe so for itself.
#[test]
fn a_nonblocking_output_whose_reader_is_slow_is_waited_for() {
    let memory = Memory::start();
    let (world, dir) = with_much_to_say(&memory);
    let (mut reader, output) = UnixStream::pair().unwrap();
    output.set_nonblocking(true).unwrap();
    let backup = world.backup(&dir).args(["--json", "-v"]);
    let running = backup.writing_to(OwnedFd::from(output)).start();
    let reading = thread::spawn(move || {
        thread::sleep(Duration::from_secs(1));
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        text
    });
    running.end().is(0);
    let text = reading.join().unwrap();
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let copied = lines.iter().filter(|line| line["event"] == "transferred");
    assert_eq!(copied.count(), 3000);
    assert_eq!(lines.last().unwrap()["event"], "report");
    assert_same(&world.bucket.contents(), &dir.contents());
}

/// A pipe with a name, or a socket as below ssh, that is full before its reader
/// begins to read.
#[test]
fn a_nonblocking_stderr_whose_reader_is_slow_is_waited_for() {
    let memory = Memory::start();
    let (world, dir) = with_much_to_say(&memory);
    let path = world.sandbox.path("pipe");
    let made = Command::new("mkfifo").arg(&path).status();
    assert!(made.unwrap().success());
    // Both ends at once: opening the one waits for the other.
    let fifo = || File::options().read(true).write(true).open(&path).unwrap();
    let held = fifo();
    let (socket, other) = UnixStream::pair().unwrap();
    other.set_nonblocking(true).unwrap();
    let nonblocking = File::options()
        .write(true)
        .custom_flags(O_NONBLOCK)
        .open(&path)
        .unwrap();
    let ends: [(OwnedFd, OwnedFd); 2] = [
        (File::open(&path).unwrap().into(), nonblocking.into()),
        (socket.into(), other.into()),
    ];
    drop(held);
    for (number, (reader, output)) in ends.into_iter().enumerate() {
        let bucket = format!("{}/{number}", world.bucket.name);
        let backup = world.command_at(&["backup", "--yes"], &dir, &bucket);
        let running = backup.arg("-vvv").complaining_to(output).start();
        let reading = thread::spawn(move || {
            thread::sleep(Duration::from_secs(1));
            let mut text = String::new();
            File::from(reader).read_to_string(&mut text).unwrap();
            text
        });
        running.end().is(0);
        let text = reading.join().unwrap();
        assert!(text.len() > 256 << 10, "{} bytes are too few", text.len());
        assert!(text.ends_with('\n'), "it ends within a line");
        let prefix = format!("{number}/");
        let keys = world.bucket.contents().into_keys();
        let sent = keys.filter(|key| key.starts_with(&prefix));
        assert_eq!(sent.count(), 3000);
    }
}

#[test]
fn without_a_terminal_there_is_neither_bar_nor_colour() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    let outcome = world.backup(&dir).done();
    assert!(
        !outcome.stdout.contains('\u{1b}') && !outcome.stderr.contains('\u{1b}'),
        "{outcome}"
    );
    assert!(!outcome.stderr.contains('\r'), "{outcome}");
}
