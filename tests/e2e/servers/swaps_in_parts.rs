//! A directory whose place is taken by a file that is sent in parts, and the
//! reverse: servers may refuse the end of an upload for other reasons than a
//! single request.

use std::fs;

use super::{comes_back, goes_up, lives, swaps::swap, the_second_passes};
use crate::support::{Server, World, content::mebibytes};

on_all_servers! {
    a_large_file_takes_the_place_of_a_directory_and_the_reverse
    a_directory_becomes_a_small_file_that_grows
}

fn a_large_file_takes_the_place_of_a_directory_and_the_reverse(server: &dyn Server) {
    let world = World::on(server);
    let dir = world.tree("dir", &[("a/1", "1"), ("a/x/2", "2"), ("z", "")]);
    dir.write("b", mebibytes(11, 1));
    lives(&world, &dir, |dir| {
        swap(dir, "a", "b");
    });
    // And back, where a directory and a file in parts have been before.
    swap(&dir, "a", "b");
    the_second_passes();
    goes_up(&world, &dir);
    comes_back(&world, &dir, &world.dir("at last"));
}

/// Where the server takes the small file into the directory, the large one
/// finds both.
fn a_directory_becomes_a_small_file_that_grows(server: &dyn Server) {
    let world = World::on(server);
    let dir = world.tree("dir", &[("a/1", "1"), ("a/x/2", "2"), ("z", "")]);
    goes_up(&world, &dir);
    fs::remove_dir_all(dir.join("a")).unwrap();
    dir.write_now("a", "small");
    the_second_passes();
    goes_up(&world, &dir);
    dir.write_now("a", mebibytes(11, 1));
    the_second_passes();
    goes_up(&world, &dir);
    comes_back(&world, &dir, &world.dir("elsewhere"));
}
