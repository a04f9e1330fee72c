//! `--include`, `--exclude`, `--exclude-from`, `--min-size`, `--max-size`,
//! `--newer-than`, `--older-than`: what is not selected is neither copied nor
//! deleted, on either side.

use chrono::{DateTime, TimeDelta, Utc};

use crate::support::{
    Dir, Memory, World, assert_same,
    content::map,
    run::Run,
    times::{LONG_AGO, at},
};

/// What entries are like: the end of their names, their least size, their time.
#[derive(Clone, Copy)]
struct Kind {
    end: &'static str,
    size: usize,
    modified: DateTime<Utc>,
}

fn kind(end: &'static str) -> Kind {
    Kind {
        end,
        size: 3,
        modified: at(LONG_AGO),
    }
}

fn sized(end: &'static str, size: usize) -> Kind {
    Kind { size, ..kind(end) }
}

fn of(end: &'static str, modified: DateTime<Utc>) -> Kind {
    Kind {
        modified,
        ..kind(end)
    }
}

/// Either side, by the same words.
struct Sides<'w> {
    memory: &'w Memory,
    world: World<'w>,
    dir: Dir,
    backup: bool,
}

impl<'w> Sides<'w> {
    fn new(memory: &'w Memory, backup: bool) -> Self {
        let world = World::on(memory);
        let dir = world.dir("dir");
        Self {
            memory,
            world,
            dir,
            backup,
        }
    }

    fn write(&self, in_source: bool, name: &str, text: &str, modified: DateTime<Utc>) {
        if in_source == self.backup {
            self.dir.write_at(name, text, modified);
        } else {
            let bucket = &self.world.bucket.name;
            self.memory.put_at(bucket, name, text, modified);
        }
    }

    fn run(&self) -> Run {
        if self.backup {
            self.world.backup(&self.dir)
        } else {
            self.world.restore(&self.dir)
        }
    }

    fn contents(
        &self,
        of_source: bool,
    ) -> std::collections::BTreeMap<String, crate::support::Content> {
        if of_source == self.backup {
            self.dir.contents()
        } else {
            self.world.bucket.contents()
        }
    }
}

/// Runs with `options`, in both directions, and expects that what is `taken`
/// is copied and deleted, and what is `left` neither, nor asked for.
#[track_caller]
fn selects(options: &[&str], taken: Kind, left: Kind) {
    let memory = Memory::start();
    for backup in [true, false] {
        let sides = Sides::new(&memory, backup);
        std::fs::write(
            sides.world.sandbox.path("ignored"),
            "# all of these:\n*.left\n",
        )
        .unwrap();
        for Kind {
            end,
            size,
            modified,
        } in [taken, left]
        {
            let text = |byte: &str, more: usize| byte.repeat(size + more);
            sides.write(true, &format!("new{end}"), &text("n", 0), modified);
            sides.write(true, &format!("both{end}"), &text("s", 1), modified);
            sides.write(false, &format!("both{end}"), &text("t", 0), modified);
            sides.write(false, &format!("gone{end}"), &text("g", 0), modified);
        }
        let source = sides.contents(true);
        let mut expected = sides.contents(false);
        let name = |what: &str| format!("{what}{}", taken.end);
        for what in ["new", "both"] {
            expected.insert(name(what), source[&name(what)].clone());
        }
        expected.remove(&name("gone"));
        memory.clear_log();

        let run = sides.run().args(options);
        let outcome = run.done().says("not selected            3");

        assert_same(&sides.contents(false), &expected);
        assert_same(&sides.contents(true), &source);
        let story = memory.story();
        let asked = |request: &&String| request.contains(left.end);
        assert!(
            !story.iter().any(|request| asked(&request)),
            "{story:?} {outcome}"
        );
        // Nor is there anything left to do.
        sides.world.only_lists(|| sides.run().args(options).done());
    }
}

#[test]
fn what_is_excluded_is_neither_copied_nor_deleted() {
    selects(&["--exclude", "*.left"], kind(".taken"), kind(".left"));
}

#[test]
fn what_is_not_included_is_neither_copied_nor_deleted() {
    selects(&["--include", "*.taken"], kind(".taken"), kind(".left"));
}

#[test]
fn what_a_file_excludes_is_neither_copied_nor_deleted() {
    selects(
        &["--exclude-from", "ignored"],
        kind(".taken"),
        kind(".left"),
    );
}

#[test]
fn what_is_too_small_is_neither_copied_nor_deleted() {
    selects(
        &["--min-size", "100"],
        sized(".taken", 100),
        sized(".left", 98),
    );
}

#[test]
fn what_is_too_large_is_neither_copied_nor_deleted() {
    selects(
        &["--max-size", "1KiB"],
        sized(".taken", 1023),
        sized(".left", 1025),
    );
}

#[test]
fn what_is_too_old_is_neither_copied_nor_deleted() {
    let date = at("2021-01-01T00:00:00Z");
    // The endpoint keeps times to the second, as AWS does.
    let seconds_before = date - TimeDelta::seconds(1);
    selects(
        &["--newer-than", "2021-01-01"],
        of(".taken", date),
        of(".left", seconds_before),
    );
    let long_before = date - TimeDelta::days(400);
    selects(
        &["--newer-than", "2021-01-01T00:00:00Z"],
        of(".taken", date),
        of(".left", long_before),
    );
    let now = Utc::now();
    let days = |days| now - TimeDelta::days(days);
    selects(
        &["--newer-than", "7d"],
        of(".taken", days(6)),
        of(".left", days(8)),
    );
}

/// What a run has copied to the bucket is new there, so that it is excluded
/// from then on; only the first run is described here.
#[test]
fn what_is_too_new_is_neither_copied_nor_deleted() {
    let date = at("2021-01-01T00:00:00Z");
    let second = TimeDelta::seconds(1);
    selects(
        &["--older-than", "2021-01-01"],
        of(".taken", date - second),
        of(".left", date),
    );
    let now = Utc::now();
    let hours = |hours| now - TimeDelta::hours(hours);
    selects(
        &["--older-than", "36h"],
        of(".taken", hours(37)),
        of(".left", hours(35)),
    );
}

/// Keys of a directory that a backup with `options` copies, in order.
fn copied(files: &[&str], options: &[&str]) -> Vec<String> {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.dir("dir");
    for name in files {
        dir.write(name, "1");
    }
    world.backup(&dir).args(options).done();
    world.bucket.contents().into_keys().collect()
}

#[test]
fn the_order_counts_across_both_options() {
    let files = ["a.jpg", "a.txt", "b.jpg"];
    let cases: [(&[&str], &[&str]); 4] = [
        (
            &["--exclude", "a*", "--include", "*.jpg"],
            &["a.jpg", "b.jpg"],
        ),
        (&["--include", "*.jpg", "--exclude", "a*"], &["b.jpg"]),
        (
            &["--exclude", "*", "--include", "a*", "--exclude", "*.jpg"],
            &["a.txt"],
        ),
        (
            &[
                "--exclude",
                "*.jpg",
                "--exclude",
                "*",
                "--include",
                "a.*",
                "--include",
                "b*",
            ],
            &files,
        ),
    ];
    for (options, expected) in cases {
        assert_eq!(copied(&files, options), expected, "{options:?}");
    }
}

#[test]
fn globs_can_come_from_the_environment() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1"), ("b.tmp", "2"), ("c.bak", "3")]);
    world
        .backup(&dir)
        .env("S3MIRROR_EXCLUDE", "*.tmp\n*.bak\n")
        .done();
    assert_same(&world.bucket.contents(), &map(&[("a", "1")]));
}

#[test]
fn an_ignore_file_is_read_as_git_reads_it() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let lines = "\u{feff}*.o\r\n# comment\r\n\r\n!keep.o\n/top\nbuild/\n!build/keep\ndocs/*.pdf\n\\#x\n**/deep/*.x\n";
    std::fs::write(world.sandbox.path("ignored"), lines).unwrap();
    let left = [
        "a.o",
        "sub/a.o",
        "top",
        "build/x",
        "build/keep",
        "sub/build/x",
        "docs/a.pdf",
        "#x",
        "a/deep/1.x",
    ];
    let taken = [
        "keep.o",
        "sub/keep.o",
        "sub/top",
        "builds/x",
        "sub/docs/a.pdf",
        "docs/sub/a.pdf",
        "x",
        "build.x",
        "1.x",
    ];
    // The same names on both sides: each is judged as a key, wherever it is.
    let dir = world.dir("dir");
    for name in left.iter().chain(&taken) {
        dir.write(name, "file");
        world.bucket.put(&format!("{name}.gone"), "object");
    }
    for name in left {
        world.bucket.put(name, "the object");
    }
    let run = || {
        world
            .backup(&dir)
            .args(["--exclude-from", "ignored", "--exclude", "*.gone"])
    };
    run().done();
    let contents = world.bucket.contents();
    for name in left {
        assert_eq!(contents[name], "the object".into(), "{name}");
    }
    for name in taken {
        assert_eq!(contents[name], "file".into(), "{name}");
    }
    // What git would not bring back from an ignored directory is not missing
    // from the source.
    for name in left {
        dir.remove(name);
    }
    run().done();
    assert_same(&world.bucket.contents(), &contents);
}

/// The page on the selection: each example is there, and does what it says.
#[test]
fn the_examples_of_the_page_are_true() {
    let page =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/selection.md"));
    let section = page.unwrap();
    let files = [
        "a.jpg",
        "b.tmp",
        "cache/c.jpg",
        "cache/keep.jpg",
        "large.mov",
        "raw/d.jpg",
        "raw/e.txt",
    ];
    let examples: [(&str, &[&str]); 7] = [
        (
            "--exclude '*.tmp'",
            &[
                "a.jpg",
                "cache/c.jpg",
                "cache/keep.jpg",
                "large.mov",
                "raw/d.jpg",
                "raw/e.txt",
            ],
        ),
        (
            "--exclude cache/ --include 'cache/keep.*'",
            &[
                "a.jpg",
                "b.tmp",
                "cache/keep.jpg",
                "large.mov",
                "raw/d.jpg",
                "raw/e.txt",
            ],
        ),
        (
            "--include '*.jpg' --exclude raw/",
            &["a.jpg", "cache/c.jpg", "cache/keep.jpg"],
        ),
        (
            "--exclude-from ~/.s3ignore",
            &["a.jpg", "b.tmp", "raw/d.jpg", "raw/e.txt"],
        ),
        (
            "--max-size 1KiB",
            &[
                "a.jpg",
                "b.tmp",
                "cache/c.jpg",
                "cache/keep.jpg",
                "raw/d.jpg",
                "raw/e.txt",
            ],
        ),
        ("--newer-than 7d", &["large.mov", "raw/e.txt"]),
        (
            "--older-than 2024-05-01",
            &[
                "a.jpg",
                "b.tmp",
                "cache/c.jpg",
                "cache/keep.jpg",
                "raw/d.jpg",
            ],
        ),
    ];
    let shown: Vec<&str> = section
        .lines()
        .filter_map(|line| line.strip_prefix("s3mirror backup -d ~/photos -b my-bucket/photos "))
        .map(|options| options.split('#').next().unwrap().trim())
        .collect();
    assert_eq!(shown, examples.map(|(options, _)| options));

    let memory = Memory::start();
    for (options, expected) in examples {
        let world = World::on(&memory);
        let dir = world.dir("dir");
        for name in files {
            dir.write(name, "1");
        }
        dir.write_now("large.mov", "1".repeat(2000));
        dir.write_now("raw/e.txt", "1");
        std::fs::write(world.sandbox.path("home/.s3ignore"), "cache/\n*.mov\n").unwrap();
        // By a shell, as whoever copies the line does.
        world
            .backup(&dir)
            .in_shell(&format!("\"$@\" {options}"))
            .is(0);
        let copied: Vec<String> = world.bucket.contents().into_keys().collect();
        assert_eq!(copied, expected, "{options}");
    }
}
