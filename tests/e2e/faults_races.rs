//! Somebody else changes what is about to be overwritten or deleted (case 9): it
//! is left alone and named.

use std::fs;

use s3_endpoint::Fault;

use crate::support::{
    Memory, World, assert_same,
    content::{map, mebibytes},
    faults::{puts, works_on},
};

#[test]
fn an_object_that_somebody_replaced_is_not_overwritten() {
    let memory = Memory::start();
    let (world, dir) = World::with(
        &memory,
        &[("a", "the old one"), ("gone", "1")],
        &[("a", "ours"), ("b", "2")],
    );
    let theirs = puts(&world, "a", "theirs");
    memory.inject(Fault::on("PutObject").key("a").act(theirs));

    world
        .backup(&dir)
        .trusting()
        .one_by_one()
        .exits(3)
        .says("'a'");

    let expected = [("a", "theirs"), ("b", "2"), ("gone", "1")];
    assert_same(&world.bucket.contents(), &map(&expected));
    let story = ["PutObject a 412", "HeadObject a 200", "PutObject b 200"];
    assert_eq!(memory.story(), story);
}

#[test]
fn an_object_that_somebody_created_is_not_overwritten() {
    for no_conditional in [false, true] {
        let memory = Memory::start();
        let world = World::on(&memory);
        let dir = world.tree("dir", &[("a", "ours")]);
        let run = world.backup(&dir).one_by_one();
        let (operation, run) = if no_conditional {
            ("HeadObject", run.arg("--no-conditional"))
        } else {
            ("PutObject", run)
        };
        memory.inject(Fault::on(operation).act(puts(&world, "a", "theirs")));
        run.exits(3).says("'a'");
        assert_same(&world.bucket.contents(), &map(&[("a", "theirs")]));
    }
}

#[test]
fn an_object_that_somebody_replaced_is_not_overwritten_by_parts_either() {
    let memory = Memory::start();
    let world = World::on(&memory);
    world.bucket.put("film", "the old one");
    let dir = world.dir("dir");
    dir.write("film", mebibytes(11, 1));
    let theirs = puts(&world, "film", "theirs");
    memory.inject(Fault::on("CompleteMultipartUpload").act(theirs));

    world.backup(&dir).one_by_one().exits(3).says("'film'");

    assert_same(&world.bucket.contents(), &map(&[("film", "theirs")]));
    assert_eq!(memory.open_uploads(&world.bucket.name), []);
}

#[test]
fn an_object_that_somebody_replaced_is_not_deleted() {
    for no_conditional in [false, true] {
        let memory = Memory::start();
        let (world, dir) = World::with(
            &memory,
            &[("a", "1"), ("gone", "2"), ("gone too", "3")],
            &[("a", "1")],
        );
        let run = world.backup(&dir).one_by_one();
        let (operation, run) = if no_conditional {
            ("HeadObject", run.arg("--no-conditional"))
        } else {
            ("DeleteObjects", run)
        };
        memory.inject(Fault::on(operation).act(puts(&world, "gone", "theirs")));

        run.exits(3).says("'gone'");

        let expected = [("a", "1"), ("gone", "theirs")];
        assert_same(&world.bucket.contents(), &map(&expected));
    }
}

#[test]
fn a_file_that_somebody_changed_is_not_overwritten() {
    let memory = Memory::start();
    let (world, dir) = World::with(
        &memory,
        &[("a", "from the bucket")],
        &[("a", "the old one"), ("gone", "1")],
    );
    let edit = works_on(dir.join("a"), |path| fs::write(path, "edited").unwrap());
    memory.inject(Fault::on("GetObject").act(edit));

    world.restore(&dir).one_by_one().exits(3).says("'a'");

    assert_same(&dir.contents(), &map(&[("a", "edited"), ("gone", "1")]));
    assert_eq!(dir.snapshot().len(), 2, "no temporary is left");
}

#[test]
fn a_file_that_somebody_changed_is_not_deleted() {
    let memory = Memory::start();
    let (world, dir) = World::with(
        &memory,
        &[("a", "from the bucket")],
        &[("gone", "1"), ("gone too", "2")],
    );
    let edit = works_on(dir.join("gone"), |path| fs::write(path, "edited").unwrap());
    memory.inject(Fault::on("GetObject").act(edit));

    world.restore(&dir).one_by_one().exits(3).says("'gone'");

    let expected = [("a", "from the bucket"), ("gone", "edited")];
    assert_same(&dir.contents(), &map(&expected));
}
