//! Only the given directory and the given prefix are touched.

use std::ffi::OsStr;

use crate::support::{Memory, Server, World, assert_same, content::map};

on_all_servers! {
    only_the_given_prefix_is_touched
    nothing_outside_the_directory_is_touched
    every_way_to_write_a_bucket_means_the_same
}

fn only_the_given_prefix_is_touched(server: &dyn Server) {
    let world = World::on(server);
    let others = [
        ("photos-old/a", "1"),
        ("photos.txt", "2"),
        ("a", "4"),
        ("z/a", "5"),
    ];
    for (key, text) in others {
        world.bucket.put(key, text);
    }
    world.bucket.put("photos/gone", "6");
    let dir = world.tree("dir", &[("a", "1"), ("sub/b", "2")]);
    let place = format!("{}/photos", world.bucket.name);

    world
        .command_at(&["backup"], &dir, &place)
        .arg("--yes")
        .done();
    let mut expected = map(&others);
    expected.extend(map(&[("photos/a", "1"), ("photos/sub/b", "2")]));
    assert_same(&world.bucket.contents(), &expected);

    let elsewhere = world.dir("elsewhere");
    world
        .command_at(&["restore"], &elsewhere, &place)
        .arg("--yes")
        .done();
    assert_same(&elsewhere.contents(), &dir.contents());

    // Not even by a backup that deletes all of it.
    let empty = world.dir("empty");
    let run = world.command_at(&["backup"], &empty, &place).arg("--yes");
    run.arg("--allow-empty-source").done();
    assert_same(&world.bucket.contents(), &map(&others));
}

fn nothing_outside_the_directory_is_touched(server: &dyn Server) {
    let world = World::on(server);
    world.bucket.put("a", "1");
    world.bucket.put("sub/b", "2");
    let around = world.tree(
        "around",
        &[("a", "before"), ("inside/old", "old"), ("z", "after")],
    );
    let mut expected = around.snapshot();
    expected.remove("inside/old");

    let dir = world.dir("around/inside");
    world.restore(&dir).done();

    assert_same(&dir.contents(), &map(&[("a", "1"), ("sub/b", "2")]));
    let mut outside = around.snapshot();
    outside.retain(|name, _| !name.starts_with("inside/"));
    assert_same(&outside, &expected);
}

fn every_way_to_write_a_bucket_means_the_same(server: &dyn Server) {
    let world = World::on(server);
    let name = &world.bucket.name;
    world.bucket.put("pre/fix/a", "1");
    world.bucket.put("pre/fixed", "not below the prefix");
    for place in [
        "{}/pre/fix",
        "{}/pre/fix/",
        "s3://{}/pre/fix",
        "s3://{}/pre/fix/",
    ] {
        let dir = world.dir(&format!("dir-{}", place.len()));
        let place = place.replace("{}", name);
        world
            .command_at(&["restore"], &dir, &place)
            .arg("--yes")
            .done();
        assert_same(&dir.contents(), &map(&[("a", "1")]));
    }
    for place in ["{}", "{}/", "s3://{}", "s3://{}/"] {
        let dir = world.dir(&format!("all-{}", place.len()));
        let place = place.replace("{}", name);
        world
            .command_at(&["restore"], &dir, &place)
            .arg("--yes")
            .done();
        assert_same(&dir.contents(), &world.bucket.contents());
    }
}

/// A bucket that go-s3sync wrote has keys that begin with a slash.
#[test]
fn keys_with_a_leading_slash_are_the_prefix_slash() {
    let memory = Memory::start();
    let world = World::on(&memory);
    world.bucket.put("/a", "1");
    world.bucket.put("/sub/b", "2");
    world.bucket.put("other", "3");
    let dir = world.dir("dir");
    let place = format!("s3://{}//", world.bucket.name);

    world
        .command_at(&["restore"], &dir, &place)
        .arg("--yes")
        .done();
    assert_same(&dir.contents(), &map(&[("a", "1"), ("sub/b", "2")]));

    dir.write_now("c", "3");
    dir.remove("a");
    world
        .command_at(&["backup"], &dir, &place)
        .arg("--yes")
        .done();
    assert_same(
        &world.bucket.contents(),
        &map(&[("/c", "3"), ("/sub/b", "2"), ("other", "3")]),
    );
}

#[test]
fn every_option_can_come_from_the_environment() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    let run = world
        .s3mirror()
        .arg("backup")
        .env("S3MIRROR_DIR", dir.path());
    run.env("S3MIRROR_BUCKET", &world.bucket.name)
        .env("S3MIRROR_YES", "true")
        .done();
    assert_same(&world.bucket.contents(), &dir.contents());
}

/// Whoever reads the error did not type the other option.
#[test]
fn an_option_that_conflicts_with_a_variable_names_the_variable() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    let mock = || world.mock_backup(&dir);
    let quiet = mock().arg("-q").env("S3MIRROR_VERBOSE", "1");
    quiet.exits(2).says("--verbose is set by S3MIRROR_VERBOSE");
    let verbose = mock().arg("-vv").env("S3MIRROR_QUIET", "1");
    verbose.exits(2).says("--quiet is set by S3MIRROR_QUIET");
    let kept = mock().arg("--no-delete").env("S3MIRROR_MAX_DELETE", "5");
    kept.exits(2)
        .says("--max-delete is set by S3MIRROR_MAX_DELETE");
    let typed = mock().args(["-q", "-v"]).env("S3MIRROR_VERBOSE", "1");
    let outcome = typed.exits(2).says("cannot be used with");
    assert!(!outcome.stderr.contains("is set by"), "{outcome}");
}

/// `AWS_ENDPOINT_URL` and a shared configuration file are usual AWS sources.
#[test]
fn credentials_come_from_the_usual_aws_sources() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    let (key, secret) = memory.credentials();
    let home = world.dir("home");
    home.write(
        ".aws/credentials",
        format!("[work]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n"),
    );
    home.write(
        ".aws/config",
        format!(
            "[profile work]\nregion = us-east-1\nendpoint_url = {}\n",
            memory.url()
        ),
    );
    let run = world.backup(&dir).args(["--profile", "work"]);
    let variables = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"];
    let run = variables.iter().fold(run, |run, name| run.env_remove(name));
    run.env_remove("S3MIRROR_ENDPOINT_URL").done();
    assert_same(&world.bucket.contents(), &dir.contents());
}

#[test]
fn places_as_words_work_as_their_options_do() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1"), ("b/c", "2")]);
    let bucket = format!("s3://{}/p", world.bucket.name);
    let run = |command: &[&str], places: [&OsStr; 2]| world.s3mirror().args(command).args(places);
    let there = [dir.path().as_os_str(), OsStr::new(&bucket)];
    run(&["mock", "backup"], there).done();
    run(&["backup", "--yes"], there).done();
    assert_same(
        &world.bucket.contents(),
        &map(&[("p/a", "1"), ("p/b/c", "2")]),
    );
    let back = world.dir("back");
    let from = [OsStr::new(&bucket), back.path().as_os_str()];
    run(&["restore", "--yes"], from).done();
    assert_same(&back.contents(), &dir.contents());
    run(&["verify"], there).done();
    let wrong = run(&["backup", "--yes"], from).exits(2);
    assert!(wrong.stderr.contains("s3mirror restore s3://"), "{wrong}");
}
