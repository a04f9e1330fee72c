//! Restores over a tree with links inside: what a link names may be replaced or
//! removed by the same run, and still both sides are equal after it.

use std::fs;

use crate::support::{
    Dir, Memory, World, assert_same,
    content::map,
    plans::{apply, save},
    times::at,
};

/// A directory with these files and links, all older than any object.
fn tree(world: &World, files: &[(&str, &str)], links: &[(&str, &str)]) -> Dir {
    let dir = world.tree("dir", files);
    for (name, _) in files {
        dir.touch(name, at("2020-01-01T00:00:00Z"));
    }
    for (name, to) in links {
        dir.link(name, to);
    }
    dir
}

type Names = &'static [(&'static str, &'static str)];

/// Objects, files and links. What has the size of its file would be kept.
const CASES: [(Names, Names, Names); 14] = [
    // The file goes, the link stays.
    (&[("l", "same")], &[("a", "same")], &[("l", "a")]),
    // The file is overwritten; the link comes before it, and after it.
    (
        &[("a", "longer now"), ("l", "same")],
        &[("a", "same")],
        &[("l", "a")],
    ),
    (
        &[("l", "same"), ("z", "longer now")],
        &[("z", "same")],
        &[("l", "z")],
    ),
    // Both go, and the link alone.
    (&[("b", "1")], &[("a", "same")], &[("l", "a")]),
    (&[("a", "longer now")], &[("a", "same")], &[("l", "a")]),
    // A chain, and several links to one file, in directories.
    (
        &[("d/k", "same"), ("l", "same"), ("m", "same")],
        &[("d/a", "same")],
        &[("d/k", "a"), ("l", "d/k"), ("m", "d/a")],
    ),
    // Only the middle of a chain is replaced.
    (
        &[("a", "same"), ("l", "longer now"), ("m", "same")],
        &[("a", "same")],
        &[("l", "a"), ("m", "l")],
    ),
    // The directory of the file becomes a file.
    (
        &[("d", "a file now"), ("l", "same")],
        &[("d/a", "same")],
        &[("l", "d/a")],
    ),
    // The link names nothing, and the restore makes its file; by a chain; in a
    // new directory; and it has a file for the link too.
    (&[("t", "new")], &[], &[("l", "t")]),
    (
        &[("t", "new")],
        &[("d/a", "1")],
        &[("d/l", "../m"), ("m", "t")],
    ),
    (&[("d/e/t", "new")], &[("a", "1")], &[("l", "d/./e/t")]),
    (&[("l", "1"), ("t", "new")], &[], &[("l", "t")]),
    // The link names a directory that becomes a file, and leads through a file
    // that becomes a directory.
    (&[("d", "a file now")], &[("d/a", "1")], &[("l", "d")]),
    (&[("f/t", "new")], &[("f", "1")], &[("l", "f/t")]),
];

#[test]
fn a_restore_over_links_makes_both_sides_equal_and_a_second_finds_nothing_to_do() {
    for (objects, files, links) in CASES {
        for how in ["plain", "trash", "plan"] {
            let memory = Memory::start();
            let world = World::on(&memory);
            for (key, content) in objects {
                world.bucket.put(key, content);
            }
            let dir = tree(&world, files, links);
            let trash = world.sandbox.path("trash");
            match how {
                "plan" => {
                    let plan = save(&world, &["mock", "restore", "--max-delete", "100%"], &dir);
                    drop(apply(&world, &plan).args(["--max-delete", "100%"]).done());
                }
                "trash" => drop(world.restore(&dir).arg("--trash").arg(&trash).done()),
                _ => drop(world.restore(&dir).done()),
            }
            assert_same(&dir.contents(), &map(objects));
            world.only_lists(|| world.restore(&dir).done());
            assert_same(&dir.contents(), &map(objects));
        }
    }
}

/// Links that name no file, with or without the restore.
#[test]
fn links_that_name_no_file_after_a_restore_stay() {
    let memory = Memory::start();
    let world = World::on(&memory);
    world.bucket.put("t", "new");
    let links = [
        ("nothing", "nowhere"),
        ("itself", "itself"),
        ("up", "nowhere/../t"),
        ("outside", "/etc/hostname"),
    ];
    let dir = tree(&world, &[], &links);
    dir.mkfifo("pipe");
    dir.link("to-pipe", "pipe");
    for _ in 0..2 {
        drop(world.restore(&dir).done());
        for (name, to) in links {
            assert_eq!(fs::read_link(dir.join(name)).unwrap().to_str(), Some(to));
        }
    }
    // What is not a file is replaced by one; then the link is an entry.
    world.bucket.put("pipe", "a file");
    drop(world.restore(&dir).done());
    assert!(dir.join("to-pipe").symlink_metadata().is_err());
    world.only_lists(|| world.restore(&dir).done());
}

/// A link that nothing happens to stays one, and a link that somebody has
/// changed since the plan was made is left alone.
#[test]
fn links_that_need_not_change_stay() {
    let memory = Memory::start();
    let world = World::on(&memory);
    for (key, content) in [("a", "same"), ("b", "newer"), ("l", "same")] {
        world.bucket.put(key, content);
    }
    let files = [("a", "same"), ("b", "old"), ("other", "1")];
    let dir = tree(&world, &files, &[("l", "a"), ("gone", "a")]);
    let plan = save(&world, &["mock", "restore"], &dir);
    dir.remove("gone");
    dir.link("gone", "other");
    drop(apply(&world, &plan).exits(3).says("gone"));
    assert_eq!(fs::read_link(dir.join("l")).unwrap().to_str(), Some("a"));
    assert_eq!(
        fs::read_link(dir.join("gone")).unwrap().to_str(),
        Some("other")
    );
    assert_eq!(fs::read_to_string(dir.join("b")).unwrap(), "newer");
}
