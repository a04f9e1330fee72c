//! What the commands of `cluster` tell people: ages, durations, numbers, and what to run next.

use std::thread;
use std::time::Duration;

use crate::support::{
    Memory,
    cluster::{Cluster, IN_ORDER, different},
};

/// Both places may have changed since the first listing: who agrees to the deletions must know when
/// that was.
#[test]
fn a_seal_asks_under_the_age_of_the_oldest_plan() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::ranges(&world, "backup", &dir, 2, &IN_ORDER);
    assert_eq!(cluster.plans(), 2);
    cluster.plan(0).done();
    thread::sleep(Duration::from_secs(2));
    cluster.plan(1).done();
    let made = |range: usize| {
        let plan = cluster.file(&format!("plan/{range:04}.plan"));
        let shown = world.s3mirror().arg("show").arg(plan).done().stdout;
        let time = shown.split(['(', ')']).nth(1).unwrap().to_owned();
        assert!(time.ends_with('Z'), "{shown}");
        time
    };
    let (oldest, newest) = (made(0), made(1));
    assert_ne!(oldest, newest);
    let asked = cluster.phase("seal").exits(4).says("--yes");
    let line = asked.stdout.lines().next().unwrap();
    assert!(line.starts_with("oldest plan made "), "{asked}");
    assert!(line.contains(&oldest), "not {oldest}: {asked}");
}
