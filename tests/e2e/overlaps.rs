//! Of two backups to overlapping prefixes none deletes what the other one has
//! saved, and no two runs work on places that are in each other.

use std::fs;
use std::time::Duration;

use s3_endpoint::{Action, Fault};

use crate::support::run::{Run, Running};
use crate::support::{Dir, Memory, World, assert_same};

#[test]
fn a_backup_that_would_delete_what_another_directory_saved_is_refused() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let (srv, home) = (
        world.tree("srv", &[("a", "1")]),
        world.tree("users", &[("h", "2")]),
    );
    let inner = format!("{}/home", world.bucket.name);
    world.command_at(&["backup", "--yes"], &home, &inner).done();
    let before = world.bucket.contents();
    let name = home.path().display().to_string();

    let run = || world.backup(&srv);
    let said = run().exits(4).says("'home/h'").says(&name);
    said.says(&format!("s3://{inner}/")).says("--allow-overlap");
    world.mock_backup(&srv).exits(4).says(&name);
    assert_same(&world.bucket.contents(), &before);
    // The ways out.
    run().args(["--exclude", "home/"]).done();
    run().arg("--no-delete").done();
    assert!(world.bucket.contents().contains_key("home/h"));

    // The other way round: what the directory above has is not deleted.
    srv.write("home/both", "3");
    run().args(["--no-delete"]).done();
    world
        .command_at(&["backup", "--yes"], &home, &inner)
        .exits(4)
        .says("'both'");
    run().arg("--allow-overlap").done();
    assert_same(&world.bucket.contents(), &srv.contents());
    // It is forgotten that the other one was there.
    srv.remove("home/both");
    run().done();
}

#[test]
fn a_directory_that_really_holds_the_other_one_is_in_nobodys_way() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let srv = world.tree("srv", &[("a", "1"), ("home/h", "2"), ("home/i", "3")]);
    let home = world.dir("srv/home");
    let inner = format!("{}/home", world.bucket.name);
    world.backup(&srv).done();
    world.command_at(&["backup", "--yes"], &home, &inner).done();
    srv.remove("home/h");
    world.command_at(&["backup", "--yes"], &home, &inner).done();
    srv.remove("home/i");
    world.backup(&srv).done();
    assert_same(&world.bucket.contents(), &srv.contents());
}

fn write_jobs(world: &World<'_>, text: &str) {
    let file = world.sandbox.path("home/.config/s3mirror/config.toml");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

#[test]
fn what_a_job_backs_up_is_not_deleted_by_another_run() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let (srv, home) = (
        world.tree("srv", &[("a", "1")]),
        world.tree("users", &[("h", "2")]),
    );
    let (bucket, dir) = (&world.bucket.name, home.path().display());
    write_jobs(
        &world,
        &format!("[jobs.home]\ncommand = 'backup'\ndir = '{dir}'\nbucket = '{bucket}/home'\n"),
    );
    // It was put there by somebody else.
    world.bucket.put("home/h", "2");
    world
        .backup(&srv)
        .exits(4)
        .says("the job 'home'")
        .says("config.toml:1:7");
    assert!(world.bucket.contents().contains_key("home/h"));
    world.bucket.put("home/gone", "2");
    world.s3mirror().args(["run", "home", "--yes"]).done();
    assert!(!world.bucket.contents().contains_key("home/gone"));
}

#[test]
fn config_check_refuses_jobs_that_undo_each_others_work() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let jobs = |one: (&str, &str, &str), other: (&str, &str, &str)| {
        let table = |name: &str, (command, dir, bucket): (&str, &str, &str)| {
            format!("[jobs.{name}]\ncommand = '{command}'\ndir = '/{dir}'\nbucket = '{bucket}'\n")
        };
        write_jobs(&world, &(table("one", one) + &table("other", other)));
        world.s3mirror().args(["config", "check"])
    };
    for (one, other) in [
        (("backup", "a", "my-bucket"), ("backup", "c", "my-bucket/c")),
        (
            ("backup", "a", "my-bucket/x/y"),
            ("backup", "c", "my-bucket/x"),
        ),
        (
            ("backup", "a", "my-bucket/x"),
            ("backup", "c", "my-bucket/x"),
        ),
        (
            ("restore", "a", "my-bucket/x"),
            ("backup", "a/b", "my-bucket/y"),
        ),
        (
            ("restore", "a/b", "my-bucket/x"),
            ("backup", "a", "other-bucket/y"),
        ),
    ] {
        let refused = jobs(one, other).exits(2);
        refused
            .says("the job 'one'")
            .says("the job 'other'")
            .says("config.toml:5:7");
    }
    for (one, other) in [
        (
            ("backup", "a", "my-bucket/x"),
            ("backup", "a/b", "my-bucket/y"),
        ),
        (
            ("backup", "a", "my-bucket/x"),
            ("backup", "a/b", "my-bucket/x/b"),
        ),
        (
            ("backup", "a", "my-bucket/x"),
            ("backup", "c", "other-bucket/x"),
        ),
        (
            ("backup", "a", "my-bucket/x"),
            ("restore", "a", "my-bucket/x"),
        ),
        (
            ("backup", "a", "my-bucket/x"),
            ("restore", "c", "my-bucket/x"),
        ),
    ] {
        jobs(one, other).done();
    }
}

/// A run that is at work until it is dropped.
fn at_work(memory: &Memory, run: Run) -> Running {
    let lists = memory.count("ListObjectsV2");
    memory.inject(Fault::on("ListObjectsV2").act(Action::Stall(Duration::from_secs(60))));
    let running = run.start();
    running.wait_for(memory, "ListObjectsV2", lists + 1);
    running
}

#[test]
fn runs_at_nested_places_wait_for_each_other_where_one_of_them_writes() {
    let memory = Memory::start();
    let world = World::on(&memory);
    memory.create_bucket("another-bucket");
    let (srv, sub) = (
        world.tree("srv", &[("a", "1")]),
        world.tree("srv/sub", &[("b", "1")]),
    );
    let other = world.tree("other", &[("b", "2")]);
    let name = &world.bucket.name;
    let at = |command: &'static str, dir: &Dir, place: &str| {
        world.command_at(&[command, "--yes"], dir, place)
    };
    let (inner, beside) = (format!("{name}/x/y"), format!("{name}/xy"));
    {
        let _first = at_work(&memory, at("restore", &srv, &format!("{name}/x")));
        let refused = at("backup", &sub, "another-bucket").exits(4);
        refused
            .says("another run")
            .says("srv")
            .says("restore")
            .says("process");
        at("backup", &other, &inner).exits(4).says("another run");
        at("backup", &other, name).exits(4).says("another run");
        world
            .s3mirror()
            .args(["cleanup", "-d"])
            .arg(sub.path())
            .exits(4);
        at("restore", &world.dir("copy"), &inner).done();
        at("backup", &other, &beside).done();
    }
    {
        let _first = at_work(&memory, at("backup", &srv, &format!("{name}/x")));
        at("restore", &sub, "another-bucket")
            .exits(4)
            .says("another run");
        at("restore", &other, &inner).exits(4).says("another run");
        at("backup", &sub, "another-bucket").done();
    }
    // However it ended.
    at("backup", &srv, &format!("{name}/x")).done();
}

#[test]
fn a_run_of_another_user_is_seen() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    memory.create_bucket("another-bucket");
    let nobody = world
        .s3mirror_as_nobody()
        .args(["backup", "--yes", "-b", "another-bucket", "-d"]);
    let _first = at_work(&memory, nobody.arg(dir.path()));
    let elsewhere = world.dir("another-home");
    let run = world.backup(&dir).env("HOME", elsewhere.path());
    world
        .no_requests(|| run.exits(4))
        .says("another run")
        .says("of user");
}
