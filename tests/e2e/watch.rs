//! `watch`: what changes in the directory reaches the bucket within seconds, whatever
//! happens, and nothing else does.

use std::{
    fs,
    os::unix::{fs::PermissionsExt, net::UnixDatagram},
    time::{Duration, Instant},
};

use s3_endpoint::{Action, Fault};
use serde_json::Value;

use crate::support::{
    Dir, Memory, Server, World, assert_same,
    content::mebibytes,
    edits::Edits,
    run::Running,
    watch::{LIMIT, cycles, cycles_so_far, has_said, settled, stop, watch},
};

#[test]
fn what_changes_reaches_the_bucket_and_nothing_else_is_asked_for() {
    let memory = Memory::start();
    let (world, dir) = World::with(&memory, &[], &[("a", "1"), ("d/b", "2"), ("d/gone", "3")]);
    let running = watch(&world, &dir).start();
    settled(&world, &dir);
    let before = memory.log().len();
    dir.write_now("d/b", "22");
    dir.write_now("new/deep/er/c", "4");
    dir.remove("d/gone");
    settled(&world, &dir);
    let outcome = stop(running);
    let asked: Vec<_> = memory.log().split_off(before);
    let others = asked.iter().filter_map(|entry| entry.key.as_deref());
    assert!(others.into_iter().all(|key| key != "a"), "{asked:?}");
    let cycles = cycles(&outcome);
    assert_eq!(cycles[0]["full"], "the watch begins");
    assert_eq!(cycles[0]["created"]["entries"], 3);
    assert!(cycles.iter().skip(1).all(|cycle| cycle["full"].is_null()));
    let deleted = cycles
        .iter()
        .map(|cycle| cycle["deleted"]["entries"].as_u64());
    assert_eq!(deleted.map(Option::unwrap).sum::<u64>(), 1);
}

#[test]
fn a_tree_that_is_edited_at_random_equals_the_bucket_in_the_end() {
    edited(Duration::from_secs(8), 0);
}

/// The same for two minutes, with bursts, a server that goes and comes, and overflows.
#[test]
#[ignore = "takes minutes"]
fn a_tree_that_is_edited_for_two_minutes_equals_the_bucket_in_the_end() {
    edited(Duration::from_secs(120), 20_000);
}

fn edited(time: Duration, burst: u32) {
    let memory = Memory::start();
    let (world, dir) = World::with(&memory, &[], &[("a", "1"), ("d/b", "2")]);
    let running = watch(&world, &dir)
        .args(["--max-delete", "1000000"])
        .start();
    let seed = std::env::var("WATCH_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let mut edits = Edits::new(&dir, seed.unwrap_or(1));
    let since = Instant::now();
    let third = time / 3;
    edits.make_until(since + third);
    for file in 0..burst {
        dir.write_now(format!("burst/{}/{file}", file % 100), "x");
    }
    memory.inject(Fault::any().always().act(Action::Reset));
    edits.make_until(since + third * 2);
    memory.clear_faults();
    if burst > 0 {
        overflow(&running, &dir);
        fs::rename(dir.join("burst"), dir.join("moved")).unwrap();
    }
    edits.make_until(since + time);
    settled(&world, &dir);
    stop(running);
    world.mock_backup(&dir).arg("--check").done();
    assert_same(&world.bucket.contents(), &dir.contents());
}

/// More events than the kernel keeps, while nobody reads them.
fn overflow(running: &Running, dir: &Dir) {
    let limit = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
    let limit: u32 = limit.trim().parse().unwrap();
    running.signal("STOP");
    let names = ["overflow-1", "overflow-2"];
    names.iter().for_each(|name| dir.write_now(name, "x"));
    for number in 0..limit + 10 {
        let path = dir.join(names[number as usize % 2]);
        let mode = 0o600 + (number / 2 % 2) * 0o44;
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    // Nothing of this was kept.
    dir.write_now("unseen/by/anybody", "1");
    running.signal("CONT");
}

#[test]
fn after_an_overflow_everything_is_looked_at() {
    let memory = Memory::start();
    let (world, dir) = World::with(&memory, &[], &[("a", "1")]);
    let running = watch(&world, &dir).start();
    settled(&world, &dir);
    overflow(&running, &dir);
    settled(&world, &dir);
    // The directories that nobody saw are watched now.
    dir.write_now("unseen/by/somebody", "2");
    settled(&world, &dir);
    let cycles = cycles(&stop(running));
    let is_full = |cycle: &Value| cycle["full"] == "the kernel has dropped events";
    assert!(cycles.iter().any(is_full), "{cycles:?}");
}

#[test]
fn it_ends_in_time_in_the_middle_of_a_transfer_and_while_the_server_is_down() {
    let memory = Memory::start();
    let (world, dir) = World::with(&memory, &[], &[("a", "1")]);
    let running = watch(&world, &dir).start();
    settled(&world, &dir);
    let stalled = Action::Stall(Duration::from_secs(60));
    memory.inject(Fault::on("UploadPart").always().act(stalled));
    dir.write_now("film", mebibytes(20, 1));
    running.wait_for(&memory, "UploadPart", 1);
    stop(running);
    assert_eq!(memory.open_uploads(&world.bucket.name), []);
    memory.clear_faults();
    let running = watch(&world, &dir).start();
    settled(&world, &dir);
    let down = memory.inject(Fault::any().always().act(Action::Reset));
    dir.write_now("a", "2");
    running.wait_until(&memory, "a cycle fails", || down.count() > 0);
    stop(running);
}

/// Fifteen at a time are less than a list may delete, but more than a day may.
#[test]
fn slow_deletions_are_refused_once_a_day_has_had_enough() {
    let memory = Memory::start();
    let files: Vec<_> = (0..60).map(|number| format!("f{number:02}")).collect();
    let files: Vec<_> = files.iter().map(|name| (&**name, "x")).collect();
    let (world, dir) = World::with(&memory, &[], &files);
    let running = watch(&world, &dir).start();
    settled(&world, &dir);
    let remove =
        |numbers: std::ops::Range<u32>| numbers.for_each(|n| dir.remove(&format!("f{n:02}")));
    remove(0..15);
    settled(&world, &dir);
    remove(15..30);
    settled(&world, &dir);
    remove(30..31);
    let refused = || has_said(&world, "1 entry would be deleted, and 30 were");
    running.wait_until(&memory, "it is refused", refused);
    assert_eq!(world.bucket.contents().len(), 30);
    // What changes elsewhere does not wait for a decision.
    dir.write_now("meanwhile", "1");
    let copied = || world.bucket.contents().contains_key("meanwhile");
    running.wait_until(&memory, "another change is copied", copied);
    assert_eq!(world.bucket.contents().len(), 31);
    // A backup by hand is the way out; then the watch has nothing to delete.
    world.backup(&dir).done();
    dir.write_now("new", "1");
    settled(&world, &dir);
    // Not the last cycle of all: the signal that ends the watch may stop that one.
    let is_at_rest = |cycle: &Value| cycle["exit"] == 0 && cycle["failing"] == 0;
    let rests = || cycles_so_far(&world).last().is_some_and(is_at_rest);
    running.wait_until(&memory, "nothing is left to do", rests);
    let cycles = cycles(&stop(running).says("--max-delete"));
    assert!(cycles.iter().any(|cycle| cycle["exit"] == 4), "{cycles:?}");
}

#[test]
fn what_cannot_begin_is_an_error_at_once() {
    let memory = Memory::start();
    let (world, dir) = World::with(&memory, &[], &[("a", "1")]);
    world.command(&["watch"], &dir).exits(4).says("--yes");
    let nowhere = world.command_at(&["watch", "-y"], &dir, "no-such-bucket");
    nowhere.exits(1).says("no-such-bucket");
    let wrong = world.command(&["watch", "-y"], &dir);
    wrong.env("AWS_ACCESS_KEY_ID", "wrong").exits(1);
    let inside = world.command(&["watch", "-y"], &dir).arg("--status-file");
    inside
        .arg(dir.join("status"))
        .exits(1)
        .says("inside the directory");
    fs::remove_dir_all(dir.path()).unwrap();
    world
        .command(&["watch", "-y"], &dir)
        .exits(1)
        .says(&format!("cannot watch '{}'", dir.path().display()));
}

#[test]
fn operators_see_its_state_in_a_file_by_a_signal_and_in_metrics() {
    let memory = Memory::start();
    let (world, dir) = World::with(&memory, &[], &[("a", "1")]);
    let (file, metrics) = (world.sandbox.path("status"), world.sandbox.path("x.prom"));
    let run = watch(&world, &dir).arg("--status-file").arg(&file);
    let running = run.arg("--metrics-file").arg(&metrics).start();
    let status = || -> Value { serde_json::from_slice(&fs::read(&file).unwrap()).unwrap() };
    let is_watching = || file.exists() && status()["state"] == "watching";
    running.wait_until(&memory, "it watches", is_watching);
    let seen = status();
    assert_eq!(seen["directories"], 1);
    assert_eq!(seen["last_cycle"]["created"]["entries"], 1);
    assert!(seen["last_full"].is_string());
    running.signal("USR1");
    let said = || has_said(&world, "1 directory watched");
    running.wait_until(&memory, "it says how far it is", said);
    let outcome = stop(running);
    outcome.says("watching: 1 directory watched, 0 changes wait, 1 cycle, last success");
    assert_eq!(status()["state"], "stopped");
    let metrics = fs::read_to_string(metrics).unwrap();
    assert!(metrics.contains("s3mirror_last_success_timestamp_seconds{direction=\"backup\""));
}

#[test]
fn systemd_hears_that_it_is_ready_alive_and_stopping() {
    let memory = Memory::start();
    let (world, dir) = World::with(&memory, &[], &[("a", "1")]);
    let path = world.sandbox.path("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(LIMIT)).unwrap();
    let run = watch(&world, &dir).env("NOTIFY_SOCKET", &path);
    let running = run.env("WATCHDOG_USEC", "400000").start();
    let hear = |wanted: &str| {
        let mut heard = Vec::new();
        let since = Instant::now();
        loop {
            assert!(since.elapsed() < LIMIT, "{wanted}: {heard:?}");
            let mut buffer = [0; 4096];
            let length = socket.recv(&mut buffer).unwrap();
            let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if message.starts_with(wanted) {
                return heard;
            }
            heard.push(message);
        }
    };
    hear("READY=1");
    settled(&world, &dir);
    hear("STATUS=watching");
    // Both while it is idle and while the server does not answer.
    hear("WATCHDOG=1");
    let stall = Action::Stall(Duration::from_secs(2));
    memory.inject(Fault::any().act(stall));
    dir.write_now("a", "22");
    hear("STATUS=running a cycle");
    for _ in 0..3 {
        let heard = hear("WATCHDOG=1");
        assert!(heard.is_empty(), "the cycle has ended: {heard:?}");
    }
    settled(&world, &dir);
    hear("STATUS=watching");
    stop(running);
    hear("STOPPING=1");
}

/// A backup by hand while a cycle works, and the other way round: the later one waits.
#[test]
fn a_backup_by_hand_beside_a_watch_delays_a_cycle() {
    let memory = Memory::start();
    let (world, dir) = World::with(&memory, &[], &[("a", "1")]);
    let running = watch(&world, &dir).start();
    settled(&world, &dir);
    // Between two cycles the places are free.
    world.backup(&dir).done();
    let stall = Action::Stall(Duration::from_secs(4));
    let stalled = memory.count("PutObject") + 1;
    memory.inject(Fault::on("PutObject").act(stall));
    dir.write("b", "2");
    let by_hand = world.backup(&dir).start();
    by_hand.wait_for(&memory, "PutObject", stalled);
    dir.write_now("c", "3");
    by_hand.end().is(0);
    settled(&world, &dir);
    stop(running).says("another run of s3mirror works on the");
}

fn a_watched_tree_reaches_a_real_server(server: &dyn Server) {
    let (world, dir) = World::with(server, &[], &[("a", "1"), ("d/b", "2"), ("d/gone", "3")]);
    let running = watch(&world, &dir).start();
    settled(&world, &dir);
    dir.write_now("new/deep/er/c", "4");
    dir.remove("d/gone");
    fs::rename(dir.join("d"), dir.join("moved")).unwrap();
    settled(&world, &dir);
    stop(running);
    world.mock_backup(&dir).arg("--check").done();
}

on_real_servers! { a_watched_tree_reaches_a_real_server }
