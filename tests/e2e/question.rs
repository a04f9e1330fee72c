//! Before anything changes: the summary and the question. Only `yes` continues.

use crate::support::{Dir, Memory, World, assert_same};

fn to_upload(memory: &Memory) -> (World<'_>, Dir) {
    let world = World::on(memory);
    let dir = world.tree("dir", &[("a", "1"), ("b", "2")]);
    world.bucket.put("c", "3");
    (world, dir)
}

/// A terminal, by `script` of util-linux: the product asks only there.
fn answered(world: &World, dir: &Dir, answer: &str, status: i32) {
    let run = world.command(&["backup"], dir);
    let script = "printf \"$ANSWER\" | script --quiet --return --echo never --command \
        'exec \"$PROGRAM\" backup --dir \"$DIR\" --bucket \"$BUCKET\" \
        --endpoint-url \"$URL\"' /dev/null";
    let run = run
        .env("ANSWER", answer)
        .env("PROGRAM", crate::support::run::program())
        .env("DIR", dir.path())
        .env("BUCKET", &world.bucket.name)
        .env("URL", world.bucket.server.url());
    run.in_shell(script).is(status);
}

#[test]
fn yes_goes_on() {
    let memory = Memory::start();
    let (world, dir) = to_upload(&memory);
    answered(&world, &dir, "yes\\n", 0);
    assert_same(&world.bucket.contents(), &dir.contents());
}

#[test]
fn anything_else_leaves_with_nothing_done() {
    for answer in ["no\\n", "y\\n", "\\n", "yes please\\n", "YES!\\n", "\\004"] {
        let memory = Memory::start();
        let (world, dir) = to_upload(&memory);
        let before = world.bucket.objects();
        world.only_looks(|| answered(&world, &dir, answer, 4));
        assert_same(&world.bucket.objects(), &before);
    }
}

#[test]
fn without_a_terminal_and_without_yes_it_is_refused() {
    for stdin in [None, Some(""), Some("yes\n")] {
        for command in ["backup", "restore"] {
            let memory = Memory::start();
            let (world, dir) = to_upload(&memory);
            let (objects, tree) = (world.bucket.objects(), dir.snapshot());
            let run = world.command(&[command], &dir);
            let run = match stdin {
                Some(text) => run.stdin(text),
                None => run,
            };
            world.only_lists(|| run.exits(4).says("--yes"));
            assert_same(&world.bucket.objects(), &objects);
            assert_same(&dir.snapshot(), &tree);
        }
    }
}

#[test]
fn nothing_to_do_asks_nothing() {
    let memory = Memory::start();
    let (world, dir) = to_upload(&memory);
    world.backup(&dir).done();
    world.command(&["backup"], &dir).done();
}
