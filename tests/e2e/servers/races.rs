//! Another client writes into the bucket between the plan and what is done.
//! Nothing of it is overwritten or deleted, whether the server knows conditions
//! or not, with the defaults.

use crate::support::{
    Dir, Server, World, assert_same,
    content::mebibytes,
    plans::{apply, save},
};

on_all_servers! {
    a_foreign_object_where_one_is_to_be_created_survives
    a_foreign_object_where_one_is_to_be_overwritten_survives
    a_foreign_object_where_one_is_to_be_deleted_survives
    a_foreign_object_where_a_large_file_is_to_go_survives
}

/// Saves the plan of a backup of `dir`, has another client put `key`, applies
/// the plan, and expects that just that was left alone and named.
#[track_caller]
fn survives(world: &World, dir: &Dir, key: &str) {
    let plan = save(world, &["mock", "backup"], dir);
    let theirs = format!("of another client, {} bytes in all", key.len());
    world.bucket.put(key, &theirs);
    apply(world, &plan).exits(3).says(&format!("'{key}'"));
    let objects = world.bucket.contents();
    assert_eq!(objects[key], theirs.into_bytes().into());
}

fn a_foreign_object_where_one_is_to_be_created_survives(server: &dyn Server) {
    let world = World::on(server);
    let dir = world.tree("dir", &[("a", "1"), ("new", "2"), ("z", "3")]);
    survives(&world, &dir, "new");
    let objects = world.bucket.contents();
    assert!(objects.contains_key("a") && objects.contains_key("z"));
}

fn a_foreign_object_where_one_is_to_be_overwritten_survives(server: &dyn Server) {
    let world = World::on(server);
    let dir = world.tree("dir", &[("a", "1"), ("b", "2")]);
    world.backup(&dir).done();
    dir.write_now("a", "longer");
    dir.write_now("b", "longer too");
    survives(&world, &dir, "b");
    assert_eq!(world.bucket.contents()["a"], "longer".into());
}

fn a_foreign_object_where_one_is_to_be_deleted_survives(server: &dyn Server) {
    let world = World::on(server);
    let dir = world.tree("dir", &[("a", "1"), ("b", "2"), ("c", "3")]);
    world.backup(&dir).done();
    dir.remove("b");
    survives(&world, &dir, "b");
    // The next run has seen it, and may delete it.
    world.backup(&dir).done();
    assert_same(&world.bucket.contents(), &dir.contents());
}

fn a_foreign_object_where_a_large_file_is_to_go_survives(server: &dyn Server) {
    let world = World::on(server);
    let dir = world.dir("dir");
    dir.write("large", mebibytes(11, 1));
    let part_size = |command: &'static str| ["mock", command, "--part-size", "5MiB"];
    let plan = world.sandbox.path("plan");
    let run = world.command(&part_size("backup"), &dir).arg("--plan-out");
    run.arg(&plan).done();
    world.bucket.put("large", "theirs");
    let run = apply(&world, &plan).args(["--part-size", "5MiB"]);
    run.exits(3).says("'large'");
    assert_eq!(world.bucket.contents()["large"], "theirs".into());

    // Where one was seen, too.
    world.backup(&dir).done();
    dir.write_now("large", mebibytes(12, 2));
    survives(&world, &dir, "large");
}
