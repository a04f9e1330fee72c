//! Cleanup removes empty directories below the given one, and nothing else.

use crate::support::{Dir, Memory, Node, World, assert_same, run::Run};

fn cleanup(world: &World, command: &[&str], dir: &Dir) -> Run {
    Run::new(&world.sandbox)
        .args(command)
        .arg("--dir")
        .arg(dir.path())
}

fn names(dir: &Dir) -> Vec<String> {
    dir.snapshot().into_keys().collect()
}

#[test]
fn nested_empty_directories_are_removed_in_one_run_without_any_request() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("full/file", "text"), ("full/deep/file", "text")]);
    let files = dir.files();
    for name in ["a", "b/c/d", "full/empty", "b/e", "f/g/h/i/j"] {
        dir.mkdir(name);
    }
    world.no_requests(|| cleanup(&world, &["cleanup", "--yes"], &dir).done());
    assert_eq!(
        names(&dir),
        ["full", "full/deep", "full/deep/file", "full/file"]
    );
    assert_same(&dir.files(), &files);
    world.no_requests(|| cleanup(&world, &["cleanup", "--yes"], &dir).done());
}

#[test]
fn the_root_itself_stays() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.dir("dir");
    dir.mkdir("a/b");
    cleanup(&world, &["cleanup", "--yes"], &dir).done();
    cleanup(&world, &["cleanup", "--yes"], &dir).done();
    assert!(dir.path().is_dir());
    assert_eq!(names(&dir), [""; 0]);
}

#[test]
fn links_are_not_followed_and_count_as_content() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let outside = world.dir("outside");
    outside.mkdir("empty");
    let dir = world.dir("dir");
    dir.mkdir("with-link");
    dir.link("with-link/out", outside.path());
    dir.link("with-link/loop", "..");
    dir.link("dangling", "nothing");
    dir.mkdir("with-fifo");
    dir.mkfifo("with-fifo/fifo");
    let before = dir.snapshot();

    cleanup(&world, &["cleanup", "--yes"], &dir).done();

    assert_same(&dir.snapshot(), &before);
    assert_eq!(outside.snapshot()["empty"], Node::Dir);
}

#[test]
fn a_mock_names_them_and_changes_nothing() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("full/file", "text")]);
    dir.mkdir("empty/nested");
    let before = dir.snapshot();
    for command in [
        ["mock", "cleanup"].as_slice(),
        &["cleanup", "-n"],
        &["cleanup", "--dry-run"],
    ] {
        let outcome = cleanup(&world, command, &dir).done().says("empty/nested");
        assert!(!outcome.stdout.contains("full"), "{outcome}");
        assert_same(&dir.snapshot(), &before);
    }
}

/// It deletes no file, so it needs no confirmation.
#[test]
fn it_asks_nothing() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.dir("dir");
    dir.mkdir("empty");
    cleanup(&world, &["cleanup"], &dir).done();
    assert_eq!(names(&dir), [""; 0]);
}

#[test]
fn a_missing_directory_is_an_error() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("file", "text")]);
    for name in ["missing", "file"] {
        let run = Run::new(&world.sandbox)
            .args(["cleanup", "--yes", "--dir"])
            .arg(dir.join(name));
        run.exits(1).says(name);
    }
}
