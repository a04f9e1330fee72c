//! What one machine does not find, and another one has.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use s3_endpoint::{Action, Fault};

use crate::support::{
    Memory, assert_same,
    cluster::{Cluster, different},
    run::Running,
};

/// The shard that has the directory which is not mounted, and the other one.
const ABSENT: usize = 1;
const OTHER: usize = 0;

/// A process that takes all shards: it waits for the one that another process executes, and
/// would fail at the other one.
fn waiting(memory: &Memory, cluster: &Cluster, note: &PathBuf) -> (Running, Running) {
    let hold = Action::Stall(Duration::from_secs(1000));
    memory.inject(Fault::on("PutObject").always().act(hold));
    let other = cluster.apply(OTHER).trusting().start();
    other.wait_for(memory, "PutObject", memory.count("PutObject") + 1);
    memory.clear_faults();
    let all = cluster.phase("apply").trusting();
    let all = all.complaining_to(fs::File::create(note).unwrap()).start();
    all.wait_until(memory, "a note that it waits", || {
        let note = fs::read_to_string(note).unwrap();
        note.contains("waits for 1 shard")
    });
    (other, all)
}

/// By another process, or by the one that waits itself.
#[test]
fn a_shard_that_would_have_failed_here_is_looked_at_again_when_the_others_are_done() {
    let memory = Memory::start();
    for done_elsewhere in [true, false] {
        let (world, dir) = different(&memory);
        let cluster = Cluster::split(&world, "backup", &dir, 2);
        let (hidden, away) = (dir.join("d3"), world.sandbox.path("away"));
        fs::rename(&hidden, &away).unwrap();
        fs::create_dir(&hidden).unwrap();
        cluster.apply(ABSENT).exits(3).says("not mounted");
        let (other, all) = waiting(&memory, &cluster, &world.sandbox.path("note"));
        fs::remove_dir(&hidden).unwrap();
        fs::rename(&away, &hidden).unwrap();
        if done_elsewhere {
            cluster.apply(ABSENT).done();
        }
        assert!(other.kill(), "it was held");
        all.end().is(0);
        cluster.finish().done();
        assert_same(&world.bucket.contents(), &dir.contents());
    }
}
