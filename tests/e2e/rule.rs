//! The rule of the README's table, by whole runs: what is copied, what is kept,
//! and the blind spots with their answers.

use crate::support::{Dir, Memory, World, assert_same, content::map, times::at};

const EARLIER: &str = "2024-05-01T12:00:00Z";
const LATER: &str = "2024-05-01T12:00:01Z";

/// A world with one object of 12:00:00 and one file of the same size.
fn with_file_of<'m>(memory: &'m Memory, modified: &str) -> (World<'m>, Dir) {
    let world = World::on(memory);
    memory.put_at(&world.bucket.name, "f", "OBJECT", at(EARLIER));
    let dir = world.dir("dir");
    dir.write_at("f", "a file", at(modified));
    (world, dir)
}

#[test]
fn a_file_that_is_later_by_a_nanosecond_is_uploaded() {
    let memory = Memory::start();
    let (world, dir) = with_file_of(&memory, "2024-05-01T12:00:00.000000001Z");
    world.backup(&dir).done();
    assert_same(&world.bucket.contents(), &map(&[("f", "a file")]));
}

#[test]
fn a_file_that_is_later_by_a_nanosecond_is_restored() {
    let memory = Memory::start();
    let (world, dir) = with_file_of(&memory, "2024-05-01T12:00:00.000000001Z");
    world.restore(&dir).done();
    assert_same(&dir.files(), &world.bucket.objects());
}

#[test]
fn equal_times_and_sizes_mean_nothing_to_do() {
    let memory = Memory::start();
    let (world, dir) = with_file_of(&memory, EARLIER);
    world.backup(&dir).done();
    world.restore(&dir).done();
    assert_same(&dir.contents(), &map(&[("f", "a file")]));
    assert_same(&world.bucket.contents(), &map(&[("f", "OBJECT")]));
}

#[test]
fn another_size_is_copied_whatever_the_times() {
    for modified in ["2024-05-01T11:00:00Z", EARLIER, LATER] {
        let memory = Memory::start();
        let (world, dir) = with_file_of(&memory, EARLIER);
        dir.write_at("f", "a longer file", at(modified));
        world.restore(&dir).done();
        assert_same(&dir.files(), &world.bucket.objects());

        dir.write_at("f", "a longer file", at(modified));
        world.backup(&dir).done();
        assert_same(&world.bucket.contents(), &map(&[("f", "a longer file")]));
    }
}

#[test]
fn the_blind_spots_are_kept_by_default_and_closed_by_compare() {
    let older = "2024-05-01T11:00:00Z";
    let memory = Memory::start();
    let (world, dir) = with_file_of(&memory, older);

    // A same-size file that was replaced by one with an older time.
    world.backup(&dir).done();
    assert_same(&world.bucket.contents(), &map(&[("f", "OBJECT")]));
    // A same-size object that is newer than the file.
    world.restore(&dir).done();
    assert_same(&dir.contents(), &map(&[("f", "a file")]));

    world
        .restore(&dir)
        .args(["--compare", "exact-times"])
        .done();
    assert_same(&dir.files(), &world.bucket.objects());

    dir.write_at("f", "a file", at(older));
    world.restore(&dir).args(["--compare", "checksum"]).done();
    assert_same(&dir.contents(), &map(&[("f", "OBJECT")]));

    dir.write_at("f", "a file", at(older));
    world.backup(&dir).args(["--compare", "checksum"]).done();
    assert_same(&world.bucket.contents(), &map(&[("f", "a file")]));
}

#[test]
fn the_report_counts_files_that_were_kept_though_the_object_is_newer() {
    let memory = Memory::start();
    let (world, dir) = with_file_of(&memory, "2024-05-01T11:00:00Z");
    let outcome = world.restore(&dir).done();
    let line = outcome
        .stdout
        .lines()
        .find(|line| line.contains("newer") || line.contains("later"));
    assert!(
        line.is_some_and(|line| line.contains('1')),
        "no count in {outcome}"
    );
}
