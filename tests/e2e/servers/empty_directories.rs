//! Directories without an object, which deletions of an earlier time or other
//! clients have left on the server, and which no listing may show.

use super::{comes_back, goes_up};
use crate::support::{World, content::mebibytes, servers::RealServer};

on_real_servers! {
    an_empty_directory_of_the_server_gives_way
}

fn an_empty_directory_of_the_server_gives_way(server: &RealServer) {
    let world = World::on(server);
    for directory in ["small/", "small/x/", "large/", "large/x/y/", "other/"] {
        world.bucket.put(directory, "");
    }
    let dir = world.tree("dir", &[("small", "a file"), ("z", "")]);
    dir.write("large", mebibytes(11, 1));
    goes_up(&world, &dir);
    comes_back(&world, &dir, &world.dir("elsewhere"));
}
