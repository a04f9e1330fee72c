//! A second run on the same directory or bucket from this machine is refused
//! (case 32).

use std::time::Duration;

use s3_endpoint::{Action, Fault};

use crate::support::{Memory, World, assert_same};

#[test]
fn a_second_run_on_the_same_directory_or_bucket_is_refused() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    let other = world.tree("other", &[("b", "2")]);
    memory.create_bucket("another-bucket");
    memory.inject(Fault::on("ListObjectsV2").act(Action::Stall(Duration::from_secs(60))));
    let first = world.backup(&dir).start();
    first.wait_for(&memory, "ListObjectsV2", 1);

    // The same place by another name, too.
    std::os::unix::fs::symlink(dir.path(), world.sandbox.path("link")).unwrap();
    let link = world.sandbox.path("link");
    for run in [
        world.backup(&dir),
        world.restore(&dir),
        world.backup(&other),
        world.restore(&other),
        world.command_at(&["backup", "--yes"], &dir, "another-bucket"),
        world
            .s3mirror()
            .args(["backup", "--yes", "-b", "another-bucket", "-d"])
            .arg(link),
    ] {
        world
            .no_requests(|| run.exits(4))
            .complains_in_one_line()
            .says("another run");
    }
    // A mock changes nothing, so it may look; so may a run on other places.
    world.mock_backup(&dir).done();
    world
        .command_at(&["backup", "--yes"], &other, "another-bucket")
        .done();

    // However the first one ends, its locks end with it.
    drop(first);
    world.backup(&dir).done();
    assert_same(&world.bucket.contents(), &dir.contents());
}
