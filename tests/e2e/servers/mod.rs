//! What a server meets in a year of backups, over every server there is: in
//! memory, and those that other people wrote.
//!
//! The tests that other files run `on_all_servers!` are about what the product
//! promises; these are about what servers differ in. Each ends as a night's
//! work does: the bucket equals the directory, a second run finds nothing to do,
//! and a restore elsewhere gives the same tree.

mod deletions;
mod doctors;
mod empty_directories;
mod kills;
mod names;
mod past;
mod races;
mod regions;
mod swaps;
mod swaps_in_parts;
mod tenants;
mod tree;
mod versions;

use std::{thread, time::Duration};

use crate::support::{Dir, World, assert_same, content::mebibytes, run::Run};

/// Parts of the smallest size that S3 takes, so that small files have several.
const PARTS: [&str; 2] = ["--part-size", "5MiB"];

/// A backup in which every deletion is permitted.
fn backup(world: &World, dir: &Dir) -> Run {
    freely(world.backup(dir))
}

/// A restore likewise.
fn restore(world: &World, dir: &Dir) -> Run {
    freely(world.restore(dir))
}

fn freely(run: Run) -> Run {
    let run = run.args(PARTS).args(["--max-delete", "100%"]);
    run.within(Duration::from_secs(300))
}

/// A small tree with a file of several parts; `name` is one of its files.
fn tree_with(world: &World, name: &str) -> Dir {
    let dir = world.tree("dir", &[("a", "1"), ("gone", "2"), (name, "3")]);
    dir.write("large", mebibytes(11, 1));
    dir
}

/// A path of `bytes` bytes in segments that a file system takes.
fn path_of(bytes: usize) -> String {
    let mut path = format!("{}/", "d".repeat(199)).repeat(bytes / 200 + 1);
    path.truncate(bytes - 1);
    // A key must not end with a slash.
    path + "f"
}

/// Expects that `run` succeeds and has nothing to do.
#[track_caller]
fn is_quiet(run: Run) {
    let outcome = run.arg("--json").done();
    let report = outcome.json().pop().unwrap();
    for what in ["created", "overwritten", "deleted"] {
        assert_eq!(report[what]["entries"], 0, "{what}: {outcome}");
    }
}

/// Backs up twice, the second time with nothing to do.
#[track_caller]
fn goes_up(world: &World, dir: &Dir) {
    backup(world, dir).done();
    assert_same(&world.bucket.contents(), &dir.contents());
    is_quiet(backup(world, dir));
}

/// Restores into `elsewhere` twice, the second time with nothing to do.
#[track_caller]
fn comes_back(world: &World, dir: &Dir, elsewhere: &Dir) {
    restore(world, elsewhere).done();
    assert_same(&elsewhere.contents(), &dir.contents());
    is_quiet(restore(world, elsewhere));
}

/// What is edited in the second of its upload is sent once more, which is no
/// subject here.
fn the_second_passes() {
    thread::sleep(Duration::from_millis(1100));
}

/// Up, back elsewhere, changed, up and back again.
#[track_caller]
fn lives(world: &World, dir: &Dir, change: impl FnOnce(&Dir)) {
    let elsewhere = world.dir("elsewhere");
    goes_up(world, dir);
    comes_back(world, dir, &elsewhere);
    change(dir);
    the_second_passes();
    goes_up(world, dir);
    // The usual rule keeps a file that is older than an object of its size.
    let again = || restore(world, &elsewhere).args(["--compare", "exact-times"]);
    again().done();
    assert_same(&elsewhere.contents(), &dir.contents());
    is_quiet(again());
}
