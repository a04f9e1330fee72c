//! What the bucket has and the directory has not is deleted, whoever put it
//! there and whatever it is called.

use std::collections::BTreeMap;

use super::{backup, is_quiet};
use crate::support::{Server, World, assert_same, content::map};

on_all_servers! {
    objects_of_other_clients_are_deleted
    the_last_object_is_deleted
}

fn objects_of_other_clients_are_deleted(server: &dyn Server) {
    let world = World::on(server);
    for key in [
        "a", "b c", "d+e", "f%g", "h&i", "sub/j", "sub/k/l", "é", "z",
    ] {
        world.bucket.put(key, "theirs");
    }
    let dir = world.tree("dir", &[("a", "ours")]);
    backup(&world, &dir).done();
    assert_same(&world.bucket.contents(), &map(&[("a", "ours")]));
    is_quiet(backup(&world, &dir));
}

/// Some servers keep a directory where the last object of it was.
fn the_last_object_is_deleted(server: &dyn Server) {
    let world = World::on(server);
    let dir = world.tree("dir", &[("sub/deeper/only", "1")]);
    backup(&world, &dir).done();
    dir.remove("sub/deeper/only");
    backup(&world, &dir).arg("--allow-empty-source").done();
    assert_same(&world.bucket.contents(), &BTreeMap::new());
    // Neither side has anything now: nothing to be afraid of.
    is_quiet(backup(&world, &dir).arg("--allow-empty-source"));
    let elsewhere = world.dir("elsewhere");
    world.restore(&elsewhere).arg("--allow-empty-source").done();
    assert_same(&elsewhere.snapshot(), &BTreeMap::new());
}
