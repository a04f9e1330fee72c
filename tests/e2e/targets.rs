//! What a restore finds at a file's final name though it is not that file (case 15).

use crate::support::{Dir, Memory, Node, World, assert_same, content::map};

fn with_object(memory: &Memory) -> (World<'_>, Dir) {
    let (world, dir) = World::with(memory, &[("name", "from the bucket")], &[("other", "x")]);
    world.bucket.put("other", "x");
    (world, dir)
}

#[test]
fn a_link_is_replaced_and_never_written_through() {
    let memory = Memory::start();
    for inside in [true, false] {
        let (world, dir) = with_object(&memory);
        let outside = world.tree("outside", &[("target", "untouched")]);
        if inside {
            dir.link("name", "other");
        } else {
            dir.link("name", outside.join("target"));
        }
        world.restore(&dir).done();
        assert_same(&outside.contents(), &map(&[("target", "untouched")]));
        assert_same(&dir.contents(), &world.bucket.contents());
        assert!(matches!(dir.snapshot()["name"], Node::File(_)));
    }
}

#[test]
fn a_link_in_the_place_of_a_directory_does_not_lead_outside() {
    let memory = Memory::start();
    let (world, dir) = with_object(&memory);
    world.bucket.put("sub/file", "text");
    let outside = world.tree("outside", &[("file", "untouched"), ("more", "m")]);
    dir.link("sub", outside.path());
    let before = outside.snapshot();

    let outcome = world.restore(&dir).run();

    assert_same(&outside.snapshot(), &before);
    match outcome.status.code() {
        Some(0) => assert_same(&dir.contents(), &world.bucket.contents()),
        Some(3) => drop(outcome.says("sub/file")),
        _ => panic!("neither done nor incomplete: {outcome}"),
    }
}

#[test]
fn a_fifo_or_socket_blocks_nothing() {
    let memory = Memory::start();
    for kind in ["fifo", "socket"] {
        let (world, dir) = with_object(&memory);
        let mut _listener = None;
        if kind == "fifo" {
            dir.mkfifo("name");
        } else {
            _listener = Some(std::os::unix::net::UnixListener::bind(dir.join("name")).unwrap());
        }
        let outcome = world.restore(&dir).run();
        match outcome.status.code() {
            Some(0) => assert_same(&dir.contents(), &world.bucket.contents()),
            Some(3) => {
                drop(outcome.says("name"));
                assert_eq!(dir.snapshot()["name"], Node::Special);
            }
            _ => panic!("neither done nor incomplete: {outcome}"),
        }
    }
}

#[test]
fn a_directory_with_only_special_files_survives() {
    let memory = Memory::start();
    let (world, dir) = with_object(&memory);
    dir.mkdir("name");
    dir.mkfifo("name/fifo");
    world.restore(&dir).exits(3).says("name");
    assert_eq!(dir.snapshot()["name/fifo"], Node::Special);
}

#[test]
fn a_file_that_cannot_be_replaced_stays_whole() {
    use std::{
        fs::{self, Permissions},
        os::unix::fs::PermissionsExt,
    };
    let memory = Memory::start();
    let (world, dir) = with_object(&memory);
    dir.write("sub/name", "old");
    world.bucket.put("sub/name", "a new text");
    fs::set_permissions(dir.join("sub"), Permissions::from_mode(0o555)).unwrap();
    fs::set_permissions(dir.path(), Permissions::from_mode(0o777)).unwrap();

    let run = world
        .s3mirror_as_nobody()
        .args(["restore", "--yes", "--dir"])
        .arg(dir.path());
    run.args(["--bucket", &world.bucket.name])
        .exits(3)
        .says("sub/name");

    fs::set_permissions(dir.join("sub"), Permissions::from_mode(0o755)).unwrap();
    let expected = [
        ("name", "from the bucket"),
        ("other", "x"),
        ("sub/name", "old"),
    ];
    assert_same(&dir.contents(), &map(&expected));
}
