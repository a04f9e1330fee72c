//! A tree cannot hold both `a` and `a/b` (case 11).

use crate::support::{Memory, World, assert_same, content::map};

#[test]
fn two_keys_that_cannot_both_be_files_are_reported_and_nothing_is_deleted() {
    let memory = Memory::start();
    let (world, dir) = World::with(
        &memory,
        &[("a", "1"), ("a/b", "2"), ("a/c/d", "3"), ("z", "4")],
        &[("only/here", "5")],
    );
    let mocked = world.mock_restore(&dir).run();
    assert_same(&dir.contents(), &map(&[("only/here", "5")]));
    drop(mocked.says("a/b"));

    world.restore(&dir).exits(3).says("a/b");

    let contents = dir.contents();
    // Whatever of the conflict is written or not: the rest is, and nothing is
    // deleted or mixed up.
    assert_eq!(contents.get("z"), map(&[("z", "4")]).get("z"));
    assert_eq!(
        contents.get("only/here"),
        map(&[("only/here", "5")]).get("only/here")
    );
    for (key, content) in &contents {
        let whole = world.bucket.contents().get(key) == Some(content) || key == "only/here";
        assert!(whole, "{key}: {content:?}");
    }
}

#[test]
fn a_file_gives_way_to_a_directory() {
    let memory = Memory::start();
    let (world, dir) = World::with(
        &memory,
        &[("a/b", "new"), ("a/c/d", "newer")],
        &[("a", "in the way"), ("x", "gone")],
    );
    world.restore(&dir).done();
    assert_same(&dir.files(), &world.bucket.objects());
}

#[test]
fn a_directory_gives_way_to_a_file() {
    let memory = Memory::start();
    let (world, dir) = World::with(
        &memory,
        &[("a", "new")],
        &[("a/b", "in the way"), ("a/c/d", "too")],
    );
    world.restore(&dir).done();
    assert_same(&dir.files(), &world.bucket.objects());
}

/// A blocker is removed only once its replacement has been downloaded.
#[test]
fn what_is_in_the_way_stays_if_the_download_fails() {
    use s3_endpoint::{Action, Fault};
    for (object, file) in [("a/b", "a"), ("a", "a/b")] {
        let memory = Memory::start();
        let (world, dir) = World::with(&memory, &[(object, "new")], &[(file, "in the way")]);
        let before = dir.snapshot();
        let error = Action::error(403, "AccessDenied");
        memory.inject(Fault::on("GetObject").always().act(error));
        world.restore(&dir).exits(3).says(object);
        assert_same(&dir.snapshot(), &before);
    }
}

/// A bucket can hold both, so a backup has no conflict.
#[test]
fn a_backup_of_a_file_that_was_a_directory_converges() {
    let memory = Memory::start();
    let (world, dir) = World::with(
        &memory,
        &[("a/b", "was a directory"), ("x", "was a file")],
        &[("a", "is a file"), ("x/y", "is a directory")],
    );
    world.backup(&dir).done();
    assert_same(&world.bucket.contents(), &dir.contents());
    world.only_lists(|| world.backup(&dir).done());
}

/// A server that keeps objects as files says so when it is asked for both. What
/// the plan deletes is removed then, and only then; a second run only lists.
#[test]
fn what_a_directory_backed_server_refuses_gets_through_once_what_blocks_has_gone() {
    use s3_endpoint::{Action, Fault};
    for (code, object, file) in [
        ("XMinioParentIsObject", "x", "x/y"),
        ("XMinioObjectExistsAsDirectory", "x/y", "x"),
    ] {
        let memory = Memory::start();
        let (world, dir) = World::with(&memory, &[(object, "old")], &[(file, "new"), ("z", "1")]);
        let refusal = Action::error(400, code);
        let refused = memory.inject(Fault::on("PutObject").key(file).act(refusal));
        world.backup(&dir).args(["--max-delete", "1"]).done();
        assert_eq!(refused.count(), 1);
        assert_same(&world.bucket.contents(), &dir.contents());
        world.only_lists(|| world.backup(&dir).done());
    }
}

/// Where nothing may be deleted, what blocks stays, and the refusal is named.
#[test]
fn what_a_directory_backed_server_refuses_is_named_where_nothing_may_be_deleted() {
    use s3_endpoint::{Action, Fault};
    for (object, file) in [("x", "x/y"), ("x/y", "x")] {
        let memory = Memory::start();
        let (world, dir) = World::with(&memory, &[(object, "old")], &[(file, "new"), ("z", "1")]);
        let refusal = Action::error(400, "XMinioParentIsObject");
        memory.inject(Fault::on("PutObject").key(file).always().act(refusal));
        world.backup(&dir).arg("--no-delete").exits(3).says(file);
        let failing = Action::error(403, "AccessDenied");
        memory.inject(Fault::on("PutObject").key("z").always().act(failing));
        dir.write_now("z", "changed");
        world.backup(&dir).exits(3).says(file);
        assert!(world.bucket.contents().contains_key(object));
    }
}
