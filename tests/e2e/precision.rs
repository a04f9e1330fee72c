//! A server that reports the same time with two precisions, in milliseconds in a
//! listing and in whole seconds elsewhere, and gives no ETags: size and time
//! are all that distinguishes versions.

use s3_endpoint::{Action, Config, Fault, Precision, Sums};

use crate::support::{
    Memory, World, assert_same,
    content::map,
    plans::{apply, save},
    times::at,
};

const ODD: &str = "2024-05-01T12:00:00.345Z";
const LATER: &str = "2024-05-01T12:00:00.346Z";

/// As the gateways of some file systems are by default.
fn gateway() -> Memory {
    Memory::with(Config {
        precision: Precision::Millisecond,
        etags: false,
        checksums: Sums::Ignored,
        ..Config::default()
    })
}

#[test]
fn a_restored_file_gets_the_time_of_the_listing_in_full() {
    let memory = gateway();
    let world = World::on(&memory);
    let large = "x".repeat(9 << 20);
    memory.put_at(&world.bucket.name, "small", "text", at(ODD));
    memory.put_at(&world.bucket.name, "large", &large, at(LATER));
    let dir = world.dir("dir");
    world.restore(&dir).done();
    assert_same(&dir.files(), &world.bucket.objects());
    for compare in ["times", "exact-times"] {
        world.only_lists(|| world.restore(&dir).args(["--compare", compare]).done());
    }
    world.only_lists(|| world.backup(&dir).done());
}

#[test]
fn contents_are_compared_with_one_get_each() {
    let memory = gateway();
    let world = World::on(&memory);
    memory.put_at(&world.bucket.name, "a", "same", at(ODD));
    memory.put_at(&world.bucket.name, "b", "old!", at(ODD));
    let dir = world.dir("dir");
    world.restore(&dir).done();
    dir.write_at("b", "new!", at("2024-05-01T11:00:00Z"));
    let before = memory.asked("GetObject", "a").len();
    world.backup(&dir).args(["--compare", "checksum"]).done();
    assert_eq!(memory.asked("GetObject", "a").len() - before, 1);
    assert_same(
        &world.bucket.contents(),
        &map(&[("a", "same"), ("b", "new!")]),
    );
    world.backup(&dir).args(["--compare", "checksum"]).done();
}

#[test]
fn a_plan_is_applied_and_what_has_changed_by_a_second_is_refused() {
    let memory = gateway();
    let world = World::on(&memory);
    for name in ["deleted", "kept", "overwritten"] {
        memory.put_at(&world.bucket.name, name, "old", at(ODD));
    }
    let dir = world.tree("dir", &[("overwritten", "new text")]);
    let plan = save(&world, &["mock", "backup"], &dir);
    let changed = at(ODD) + chrono::TimeDelta::seconds(1);
    memory.put_at(&world.bucket.name, "kept", "OLD", changed);
    apply(&world, &plan).exits(3).says("'kept' has changed");
    let expected = [("kept", "OLD"), ("overwritten", "new text")];
    assert_same(&world.bucket.contents(), &map(&expected));
}

/// What comes instead of what was listed has a time of its own, which the HEAD
/// that finds it shows it only in part.
#[test]
fn an_object_that_is_replaced_while_it_is_read_comes_with_its_full_time() {
    let memory = Memory::with(Config {
        precision: Precision::Millisecond,
        ..Config::default()
    });
    let world = World::on(&memory);
    memory.put_at(&world.bucket.name, "a", "first", at("2024-05-01T11:59:59Z"));
    memory.put_at(&world.bucket.name, "b", "other", at(ODD));
    let bucket = world.bucket.name.clone();
    let replace = Action::run(move |state| state.put(&bucket, "a", "second", at(ODD)));
    memory.inject(Fault::on("GetObject").nth(1).act(replace));
    let dir = world.dir("dir");
    world.restore(&dir).one_by_one().done();
    assert_same(&dir.files(), &world.bucket.objects());
    let exact = ["--compare", "exact-times"];
    world.only_lists(|| world.restore(&dir).args(exact).done());
}
