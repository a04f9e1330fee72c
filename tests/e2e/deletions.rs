//! Deletions come last, and only after every transfer has succeeded; never on
//! incomplete knowledge.

use s3_endpoint::{Action, Fault};

use crate::support::{Dir, Memory, World, assert_same, content::map};

/// One object to delete (`gone`), one to upload over (`old`), two to add.
fn with_work(memory: &Memory) -> (World<'_>, Dir) {
    let (world, dir) = World::with(
        memory,
        &[("gone", "1"), ("old", "22")],
        &[("new/a", "333"), ("new/b", "4444"), ("old", "2 and 2")],
    );
    (world, dir)
}

#[test]
fn deletions_come_after_all_transfers() {
    let memory = Memory::start();
    let (world, dir) = with_work(&memory);
    world.backup(&dir).done();
    let log = memory.log();
    let last_put = log
        .iter()
        .rposition(|entry| entry.operation == "PutObject")
        .unwrap();
    let deleted = log
        .iter()
        .position(|entry| entry.operation.starts_with("DeleteObject"))
        .unwrap();
    assert!(last_put < deleted);
    let puts_end = log
        .iter()
        .filter(|entry| entry.operation == "PutObject")
        .map(|entry| entry.end);
    assert!(puts_end.max().unwrap() <= Some(log[deleted].start));
}

#[test]
fn a_failed_upload_means_no_deletion_and_the_others_are_done() {
    let memory = Memory::start();
    let (world, dir) = with_work(&memory);
    memory.inject(
        Fault::on("PutObject")
            .key("new/a")
            .always()
            .act(Action::error(403, "AccessDenied")),
    );

    world.backup(&dir).exits(3).says("new/a");

    let expected = [("gone", "1"), ("new/b", "4444"), ("old", "2 and 2")];
    assert_same(&world.bucket.contents(), &map(&expected));
    // The next run completes.
    memory.clear_faults();
    world.backup(&dir).done();
    assert_same(&world.bucket.contents(), &dir.contents());
}

#[test]
fn a_failed_download_means_no_deletion_and_the_others_are_done() {
    let memory = Memory::start();
    let (world, dir) = with_work(&memory);
    memory.inject(
        Fault::on("GetObject")
            .key("old")
            .always()
            .act(Action::error(403, "AccessDenied")),
    );
    let before = dir.files()["old"].clone();

    world.restore(&dir).exits(3).says("old");

    let expected = [
        ("gone", "1"),
        ("new/a", "333"),
        ("new/b", "4444"),
        ("old", "2 and 2"),
    ];
    assert_same(&dir.contents(), &map(&expected));
    assert_eq!(
        dir.files()["old"],
        before,
        "the old file is whole, its time too"
    );
}

/// Three pages; the last one fails whatever is tried.
#[test]
fn a_listing_that_ends_in_an_error_deletes_nothing() {
    for command in ["backup", "restore"] {
        let memory = Memory::start();
        let world = World::on(&memory);
        let dir = world.dir("dir");
        for number in 0..2500 {
            world.bucket.put(&format!("f{number:04}"), "x");
            dir.write(format!("f{number:04}"), "x");
        }
        dir.write("g", "only here");
        world.bucket.put("h", "only there");
        let (objects, tree) = (world.bucket.objects(), dir.snapshot());
        let error = Action::error(403, "AccessDenied");
        memory.inject(Fault::on("ListObjectsV2").nth(3).always().act(error));

        world.command(&[command], &dir).arg("--yes").exits(1);

        assert_same(&dir.snapshot(), &tree);
        assert_same(&world.bucket.objects(), &objects);
    }
}

#[test]
fn a_key_that_cannot_be_deleted_is_named() {
    let memory = Memory::start();
    let (world, dir) = with_work(&memory);
    memory.inject(
        Fault::on("DeleteObjects")
            .always()
            .act(Action::fail_keys(["gone"], "AccessDenied")),
    );
    memory.inject(
        Fault::on("DeleteObject")
            .key("gone")
            .always()
            .act(Action::error(403, "AccessDenied")),
    );

    world.backup(&dir).exits(3).says("gone");

    let mut expected = dir.contents();
    expected.extend(map(&[("gone", "1")]));
    assert_same(&world.bucket.contents(), &expected);
}

#[test]
fn no_delete_copies_and_deletes_nothing() {
    let memory = Memory::start();
    let (world, dir) = with_work(&memory);
    world.backup(&dir).arg("--no-delete").done();
    let mut expected = dir.contents();
    expected.extend(map(&[("gone", "1")]));
    assert_same(&world.bucket.contents(), &expected);

    dir.write("only/here", "5");
    world.restore(&dir).arg("--no-delete").done();
    expected.extend(map(&[("only/here", "5")]));
    assert_same(&dir.contents(), &expected);
}
