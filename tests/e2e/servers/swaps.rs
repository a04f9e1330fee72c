//! Files that become directories and directories that become files, in the
//! bucket and in the directory, on servers that can hold `a` beside `a/b` and
//! on those that cannot.

use std::fs;

use super::{comes_back, goes_up, lives, the_second_passes};
use crate::support::{Dir, Server, World};

on_all_servers! {
    a_file_becomes_a_directory
    a_directory_becomes_a_file
    files_and_directories_change_places
}

fn a_file_becomes_a_directory(server: &dyn Server) {
    let world = World::on(server);
    let dir = world.tree("dir", &[("a", "file"), ("b", "other"), ("sub/a", "deeper")]);
    lives(&world, &dir, |dir| {
        for name in ["a", "sub/a"] {
            dir.remove(name);
            for child in 0..12 {
                dir.write_now(format!("{name}/{child}"), "child");
            }
            dir.write_now(format!("{name}/x/y/z"), "grandchild");
        }
    });
}

fn a_directory_becomes_a_file(server: &dyn Server) {
    let world = World::on(server);
    let files = [
        ("a/1", "1"),
        ("a/x/2", "2"),
        ("b", "other"),
        ("sub/a/3", "3"),
    ];
    let dir = world.tree("dir", &files);
    lives(&world, &dir, |dir| {
        for name in ["a", "sub/a"] {
            fs::remove_dir_all(dir.join(name)).unwrap();
            dir.write_now(name, "now a file");
        }
    });
}

fn files_and_directories_change_places(server: &dyn Server) {
    let world = World::on(server);
    let dir = world.tree(
        "dir",
        &[("a", "file"), ("b/1", "1"), ("b/c/2", "2"), ("z", "")],
    );
    lives(&world, &dir, |dir| {
        swap(dir, "a", "b");
    });
    // And once more the other way round.
    swap(&dir, "a", "b");
    the_second_passes();
    goes_up(&world, &dir);
    comes_back(&world, &dir, &world.dir("elsewhere"));
}

pub(super) fn swap(dir: &Dir, one: &str, other: &str) {
    fs::rename(dir.join(one), dir.join("aside")).unwrap();
    fs::rename(dir.join(other), dir.join(one)).unwrap();
    fs::rename(dir.join("aside"), dir.join(other)).unwrap();
}
