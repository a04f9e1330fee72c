//! Keys that cannot be paths (case 10): never mapped onto another one,
//! never deleted by a backup, always named.

use crate::support::{Dir, Memory, World, assert_same, content::map};

const IMPOSSIBLE: [&str; 10] = [
    "../x",
    "a/../../x",
    "/etc/x",
    "a//b",
    "a/./b",
    "..",
    ".",
    "a/..",
    "dir/",
    "nul\0nul",
];

/// Files beside the directory, where `../x` and its like would land.
fn watched(world: &World) -> Dir {
    world.tree(
        "around",
        &[("x", "beside"), ("etc/x", "beside"), ("dir/a/old", "old")],
    )
}

#[test]
fn impossible_keys_are_named_and_never_restored_anywhere() {
    for key in IMPOSSIBLE {
        let memory = Memory::start();
        let world = World::on(&memory);
        world.bucket.put(key, "evil");
        world.bucket.put("good", "good");
        let around = watched(&world);
        let dir = world.dir("around/dir");
        let mut expected = around.contents();
        expected.extend(map(&[("dir/good", "good")]));

        // What the source has there is not known as a path: nothing is deleted.
        let shown = key.replace('\0', "");
        let shown = if shown == key { key } else { "nul" };
        world.restore(&dir).exits(3).says(shown);

        assert_same(&around.contents(), &expected);
    }
}

#[test]
fn impossible_keys_survive_a_backup_which_only_warns() {
    let memory = Memory::start();
    let world = World::on(&memory);
    for key in IMPOSSIBLE {
        world.bucket.put(key, "theirs");
    }
    world.bucket.put("gone", "1");
    let dir = world.tree("dir", &[("a/b", "2"), ("x", "3")]);

    world.backup(&dir).done().says("a//b").says("../x");

    let theirs = IMPOSSIBLE.map(|key| (key, "theirs"));
    let mut expected = map(&theirs);
    expected.extend(dir.contents());
    assert_same(&world.bucket.contents(), &expected);
}

/// Consoles make `dir/` of zero bytes to show an empty directory.
#[test]
fn placeholders_are_only_counted() {
    let memory = Memory::start();
    let world = World::on(&memory);
    world.bucket.put("dir/", "");
    world.bucket.put("dir/file", "1");
    let dir = world.dir("dir");

    world.restore(&dir).done();
    assert_same(&dir.contents(), &map(&[("dir/file", "1")]));
    world.backup(&dir).done();
    assert_same(
        &world.bucket.contents(),
        &map(&[("dir/", ""), ("dir/file", "1")]),
    );
}

/// The prefix itself, as an object, is such a placeholder too.
#[test]
fn the_prefix_as_an_object_is_no_file() {
    let memory = Memory::start();
    let world = World::on(&memory);
    world.bucket.put("photos/", "");
    world.bucket.put("photos/a", "1");
    let dir = world.dir("dir");
    let place = format!("{}/photos", world.bucket.name);
    world
        .command_at(&["restore"], &dir, &place)
        .arg("--yes")
        .done();
    assert_same(&dir.contents(), &map(&[("a", "1")]));
    world
        .command_at(&["backup"], &dir, &place)
        .arg("--yes")
        .done();
    assert_same(
        &world.bucket.contents(),
        &map(&[("photos/", ""), ("photos/a", "1")]),
    );
}

/// Another tool may have copied a tree in which a restore had been killed; or a
/// user calls a file so. A name proves nothing.
#[test]
fn objects_and_files_with_names_like_those_of_left_overs_are_like_any_other() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let like_ours = [
        "sub/.s3mirror-0123456789abcdef.tmp",
        "sub/.s3mirror-0123456789abcdef01234567.tmp",
    ];
    for key in like_ours {
        world.bucket.put(key, "not ours");
    }
    world.bucket.put("a", "1");
    let dir = world.tree("dir", &[("a", "1"), ("gone", "2")]);
    world.restore(&dir).done();
    assert_same(&dir.contents(), &world.bucket.contents());
    world.only_lists(|| world.restore(&dir).done());

    for key in like_ours {
        std::fs::remove_file(dir.join(key)).unwrap();
        let precious = key.replace("0123", "aaaa");
        dir.write(&precious, "precious");
    }
    world.backup(&dir).args(["--max-delete", "100%"]).done();
    assert_same(&world.bucket.contents(), &dir.contents());
    world.restore(&dir).done();
    assert_eq!(dir.contents().len(), 3);
    assert_same(&dir.contents(), &world.bucket.contents());
}
