//! File systems and sandboxes that lack a call: a restore does without where
//! nothing that it promises needs it, and says what it could not do.

use std::collections::BTreeSet;

use crate::support::{
    Dir, Memory, World, assert_same,
    content::mebibytes,
    run::Run,
    strace::{Call, calls, traced},
};

fn scene(memory: &Memory) -> (World<'_>, Dir) {
    let world = World::on(memory);
    world.bucket.put("parts/film", mebibytes(11, 1));
    world.bucket.put("sub/b", "b");
    world.bucket.put("old", "from the bucket");
    let dir = world.tree("dir", &[("old", "the old one"), ("gone", "gone")]);
    (world, dir)
}

/// The run, to which `call` is answered by `errno` whenever it comes.
fn without(run: Run, world: &World, call: &str, errno: &str) -> Run {
    let inject = format!("inject={call}:error={errno}");
    let options = ["-e", &inject];
    traced(run, &options, &world.sandbox.path("strace"))
}

#[track_caller]
fn was_asked(world: &World) {
    let calls = calls(&world.sandbox.path("strace"));
    assert!(calls.iter().any(Call::was_injected), "never asked");
}

#[test]
#[ignore = "needs strace; `cargo xtask test` runs it"]
fn a_call_that_is_missing_is_done_without() {
    for (call, errno) in [
        ("openat2", "EPERM"),
        ("openat2", "ENOSYS"),
        ("statx", "EPERM"),
        ("fallocate", "EOPNOTSUPP"),
        ("syncfs", "EINVAL"),
        ("renameat2", "EPERM"),
        ("renameat2", "EINVAL"),
        ("renameat2", "ENOSYS"),
        ("renameat2,linkat", "EPERM"),
        ("fchown", "EPERM"),
    ] {
        let memory = Memory::start();
        let (world, dir) = scene(&memory);
        let run = world.restore(&dir).args(["--part-size", "5MiB"]);
        let outcome = without(run, &world, call, errno).done();
        assert_same(&dir.files(), &world.bucket.objects());
        assert!(!outcome.stderr.contains("warning"), "{call}: {outcome}");
        world.only_lists(|| world.restore(&dir).done());
    }
}

/// As a share that belongs to somebody else. Whoever restores there again has
/// to know what that costs.
#[test]
#[ignore = "needs strace; `cargo xtask test` runs it"]
fn a_time_that_cannot_be_set_is_counted_and_named() {
    for errno in ["EPERM", "EACCES", "ENOSYS"] {
        let memory = Memory::start();
        let (world, dir) = scene(&memory);
        let run = world.restore(&dir);
        let outcome = without(run, &world, "utimensat", errno).done();
        was_asked(&world);
        let outcome = outcome.says("did not set the time of 3 files ('");
        outcome.says("the next restore copies them again");
        assert_same(&dir.contents(), &world.bucket.contents());
        world.restore(&dir).done();
        assert_same(&dir.files(), &world.bucket.objects());
    }
}

#[test]
#[ignore = "needs strace; `cargo xtask test` runs it"]
fn permissions_that_cannot_be_set_stay_narrow() {
    use std::os::unix::fs::PermissionsExt;
    let memory = Memory::start();
    let (world, dir) = scene(&memory);
    let old = dir.join("old");
    std::fs::set_permissions(&old, std::fs::Permissions::from_mode(0o640)).unwrap();
    let outcome = without(world.restore(&dir), &world, "fchmod", "EPERM").done();
    was_asked(&world);
    outcome.says("did not set the permissions of 1 file ('old')");
    assert_same(&dir.files(), &world.bucket.objects());
    let mode = old.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// Where the file that is replaced belongs to somebody else. Told if that one
/// could read it, and cannot read its successor.
#[test]
#[ignore = "needs strace and root; `cargo xtask test` runs it"]
fn an_owner_that_cannot_be_kept_is_named_where_it_locks_him_out() {
    use std::os::unix::fs::{PermissionsExt, chown};
    for (mode, is_named) in [(0o644, false), (0o640, true), (0o600, true)] {
        let memory = Memory::start();
        let (world, dir) = scene(&memory);
        let old = dir.join("old");
        std::fs::set_permissions(&old, std::fs::Permissions::from_mode(mode)).unwrap();
        chown(&old, Some(65534), Some(65534)).unwrap();
        let outcome = without(world.restore(&dir), &world, "fchown", "EPERM").done();
        was_asked(&world);
        let said = "the owner of 1 file ('old') could not be kept";
        assert_eq!(
            outcome.stderr.contains(said),
            is_named,
            "{mode:o}: {outcome}"
        );
        assert_same(&dir.files(), &world.bucket.objects());
    }
}

/// A sync that is refused is an error; one that does not exist is not.
#[test]
#[ignore = "needs strace; `cargo xtask test` runs it"]
fn a_file_system_without_syncs_is_warned_of_once() {
    for durability in ["batch", "each"] {
        let memory = Memory::start();
        let (world, dir) = scene(&memory);
        let run = world.restore(&dir).args(["--durability", durability]);
        // The whole file system can be synced in its place.
        let outcome = without(run, &world, "fsync", "EINVAL").done();
        was_asked(&world);
        assert!(!outcome.stderr.contains("warning"), "{outcome}");
        assert_same(&dir.files(), &world.bucket.objects());

        let (world, dir) = scene(&memory);
        let run = world.restore(&dir).args(["--durability", durability]);
        let outcome = without(run, &world, "fsync,syncfs", "EINVAL").done();
        was_asked(&world);
        let warnings = outcome.stderr.matches("warning").count();
        assert_eq!(warnings, 1, "{outcome}");
        outcome.says("use --durability none to skip the attempt");
        assert_same(&dir.files(), &world.bucket.objects());

        let (world, dir) = scene(&memory);
        let run = world.restore(&dir).args(["--durability", durability]);
        without(run, &world, "fsync,syncfs", "EIO")
            .exits(3)
            .says("to disk");
    }
}

/// After the first error of a sync of all, whatever it says, each file answers
/// for itself.
#[test]
#[ignore = "needs strace; `cargo xtask test` runs it"]
fn where_all_cannot_be_synced_at_once_each_file_is() {
    for errno in ["EINVAL", "EIO"] {
        let memory = Memory::start();
        let world = World::on(&memory);
        for number in 0..60 {
            world.bucket.put(&format!("sub/{number}"), "new");
        }
        let dir = world.dir("dir");
        without(world.restore(&dir), &world, "syncfs", errno).done();
        was_asked(&world);
        let calls = calls(&world.sandbox.path("strace"));
        let synced = calls
            .iter()
            .filter(|call| call.name == "fsync" && call.succeeded());
        let files: BTreeSet<_> = synced.flat_map(Call::handles).collect();
        let sub = dir.join("sub");
        let of_files = files.iter().filter(|path| path.parent() == Some(&*sub));
        assert_eq!(of_files.count(), 60, "{errno}");
        assert_same(&dir.files(), &world.bucket.objects());
    }
}
