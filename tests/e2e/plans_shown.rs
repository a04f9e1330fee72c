//! What a plan looks like, from a mock run and from a file; and `--check`.

use std::fs;

use crate::support::{
    Dir, Memory, Outcome, World, assert_same,
    plans::{PlanText, mock, save},
    times::at,
};

/// A directory and a bucket that differ in every way the rule knows, below
/// directories, with times of which all is known.
fn with_known_times(memory: &Memory) -> (World<'_>, Dir) {
    let world = World::on(memory);
    let put = |key: &str, text: &str, time: &str| {
        memory.put_at(&world.bucket.name, key, text, at(time));
    };
    put("a/same", "22", "2024-05-01T12:00:00Z");
    put("a/b/gone", "1", "2024-05-01T12:00:00Z");
    put("a.size", "333", "2024-05-02T12:00:00Z");
    put("a/later", "4444", "2024-05-03T12:00:00Z");
    let dir = world.dir("dir");
    let write = |name: &str, text: &str, time: &str| dir.write_at(name, text, at(time));
    write("a/same", "22", "2024-05-01T12:00:00Z");
    write("a.size", "4444 4444", "2024-01-01T00:00:00Z");
    write("a/later", "55", "2024-05-03T12:00:00.5Z");
    write("a/later", "5555", "2024-05-03T12:00:00.5Z");
    write("a/b/c/new", "6", "1969-12-31T23:59:59Z");
    (world, dir)
}

/// The lines before the summary.
fn actions(outcome: &Outcome) -> Vec<&str> {
    let lines = outcome.stdout.lines();
    let shown = lines.filter(|line| !line.starts_with("plan made "));
    shown
        .take_while(|line| !line.starts_with("backup ") && !line.starts_with("restore "))
        .collect()
}

const LIST: [&str; 4] = [
    "overwrite  a.size  (size differs, 3 B -> 9 B, file 2024-01-01T00:00:00Z, object 2024-05-02T12:00:00Z)",
    "upload     a/b/c/new  (new, 1 B, file 1969-12-31T23:59:59Z)",
    "delete     a/b/gone  (not in source, 1 B, object 2024-05-01T12:00:00Z)",
    "overwrite  a/later  (file is later, 4 B, file 2024-05-03T12:00:00.500Z, object 2024-05-03T12:00:00Z)",
];

const TREE: [&str; 7] = [
    "overwrite  a.size  (size differs, 3 B -> 9 B, file 2024-01-01T00:00:00Z, object 2024-05-02T12:00:00Z)",
    "a/",
    "  b/",
    "    c/",
    "      upload     new  (new, 1 B, file 1969-12-31T23:59:59Z)",
    "    delete     gone  (not in source, 1 B, object 2024-05-01T12:00:00Z)",
    "  overwrite  later  (file is later, 4 B, file 2024-05-03T12:00:00.500Z, object 2024-05-03T12:00:00Z)",
];

#[test]
fn a_plan_is_a_sorted_list_or_tree_with_reasons_sizes_and_times() {
    let memory = Memory::start();
    let (world, dir) = with_known_times(&memory);
    let plan = save(&world, &["mock", "backup"], &dir);
    let show = || world.s3mirror().arg("show").arg(&plan);
    for (format, lines) in [
        (&[][..], &LIST[..]),
        (&["--format", "list"], &LIST),
        (&["--format", "tree"], &TREE),
    ] {
        let mock = mock(&world, "backup", &dir).args(format);
        assert_eq!(actions(&world.only_looks(|| mock.done())), lines);
        let shown = world.no_requests(|| show().args(format).done());
        assert_eq!(actions(&shown), lines);
        shown.says("plan made ").says(&memory.url()).says("upload ");
    }
}

#[test]
fn a_restore_calls_the_sides_by_their_names() {
    let memory = Memory::start();
    let (world, dir) = with_known_times(&memory);
    let run = mock(&world, "restore", &dir).args(["--format", "tree"]);
    let expected = [
        "overwrite  a.size  (size differs, 9 B -> 3 B, object 2024-05-02T12:00:00Z, file 2024-01-01T00:00:00Z)",
        "a/",
        "  b/",
        "    c/",
        "      delete     new  (not in source, 1 B, file 1969-12-31T23:59:59Z)",
        "    download   gone  (new, 1 B, object 2024-05-01T12:00:00Z)",
        "  overwrite  later  (file is later, 4 B, object 2024-05-03T12:00:00Z, file 2024-05-03T12:00:00.500Z)",
    ];
    assert_eq!(actions(&run.done()), expected);
}

#[test]
fn json_is_the_plan_as_it_is_saved() {
    let memory = Memory::start();
    let (world, dir) = with_known_times(&memory);
    for json in [&["--json"][..], &["--format", "json"]] {
        let file = world.sandbox.path("plan");
        let run = mock(&world, "backup", &dir).args(json);
        let outcome = run.arg("--plan-out").arg(&file).done();
        assert_eq!(outcome.stdout, PlanText::read(&file));
        let show = world.s3mirror().arg("show").arg(&file).args(json);
        assert_eq!(show.done().stdout, outcome.stdout);
        assert_eq!(outcome.json().len(), 5);
    }
}

#[test]
fn what_is_no_path_stands_below_the_tree() {
    let memory = Memory::start();
    let (world, dir) = with_known_times(&memory);
    world.bucket.put("a/b//c", "1");
    world.bucket.put("../x", "1");
    let run = mock(&world, "restore", &dir).args(["--format", "tree"]);
    let outcome = run.exits(3);
    let lines = actions(&outcome);
    assert_eq!(lines.len(), 9);
    assert_eq!(lines[1], "a/");
    assert!(lines[7].starts_with("skip       ../x  (no possible path: "));
    assert!(lines[8].starts_with("skip       a/b//c  (no possible path: "));
}

/// Whoever edits a plan must not be able to drive the terminal of its reader.
#[test]
fn nothing_in_a_plan_drives_a_terminal() {
    let memory = Memory::start();
    let (world, dir) = with_known_times(&memory);
    dir.write("di\x1b[31mr/na\x1b[31mme", "1");
    let plan = save(&world, &["mock", "backup"], &dir);
    PlanText::edit_header(&plan, |header| {
        for field in ["source", "target"] {
            header[field] = "\u{1b}[31m".into();
        }
        for field in ["directory", "prefix", "endpoint_url", "region"] {
            header["origin"][field] = "/\u{1b}[31m/".into();
        }
    });
    // Where colours are not wanted, whatever looks like one is dropped anyway.
    let show = || world.s3mirror().args(["show", "--color", "always"]);
    for format in ["list", "tree"] {
        let run = show().args(["--format", format]);
        let outcome = run.arg(&plan).done().says(r"\u{1b}[31m");
        assert!(!outcome.stdout.contains('\x1b'), "{outcome}");
    }
    PlanText::edit_header(&plan, |header| header["origin"] = serde_json::json!(null));
    let outcome = show().arg(&plan).done();
    assert!(!outcome.stdout.contains('\x1b'), "{outcome}");
}

#[test]
fn check_tells_by_the_status_whether_something_would_change() {
    let memory = Memory::start();
    for command in ["backup", "restore"] {
        let (world, dir) = with_known_times(&memory);
        let (objects, tree) = (world.bucket.objects(), dir.snapshot());
        let check = || mock(&world, command, &dir).arg("--check");
        world.only_lists(|| check().exits(5).says("a.size"));
        world.only_lists(|| check().arg("-q").exits(5));
        // Without it nothing is wrong with a plan that has something to do.
        mock(&world, command, &dir).done();
        assert_same(&world.bucket.objects(), &objects);
        assert_same(&dir.snapshot(), &tree);
        world.command(&[command, "--yes"], &dir).done();
        world.only_lists(|| check().done());
    }
}

#[test]
fn check_tells_first_what_is_wrong_with_a_plan() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    mock(&world, "restore", &dir)
        .arg("--check")
        .exits(4)
        .says("--allow-empty-source");
    let (world, dir) = with_known_times(&memory);
    world.bucket.put("a//b", "1");
    mock(&world, "restore", &dir).arg("--check").exits(3);
    let none = Dir::clone(&dir);
    fs::remove_dir_all(none.path()).unwrap();
    mock(&world, "backup", &none).arg("--check").exits(1);
}

#[test]
fn check_of_cleanup_tells_whether_there_are_empty_directories() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a/b", "1")]);
    let check = || {
        let run = world.s3mirror().args(["mock", "cleanup", "--check", "-d"]);
        run.arg(dir.path())
    };
    check().done();
    dir.mkdir("empty");
    check().exits(5).says("empty/");
    assert!(dir.join("empty").is_dir());
}
