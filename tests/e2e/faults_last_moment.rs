//! A file is edited between the last look at it and the call that would replace
//! or remove it; and a restore is killed between the steps that see to that.

use std::{fs, path::Path, process::Command, thread, time::Duration};

use crate::support::{Dir, Memory, World, assert_same, content::map, strace::traced};

/// How the user saves a file.
type Edit = fn(&Dir);

const EDITS: [Edit; 2] = [
    |dir| fs::write(dir.join("a"), "my edit, an hour of work").unwrap(),
    |dir| {
        fs::write(dir.join("b"), "my edit, an hour of work").unwrap();
        fs::rename(dir.join("b"), dir.join("a")).unwrap();
    },
];

/// Whether a call that names "a" shows up in the log.
fn is_called(log: &Path, calls: &[&str]) -> bool {
    let log = fs::read_to_string(log).unwrap_or_default();
    log.lines().any(|line| {
        let is_call = |call: &&str| line.contains(&format!(" {call}("));
        calls.iter().any(is_call) && line.contains("\"a\"")
    })
}

/// A restore whose renames and removals begin late, so that there is time for
/// an edit after the last look.
#[track_caller]
fn edited_in_the_last_moment(objects: &[(&str, &str)], calls: &'static [&'static str]) {
    for edit in EDITS {
        for trash in [false, true] {
            let memory = Memory::start();
            let (world, dir) = World::with(&memory, objects, &[("a", "old")]);
            let log = world.sandbox.path("strace");
            let mut run = world.restore(&dir).args(["--max-delete", "100%"]);
            if trash {
                run = run.arg("--trash").arg(world.sandbox.path("trash"));
            }
            let inject = format!("inject={}:delay_enter=600000", calls.join(","));
            let run = traced(run, &["-e", &inject], &log);
            let running = run.start();
            let what = format!("{calls:?} of \"a\"");
            running.wait_until(&memory, &what, || is_called(&log, calls));
            thread::sleep(Duration::from_millis(200));
            edit(&dir);
            let outcome = running.end().is(3);
            outcome.says("'a' changed since it was listed");
            assert_eq!(
                fs::read_to_string(dir.join("a")).unwrap(),
                "my edit, an hour of work"
            );
            let mut expected = map(objects);
            expected.remove("a");
            let mut files = dir.contents();
            files.remove("a");
            assert_same(&files, &expected);
        }
    }
}

#[test]
#[ignore = "needs strace; `cargo xtask test` runs it"]
fn an_edit_after_the_last_look_is_not_overwritten() {
    let objects = [("a", "from the bucket")];
    edited_in_the_last_moment(&objects, &["renameat", "renameat2"]);
}

#[test]
#[ignore = "needs strace; `cargo xtask test` runs it"]
fn an_edit_after_the_last_look_is_not_deleted() {
    edited_in_the_last_moment(&[("other", "1")], &["renameat2", "unlinkat"]);
}

/// Kills at the first, second, … call of `name`; so many there were.
fn killed_at_each(name: &str) -> usize {
    for number in 1..100 {
        let memory = Memory::start();
        let world = World::on(&memory);
        let (old, new) = ("the old one", "from the bucket");
        world.bucket.put("sub/a", new);
        let dir = world.tree("dir", &[("sub/a", old), ("sub/gone", "gone")]);
        let trace = format!("trace={name}");
        let kill = format!("inject={name}:signal=KILL:when={number}");
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &kill]);
        strace.arg("--");

        let ended = world.restore(&dir).under(strace).start().wait();

        let files = dir.contents();
        let a = files.get("sub/a");
        assert!(
            a == Some(&old.as_bytes().to_vec().into())
                || a == Some(&new.as_bytes().to_vec().into()),
            "{files:?}"
        );
        let report = world.restore(&dir).done();
        assert_same(&dir.contents(), &map(&[("sub/a", new)]));
        // What was left was swept, and not deleted as a file of the user.
        let deleted = report.stdout.lines().find(|line| line.contains("deleted"));
        assert!(deleted.is_none_or(|line| !line.contains(" 2 ")), "{report}");
        if ended {
            return number - 1;
        }
    }
    panic!("it never ends")
}

#[test]
#[ignore = "needs strace; `cargo xtask test` runs it"]
fn a_kill_between_the_steps_of_a_replacement_or_a_removal_leaves_nothing_for_long() {
    // By threads: the marks of the temporary, the exchange, the name before the
    // removal.
    assert!(killed_at_each("renameat2") >= 2);
    // What was replaced, what is deleted.
    assert!(killed_at_each("unlinkat") >= 1);
}
