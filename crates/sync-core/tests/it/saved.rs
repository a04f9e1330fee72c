//! A plan that was saved: what it says of its origin, what is refused though
//! its header counts it, and that it is carried out as planned or not at all.

use std::io;

use sync_core::testing::MemoryStore;
use sync_core::{
    Direction, ErrorKind,
    execute::{ExecuteOptions, OnSourceChange, Report},
    plan::{Origin, Plan, PlanOptions},
    spool::{MemorySpools, Spools},
};

use crate::support::{
    Events, chunks, error, mock, noon, one_by_one, plan, run_with, saved, version,
};

const GOLDEN: &str = include_str!("golden.plan.jsonl");

fn as_planned() -> ExecuteOptions {
    with!(one_by_one(), on_source_change: OnSourceChange::Refuse)
}

fn read(text: &str) -> io::Result<Plan> {
    Plan::read_from(text.as_bytes(), MemorySpools.create()?)
}

fn origin() -> Origin {
    Origin {
        at: None,
        customer_key: true,
        created: noon(0),
        directory: "/srv/\tdata".to_owned(),
        bucket: "bucket".to_owned(),
        prefix: "pre\\fix/".to_owned(),
        endpoint_url: Some("http://localhost:9000".to_owned()),
        region: None,
        run: None,
    }
}

#[test]
fn the_origin_is_kept_and_what_is_unknown_is_passed_over() {
    let plan = read(GOLDEN).unwrap();
    assert_eq!(plan.header().origin, None);
    let text = saved(&plan.with_origin(origin()));
    assert_eq!(read(&text).unwrap().header().origin, Some(origin()));
    let later = text.replace("\"origin\":{", "\"news\":[1],\"origin\":{\"more\":2,");
    assert_ne!(later, text);
    assert_eq!(saved(&read(&later).unwrap()), text);
}

/// Each is counted by its header, so only the line itself tells.
#[test]
fn a_line_that_does_not_do_what_it_says_is_refused() {
    let header = |reason: &str| {
        format!(
            r#"{{"s3mirror_plan":3,"source":"s","target":"t","direction":"restore","compare":"times","clock_offset":0,"counts":{{"source":{{"entries":1,"bytes":1}},"target":{{"entries":1,"bytes":1}},"reasons":{{"{reason}":{{"entries":1,"bytes":1}}}},"skipped_in_source":{{}},"skipped_in_target":{{}},"conflicts":0,"too_long":0}}}}"#
        )
    };
    let entry = |key: &str| {
        format!(r#"{{"key":"{key}","size":1,"modified":"2024-05-01T12:00:00Z","revision":"0"}}"#)
    };
    let transfer = |reason: &str, rest: &str| {
        let source = entry("a/b");
        format!(r#"{{"action":"transfer","reason":"{reason}","source":{source}{rest}}}"#)
    };
    let delete = |reason: &str| {
        let target = entry("a");
        format!(r#"{{"action":"delete","reason":"{reason}","target":{target}}}"#)
    };
    let target = |key: &str| format!(r#","target":{}"#, entry(key));
    let blocker = |key: &str| format!(r#","blocker":{{"file":{}}}"#, entry(key));
    let with = |reason: &str, line: &str| read(&format!("{}\n{line}\n", header(reason)));
    for (reason, line) in [
        ("only-in-source", transfer("only-in-source", "")),
        ("size-differs", transfer("size-differs", &target("a/b"))),
        ("only-in-target", delete("only-in-target")),
    ] {
        assert!(with(reason, &line).is_ok(), "{line}");
    }
    for (reason, line) in [
        ("size-differs", delete("size-differs")),
        ("only-in-source", delete("only-in-source")),
        ("only-in-target", transfer("only-in-target", "")),
        ("unchanged", transfer("unchanged", &target("a/b"))),
        ("only-in-source", transfer("only-in-source", &target("a/b"))),
        ("size-differs", transfer("size-differs", "")),
        ("size-differs", transfer("size-differs", &target("c"))),
        ("only-in-source", transfer("only-in-source", &blocker("a"))),
        ("only-in-source", transfer("only-in-source", &blocker("c"))),
        (
            "only-in-source",
            transfer("only-in-source", &blocker("a/b")),
        ),
    ] {
        let error = with(reason, &line)
            .err()
            .unwrap_or_else(|| panic!("{line}"));
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert!(
            error.to_string().starts_with("line 2 of the plan: "),
            "{error}"
        );
    }
}

#[test]
fn what_is_wrong_is_told_with_line_and_column_and_cannot_drive_a_terminal() {
    let header = GOLDEN.lines().next().unwrap();
    for (text, place) in [
        (String::new(), "line 1 of the plan: there is none"),
        ("{\"s3mirror_plan\": oops}".to_owned(), "(column 19)"),
        (format!("{header}\n\n"), "line 2 of the plan: "),
        (
            format!("{header}\n{{\"action\":\"\\u001b[31m\"}}\n"),
            r"line 2 of the plan: unknown variant `\u{1b}[31m`",
        ),
    ] {
        let error = read(&text).err().unwrap().to_string();
        assert!(error.contains(place), "{error}");
        assert!(!error.contains("at line 1"), "{error}");
        assert!(!error.contains(char::is_control), "{error}");
    }
}

#[test]
fn a_line_without_an_end_does_not_fill_the_memory() {
    let endless = io::BufReader::new(io::repeat(b'x'));
    let error = Plan::read_from(endless, MemorySpools.create().unwrap()).err();
    assert_eq!(error.unwrap().kind(), io::ErrorKind::InvalidData);
}

fn backup() -> PlanOptions {
    PlanOptions::new(Direction::Backup)
}

fn apply(plan: &Plan, source: &MemoryStore, target: &MemoryStore) -> (Report, Vec<String>) {
    let events = Events::default();
    let report = run_with(plan, source, target, &as_planned(), &events);
    let mut told = events.told();
    told.sort();
    (report, told)
}

/// No look is taken, and nothing is put: the mocks would panic.
#[test]
fn a_source_that_has_changed_is_named_and_not_copied() {
    let (mut source, target) = (mock(&[version(1)]), mock(&[]));
    source
        .expect_read()
        .times(1)
        .returning(|_, _| error(ErrorKind::Changed));
    let plan = plan(&source, &target, &backup());
    let events = Events::default();
    let report = run_with(&plan, &source, &target, &as_planned(), &events);
    assert_eq!(events.told(), ["failed a: Changed"]);
    assert_eq!(report.failed, 1);
}

#[test]
fn a_source_that_changes_while_it_is_copied_is_named_and_not_copied_again() {
    let (mut source, mut target) = (mock(&[version(1)]), mock(&[]));
    source.expect_read().times(1).returning(|_, _| chunks("1"));
    source
        .expect_stat()
        .times(1)
        .returning(|_| Ok(Some(version(2))));
    target.expect_put().times(1).returning(|_, _, _, _| Ok(()));
    let plan = plan(&source, &target, &backup());
    let events = Events::default();
    let report = run_with(&plan, &source, &target, &as_planned(), &events);
    assert_eq!(events.told(), ["copied a", "failed a: Changed"]);
    assert_eq!((report.created.entries, report.failed), (1, 1));
}

#[test]
fn what_the_source_has_again_is_not_deleted_in_either_direction() {
    for direction in [Direction::Backup, Direction::Restore] {
        let (files, objects) = (MemoryStore::files(), MemoryStore::objects());
        let (source, target) = match direction {
            Direction::Backup => (&files, &objects),
            Direction::Restore => (&objects, &files),
        };
        source.insert("kept", "1", noon(0));
        for name in ["kept", "back", "gone"] {
            target.insert(name, "1", noon(0));
        }
        let plan = plan(source, target, &PlanOptions::new(direction));
        source.insert("back", "2", noon(1));
        let (report, told) = apply(&plan, source, target);
        assert_eq!(told, ["deleted gone", "failed back: Changed"]);
        assert_eq!((report.deleted.entries, report.failed), (1, 1));
    }
}

#[test]
fn a_plan_without_changes_since_is_carried_out_whole() {
    let (source, target) = (MemoryStore::files(), MemoryStore::objects());
    target.set_clock(noon(60));
    source.insert("new", "1", noon(0));
    source.insert("other", "22", noon(0));
    target.insert("other", "1", noon(0));
    target.insert("gone", "1", noon(0));
    let saved = read(&saved(&plan(&source, &target, &backup()))).unwrap();
    let (report, _) = apply(&saved, &source, &target);
    assert!(report.is_complete());
    assert_eq!(target.contents(), source.contents());
    // Once more: everything is as the plan wants it, and stays.
    let (report, told) = apply(&saved, &source, &target);
    assert_eq!(told, ["deleted gone", "found new", "found other"]);
    assert!(report.is_complete());
    assert_eq!(report.already_done.entries, 2);
    assert_eq!(target.contents(), source.contents());
}
