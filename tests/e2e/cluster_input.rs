//! What is refused: a run directory that others could write to, that is in the tree,
//! of another version, edited, or without room; and shards that do not exist.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use crate::support::{
    Memory, World, assert_same,
    cluster::{Cluster, deletions, different, held, split, with_a_film},
    mount::Mount,
    plans::save,
};

/// Changes a value of a JSON file in place.
pub(crate) fn edit(path: &Path, change: impl FnOnce(&mut Value)) {
    let mut value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    change(&mut value);
    fs::write(path, value.to_string() + "\n").unwrap();
}

#[test]
fn a_wrong_shard_is_wrong_usage() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 4);
    world.no_requests(|| {
        cluster
            .apply(4)
            .exits(2)
            .says("there is no shard 4")
            .says("4, numbered from 0");
        let auto = || cluster.phase("apply").args(["--shard", "auto"]);
        auto()
            .exits(2)
            .says("SLURM_ARRAY_TASK_ID")
            .says("--shard I");
        let both = auto()
            .env("SLURM_ARRAY_TASK_ID", "1")
            .env("PBS_ARRAY_INDEX", "1");
        both.exits(2).says("both set");
        auto().env("SLURM_ARRAY_TASK_ID", "x").exits(2);
        auto().env("SGE_TASK_ID", "0").exits(2);
        auto().env("LSB_JOBINDEX", "5").exits(2).says("no shard 4");
        cluster.phase("apply").args(["--shard", "-1"]).exits(2);
    });
    let task = cluster.phase("apply").args(["--shard", "auto"]);
    task.env("LSB_JOBINDEX", "4")
        .env("LSB_JOBID", "77")
        .done()
        .says("shard 3");
    let began = fs::read_to_string(cluster.file("shard/0003/began.1")).unwrap();
    assert!(began.contains(r#""job":"77""#), "{began}");
}

#[test]
fn a_plan_is_not_divided_into_the_tree_or_into_no_or_too_many_shards() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let plan = save(&world, &["mock", "backup"], &dir);
    std::os::unix::fs::symlink(dir.path(), world.sandbox.path("link")).unwrap();
    let before = dir.snapshot();
    world.no_requests(|| {
        for run in ["dir/run", "dir/d0/run", "link/run", "./dir/../dir/run"] {
            let outcome = split(&world, &plan, &world.sandbox.path(run), 2).exits(1);
            outcome.says("inside the directory").says("beside it");
        }
        let run = world.sandbox.path("run");
        for shards in [0, 1001] {
            split(&world, &plan, &run, shards)
                .exits(2)
                .says("1 to 1000");
        }
        split(&world, &world.sandbox.path("none"), &run, 2)
            .exits(1)
            .says("none");
        split(&world, &plan, &world.sandbox.path("no/such/place"), 2)
            .exits(1)
            .says("the directory above it is missing");
        fs::create_dir(&run).unwrap();
        split(&world, &plan, &run, 2)
            .exits(1)
            .says("exists already")
            .says("--run");
        let empty = || world.s3mirror().args(["cluster", "status"]).arg(&run);
        fs::set_permissions(&run, fs::Permissions::from_mode(0o700)).unwrap();
        empty().exits(1).says("run.json");
    });
    assert_same(&dir.snapshot(), &before);
}

#[test]
fn a_run_directory_that_others_may_use_is_not_trusted() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 2);
    let set = |mode| fs::set_permissions(&cluster.run, fs::Permissions::from_mode(mode)).unwrap();
    for mode in [0o770, 0o750, 0o707, 0o701] {
        set(mode);
        world.no_requests(|| {
            for run in [cluster.apply(0), cluster.finish(), cluster.phase("status")] {
                run.exits(1).says("cannot be trusted").says("700");
            }
        });
    }
    set(0o700);
    // Of another user, where we may be one.
    if std::os::unix::fs::chown(&cluster.run, Some(65534), None).is_ok() {
        world.no_requests(|| cluster.apply(0).exits(1).says("belongs to user 65534"));
    }
}

#[test]
fn another_version_of_the_program_has_no_part_in_a_run() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 2);
    edit(&cluster.file("run.json"), |run| {
        run["program"] = "9.9.9".into();
    });
    world.no_requests(|| {
        for run in [cluster.apply(0), cluster.finish()] {
            let outcome = run.exits(1).says("9.9.9").says(env!("CARGO_PKG_VERSION"));
            outcome.says("one version");
        }
    });
}

/// What somebody does to a run whose shards are all done.
type Edit = (&'static str, fn(&Cluster));

#[test]
fn a_run_that_was_edited_deletes_nothing() {
    let memory = Memory::start();
    let edits: [Edit; 9] = [
        ("shard 1", |cluster| {
            fs::remove_file(cluster.file("shard/0001/done")).unwrap();
        }),
        ("shard 1", |cluster| {
            let other = fs::read(cluster.file("shard/0000/done")).unwrap();
            fs::write(cluster.file("shard/0001/done"), other).unwrap();
        }),
        ("shard 1", |cluster| {
            edit(&cluster.file("shard/0001/done"), |done| {
                done["run"] = "another".into();
            });
        }),
        ("shard 1", |cluster| {
            edit(&cluster.file("shard/0001/done"), |done| {
                done["sealed"] = "0".into();
            });
        }),
        ("shard/0001/done", |cluster| {
            let done = cluster.file("shard/0001/done");
            let text = fs::read(&done).unwrap();
            fs::write(done, &text[..text.len() / 2]).unwrap();
        }),
        ("shard 0", |cluster| {
            edit(&cluster.file("sealed.json"), |sealed| {
                sealed["shards"][0][0]["actions"] = 1.into();
            });
        }),
        ("run.json", |cluster| {
            edit(&cluster.file("run.json"), |run| {
                run["origin"]["prefix"] = "x/".into();
            });
        }),
        ("0000.plan", |cluster| {
            let plan = cluster.file("plan/0000.plan");
            let bytes = fs::read(&plan).unwrap();
            fs::write(plan, &bytes[..bytes.len() - 1]).unwrap();
        }),
        ("0000.plan", |cluster| {
            let plan = cluster.file("plan/0000.plan");
            let mut bytes = fs::read(&plan).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(plan, bytes).unwrap();
        }),
    ];
    for (what, change) in edits {
        let (world, dir) = different(&memory);
        let cluster = Cluster::split(&world, "backup", &dir, 2);
        cluster.phase("apply").done();
        let before = world.bucket.contents();
        change(&cluster);
        world.no_requests(|| cluster.finish().exits(3).says(what));
        assert_same(&world.bucket.contents(), &before);
        assert!(!cluster.file("finished.json").exists());
    }
    assert_eq!(deletions(&memory), 0);
}

#[test]
fn a_shard_whose_part_of_the_plan_was_edited_does_nothing() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 4);
    let plan = cluster.file("plan/0000.plan");
    let sealed: Value =
        serde_json::from_slice(&fs::read(cluster.file("sealed.json")).unwrap()).unwrap();
    let part = &sealed["shards"][2][0];
    let at = part["at"].as_u64().unwrap() + part["length"].as_u64().unwrap() - 1;
    let mut bytes = fs::read(&plan).unwrap();
    bytes[usize::try_from(at).unwrap()] ^= 1;
    fs::write(&plan, bytes).unwrap();
    world.no_requests(|| {
        cluster
            .apply(2)
            .exits(1)
            .says("shard 2")
            .says("cut or edited")
    });
    // The others are whole.
    cluster.apply(1).done();
}

#[test]
#[ignore = "mounts a file system, so it needs root; `cargo xtask test` runs it"]
fn a_full_disk_of_the_run_directory_loses_nothing() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let disk = world.dir("disk");
    let mount = Mount::tmpfs(disk.path(), "size=1m");
    let plan = save(&world, &["mock", "backup"], &dir);
    let run = disk.join("run");
    let fill = disk.join("fill");
    let full = || {
        let _ = fs::write(&fill, vec![0; 2 << 20]);
    };
    full();
    let outcome = split(&world, &plan, &run, 2).exits(1);
    outcome.says("No space left").says("free some space");
    assert!(!run.exists());
    fs::remove_file(&fill).unwrap();
    split(&world, &plan, &run, 2).done();
    let cluster = Cluster { world: &world, run };
    full();
    world.no_requests(|| cluster.apply(0).exits(1).says("No space left"));
    // Nobody looks to others as if it had begun.
    assert!(!cluster.file("shard/0000/began.1").exists());
    assert_eq!(cluster.status()["state"], "sealed");
    fs::remove_file(&fill).unwrap();
    cluster.phase("apply").done();
    full();
    // What cannot be noted before is not done.
    world.no_requests(|| cluster.finish().exits(1).says("No space left"));
    assert_eq!(deletions(&memory), 0);
    fs::remove_file(&fill).unwrap();
    let late = s3_endpoint::Action::Stall(std::time::Duration::from_secs(2));
    memory.inject(s3_endpoint::Fault::on("DeleteObjects").act(late));
    let finish = cluster.finish().trusting().start();
    finish.wait_for(&memory, "DeleteObjects", 1);
    full();
    finish
        .end()
        .is(6)
        .says("all is done, but that cannot be noted");
    fs::remove_file(&fill).unwrap();
    cluster.finish().done();
    assert_same(&world.bucket.contents(), &dir.contents());
    drop(mount);
}

#[test]
fn a_shard_is_not_done_by_a_file_that_was_cut_or_is_of_another_shard() {
    for is_cut in [true, false] {
        let memory = Memory::start();
        let (world, dir) = different(&memory);
        let cluster = Cluster::split(&world, "backup", &dir, 2);
        cluster.apply(0).done();
        let done = |shard| cluster.run.join(format!("shard/000{shard}/done"));
        if is_cut {
            cluster.apply(1).done();
            fs::write(done(1), "").unwrap();
        } else {
            fs::copy(done(0), done(1)).unwrap();
        }
        cluster.apply(1).exits(1).says("remove that file");
        cluster.phase("apply").exits(1).says("shard/0001/done");
        cluster.finish().exits(3).says("remove that file");
        fs::remove_file(done(1)).unwrap();
        cluster.phase("apply").done();
        cluster.finish().done();
        assert_same(&world.bucket.contents(), &dir.contents());
    }
}

#[test]
fn the_places_of_a_run_are_locked_against_other_runs() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 2);
    let stall = s3_endpoint::Action::Stall(std::time::Duration::from_secs(60));
    memory.inject(s3_endpoint::Fault::on("PutObject").act(stall));
    let first = cluster.apply(0).start();
    first.wait_for(&memory, "PutObject", 1);
    world.backup(&dir).exits(4).says("another run");
    // Another shard goes beside it.
    cluster.apply(1).done();
    drop(first);
}

#[test]
fn a_run_that_was_moved_is_still_that_run() {
    let memory = Memory::start();
    let (world, dir) = different(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 2);
    let moved = World::on(&memory);
    fs::rename(&cluster.run, moved.sandbox.path("moved")).unwrap();
    let cluster = Cluster {
        world: &world,
        run: moved.sandbox.path("moved"),
    };
    cluster.phase("apply").done();
    cluster.finish().done();
    assert_same(&world.bucket.contents(), &dir.contents());
}

/// It is at work on a machine that has the directory.
#[test]
fn a_machine_without_the_directory_hides_no_attempt_of_another_one() {
    let memory = Memory::start();
    let (world, dir) = with_a_film(&memory);
    let cluster = Cluster::split(&world, "backup", &dir, 1);
    let working = held(&memory, &cluster);
    let away = world.sandbox.path("away");
    fs::rename(dir.path(), &away).unwrap();
    cluster.apply(0).exits(1).says("mount its file system");
    fs::rename(&away, dir.path()).unwrap();
    let status = cluster.status();
    assert_eq!(status["running"][0]["attempt"], 1, "{status}");
    assert_eq!(status["failed"].as_array().unwrap().len(), 0, "{status}");
    assert!(working.kill());
    cluster.phase("apply").done();
    cluster.finish().done();
    assert_same(&world.bucket.contents(), &dir.contents());
}

/// A shard that made the directory by itself would count as done without it.
#[test]
fn a_machine_without_the_directory_does_nothing() {
    let memory = Memory::start();
    for command in ["backup", "restore"] {
        let (world, dir) = different(&memory);
        let cluster = Cluster::split(&world, command, &dir, 2);
        let away = world.sandbox.path("away");
        fs::rename(dir.path(), &away).unwrap();
        let objects = world.bucket.contents();
        world.no_requests(|| {
            let refused = cluster.apply(0).exits(1);
            refused.says("No such file").says("mount its file system");
            assert!(!dir.path().exists());
        });
        // Whoever looks from a machine that has it sees where it is missing.
        let status = cluster.status();
        let failed = &status["failed"][0];
        let (host, why) = (
            failed["host"].as_str().unwrap(),
            failed["why"].as_str().unwrap(),
        );
        assert!(
            why.contains("cannot use the directory") && why.contains(host),
            "{status}"
        );
        let table = cluster.phase("status").done().says("shard 0 failed on");
        table.says("cluster apply").says("--shard 0`");
        fs::create_dir(dir.path()).unwrap();
        world.no_requests(|| {
            cluster.apply(1).exits(1).says("it is another directory");
            cluster.finish().exits(1).says("it is another directory");
            cluster
                .phase("apply")
                .exits(1)
                .says("it is another directory");
        });
        let attempts = |shard: &str| {
            let files = fs::read_dir(cluster.file(shard)).unwrap().flatten();
            let names = files.map(|file| file.file_name().into_string().unwrap());
            names.filter(|name| name.starts_with("began.")).count()
        };
        // No more than the first one of each is noted.
        assert_eq!((attempts("shard/0000"), attempts("shard/0001")), (1, 1));
        assert_same(&dir.contents(), &Default::default());
        assert_same(&world.bucket.contents(), &objects);
        fs::remove_dir(dir.path()).unwrap();
        fs::rename(&away, dir.path()).unwrap();
        cluster.apply(0).done();
        cluster.apply(1).done();
        cluster.finish().done();
        assert_same(&dir.contents(), &world.bucket.contents());
    }
}
