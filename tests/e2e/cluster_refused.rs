//! What a run of many machines cannot do is refused before anything is done.

use std::fs;

use crate::support::{
    Memory, World, assert_same,
    cluster::{Cluster, IN_ORDER, different, split, split_keys},
    plans::save,
    run::Run,
};

/// A command of an operator who has asked, once for all, that files be kept.
fn with_trash(run: Run, world: &World) -> Run {
    run.env("S3MIRROR_TRASH", world.sandbox.path("trash"))
}

#[test]
fn a_restore_that_shall_keep_files_is_not_split() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let plan = save(&world, &["mock", "restore"], &dir);
    let (before, run) = (dir.contents(), world.sandbox.path("run"));
    world.no_requests(|| {
        let by_plan = with_trash(split(&world, &plan, &run, 2), &world);
        by_plan.exits(2).says("S3MIRROR_TRASH").says("unset");
        let by_keys = split_keys(&world, "restore", &dir, &run, 2).args(IN_ORDER);
        let outcome = with_trash(by_keys, &world).exits(2).says("S3MIRROR_TRASH");
        outcome.says("restore by one machine");
        let option = split_keys(&world, "restore", &dir, &run, 2).args(["--trash", "t"]);
        option.exits(2).says("restore by one machine")
    });
    assert!(!run.exists());
    assert_same(&dir.contents(), &before);
    // A variable that is set to nothing is not set, and a backup overwrites no file.
    let empty = split(&world, &plan, &run, 2).env("S3MIRROR_TRASH", "");
    empty.done();
    fs::remove_dir_all(&run).unwrap();
    let keys = split_keys(&world, "backup", &dir, &run, 2).args(IN_ORDER);
    with_trash(keys, &world).done();
}

#[test]
fn no_phase_of_a_restore_that_shall_keep_files_loses_any() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::ranges(&world, "restore", &dir, 2, &IN_ORDER);
    let before = dir.contents();
    let refused = |run: Run| {
        let outcome = world.no_requests(|| with_trash(run, &world).exits(2));
        outcome
            .says("S3MIRROR_TRASH")
            .says("restore by one machine");
    };
    refused(cluster.phase("plan"));
    refused(cluster.plan(0));
    assert!(!cluster.file("plan/0000.plan").exists());
    cluster.phase("plan").done();
    // A word that each of its jobs would refuse is refused before they are started.
    for words in [&["--trash", "t"][..], &["--trash=t"]] {
        let script = cluster.script("slurm").arg("--").args(words);
        let outcome = world.no_requests(|| script.exits(2));
        let outcome = outcome.says("--trash").says("restore by one machine");
        assert!(outcome.stdout.is_empty(), "{outcome}");
    }
    refused(cluster.script("slurm"));
    refused(cluster.seal());
    assert!(!cluster.file("sealed.json").exists());
    cluster.seal().done();
    refused(cluster.apply(0));
    refused(cluster.phase("apply"));
    assert_same(&dir.contents(), &before);
    cluster.phase("apply").done();
    let copied = dir.contents();
    refused(cluster.finish());
    assert_same(&dir.contents(), &copied);
    cluster.finish().done();
    assert_same(&dir.contents(), &world.bucket.contents());
}

#[test]
fn metrics_of_a_run_are_not_written_into_the_directory_that_it_mirrors() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::ranges(&world, "backup", &dir, 2, &IN_ORDER);
    let metrics = dir.join("run.prom");
    let finish = || cluster.finish().arg("--metrics-file").arg(&metrics);
    let refused = || {
        let outcome = world.no_requests(|| finish().exits(1));
        outcome.says("inside the directory that is mirrored");
        assert!(!metrics.exists());
    };
    // It would be written though there is nothing to finish yet.
    refused();
    cluster.phase("plan").done();
    cluster.seal().done();
    cluster.phase("apply").done();
    refused();
    let outside = world.sandbox.path("run.prom");
    let finish = cluster.finish().arg("--metrics-file").arg(&outside);
    finish.done();
    assert!(outside.exists());
    refused();
    assert_same(&world.bucket.contents(), &dir.contents());
}
