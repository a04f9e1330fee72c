//! Backup makes the bucket equal to the directory, restore makes the directory
//! equal to the bucket.

use crate::support::{Content, Server, World, assert_same, content::map};

on_all_servers! {
    a_changed_tree_is_mirrored_again
    a_changed_bucket_is_restored_again
    a_file_of_several_parts_comes_back_identical
    a_backup_makes_the_bucket_equal_to_the_directory
    a_restore_makes_the_directory_equal_to_the_bucket_times_included
    backup_then_restore_elsewhere_gives_the_same_tree
    many_small_files_come_back_identical
    empty_directories_are_ignored
    a_hard_link_becomes_a_separate_object
}

const FILES: [(&str, &str); 7] = [
    ("a", "one"),
    ("a-b/y", "two"),
    ("a.txt", "three"),
    ("b/x", "four"),
    ("b/deeper/and/deeper", "five"),
    ("b0", "six"),
    ("empty", ""),
];

fn a_backup_makes_the_bucket_equal_to_the_directory(server: &dyn Server) {
    let world = World::on(server);
    let dir = world.tree("photos", &FILES);
    let before = dir.snapshot();

    world.backup(&dir).done();

    assert_same(&world.bucket.contents(), &map(&FILES));
    assert_same(&dir.snapshot(), &before);
}

fn a_restore_makes_the_directory_equal_to_the_bucket_times_included(server: &dyn Server) {
    let world = World::on(server);
    for (key, text) in FILES {
        world.bucket.put(key, text);
    }
    let before = world.bucket.objects();
    let dir = world.dir("restored");

    world.restore(&dir).done();

    assert_same(&dir.files(), &before);
    assert_same(&world.bucket.objects(), &before);
}

fn backup_then_restore_elsewhere_gives_the_same_tree(server: &dyn Server) {
    let world = World::on(server);
    let dir = world.tree("photos", &FILES);
    let elsewhere = world.dir("elsewhere");

    world.backup(&dir).done();
    world.restore(&elsewhere).done();

    assert_same(&elsewhere.contents(), &dir.contents());
    assert_same(&elsewhere.files(), &world.bucket.objects());
}

fn a_changed_tree_is_mirrored_again(server: &dyn Server) {
    let world = World::on(server);
    let dir = world.tree("photos", &FILES);
    world.backup(&dir).done();

    dir.write_now("new/file", "new");
    dir.write_now("a.txt", "a longer text than before");
    dir.write_now("b0", "SIX");
    dir.remove("b/deeper/and/deeper");
    world.backup(&dir).done();

    assert_same(&world.bucket.contents(), &dir.contents());
}

fn a_changed_bucket_is_restored_again(server: &dyn Server) {
    let world = World::on(server);
    let dir = world.tree("photos", &FILES);
    world.backup(&dir).done();
    let other = world.dir("other");
    world.restore(&other).done();

    dir.write_now("new/file", "new");
    dir.write_now("a.txt", "a longer text than before");
    dir.remove("b/deeper/and/deeper");
    world.backup(&dir).done();
    world.restore(&other).done();

    assert_same(&other.files(), &world.bucket.objects());
    assert_same(&other.contents(), &dir.contents());
}

fn a_file_of_several_parts_comes_back_identical(server: &dyn Server) {
    let world = World::on(server);
    let dir = world.dir("films");
    dir.write("film", noise(20 << 20));
    // Exactly two parts, and one byte more than a part.
    dir.write("even", noise(16 << 20));
    dir.write("odd", noise((8 << 20) + 1));
    let elsewhere = world.dir("elsewhere");

    world.backup(&dir).args(["--part-size", "8MiB"]).done();
    assert_same(&world.bucket.contents(), &dir.contents());
    world
        .restore(&elsewhere)
        .args(["--part-size", "8MiB"])
        .done();

    assert_same(&elsewhere.contents(), &dir.contents());
    assert_same(&elsewhere.files(), &world.bucket.objects());
}

/// Bytes that no compression and no mix-up of parts leaves as they were.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ len as u64;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// More than one page of a listing, and of a batch deletion.
fn many_small_files_come_back_identical(server: &dyn Server) {
    let world = World::on(server);
    let dir = world.dir("many");
    let (most, patience) = (server.limits().many, server.limits().patience());
    for number in 0..most.min(2100) {
        dir.write(
            format!("d{}/f{number}", number % 7),
            format!("content of {number}"),
        );
    }
    let elsewhere = world.dir("elsewhere");

    world.backup(&dir).within(patience).done();
    world.restore(&elsewhere).within(patience).done();
    assert_same(&elsewhere.contents(), &dir.contents());
    assert_same(&elsewhere.files(), &world.bucket.objects());

    let few = world.tree("few", &[("d0/f0", "content of 0")]);
    let backup = world.backup(&few).args(["--max-delete", "100%"]);
    backup.within(patience).done();
    assert_same(&world.bucket.contents(), &few.contents());
    world
        .restore(&elsewhere)
        .args(["--max-delete", "100%"])
        .done();
    assert_same(&elsewhere.contents(), &few.contents());
}

fn empty_directories_are_ignored(server: &dyn Server) {
    let world = World::on(server);
    let dir = world.tree("photos", &[("full/file", "text")]);
    dir.mkdir("empty/nested");

    world.backup(&dir).done();
    assert_same(&world.bucket.contents(), &map(&[("full/file", "text")]));

    // A restore neither creates nor removes them, not even when it deletes the
    // last file in one.
    let other = world.tree("other", &[("gone/file", "gone")]);
    other.mkdir("empty");
    world.restore(&other).done();
    let names: Vec<String> = other.snapshot().into_keys().collect();
    assert_eq!(names, ["empty", "full", "full/file", "gone"]);
}

fn a_hard_link_becomes_a_separate_object(server: &dyn Server) {
    let world = World::on(server);
    let dir = world.tree("photos", &[("first", "text")]);
    std::fs::hard_link(dir.join("first"), dir.join("second")).unwrap();
    world.backup(&dir).done();
    assert_same(
        &world.bucket.contents(),
        &map(&[("first", "text"), ("second", "text")]),
    );

    // Overwriting one must not write through to the other.
    world.bucket.put("first", "another text");
    world.restore(&dir).done();
    let mut expected = map(&[("second", "text")]);
    expected.insert("first".into(), Content::from("another text"));
    assert_same(&dir.contents(), &expected);
}
