//! The library in other programs: its examples do what the program does.

use crate::support::{Dir, Memory, World, assert_same};

#[test]
fn an_embedder_backs_up_and_restores_in_a_few_lines() {
    let server = Memory::start();
    let world = World::on(&server);
    let source = world.tree("source", &[("a.txt", "one"), ("b/c.txt", "two")]);
    let bucket = &world.bucket.name;
    let run = |example: &str, dir: &Dir| world.example(example).arg(dir.path()).arg(bucket);
    run("backup", &source)
        .done()
        .says("2 to create, 0 to overwrite");
    run("backup", &source).done().says("copied 0, deleted 0");
    let restored = world.dir("restored");
    run("restore", &restored).done().says("copied 2");
    assert_same(&restored.contents(), &source.contents());
}
