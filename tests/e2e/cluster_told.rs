//! What the commands of `cluster` tell people: ages, durations, numbers, and what to run next.

use std::thread;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use s3_endpoint::{Action, Fault};

use crate::cluster_input::edit;
use crate::support::{
    Memory, World,
    cluster::{Cluster, IN_ORDER, different, held, report, with_a_film},
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

#[test]
fn a_status_of_plans_that_are_refused_says_what_to_run() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::ranges(&world, "backup", &dir, 2, &IN_ORDER);
    cluster.phase("plan").done();
    cluster.seal().args(["--max-delete", "0"]).exits(4);
    let status = cluster.phase("status").done().says("state      refused");
    let next = format!(
        "run `s3mirror cluster seal {}` again",
        cluster.run.display()
    );
    status.says(&next).says("a higher --max-delete");
    cluster.seal().args(["--max-delete", "100"]).done();
}

/// As it is seen from another machine, 92 seconds and almost three minutes after the last heartbeat.
#[test]
fn no_longer_silence_is_told_than_there_was() {
    let memory = Memory::start();
    let (world, dir) = with_a_film(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 1);
    assert!(held(&memory, &cluster).kill());
    edit(&cluster.file("shard/0000/began.1"), |began| {
        began["identity"]["space"] = "another machine".into();
    });
    for (seconds, unit) in [(92, "seconds"), (150, "2 minutes")] {
        let at = DateTime::<Utc>::from(SystemTime::now()) - TimeDelta::seconds(seconds);
        edit(&cluster.file("shard/0000/beat.1"), |beat| {
            beat["at"] = at.to_rfc3339_opts(SecondsFormat::Secs, true).into();
        });
        let status = cluster.phase("status").done().says("1 silent");
        let silence = status.stdout.split("no heartbeat for ").nth(1);
        let silence = silence.and_then(|rest| rest.lines().next());
        assert!(silence.unwrap().ends_with(unit), "{status}");
    }
}

#[test]
fn large_numbers_have_separators() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.dir("dir");
    for number in 0..1_100 {
        dir.write(number.to_string(), "x");
    }
    let cluster = Cluster::ranges(&world, "backup", &dir, 1, &IN_ORDER);
    let planned = cluster.phase("plan").done();
    planned.says("1,100 to create, 0 to overwrite (1,100 bytes in all)");
    cluster.seal().done();
    let hold = Action::Stall(Duration::from_secs(1000));
    let hits = memory.inject(Fault::on("PutObject").always().act(hold));
    let running = cluster.apply(0).trusting().start();
    running.wait_until(&memory, "an upload", || hits.count() > 0);
    cluster.phase("status").done().says(": 0 of 1,100 entries");
    assert!(running.kill());
    memory.clear_faults();
    let denied = Action::error(403, "AccessDenied");
    memory.inject(Fault::on("PutObject").always().act(denied));
    let failed = cluster.apply(0).trusting().exits(3);
    failed.says("1,100 entries failed");
    cluster
        .phase("status")
        .done()
        .says(": 1,100 entries failed");
}

/// The time of a report is that of the execution, as in one run; that of the metrics is all of it.
#[test]
fn the_times_of_a_report_begin_with_the_first_shard_and_with_the_split() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let pause = Duration::from_secs(3);
    let cluster = Cluster::sealed(&world, "backup", &dir, 2);
    thread::sleep(pause);
    cluster.apply(0).done();
    thread::sleep(pause);
    cluster.apply(1).done();
    let metrics = world.sandbox.path("metrics");
    let finish = || {
        let finish = cluster.finish().arg("--json").arg("--metrics-file");
        report(&finish.arg(&metrics).done())
    };
    let told = finish();
    let [seconds, total] = ["seconds", "total_seconds"].map(|name| told[name].as_f64().unwrap());
    assert!(seconds >= pause.as_secs_f64(), "{told}");
    assert!(total >= seconds + pause.as_secs_f64(), "{told}");
    let text = std::fs::read_to_string(&metrics).unwrap();
    let line = text
        .lines()
        .find(|line| line.starts_with("s3mirror_duration_seconds{"));
    assert!(line.unwrap().ends_with(&format!("}} {total}")), "{text}");
    let line = format!("backup done in {seconds:.1} s");
    cluster.finish().done().says(&line);
    // A report that is told again is the same.
    assert_eq!(finish()["seconds"], told["seconds"]);
}
