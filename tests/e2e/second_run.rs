//! A second run does nothing and costs nothing but listings.

use crate::support::{Dir, Server, World, assert_same, run::Run};

on_all_servers! {
    a_second_backup_transfers_nothing
    a_restore_onto_the_same_directory_transfers_nothing
    a_second_restore_elsewhere_transfers_nothing
    a_backup_of_what_was_restored_transfers_nothing
}

const FILES: [(&str, &str); 5] = [
    ("a/x", "1"),
    ("a-b/y", "22"),
    ("a.txt", "333"),
    ("b", ""),
    ("c/d/e/f", "55555"),
];

/// Runs `run` and expects that it changes neither side nor asks for anything
/// but lists.
fn does_nothing(world: &World, dir: &Dir, run: Run) {
    let (objects, tree) = (world.bucket.objects(), dir.snapshot());
    world.only_lists(|| run.done());
    assert_same(&world.bucket.objects(), &objects);
    assert_same(&dir.snapshot(), &tree);
}

fn a_second_backup_transfers_nothing(server: &dyn Server) {
    let world = World::on(server);
    let dir = world.tree("photos", &FILES);
    world.backup(&dir).done();
    does_nothing(&world, &dir, world.backup(&dir));
}

fn a_restore_onto_the_same_directory_transfers_nothing(server: &dyn Server) {
    let world = World::on(server);
    let dir = world.tree("photos", &FILES);
    world.backup(&dir).done();
    does_nothing(&world, &dir, world.restore(&dir));
}

fn a_second_restore_elsewhere_transfers_nothing(server: &dyn Server) {
    let world = World::on(server);
    let dir = world.tree("photos", &FILES);
    let elsewhere = world.dir("elsewhere");
    world.backup(&dir).done();
    world.restore(&elsewhere).done();
    does_nothing(&world, &elsewhere, world.restore(&elsewhere));
    // Not even where any difference of the times would count.
    let exact = world.restore(&elsewhere).args(["--compare", "exact-times"]);
    does_nothing(&world, &elsewhere, exact);
}

fn a_backup_of_what_was_restored_transfers_nothing(server: &dyn Server) {
    let world = World::on(server);
    let dir = world.tree("photos", &FILES);
    let elsewhere = world.dir("elsewhere");
    world.backup(&dir).done();
    world.restore(&elsewhere).done();
    does_nothing(&world, &elsewhere, world.backup(&elsewhere));
}
