//! Where nothing can be kept from run to run, a run does without and says so;
//! what others have put into shared places is not believed.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::time::Duration;

use s3_endpoint::{Action, Fault};

use crate::support::run::Run;
use crate::support::strace::traced;
use crate::support::{Memory, World, assert_same};

/// How long a first run is at work, so that a second one meets it under strace.
const AT_WORK: Duration = Duration::from_secs(4);

/// Without any of the variables that name a place for state.
fn homeless(run: Run, world: &World<'_>) -> Run {
    let temporary = world.dir("tmp");
    fs::set_permissions(temporary.path(), Permissions::from_mode(0o777)).unwrap();
    run.env_remove("HOME")
        .env("XDG_RUNTIME_DIR", "/nonexistent")
        .env("TMPDIR", temporary.path())
}

#[test]
fn without_a_home_the_state_is_in_a_private_directory() {
    let memory = Memory::start();
    for home in [None, Some(""), Some("/nonexistent"), Some("/dev/null")] {
        let world = World::on(&memory);
        let dir = world.tree("dir", &[("a", "1")]);
        let mut run = homeless(world.backup(&dir), &world);
        if let Some(home) = home {
            run = run.env("HOME", home);
        }
        let outcome = run.done();
        assert!(!outcome.stderr.contains("warning"), "{outcome}");
        let made: Vec<_> = fs::read_dir(world.sandbox.path("tmp"))
            .unwrap()
            .flatten()
            .collect();
        let [made] = &made[..] else {
            panic!("{made:?}")
        };
        assert_eq!(made.metadata().unwrap().mode() & 0o777, 0o700);
        assert!(made.path().join("backups").is_dir());
    }
    assert!(!fs::exists("/nonexistent").unwrap(), "no home is made");
}

#[test]
fn what_another_one_has_put_there_is_not_followed() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    let theirs = world.dir("theirs");
    let user = theirs.path().metadata().unwrap().uid();
    world.dir("tmp");
    let place = world.sandbox.path(&format!("tmp/s3mirror-{user}"));
    symlink(theirs.path(), &place).unwrap();
    let outcome = homeless(world.backup(&dir), &world).done();
    outcome
        .says("cannot use the state directory")
        .says("--state-dir");
    assert!(theirs.snapshot().is_empty(), "nothing is written there");
    assert_same(&world.bucket.contents(), &dir.contents());
}

#[test]
fn the_directory_can_be_named() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    let state = world.sandbox.path("named/state");
    world.backup(&dir).arg("--state-dir").arg(&state).done();
    assert!(state.join("backups").is_dir());
    let other = world.sandbox.path("other");
    world.backup(&dir).env("S3MIRROR_STATE_DIR", &other).done();
    assert!(other.join("backups").is_dir());
    // One that cannot be used is told, and the next one is used.
    let file = world.sandbox.path("file");
    fs::write(&file, "").unwrap();
    world
        .backup(&dir)
        .arg("--state-dir")
        .arg(&file)
        .done()
        .says("cannot use the state directory");
}

#[test]
fn what_cannot_be_noted_does_not_fail_an_upload() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "small")]);
    for film in ["one", "two"] {
        dir.write(film, vec![1; 11 << 20]);
    }
    let state = world.dir("home/.local/state/s3mirror");
    state.write("uploads", "in the way");
    let outcome = world
        .backup(&dir)
        .done()
        .says("cannot note which uploads are open");
    assert_eq!(
        outcome.stderr.matches("cannot note").count(),
        1,
        "{outcome}"
    );
    assert_same(&world.bucket.contents(), &dir.contents());
}

/// Lustre without the option, NFS without a lock service, old sandboxes.
#[test]
#[ignore = "needs strace; `cargo xtask test` runs it"]
fn a_file_system_without_locks_holds_up_nobody_and_a_second_run_is_still_refused() {
    let memory = Memory::start();
    for error in ["ENOSYS", "ENOLCK", "EOPNOTSUPP", "EINVAL"] {
        let world = World::on(&memory);
        let dir = world.tree("dir", &[("a", "1")]);
        let without = |run: Run| {
            let inject = format!("inject=flock:error={error}");
            traced(
                run,
                &["-e", "trace=flock", "-e", &inject],
                &world.sandbox.path("log"),
            )
        };
        without(world.backup(&dir)).done();
        dir.write("b", "2");
        without(world.backup(&dir)).done();
        without(world.restore(&world.dir("other"))).done();
        assert_same(&world.bucket.contents(), &dir.contents());

        let lists = memory.count("ListObjectsV2");
        memory.inject(Fault::on("ListObjectsV2").act(Action::Stall(AT_WORK)));
        let first = without(world.backup(&dir)).start();
        first.wait_for(&memory, "ListObjectsV2", lists + 1);
        world.backup(&dir).exits(4).says("another run");
        first.end().is(0);
    }
}

/// A name in a place for all that somebody else has taken, with a directory
/// that only looks like ours.
#[test]
#[ignore = "needs root, to give a directory away; `cargo xtask test` runs it"]
fn a_directory_of_another_user_is_not_used() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    world.dir("tmp");
    let theirs = world.dir("tmp/s3mirror-0");
    fs::set_permissions(theirs.path(), Permissions::from_mode(0o777)).unwrap();
    chown(theirs.path(), Some(65534), Some(65534)).unwrap();
    let outcome = homeless(world.backup(&dir), &world).done();
    outcome
        .says("cannot use the state directory")
        .says("--state-dir");
    assert!(theirs.snapshot().is_empty(), "nothing is written there");
    assert_same(&world.bucket.contents(), &dir.contents());
}

/// Whoever backs up a home backs up the state in it.
#[test]
fn a_second_backup_of_the_home_with_the_state_in_it_has_nothing_to_do() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let home = world.tree("me", &[("a", "1")]);
    let backup = || world.backup(&home).env("HOME", home.path());
    backup().done();
    // What is uploaded in the second in which it was written is sent once more.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    backup().done();
    let outcome = world.only_lists(|| backup().done());
    outcome.says("  kept                    2 ");
    let keys: Vec<_> = world.bucket.contents().into_keys().collect();
    assert!(!keys.iter().any(|key| key.contains("/runs/")), "{keys:?}");
}
