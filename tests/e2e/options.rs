//! The options that change how s3mirror talks to a server change nothing in
//! what arrives.

use s3_endpoint::OWNER;

use crate::support::{Memory, Server, World, assert_same};

on_all_servers! {
    the_result_is_the_same_by_every_way_of_talking
}

const WAYS: [&[&str]; 20] = [
    &["--path-style", "always"],
    &["--no-conditional"],
    &["--checksum", "crc64nvme"],
    &["--checksum", "crc32"],
    &["--checksum", "none"],
    &["--sign-payload", "always"],
    &["--sign-payload", "never"],
    &["--sign-payload", "never", "--checksum", "none"],
    &["--concurrency", "1"],
    &["--concurrency", "200"],
    &["--threads", "1"],
    &["--threads", "4"],
    &["--max-memory", "5MiB"],
    &["--max-attempts", "1"],
    &["--durability", "each"],
    &["--durability", "none"],
    &["--storage-class", "STANDARD_IA", "--acl", "private"],
    &["--content-type", "guess", "--cache-control", "no-cache"],
    &["--request-payer", "--expected-bucket-owner", OWNER],
    &["--bwlimit", "00:00,30MiB 12:00,40MiB"],
];

/// Up, changed, back elsewhere, with a file of three parts among the others.
fn the_result_is_the_same_by_every_way_of_talking(server: &dyn Server) {
    for way in WAYS {
        let world = World::on(server);
        if way.contains(&"--storage-class") && !server.limits().storage_classes {
            let dir = world.tree("dir", &[("a", "1")]);
            let run = world.backup(&dir).args(way);
            run.exits(3).says("'a'").says("try without --storage-class");
            continue;
        }
        let dir = world.tree(
            "dir",
            &[("a", "1"), ("b/c", "22"), ("empty", ""), ("gone", "4")],
        );
        dir.write("parts", vec![5; (10 << 20) + 1]);
        let elsewhere = world.dir("elsewhere");
        let way = || way.iter().chain(&["--part-size", "5MiB"]);

        world.backup(&dir).args(way()).done();
        dir.remove("gone");
        dir.write_now("a", "one");
        world.backup(&dir).args(way()).done();
        assert_same(&world.bucket.contents(), &dir.contents());

        world.restore(&elsewhere).args(way()).done();
        assert_same(&elsewhere.files(), &world.bucket.objects());
        world.only_lists(|| world.restore(&elsewhere).args(way()).done());
    }
}

#[test]
fn a_public_bucket_needs_no_credentials() {
    let memory = Memory::with(s3_endpoint::Config {
        anonymous: true,
        ..Default::default()
    });
    let world = World::on(&memory);
    world.bucket.put("a", "1");
    let dir = world.dir("dir");
    let run = world.restore(&dir).arg("--no-sign-request");
    run.env_remove("AWS_ACCESS_KEY_ID")
        .env_remove("AWS_SECRET_ACCESS_KEY")
        .done();
    assert_same(&dir.files(), &world.bucket.objects());
}

#[test]
fn quiet_says_nothing_when_all_is_well() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    let outcome = world.backup(&dir).arg("--quiet").done();
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("", ""));
    // But it does when something is not.
    dir.write_now("a", "one");
    let error = s3_endpoint::Action::error(403, "AccessDenied");
    memory.inject(s3_endpoint::Fault::on("PutObject").always().act(error));
    let outcome = world.backup(&dir).arg("--quiet").exits(3);
    assert!(outcome.stderr.contains("'a'"), "{outcome}");
}

#[test]
fn json_is_one_object_a_line_and_nothing_else_on_standard_output() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1"), ("b", "2")]);
    let lines = world.backup(&dir).arg("--json").done().json();
    assert_eq!(lines.first().unwrap()["s3mirror_plan"], 3);
    let report = lines.last().unwrap();
    assert_eq!(
        (&report["event"], &report["exit"]),
        (&"report".into(), &0.into())
    );
    assert_eq!(report["created"]["entries"], 2);
    // Also where it fails, so that a program can tell.
    let error = s3_endpoint::Action::error(403, "AccessDenied");
    memory.inject(s3_endpoint::Fault::on("PutObject").always().act(error));
    dir.write_now("a", "one");
    let lines = world.backup(&dir).arg("--json").exits(3).json();
    assert!(
        lines
            .iter()
            .any(|line| line["event"] == "failed" && line["key"] == "a"),
        "{lines:?}"
    );
    assert_eq!(lines.last().unwrap()["exit"], 3);
}

#[test]
fn links_can_be_left_out() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    dir.link("link", "a");
    world.backup(&dir).args(["--symlinks", "skip"]).done();
    assert_same(&world.bucket.contents(), &dir.contents());
}
