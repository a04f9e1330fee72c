//! What a selection must not do: look where it need not, lose what it leaves
//! out, or lull the guards; and what is wrong with one.

use std::{
    ffi::OsStr,
    fs::{self, Permissions},
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
};

use chrono::{TimeDelta, Utc};

use crate::support::{
    Memory, World, assert_same,
    content::map,
    strace::{Call, calls, traced},
    times::at,
};

/// As the source of a backup: a name that hides content would make it
/// incomplete, and `gone` would stay.
#[test]
fn what_is_left_out_need_not_be_readable() {
    for (options, whole) in [
        (
            &[
                "--exclude",
                "secret/",
                "--exclude",
                "*.key",
                "--exclude",
                "latin*",
            ][..],
            true,
        ),
        (&["--exclude-from", "ignored"], true),
        // A directory may hold names that are selected, whatever its own is.
        (
            &[
                "--exclude",
                "secret",
                "--exclude",
                "*.key",
                "--exclude",
                "latin*",
            ],
            false,
        ),
        (&["--exclude", "secret/", "--exclude", "latin*"], false),
        (&["--exclude", "secret/", "--exclude", "*.key"], false),
    ] {
        let memory = Memory::start();
        let (world, dir) = World::with(
            &memory,
            &[("gone", "1"), ("secret/old", "2")],
            &[("a", "1"), ("secret/b", "2"), ("sub/c.key", "3")],
        );
        dir.write(OsStr::from_bytes(b"latin-\xe9"), "x");
        fs::write(world.sandbox.path("ignored"), "secret/\n*.key\nlatin*\n").unwrap();
        let hidden = [dir.join("secret"), dir.join("sub/c.key")];
        for path in &hidden {
            fs::set_permissions(path, Permissions::from_mode(0o000)).unwrap();
        }
        let run = world
            .s3mirror_as_nobody()
            .args(["backup", "--yes", "-v", "--dir"]);
        let run = run.arg(dir.path()).args(["--bucket", &world.bucket.name]);
        run.args(options).exits(if whole { 0 } else { 3 });
        for path in &hidden {
            fs::set_permissions(path, Permissions::from_mode(0o700)).unwrap();
        }
        let mut expected = map(&[("a", "1"), ("secret/old", "2")]);
        if !whole {
            expected.extend(map(&[("gone", "1")]));
        }
        assert_same(&world.bucket.contents(), &expected);
    }
}

#[test]
#[ignore = "needs strace; `cargo xtask test` runs it"]
fn an_excluded_directory_is_never_opened() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1"), ("cache/x", "2"), ("sub/b", "3")]);
    let log = world.sandbox.path("strace");
    let options = ["-e", "trace=?open,openat,openat2"];
    let run = world.backup(&dir).args(["--exclude", "cache/"]);
    traced(run, &options, &log).done();
    let opened = calls(&log);
    let of = |name: &str| opened.iter().any(|call: &Call| call.strings()[0] == name);
    assert!(of("sub"), "{opened:?}");
    assert!(!of("cache"), "{opened:?}");
}

/// A restore that finds what is not selected in its way: both stay, the rest
/// is copied, nothing is deleted, and a mock says so before.
#[test]
fn what_is_in_the_way_and_not_selected_stays_and_is_named() {
    let cases: [(&str, &[&str], &[&str], &str); 5] = [
        ("a/b", &["a"], &["--exclude", "a"], "'a' is in the way"),
        ("a", &["a/keep"], &["--exclude", "a/*"], "'a' is in the way"),
        (
            "a",
            &["a/keep", "a/old"],
            &["--exclude", "*keep"],
            "'a/keep' is in the way",
        ),
        (
            "a",
            &["a/cache/x", "a/old"],
            &["--exclude", "a/cache/"],
            "'a/cache' is in the way",
        ),
        (
            "a",
            &["a/cache/x", "a/old"],
            &["--exclude-from", "ignored"],
            "'a/cache' is in the way",
        ),
    ];
    for (object, files, options, said) in cases {
        let memory = Memory::start();
        let world = World::on(&memory);
        fs::write(world.sandbox.path("ignored"), "cache/\n").unwrap();
        world.bucket.put(object, "object");
        world.bucket.put("z", "object");
        let dir = world.dir("dir");
        for name in files.iter().chain(&["gone"]) {
            dir.write(name, "file");
        }
        let mut expected = dir.contents();
        expected.insert("z".to_owned(), "object".into());
        let mocked = world.mock_restore(&dir).args(options).exits(3);
        mocked.says(said).says(&format!("conflict   {object} "));
        world.restore(&dir).args(options).exits(3).says(said);
        assert_same(&dir.contents(), &expected);
    }
}

/// One that comes long after the source is done, or long before it begins.
#[test]
fn a_directory_that_is_not_looked_into_blocks_only_its_own_path() {
    let memory = Memory::start();
    let world = World::on(&memory);
    for key in ["0", "a", "m-1", "m.x", "y", "zz"] {
        world.bucket.put(key, "object");
    }
    let files = [
        "1/cache/x",
        "a-b/cache/x",
        "b/cache/x",
        "m/cache/x",
        "z/cache/x",
        "y0/cache/x",
    ];
    let dir = world.dir("dir");
    for name in files {
        dir.write(name, "file");
    }
    world.restore(&dir).args(["--exclude", "*/cache/*"]).done();
    assert_eq!(dir.contents().len(), 12);
}

/// The files of the last week are uploaded, however old their objects are.
#[test]
fn the_sources_time_decides_where_both_have_the_key() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.dir("dir");
    dir.write_now("edited", "new text");
    dir.write("settled", "grown since");
    memory.put_at(
        &world.bucket.name,
        "edited",
        "old",
        at("2020-01-01T00:00:00Z"),
    );
    world.bucket.put("settled", "new");
    world.backup(&dir).args(["--newer-than", "7d"]).done();
    let expected = map(&[("edited", "new text"), ("settled", "new")]);
    assert_same(&world.bucket.contents(), &expected);
}

/// A file that shrank is not gone.
#[test]
fn an_object_stays_whose_file_is_left_out_by_its_size() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("shrank", "1"), ("large", "12345")]);
    world.bucket.put("shrank", "12345");
    world.backup(&dir).args(["--min-size", "3"]).done();
    let expected = map(&[("shrank", "12345"), ("large", "12345")]);
    assert_same(&world.bucket.contents(), &expected);
}

#[test]
fn the_guards_count_what_is_selected() {
    let memory = Memory::start();
    let world = World::on(&memory);
    for number in 0..40 {
        world.bucket.put(&format!("{number}.txt"), "1");
        world.bucket.put(&format!("{number}.jpg"), "1");
    }
    let dir = world.tree("dir", &[("only.jpg", "1")]);
    let before = world.bucket.contents();
    // Of the selected objects all would go, though they are half of the bucket.
    let refused = world.backup(&dir).args(["--exclude", "*.jpg"]).exits(4);
    drop(refused.says("--allow-empty-source"));
    dir.write("0.txt", "1");
    let refused = world.backup(&dir).args(["--exclude", "*.jpg"]).exits(4);
    drop(refused.says("39 of the target's 40 entries"));
    assert_same(&world.bucket.contents(), &before);
    // An empty source that is not selected is not refused.
    let empty = world.dir("empty");
    world.only_lists(|| world.backup(&empty).args(["--exclude", "*"]).done());
    assert_same(&world.bucket.contents(), &before);
}

#[test]
fn a_long_name_that_is_left_out_stops_nothing() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1"), ("long-name", "2")]);
    let run = || world.backup(&dir).args(["--max-key-length", "4"]);
    run().exits(4);
    run().args(["--exclude", "long*"]).done();
    assert_same(&world.bucket.contents(), &map(&[("a", "1")]));
}

/// A key that is not a path stays when it is excluded, and makes nothing
/// incomplete.
#[test]
fn an_odd_key_that_is_left_out_hides_nothing() {
    let memory = Memory::start();
    let world = World::on(&memory);
    for key in ["a", "odd//key", "../odd"] {
        world.bucket.put(key, "1");
    }
    let dir = world.tree("dir", &[("gone", "2")]);
    let odd = ["--exclude", "odd/[/]*"];
    world.restore(&dir).args(odd).exits(3);
    let run = world.restore(&dir);
    run.args(odd).args(["--exclude", "[.]./*"]).done();
    assert_same(&dir.contents(), &map(&[("a", "1")]));
}

#[test]
fn the_plan_says_what_it_was_limited_to() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1"), ("b.tmp", "2"), ("c/d", "3")]);
    fs::write(world.sandbox.path("ignored"), "c/\n# no\n\n").unwrap();
    let options = [
        "--exclude",
        "*.tmp",
        "--exclude-from",
        "ignored",
        "--newer-than",
        "2020-01-01",
    ];
    let plan = world.mock_backup(&dir).arg("--json").args(options).done();
    let header = &plan.json()[0];
    let expected = serde_json::json!({
        "names": [{"exclude": "*.tmp"}],
        "ignore_files": [{"file": "ignored", "lines": ["c/"]}],
        "newer_than": "2020-01-01T00:00:00Z",
    });
    assert_eq!(header["selection"], expected);
    let counts = &header["counts"];
    assert_eq!(counts["reasons"]["not-selected"]["entries"], 1);
    assert_eq!(counts["excluded"], 1);
    assert_eq!(counts["source"]["entries"], 1);
    let shown = world.mock_backup(&dir).args(options).done();
    let said =
        "selected by  --exclude '*.tmp' --exclude-from 'ignored' --newer-than 2020-01-01T00:00:00Z";
    let shown = shown.says(said).says("not looked at: 1");
    assert!(!shown.stdout.contains("b.tmp"), "{shown}");
}

/// Whoever copies it gets the same globs again.
#[test]
fn a_selection_is_shown_as_a_shell_reads_it() {
    let memory = Memory::start();
    let (world, dir) = World::with(&memory, &[], &[("a", "1")]);
    let options = [
        "--exclude",
        r"x\*",
        "--exclude",
        "it's",
        "--exclude",
        "a\tb",
    ];
    let shown = world.mock_backup(&dir).args(options).done();
    shown.says(r"selected by  --exclude 'x\*' --exclude 'it'\''s' --exclude 'a\tb'");
}

#[test]
fn a_wrong_selection_is_told_in_one_line_and_nothing_is_done() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    let home = |name: &str, bytes: &[u8]| fs::write(world.sandbox.path(name), bytes).unwrap();
    home("wrong", b"*.o\n\n# fine\nbuild[\n");
    home("latin", b"*.o\nab\xe9\n");
    home("dots", b"*.o\n../x\n");
    let wrong: [(&[&str], &str); 25] = [
        (
            &["--exclude", "a["],
            "--exclude 'a[': unclosed character class",
        ),
        (
            &["--include", "{a"],
            "--include '{a': unclosed alternate group",
        ),
        (&["--exclude", "/a"], "no key does"),
        (&["--exclude", ""], "empty"),
        (
            &["--exclude", "cache//"],
            "an empty segment, and no key does; for an object",
        ),
        (&["--include", "a/../cache/"], "no key does"),
        (&["--exclude-from", "dots"], "dots:2: '../x': it has a"),
        (&["--exclude-from", "missing"], "'missing': No such file"),
        (&["--exclude-from", "dir"], "'dir': Is a directory"),
        (
            &["--exclude-from", "wrong"],
            "wrong:4: 'build[': unclosed character class",
        ),
        (&["--exclude-from", "latin"], "latin:2:3: this is not UTF-8"),
        (&["--min-size", "lots"], "invalid size 'lots'"),
        (&["--min-size", "-1"], "-1"),
        (&["--max-size", ""], "size"),
        (
            &["--max-size", "1", "--min-size", "2"],
            "--min-size is larger than --max-size",
        ),
        (&["--newer-than", "yesterday"], "invalid time 'yesterday'"),
        (&["--newer-than", "2024-02-30"], "invalid time '2024-02-30'"),
        (&["--newer-than", "2024-05-01T12:00:00"], "invalid time"),
        (&["--newer-than", "7"], "invalid time '7'"),
        (&["--older-than", "1M"], "invalid time '1M'"),
        (
            &["--older-than", "9000000000000s"],
            "--older-than: that is before",
        ),
        (
            &["--newer-than", "1d", "--older-than", "1d"],
            "no entry matches both",
        ),
        (
            &["--newer-than", "2024-05-02", "--older-than", "2024-05-01"],
            "no entry matches both",
        ),
        (&["--exclude"], "--exclude"),
        (&["--exclude-from", "wrong", "--exclude", "a["], "wrong:4"),
    ];
    for (options, words) in wrong {
        for run in [
            world.backup(&dir),
            world.restore(&dir),
            world.mock_backup(&dir),
        ] {
            let run = run.args(options);
            let outcome = world.no_requests(|| run.exits(2)).complains_in_one_line();
            assert!(outcome.says(words).stderr.len() < 400);
        }
    }
    // Only the command line says the order of the globs.
    let run = world.backup(&dir).env("S3MIRROR_EXCLUDE", "*.tmp");
    let run = run.args(["--include", "a.tmp"]);
    world
        .no_requests(|| run.exits(2))
        .complains_in_one_line()
        .says("order");
    assert_same(&dir.contents(), &map(&[("a", "1")]));
}

/// It removes what is empty, whatever the selection.
#[test]
fn cleanup_knows_no_selection() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.dir("dir");
    dir.mkdir("cache");
    let cleanup = || world.s3mirror().args(["cleanup", "--dir"]).arg(dir.path());
    cleanup().args(["--exclude", "cache/"]).exits(2);
    cleanup().env("S3MIRROR_EXCLUDE", "cache/").done();
    assert!(dir.snapshot().is_empty());
}

/// Two runs of a day that share a boundary leave nothing out and take nothing
/// twice.
#[test]
fn newer_and_older_meet_without_a_gap() {
    let memory = Memory::start();
    let moment = at("2024-05-01T00:00:00Z");
    let nanosecond = TimeDelta::nanoseconds(1);
    for (modified, newer) in [
        (moment, true),
        (moment - nanosecond, false),
        (Utc::now(), true),
    ] {
        for (option, taken) in [("--newer-than", newer), ("--older-than", !newer)] {
            let world = World::on(&memory);
            let dir = world.dir("dir");
            dir.write_at("a", "1", modified);
            world.backup(&dir).args([option, "2024-05-01"]).done();
            assert_eq!(
                world.bucket.contents().len(),
                usize::from(taken),
                "{modified} {option}"
            );
        }
    }
}
