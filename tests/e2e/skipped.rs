//! What the source skips is not absent from it: a link that is not followed, a
//! FIFO, a directory that is not looked into. What the bucket has there stays.

use std::{fs, os::unix::fs::symlink};

use crate::support::{
    Dir, Memory, World, assert_same,
    content::map,
    plans::{apply, mock, save},
};

/// What may have the name `l` of a tree that also has the files `a`,
/// `l-b`, `real/x` and `z`.
const SKIPPED: [&str; 8] = [
    "link to a directory",
    "link out of the tree, to a directory",
    "link out of the tree, to a file",
    "dangling link",
    "loop of links",
    "link through a file",
    "fifo",
    "link to a file, links skipped",
];

fn tree(world: &World, what: &str) -> (Dir, &'static [&'static str]) {
    let dir = world.tree(
        "dir",
        &[("a", "1"), ("l-b", "2"), ("real/x", "3"), ("z", "4")],
    );
    let outside = world.tree("outside", &[("x", "out")]);
    let mut options: &[&str] = &[];
    match what {
        "link to a directory" => dir.link("l", "real"),
        "link out of the tree, to a directory" => dir.link("l", outside.path()),
        "link out of the tree, to a file" => dir.link("l", outside.join("x")),
        "dangling link" => dir.link("l", "nowhere"),
        "loop of links" => dir.link("l", "l"),
        "link through a file" => dir.link("l", "a/b"),
        "fifo" => dir.mkfifo("l"),
        "link to a file, links skipped" => {
            dir.link("l", "a");
            options = &["--symlinks", "skip"];
        }
        other => panic!("unknown: {other}"),
    }
    (dir, options)
}

#[test]
fn a_backup_keeps_what_is_at_or_below_a_skipped_name_and_says_so() {
    for what in SKIPPED {
        let memory = Memory::start();
        let world = World::on(&memory);
        let (dir, options) = tree(&world, what);
        let kept = [("l", "kept"), ("l/x", "kept"), ("l/y/z", "kept")];
        for (object, content) in kept {
            world.bucket.put(object, content);
        }
        world.bucket.put("gone", "1");
        let mut mocked = mock(&world, "backup", &dir).args(options).done();
        let run = world.backup(&dir).args(options).done();
        let advice = match what {
            "fifo" => "sockets, FIFOs and devices: remove them",
            _ => "links: see --symlinks",
        };
        let run = run.says("kept: source skipped").says(advice);
        drop(run.says("deleted                 1"));
        let mut expected = map(&[("a", "1"), ("l-b", "2"), ("real/x", "3"), ("z", "4")]);
        expected.extend(map(&kept));
        assert_same(&world.bucket.contents(), &expected);
        let mut again = world.only_lists(|| world.backup(&dir).args(options).arg("-v").done());
        for (object, _) in kept {
            mocked = mocked.says(&format!("keep       {object}  (source skipped"));
            again = again.says(&format!("kept {object}  (source skipped)"));
        }
        let verified = world.command(&["verify"], &dir).args(options).done();
        drop(verified.says("below skipped"));
    }
}

/// A saved plan keeps the same, and what has become a link since is not deleted.
#[test]
fn a_saved_plan_keeps_it_too() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let (dir, _) = tree(&world, "link to a directory");
    for key in ["l/x", "old/x", "old/y"] {
        world.bucket.put(key, "kept");
    }
    let plan = save(&world, &["mock", "backup"], &dir);
    dir.link("old", "real");
    drop(apply(&world, &plan).exits(3).says("old/x"));
    let contents = world.bucket.contents();
    for key in ["l/x", "old/x", "old/y"] {
        assert!(contents.contains_key(key), "{key} is lost");
    }
}

/// The name of a directory that is not looked into is covered as well, and a
/// link whose own name is not selected.
#[test]
fn what_is_not_looked_into_is_not_absent() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1"), ("cache/x", "2")]);
    dir.link("odd.d", "cache");
    world.bucket.put("cache", "an object of that name");
    world.bucket.put("odd.d/keep", "1");
    world.bucket.put("gone", "1");
    let options = [
        "--exclude",
        "cache/",
        "--exclude",
        "*.d",
        "--include",
        "odd.d/keep",
    ];
    let run = world.backup(&dir).args(options).done();
    drop(run.says("kept: source skipped"));
    let expected = [
        ("a", "1"),
        ("cache", "an object of that name"),
        ("odd.d/keep", "1"),
    ];
    assert_same(&world.bucket.contents(), &map(&expected));
}

/// An empty source is one of which nothing is known, not one with a link.
#[test]
fn guards_judge_what_would_be_deleted() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let outside = world.tree("outside", &[("x", "1")]);
    let dir = world.dir("dir");
    dir.link("l", outside.path());
    for n in 0..12 {
        world.bucket.put(&format!("l/{n}"), "kept");
    }
    let before = world.bucket.contents();
    world.backup(&dir).args(["--max-delete", "0"]).done();
    assert_same(&world.bucket.contents(), &before);
    world.bucket.put("other", "1");
    world.backup(&dir).exits(4).says("--allow-empty-source");
}

/// Over a tree with a link where the bucket has a directory: the link
/// stays, nothing is written through it, and what is beside it is not lost.
#[test]
fn a_restore_neither_writes_through_a_link_nor_clears_its_neighbours() {
    for (object, link, neighbour) in [("l/x", "l", "n"), ("d", "d/l", "d/n")] {
        let memory = Memory::start();
        let world = World::on(&memory);
        world.bucket.put(object, "object");
        world.bucket.put("z", "object");
        let outside = world.tree("outside", &[("x", "out")]);
        let dir = world.tree("dir", &[(neighbour, "file")]);
        symlink(outside.path(), dir.join(link)).unwrap();
        let said = format!("'{link}' is in the way");
        world.mock_restore(&dir).exits(3).says(&said);
        world.restore(&dir).exits(3).says(&said);
        assert_same(&outside.contents(), &map(&[("x", "out")]));
        assert!(fs::symlink_metadata(dir.join(link)).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(dir.join("z")).unwrap(), "object");
        assert_eq!(fs::read_to_string(dir.join(neighbour)).unwrap(), "file");
    }
}

/// A directory marker hides nothing below it.
#[test]
fn a_placeholder_hides_nothing_from_a_restore() {
    let memory = Memory::start();
    let (world, dir) = World::with(
        &memory,
        &[("dir/", ""), ("a", "1")],
        &[("dir/gone", "1"), ("a", "1")],
    );
    world.restore(&dir).done();
    assert_same(&dir.contents(), &map(&[("a", "1")]));
}
