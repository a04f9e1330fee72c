//! What `watch` cannot do is named with its reason: once, and not each time that it is tried again.

use std::{
    ffi::OsStr,
    fs::{self, Permissions},
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
    path::Path,
    time::Duration,
};

use s3_endpoint::{Action, Fault};
use serde_json::Value;

use crate::support::{
    Dir, Memory, Outcome, World,
    run::{Run, Running},
    watch::{LIMIT, cycles, cycles_so_far, settled, stop, watch},
};

const SKIPPED: &str = "skipped s  (cannot be read: Permission denied (os error 13); in the source)";
const WAITS: &str = "1 deletion waits, because the source is incomplete: 'gone'";

/// The same as `watch`, by a user that may not read everything.
fn watch_as_nobody(world: &World, dir: &Dir) -> Run {
    let run = world
        .s3mirror_as_nobody()
        .args(["watch", "--yes", "--json"]);
    let run = run.arg("--dir").arg(dir.path());
    let run = run.args(["--bucket", &world.bucket.name]);
    run.args(["--settle", "1s"])
        .within(Duration::from_secs(600))
}

/// Waits until the first cycle has ended: what changes during it is not looked at together.
fn has_begun(running: &Running, memory: &Memory, world: &World) {
    let ended = || !cycles_so_far(world).is_empty();
    running.wait_until(memory, "the first cycle has ended", ended);
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// A file that only its owner could read if it were allowed to.
fn write_unreadable(dir: &Dir, name: &str) {
    dir.write_now(name, "secret");
    set_mode(&dir.join(name), 0o000);
}

fn names(errors: &Value, text: &str) -> bool {
    errors.as_array().unwrap().iter().any(|error| error == text)
}

/// How many cycles so far have `text` among their errors.
fn cycles_with(world: &World, text: &str) -> usize {
    let cycles = cycles_so_far(world).into_iter();
    cycles.filter(|cycle| names(&cycle["errors"], text)).count()
}

fn times_said(outcome: &Outcome, text: &str) -> usize {
    outcome.stderr.matches(text).count()
}

/// With `--quiet`, as a service.
#[test]
fn what_cannot_be_read_and_what_waits_for_it_are_named_when_that_begins() {
    let memory = Memory::start();
    let (world, dir) = World::with(&memory, &[], &[("a", "1"), ("gone", "2")]);
    let file = world.sandbox.path("home/status");
    let run = watch_as_nobody(&world, &dir).arg("--quiet");
    let running = run.arg("--status-file").arg(&file).start();
    has_begun(&running, &memory, &world);
    let status = || -> Value { serde_json::from_slice(&fs::read(&file).unwrap()).unwrap() };
    write_unreadable(&dir, "s");
    dir.remove("gone");
    let thrice = || cycles_with(&world, SKIPPED) > 2;
    running.wait_until(&memory, "it is tried thrice", thrice);
    assert_eq!(
        cycles_with(&world, WAITS),
        cycles_with(&world, SKIPPED),
        "{:#?}",
        cycles_so_far(&world)
    );
    assert!(world.bucket.contents().contains_key("gone"));
    let errors = status()["errors"].clone();
    assert!(names(&errors, SKIPPED) && names(&errors, WAITS), "{errors}");
    // Others are done, and it is not forgotten meanwhile.
    dir.write_now("b", "3");
    let copied = || world.bucket.contents().contains_key("b");
    running.wait_until(&memory, "another one is copied", copied);
    assert!(names(&status()["errors"], SKIPPED), "{}", status());
    set_mode(&dir.join("s"), 0o644);
    settled(&world, &dir);
    let is_clear = || status()["errors"] == serde_json::json!([]);
    running.wait_until(&memory, "nothing is wrong", is_clear);
    set_mode(&dir.join("s"), 0o000);
    let again = || names(&status()["errors"], SKIPPED);
    running.wait_until(&memory, "it fails again", again);
    set_mode(&dir.join("s"), 0o644);
    let outcome = stop(running);
    assert_eq!(times_said(&outcome, "warning: skipped s"), 2, "{outcome}");
    assert_eq!(times_said(&outcome, WAITS), 1, "{outcome}");
}

#[test]
fn a_name_that_is_not_utf8_is_named_and_is_the_cause_of_a_full_run() {
    let memory = Memory::start();
    let (world, dir) = World::with(&memory, &[], &[("a", "1")]);
    let running = watch(&world, &dir).start();
    has_begun(&running, &memory, &world);
    dir.write_now(OsStr::from_bytes(b"latin-\xe9"), "x");
    let full = || {
        let cycles = cycles_so_far(&world).into_iter();
        cycles.filter(|cycle| !cycle["full"].is_null()).count()
    };
    running.wait_until(&memory, "there are more full runs", || full() > 3);
    let outcome = stop(running);
    let told = r"(name is not UTF-8: latin-\xe9; in the source)";
    assert_eq!(times_said(&outcome, told), 1, "{outcome}");
    let nothing = "nothing is deleted, because the source is incomplete";
    assert_eq!(times_said(&outcome, nothing), 1, "{outcome}");
    let causes: Vec<_> = cycles(&outcome)
        .iter()
        .map(|cycle| cycle["full"].clone())
        .collect();
    assert_eq!(causes[1], "a name is not UTF-8", "{causes:?}");
    let wrong = Value::from("more has changed than is remembered");
    assert!(!causes.contains(&wrong), "{causes:?}");
}

#[test]
fn an_upload_that_fails_again_and_again_is_named_once_for_each_reason() {
    let memory = Memory::start();
    let (world, dir) = World::with(&memory, &[], &[("a", "1")]);
    let running = watch(&world, &dir).start();
    has_begun(&running, &memory, &world);
    let failed = |code: &str| format!("cannot upload 'bad': {code}, injected by the test ({code})");
    let fails = |code| {
        let fault = Fault::on("PutObject").key("bad").always();
        memory.inject(fault.act(Action::error(400, code)));
    };
    fails("InvalidArgument");
    dir.write_now("bad", "1");
    let thrice = || cycles_with(&world, &failed("InvalidArgument")) > 2;
    running.wait_until(&memory, "it fails thrice", thrice);
    memory.clear_faults();
    fails("InvalidTag");
    let another = || cycles_with(&world, &failed("InvalidTag")) > 0;
    running.wait_until(&memory, "it fails in another way", another);
    memory.clear_faults();
    settled(&world, &dir);
    let outcome = stop(running);
    for code in ["InvalidArgument", "InvalidTag"] {
        let told = format!("error: {}", failed(code));
        assert_eq!(times_said(&outcome, &told), 1, "{code}: {outcome}");
    }
}

/// What it would have done, nobody knows.
#[test]
fn a_cycle_that_a_signal_stops_names_nothing_as_failed() {
    let memory = Memory::start();
    let (world, dir) = World::with(&memory, &[], &[("a", "1")]);
    let running = watch_as_nobody(&world, &dir).start();
    has_begun(&running, &memory, &world);
    let stalled = memory.count("PutObject") + 1;
    memory.inject(Fault::on("PutObject").always().act(Action::Stall(LIMIT)));
    write_unreadable(&dir, "s");
    dir.write_now("b", "2");
    running.wait_for(&memory, "PutObject", stalled);
    let outcome = stop(running);
    set_mode(&dir.join("s"), 0o644);
    let cycles = cycles(&outcome);
    assert_eq!(cycles.len(), 2, "{cycles:?}");
    assert_eq!(cycles[1]["errors"], serde_json::json!([]), "{cycles:?}");
    assert!(!outcome.stderr.contains("warning"), "{outcome}");
    assert!(!outcome.stderr.contains("error"), "{outcome}");
}
