//! A backup says whether what it overwrites or deletes can be brought back,
//! and asks the server for that only where it matters.

use std::time::Duration;

use s3_endpoint::{Action, Fault};

use crate::support::{
    Memory, World,
    plans::{apply, mock, save},
};

const LINE: &str = "  versioning   ";

#[test]
fn a_backup_says_whether_the_bucket_keeps_versions() {
    let memory = Memory::start();
    for (status, word, what) in [
        (
            Some("Enabled"),
            "on",
            "on: what is overwritten or deleted can be brought back",
        ),
        (
            None,
            "off",
            "off: what is overwritten or deleted cannot be brought back",
        ),
        (
            Some("Suspended"),
            "suspended",
            "suspended: what was written since cannot",
        ),
    ] {
        let (world, dir) = World::different(&memory);
        memory.set_versioning(&world.bucket.name, status);
        let line = format!("{LINE}{what}");
        mock(&world, "backup", &dir).done().says(&line);
        let plan = save(&world, &["mock", "backup"], &dir);
        // Before the question and in the report.
        let outcome = apply(&world, &plan).done();
        assert_eq!(outcome.stdout.matches(&line).count(), 2, "{outcome}");
        world.bucket.put("gone", "1");
        memory.clear_log();
        let outcome = world.backup(&dir).arg("--json").done();
        assert_eq!(outcome.json().last().unwrap()["versioning"], word);
        assert_eq!(memory.count("GetBucketVersioning"), 1, "once a run");
    }
}

#[test]
fn who_may_not_ask_gets_unknown_and_the_run_goes_on() {
    let memory = Memory::start();
    for (status, code) in [
        (403, "AccessDenied"),
        (501, "NotImplemented"),
        (503, "SlowDown"),
    ] {
        let (world, dir) = World::different(&memory);
        memory.clear_faults();
        memory.inject(
            Fault::on("GetBucketVersioning")
                .always()
                .act(Action::error(status, code)),
        );
        let outcome = world.backup(&dir).done();
        let outcome = outcome.says("versioning   unknown: ");
        assert_eq!(outcome.stderr, "");
        assert_eq!(world.bucket.contents(), dir.contents());
    }
}

#[test]
fn a_server_that_does_not_answer_holds_nothing_up() {
    let memory = Memory::start();
    let (world, dir) = World::different(&memory);
    let stall = Action::Stall(Duration::from_secs(100));
    memory.inject(Fault::on("GetBucketVersioning").always().act(stall));
    let outcome = world.backup(&dir).done().says("versioning   unknown: ");
    assert!(outcome.took < Duration::from_secs(30), "{outcome}");
    assert_eq!(world.bucket.contents(), dir.contents());
}

#[test]
fn nobody_is_asked_where_nothing_is_lost() {
    let memory = Memory::start();
    let (world, dir) = World::different(&memory);
    let none = |work: &dyn Fn()| {
        memory.clear_log();
        work();
        assert_eq!(memory.count("GetBucketVersioning"), 0);
    };
    none(&|| {
        // Refused before the question.
        world.backup(&dir).args(["--max-delete", "0"]).exits(4);
        // Nobody reads it.
        mock(&world, "backup", &dir).arg("-q").done();
        mock(&world, "backup", &dir).arg("--json").done();
        mock(&world, "restore", &dir).done();
    });
    world.backup(&dir).done();
    none(&|| {
        let outcome = world.backup(&dir).done();
        assert!(!outcome.stdout.contains(LINE), "{outcome}");
        // Only what is new.
        dir.write("newer", "1");
        world.backup(&dir).done();
    });
}
