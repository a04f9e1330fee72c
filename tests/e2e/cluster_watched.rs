//! `cluster status --watch`: when it ends, and what it prints where there is no terminal.

use std::fs;
use std::thread;
use std::time::Duration;

use s3_endpoint::{Action, Fault};

use crate::cluster_input::edit;
use crate::support::{
    Memory,
    cluster::{Cluster, IN_ORDER, different, held, with_a_film},
};

/// Longer than the looks at which nobody must have worked before a watch ends.
const LOOKS: Duration = Duration::from_secs(7);

#[test]
fn a_watch_ends_where_all_that_is_left_has_failed_and_prints_that_once() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 2);
    let denied = Fault::on("PutObject").always();
    memory.inject(denied.act(Action::error(403, "AccessDenied")));
    cluster.phase("apply").trusting().exits(3);
    let watched = cluster.phase("status").arg("--watch").done();
    let watched = watched.says("0 running, 2 failed, 0 waiting");
    assert_eq!(watched.stdout.matches("  state ").count(), 1, "{watched}");
}

#[test]
fn a_watch_ends_where_ranges_cannot_be_planned() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::ranges(&world, "backup", &dir, 2, &IN_ORDER);
    let denied = Fault::on("ListObjectsV2").always();
    memory.inject(denied.act(Action::error(403, "AccessDenied")));
    for range in 0..cluster.plans() {
        cluster.plan(range).exits(1);
    }
    let watched = cluster.phase("status").arg("--watch").done();
    watched.says("0 running, 2 failed, 0 waiting");
}

#[test]
fn a_watch_ends_where_deletions_have_failed() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 2);
    cluster.phase("apply").done();
    let refused = Action::fail_keys(["d0/0"], "AccessDenied");
    memory.inject(Fault::on("DeleteObjects").act(refused));
    cluster.finish().trusting().exits(3);
    let watched = cluster.phase("status").arg("--watch").done();
    watched.says("copied, and not all is deleted");
}

/// A scheduler may start what waits, and somebody may finish what is copied.
#[test]
fn a_watch_goes_on_while_something_can_be_begun() {
    let memory = Memory::start();
    let (world, dir) = with_a_film(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 2);
    let denied = Fault::on("PutObject").always();
    memory.inject(denied.act(Action::error(403, "AccessDenied")));
    cluster.apply(1).trusting().exits(3);
    memory.clear_faults();
    let mut watch = cluster.phase("status").arg("--watch").start();
    thread::sleep(LOOKS);
    assert!(!watch.has_ended(), "{}", watch.end());
    cluster.phase("apply").done();
    thread::sleep(LOOKS);
    assert!(!watch.has_ended(), "{}", watch.end());
    cluster.finish().done();
    let watched = watch.end().is(0);
    for once in ["0 running, 1 failed, 1 waiting", "copied: it can be"] {
        assert_eq!(
            watched.stdout.matches(once).count(),
            1,
            "{once} in {watched}"
        );
    }
    watched.says("state      finished");
}

/// A process of another machine that is silent may be at work.
#[test]
fn a_watch_goes_on_while_it_is_not_known_that_nobody_works() {
    let memory = Memory::start();
    let (world, dir) = with_a_film(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 1);
    assert!(held(&memory, &cluster).kill());
    let began = cluster.file("shard/0000/began.1");
    let here = fs::read_to_string(&began).unwrap();
    edit(&began, |began| {
        began["identity"]["space"] = "another machine".into();
    });
    edit(&cluster.file("shard/0000/beat.1"), |beat| {
        beat["at"] = "2026-01-01T00:00:00Z".into();
    });
    let mut watch = cluster.phase("status").arg("--watch").start();
    thread::sleep(LOOKS);
    assert!(!watch.has_ended(), "{}", watch.end());
    fs::write(&began, here).unwrap();
    watch.end().is(0).says("1 silent").says("1 dead");
}
