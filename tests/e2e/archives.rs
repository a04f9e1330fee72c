//! Archived objects: named with the command that thaws them, and no obstacle
//! to anything else.

use s3_endpoint::{Action, Fault};

use crate::support::{Dir, Memory, World, assert_same, content::map};

/// Two objects, one of which cannot be read.
fn frozen<'m>(memory: &'m Memory, class: &str) -> (World<'m>, Dir) {
    let world = World::on(memory);
    world.bucket.put("photos/it's cold.jpg", "cold");
    world.bucket.put("photos/warm.jpg", "warm");
    memory.set_storage_class(&world.bucket.name, "photos/it's cold.jpg", class);
    let dir = world.tree("dir", &[("gone", "1")]);
    (world, dir)
}

/// The command as it is shown, without what names the server.
fn thaws(world: &World, request: &str) -> String {
    let (url, bucket) = (world.bucket.server.url(), &world.bucket.name);
    format!(
        "`aws s3api restore-object --endpoint-url {url} --bucket {bucket} \
         --key='photos/it'\\''s cold.jpg' --restore-request {request}`"
    )
}

#[test]
fn an_archived_object_is_named_with_the_command_that_thaws_it() {
    for class in ["GLACIER", "DEEP_ARCHIVE"] {
        let memory = Memory::start();
        let (world, dir) = frozen(&memory, class);
        let place = format!("{}/photos", world.bucket.name);
        let restore = || world.command_at(&["restore"], &dir, &place).arg("--yes");

        let outcome = restore().exits(3).says(&thaws(&world, "Days=7"));

        outcome.says("cannot download 'it's cold.jpg'");
        assert_same(
            &dir.contents(),
            &map(&[("gone", "1"), ("warm.jpg", "warm")]),
        );
        let asked = memory.asked("GetObject", "photos/it's cold.jpg");
        assert_eq!(asked.len(), 1, "it is not asked for again");

        // Thawed, it keeps its class, and is read like any other.
        memory.thaw(&world.bucket.name, "photos/it's cold.jpg");
        restore().done();
        let both = [("it's cold.jpg", "cold"), ("warm.jpg", "warm")];
        assert_same(&dir.contents(), &map(&both));
    }
}

/// S3 says of such an object in which tier it is; days would be refused.
#[test]
fn an_object_in_an_archive_tier_is_thawed_without_days() {
    let memory = Memory::start();
    let (world, dir) = frozen(&memory, "GLACIER");
    let answer = "<Error><Code>InvalidObjectState</Code><Message>No.</Message>\
                  <StorageClass>INTELLIGENT_TIERING</StorageClass>\
                  <AccessTier>DEEP_ARCHIVE_ACCESS</AccessTier></Error>";
    let tier = Action::edit(|it| it.body = answer.as_bytes().to_vec());
    let cold = Fault::on("GetObject").key("photos/it's cold.jpg").always();
    memory.inject(cold.act(tier));
    let outcome = world.restore(&dir).exits(3).says(&thaws(&world, "'{}'"));
    outcome.says("(INTELLIGENT_TIERING, DEEP_ARCHIVE_ACCESS)");
}

#[test]
fn the_command_says_who_pays_and_as_whom() {
    let memory = Memory::start();
    let (world, dir) = frozen(&memory, "GLACIER");
    let run = world.restore(&dir).arg("--request-payer");
    let outcome = run
        .args(["--expected-bucket-owner", s3_endpoint::OWNER])
        .exits(3);
    outcome.says(" --expected-bucket-owner 123456789012 --request-payer requester --bucket ");
}

#[test]
fn an_archived_object_is_written_over_and_deleted_like_any_other() {
    let memory = Memory::start();
    let world = World::on(&memory);
    for key in ["a", "b"] {
        world.bucket.put(key, "old");
        memory.set_storage_class(&world.bucket.name, key, "DEEP_ARCHIVE");
    }
    let dir = world.tree("dir", &[("a", "and new")]);
    world.backup(&dir).done();
    assert_same(&world.bucket.contents(), &dir.contents());
    assert_eq!(memory.count("GetObject"), 0);
}
