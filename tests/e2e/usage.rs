//! A wrong or contradictory option is reported in one line with the fix; exit
//! status 2, and no request is made.

use crate::support::{Memory, World};

#[test]
fn wrong_options_are_told_in_one_line() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    let wrong: [(&[&str], &str); 22] = [
        (&["--no-such-option"], "--no-such-option"),
        (&["--max-delete", "lots"], "lots"),
        (&["--max-delete", "120%"], "120%"),
        (&["--max-delete", "-1"], "-1"),
        (&["--max-key-length", "1025"], "1024"),
        (&["--max-key-length", "0"], "0"),
        (&["--part-size", "1KiB"], "--part-size"),
        (&["--part-size", "6GiB"], "--part-size"),
        (&["--part-size", "large"], "large"),
        (&["--concurrency", "0"], "--concurrency"),
        (&["--threads", "0"], "--threads"),
        (&["--max-attempts", "0"], "--max-attempts"),
        (&["--max-attempts", "4294967295"], "--max-attempts"),
        (&["--max-memory", "1"], "--max-memory"),
        (&["--compare", "names"], "names"),
        (&["--checksum", "md4"], "md4"),
        (&["--path-style", "sometimes"], "sometimes"),
        (&["--endpoint-url", "not a url"], "not a url"),
        (&["--endpoint-url", "ftp://127.0.0.1"], "ftp"),
        (&["--color", "blue"], "blue"),
        (&["--no-delete", "--max-delete", "5"], "--no-delete"),
        (&["extra"], "extra"),
    ];
    for (options, word) in wrong {
        let run = world.backup(&dir).args(options);
        let outcome = world
            .no_requests(|| run.exits(2))
            .complains_in_one_line()
            .says(word);
        assert!(outcome.stderr.len() < 400, "{outcome}");
    }
}

#[test]
fn wrong_places_are_told_in_one_line() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    for place in ["", "s3://", "/", "s3:///x", "https://bucket", "a\nb"] {
        let run = world.command_at(&["backup", "--yes"], &dir, place);
        world.no_requests(|| run.exits(2)).complains_in_one_line();
    }
}

#[test]
fn what_is_missing_is_named() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    let path = dir.path().to_str().unwrap();
    world
        .s3mirror()
        .args(["backup", "-d", path])
        .exits(2)
        .complains_in_one_line()
        .says("--bucket");
    world
        .s3mirror()
        .args(["restore", "-b", "bucket"])
        .exits(2)
        .complains_in_one_line()
        .says("--dir");
    world
        .s3mirror()
        .args(["cleanup"])
        .exits(2)
        .complains_in_one_line()
        .says("--dir");
    world
        .s3mirror()
        .args(["mock", "nothing"])
        .exits(2)
        .complains_in_one_line()
        .says("nothing");
    world
        .s3mirror()
        .args(["bakcup"])
        .exits(2)
        .complains_in_one_line()
        .says("backup");
}

#[test]
fn a_wrong_value_in_the_environment_is_told_the_same_way() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    let run = world.backup(&dir).env("S3MIRROR_MAX_DELETE", "lots");
    world
        .no_requests(|| run.exits(2))
        .complains_in_one_line()
        .says("lots");
}

#[test]
fn help_and_version_are_no_error() {
    let memory = Memory::start();
    let world = World::on(&memory);
    world
        .s3mirror()
        .arg("--help")
        .done()
        .says("backup")
        .says("restore")
        .says("cleanup");
    world.s3mirror().arg("--version").done().says("s3mirror");
    let help = world.s3mirror().args(["backup", "--help"]).done();
    let options = [
        "--dir",
        "--bucket",
        "--dry-run",
        "--region",
        "--profile",
        "--endpoint-url",
        "--path-style",
        "--no-sign-request",
        "--no-conditional",
        "--checksum",
        "--sign-payload",
        "--yes",
        "--no-delete",
        "--max-delete",
        "--allow-empty-source",
        "--max-key-length",
        "--exclude",
        "--include",
        "--exclude-from",
        "--min-size",
        "--max-size",
        "--newer-than",
        "--older-than",
        "--compare",
        "--symlinks",
        "--concurrency",
        "--threads",
        "--part-size",
        "--max-memory",
        "--max-attempts",
        "--json",
        "--quiet",
        "--verbose",
        "--color",
        "--plan-out",
    ];
    options
        .into_iter()
        .fold(help, |help, option| help.says(option));
    let own: [(&[&str], &[&str]); 3] = [
        (&["mock", "backup"], &["--format", "--check", "--plan-out"]),
        (&["show"], &["<FILE>", "--format", "--json"]),
        (
            &["apply"],
            &["<FILE>", "--dir", "--yes", "--max-delete", "--durability"],
        ),
    ];
    for (command, options) in own {
        let help = world.s3mirror().args(command).arg("--help").done();
        options.iter().fold(help, |help, option| help.says(option));
    }
}

/// At 80 columns. A command with many options hides the rarer ones there.
#[test]
fn the_short_help_fits_a_screen() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let commands: [&[&str]; 13] = [
        &[],
        &["backup"],
        &["restore"],
        &["mock"],
        &["mock", "backup"],
        &["mock", "restore"],
        &["apply"],
        &["show"],
        &["cleanup"],
        &["run"],
        &["jobs"],
        &["config"],
        &["config", "check"],
    ];
    for command in commands {
        let run = world.s3mirror().args(command).arg("-h");
        let outcome = run.env("COLUMNS", "80").done();
        let lines = outcome.stdout.lines().count();
        let widest = outcome.stdout.lines().map(|line| line.chars().count());
        let widest = widest.max().unwrap();
        assert!(lines <= 45 && widest <= 80, "{lines}x{widest} {outcome}");
    }
    let short = world.s3mirror().args(["backup", "-h"]).done();
    let short = short.says("--dir").says("--help shows all options");
    assert!(!short.stdout.contains("--max-memory"), "{short}");
    let long = world.s3mirror().args(["backup", "--help"]).done();
    long.says("--max-memory").says("Examples:");
}
