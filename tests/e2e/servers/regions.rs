//! A region that is not the server's: no trouble, or one line that names the
//! right one.

use crate::support::{Server, World, assert_same};

on_all_servers! {
    another_region_is_no_trouble_or_the_right_one_is_named
}

fn another_region_is_no_trouble_or_the_right_one_is_named(server: &dyn Server) {
    let world = World::on(server);
    let dir = world.tree("dir", &[("a", "1")]);
    let run = world.backup(&dir).args(["--region", "eu-west-7"]);
    if server.limits().checks_region {
        run.exits(1).complains_in_one_line().says(server.region());
    } else {
        run.done();
    }
    world.backup(&dir).done();
    assert_same(&world.bucket.contents(), &dir.contents());
}
