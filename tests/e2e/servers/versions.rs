//! Buckets that keep what is overwritten or deleted, for a time or for good.

use super::{comes_back, goes_up, lives, the_second_passes, tree_with};
use crate::support::{
    Dir, Server, World, assert_same,
    content::mebibytes,
    server::Bucket,
    servers::{Keeping, RealServer},
};

on_real_servers! {
    a_bucket_with_versions_is_mirrored_and_keeps_the_old_ones
    a_bucket_whose_versions_are_suspended_is_mirrored
    a_bucket_with_a_default_retention_is_mirrored
}

/// A bucket that keeps, or the assertion that the server has none.
fn keeping(server: &RealServer, keeping: Keeping, is_able: bool) -> Option<World<'_>> {
    let world = World::on(server);
    let result = server.set(&world.bucket.name, keeping);
    assert_eq!(result.is_ok(), is_able, "{}: {result:?}", server.name());
    result.is_ok().then_some(world)
}

fn change(dir: &Dir) {
    dir.write_now("a", "longer");
    dir.write_now("large", mebibytes(12, 2));
    dir.remove("gone");
    dir.write_now("new", "4");
}

fn a_bucket_with_versions_is_mirrored_and_keeps_the_old_ones(server: &RealServer) {
    let is_able = server.limits().versions;
    let Some(world) = keeping(server, Keeping::Versions, is_able) else {
        return;
    };
    let dir = tree_with(&world, "sub/c");
    lives(&world, &dir, change);
    let versions = server.versions(&world.bucket.name);
    let of = |key: &str| versions.iter().filter(|(name, _)| name == key).count();
    assert_eq!(
        ["a", "gone", "large", "sub/c", "new"].map(of),
        // The version and the marker of its deletion.
        [2, 2, 2, 1, 1],
        "{versions:?}"
    );
}

fn a_bucket_whose_versions_are_suspended_is_mirrored(server: &RealServer) {
    let is_able = server.limits().versions;
    let Some(world) = keeping(server, Keeping::Versions, is_able) else {
        return;
    };
    let dir = tree_with(&world, "sub/c");
    goes_up(&world, &dir);
    server.set(&world.bucket.name, Keeping::Suspended).unwrap();
    change(&dir);
    the_second_passes();
    goes_up(&world, &dir);
    // Versions without a name replace one another.
    dir.write_now("a", "longer again");
    the_second_passes();
    goes_up(&world, &dir);
    comes_back(&world, &dir, &world.dir("elsewhere"));
}

fn a_bucket_with_a_default_retention_is_mirrored(server: &RealServer) {
    let world = World::on(server);
    let name = format!("{}-locked", world.bucket.name);
    let result = server.create_locked_bucket(&name);
    let is_able = server.limits().object_lock;
    assert_eq!(result.is_ok(), is_able, "{}: {result:?}", server.name());
    if !is_able {
        return;
    }
    let bucket = Bucket { server, name };
    let world = World { bucket, ..world };
    let dir = tree_with(&world, "sub/c");
    lives(&world, &dir, change);
    assert_same(&world.bucket.contents(), &dir.contents());
}
