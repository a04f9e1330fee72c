//! A server that is missing, refuses or is the wrong one: one clear line, exit
//! status 1, and nothing changed.

use s3_endpoint::Config;

use crate::support::{Dir, Memory, Server, World, assert_same, run::Run};

on_all_servers! {
    a_missing_bucket_is_named_in_one_line
    wrong_credentials_are_told_in_one_line
}

const COMMANDS: [&[&str]; 3] = [
    &["backup", "--yes"],
    &["restore", "--yes"],
    &["mock", "backup"],
];

#[track_caller]
fn fails(world: &World, dir: &Dir, run: Run, word: &str) {
    let (objects, tree) = (world.bucket.objects(), dir.snapshot());
    run.args(["--max-attempts", "2"])
        .exits(1)
        .complains_in_one_line()
        .says(word);
    assert_same(&world.bucket.objects(), &objects);
    assert_same(&dir.snapshot(), &tree);
}

fn a_missing_bucket_is_named_in_one_line(server: &dyn Server) {
    let world = World::on(server);
    let dir = world.tree("dir", &[("a", "1")]);
    for command in COMMANDS {
        let run = world.command_at(command, &dir, "no-such-bucket-here");
        fails(&world, &dir, run, "no-such-bucket-here");
    }
}

fn wrong_credentials_are_told_in_one_line(server: &dyn Server) {
    let world = World::on(server);
    let dir = world.tree("dir", &[("a", "1")]);
    if !server.limits().checks_credentials {
        let run = world.backup(&dir).env("AWS_SECRET_ACCESS_KEY", "wrong");
        run.done();
        return;
    }
    for command in COMMANDS {
        let run = world
            .command(command, &dir)
            .env("AWS_SECRET_ACCESS_KEY", "wrong");
        fails(&world, &dir, run, "check the access key");
        let run = world
            .command(command, &dir)
            .env("AWS_ACCESS_KEY_ID", "AKIDNOBODY");
        fails(&world, &dir, run, "check the access key");
    }
}

#[test]
fn missing_credentials_are_told_in_one_line() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    let run = world.backup(&dir).env_remove("AWS_ACCESS_KEY_ID");
    fails(
        &world,
        &dir,
        run.env_remove("AWS_SECRET_ACCESS_KEY"),
        "credentials",
    );
}

#[test]
fn a_server_that_is_down_is_named_in_one_line() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    // The port was free a moment ago, and nobody listens there.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    for command in COMMANDS {
        let run = world.command(command, &dir);
        let run = run.args(["--endpoint-url", &format!("http://{address}")]);
        fails(&world, &dir, run, &address);
    }
}

#[test]
fn something_that_is_no_s3_server_is_told_in_one_line() {
    use std::io::Write;
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let page = "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n<html></html>";
            let _ = stream.unwrap().write_all(page.as_bytes());
        }
    });
    let run = world
        .backup(&dir)
        .args(["--endpoint-url", &format!("http://{address}")]);
    let (objects, tree) = (world.bucket.objects(), dir.snapshot());
    run.args(["--max-attempts", "2"])
        .exits(1)
        .complains_in_one_line();
    assert_same(&world.bucket.objects(), &objects);
    assert_same(&dir.snapshot(), &tree);
}

#[test]
fn the_right_region_is_named() {
    let config = Config {
        region: Some("eu-central-1".into()),
        ..Default::default()
    };
    let memory = Memory::with(config);
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    for command in COMMANDS {
        fails(&world, &dir, world.command(command, &dir), "eu-central-1");
    }
    world.backup(&dir).args(["--region", "eu-central-1"]).done();
    assert_same(&world.bucket.contents(), &dir.contents());
}
