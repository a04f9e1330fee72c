//! A restore that was not completed is not taken for the truth: no backup of
//! its directory, or of one above or below, deletes what was not restored yet.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use s3_endpoint::{Action, Fault};

use crate::support::plans::save;
use crate::support::run::Run;
use crate::support::{Dir, Memory, RESTORE_MARK, World, assert_same};

const LONG: Action = Action::Stall(Duration::from_secs(60));

/// A bucket with `data/a` to `data/d`, and others beside them.
fn filled<'s>(memory: &'s Memory) -> World<'s> {
    let world = World::on(memory);
    for key in ["data/a", "data/b", "data/c", "data/sub/d", "other"] {
        world.bucket.put(key, key);
    }
    world
}

fn data(world: &World<'_>) -> String {
    format!("{}/data", world.bucket.name)
}

/// A restore of `data/` into `dir` that is killed when some of it is there.
fn kill_a_restore(memory: &Memory, world: &World<'_>, dir: &Dir) {
    kill(
        memory,
        dir,
        world.command_at(&["restore", "--yes"], dir, &data(world)),
    );
}

fn kill(memory: &Memory, dir: &Dir, restore: Run) {
    memory.inject(Fault::on("GetObject").nth(3).always().act(LONG));
    let running = restore.one_by_one().start();
    running.wait_until(memory, "b is restored", || dir.join("b").exists());
    assert!(running.kill());
    memory.clear_faults();
    assert!(dir.is_marked());
}

fn backup_to_data(world: &World<'_>, dir: &Dir) -> Run {
    world.command_at(&["backup", "--yes"], dir, &data(world))
}

#[test]
fn after_a_killed_restore_no_backup_deletes_until_a_restore_is_complete() {
    let memory = Memory::start();
    let world = filled(&memory);
    let dir = world.dir("srv/data");
    kill_a_restore(&memory, &world, &dir);
    let before = world.bucket.contents();

    let refused = backup_to_data(&world, &dir).exits(4);
    let refused = refused
        .says("has not been completed")
        .says("--restore-abandoned");
    let refused = refused.says(&format!("s3://{}/data/", world.bucket.name));
    refused.says(&dir.path().display().to_string());
    // It explains the number of deletions, so it comes before the limit of these.
    let both = backup_to_data(&world, &dir).args(["--max-delete", "0"]);
    let both = both.exits(4).says("would be deleted, more than");
    let at = |text| both.stderr.find(text).unwrap();
    assert!(
        at("not been completed") < at("would be deleted, more"),
        "{both}"
    );
    world
        .command_at(&["mock", "backup"], &dir, &data(&world))
        .exits(4);
    world
        .command_at(&["mock", "backup", "--check"], &dir, &data(&world))
        .exits(4);
    // One above and one below, by a link too.
    let above = world.dir("srv");
    world.backup(&above).exits(4).says("has not been completed");
    let link = world.sandbox.path("link");
    symlink(dir.path(), &link).unwrap();
    let by_link = world
        .s3mirror()
        .args(["backup", "--yes", "-b", &data(&world), "-d"]);
    by_link.arg(&link).exits(4).says("has not been completed");
    let below = world.dir("srv/data/sub");
    let place = format!("{}/sub", data(&world));
    world
        .command_at(&["backup", "--yes"], &below, &place)
        .exits(4)
        .says("has not been completed");
    assert_same(&world.bucket.contents(), &before);

    // A run that deletes nothing is not refused.
    dir.write("new", "1");
    backup_to_data(&world, &dir).arg("--no-delete").done();
    assert!(world.bucket.contents().contains_key("data/new"));

    world
        .command_at(&["restore", "--yes"], &dir, &data(&world))
        .done();
    assert!(!dir.is_marked());
    dir.remove("a");
    backup_to_data(&world, &dir).done();
    assert!(!world.bucket.contents().contains_key("data/a"));
}

/// A restore of more than it was would delete what only the directory has.
#[test]
fn the_command_that_completes_a_restore_is_the_same_restore() {
    let memory = Memory::start();
    let world = World::on(&memory);
    memory.set_versioning(&world.bucket.name, Some("Enabled"));
    let then = Utc::now() - TimeDelta::days(10);
    for name in ["data/a", "data/b", "data/c", "data/d"] {
        memory.put_at(&world.bucket.name, name, name, then);
    }
    let said = |options: &[&str]| {
        let dir = world.tree("srv/data", &[("only-here", "1")]);
        let restore = world.command_at(&["restore", "--yes"], &dir, &data(&world));
        kill(&memory, &dir, restore.args(options));
        let refused = backup_to_data(&world, &dir).exits(4);
        let restore = world.command_at(&["restore", "--yes"], &dir, &data(&world));
        restore.args(options).done();
        assert!(!dir.is_marked());
        std::fs::remove_dir_all(dir.path()).unwrap();
        refused
    };
    let (dir, bucket, url) = (world.dir("srv/data"), data(&world), memory.url());
    let dir = dir.path().display();
    said(&[]).says(&format!(
        "complete the restore (s3mirror restore -d {dir} -b {bucket} --endpoint-url {url}), or"
    ));
    for (options, names) in [
        (&["--no-delete"][..], "options that it had, because"),
        (&["--exclude=only-*"], "(its selection among them)"),
        (
            &["--at=5d", "--exclude=only-*"],
            "(its selection and --at 20",
        ),
    ] {
        let refused = said(options).says(names);
        assert!(!refused.stderr.contains("s3mirror restore"), "{refused}");
    }
}

/// The state directory knows nothing: another user, or another machine that
/// shares the file system.
#[test]
fn the_directory_itself_tells_others_that_it_is_unfinished() {
    let memory = Memory::start();
    let world = filled(&memory);
    let dir = world.dir("srv/data");
    kill_a_restore(&memory, &world, &dir);
    let elsewhere = |run: Run| run.env("HOME", world.dir("another-home").path());
    elsewhere(backup_to_data(&world, &dir))
        .exits(4)
        .says("has not been completed");
    let above = world.dir("srv");
    elsewhere(world.backup(&above))
        .exits(4)
        .says("has not been completed");
    let below = world.dir("srv/data/sub");
    let place = format!("{}/sub", data(&world));
    elsewhere(world.command_at(&["backup", "--yes"], &below, &place))
        .exits(4)
        .says("has not been completed");
    // A complete restore of the directory above brings all of it.
    elsewhere(world.restore(&above)).exits(0);
    assert!(!dir.is_marked());
    assert_same(
        &above.contents(),
        &world.bucket.contents().into_iter().collect(),
    );
    elsewhere(world.backup(&above)).done();
}

/// The mark in the directory is gone with it, or was never written.
#[test]
fn the_state_directory_knows_when_the_mark_is_gone() {
    let memory = Memory::start();
    let world = filled(&memory);
    let dir = world.dir("srv/data");
    kill_a_restore(&memory, &world, &dir);
    dir.remove(RESTORE_MARK);
    let before = world.bucket.contents();
    backup_to_data(&world, &dir)
        .exits(4)
        .says("has not been completed");
    std::fs::remove_dir_all(dir.path()).unwrap();
    let above = world.dir("srv");
    world.backup(&above).arg("--allow-empty-source").exits(4);
    assert_same(&world.bucket.contents(), &before);
}

#[test]
fn the_mark_is_never_backed_up_and_never_restored_over() {
    let memory = Memory::start();
    let world = filled(&memory);
    let dir = world.dir("srv/data");
    kill_a_restore(&memory, &world, &dir);
    let outcome = backup_to_data(&world, &dir).arg("--no-delete").done();
    assert!(!outcome.stdout.contains(RESTORE_MARK), "{outcome}");
    let keys: Vec<_> = world.bucket.contents().into_keys().collect();
    assert!(
        !keys.iter().any(|key| key.contains(".s3mirror")),
        "{keys:?}"
    );
    world.mock_restore(&dir).done();
    assert!(dir.is_marked());
}

#[test]
fn stopped_or_incomplete_it_is_unfinished_too() {
    let memory = Memory::start();
    let world = filled(&memory);
    let dir = world.dir("stopped");
    memory.inject(Fault::on("GetObject").nth(3).always().act(LONG));
    let restore = world.command_at(&["restore", "--yes"], &dir, &data(&world));
    let running = restore.one_by_one().start();
    running.wait_until(&memory, "b is restored", || dir.join("b").exists());
    running.signal("TERM");
    running.end().is(143);
    memory.clear_faults();
    assert!(dir.is_marked());
    backup_to_data(&world, &dir).exits(4);

    // One object cannot be read.
    let dir = world.dir("incomplete");
    memory.inject(
        Fault::on("GetObject")
            .key("data/c")
            .always()
            .act(Action::error(403, "AccessDenied")),
    );
    world
        .command_at(&["restore", "--yes"], &dir, &data(&world))
        .exits(3);
    memory.clear_faults();
    backup_to_data(&world, &dir)
        .exits(4)
        .says("incomplete' from");
}

/// No restore could ever complete it, and no backup deletes such an object.
#[test]
fn a_key_that_no_file_can_have_leaves_no_mark() {
    let memory = Memory::start();
    let world = filled(&memory);
    world.bucket.put("data/x//y", "1");
    let dir = world.tree("srv/data", &[("only here", "1")]);
    let restore = || world.command_at(&["restore", "--yes"], &dir, &data(&world));
    restore().exits(3).says("x//y").says("--exclude");
    assert!(!dir.is_marked());
    dir.remove("a");
    backup_to_data(&world, &dir).done();
    let contents = world.bucket.contents();
    assert!(contents.contains_key("data/x//y") && !contents.contains_key("data/a"));
    // What is in the way of another object may be restored elsewhere.
    world.bucket.put("data/sub", "1");
    dir.remove("sub/d");
    restore().exits(3);
    assert!(dir.is_marked());
}

#[test]
fn an_object_that_is_newer_is_not_replaced_by_what_was_not_restored_yet() {
    let memory = Memory::start();
    let world = filled(&memory);
    let dir = world.tree("srv/data", &[("c", "an old version")]);
    kill_a_restore(&memory, &world, &dir);
    let before = world.bucket.contents();
    backup_to_data(&world, &dir)
        .arg("--no-delete")
        .exits(4)
        .says("'c' by an older file");
    assert_same(&world.bucket.contents(), &before);
}

#[test]
fn given_up_it_is_forgotten_once_a_backup_is_complete() {
    let memory = Memory::start();
    let world = filled(&memory);
    let dir = world.dir("srv/data");
    kill_a_restore(&memory, &world, &dir);
    let mock = world.command_at(
        &["mock", "backup", "--restore-abandoned"],
        &dir,
        &data(&world),
    );
    mock.done();
    assert!(dir.is_marked(), "a mock changes nothing");
    memory.inject(
        Fault::on("DeleteObjects")
            .always()
            .act(Action::error(403, "AccessDenied")),
    );
    backup_to_data(&world, &dir)
        .arg("--restore-abandoned")
        .exits(3);
    memory.clear_faults();
    assert!(dir.is_marked(), "it was not complete");
    backup_to_data(&world, &dir)
        .arg("--restore-abandoned")
        .done();
    assert!(!dir.is_marked());
    dir.remove("a");
    backup_to_data(&world, &dir).done();
    world
        .command(&["restore", "--restore-abandoned"], &dir)
        .exits(2)
        .says("--restore-abandoned");
}

#[test]
fn only_a_restore_of_all_that_was_begun_completes_it() {
    let memory = Memory::start();
    let world = filled(&memory);
    let dir = world.dir("srv/data");
    kill_a_restore(&memory, &world, &dir);
    let part = world.command_at(&["restore", "--yes"], &dir, &data(&world));
    part.args(["--include", "c"]).done();
    assert!(dir.is_marked(), "a part");
    let below = world.dir("srv/data/sub");
    let place = format!("{}/sub", data(&world));
    world
        .command_at(&["restore", "--yes"], &below, &place)
        .done();
    assert!(dir.is_marked(), "a part");
    memory.create_bucket("another-bucket");
    let options = ["restore", "--yes", "--no-delete", "--allow-empty-source"];
    let empty = world.command_at(&options, &dir, "another-bucket");
    empty.done();
    assert!(dir.is_marked(), "from elsewhere");
    dir.remove("a");
    backup_to_data(&world, &dir).exits(4);
    world
        .command_at(&["restore", "--yes"], &dir, &data(&world))
        .done();
    assert!(!dir.is_marked());
    assert!(!below.is_marked());
}

#[test]
fn a_saved_plan_is_refused_too_whenever_it_was_made() {
    let memory = Memory::start();
    let world = filled(&memory);
    let (dir, above) = (world.dir("srv/data"), world.dir("srv"));
    dir.write("only-here", "1");
    world.bucket.put("gone", "1");
    let before = save(&world, &["mock", "backup", "--max-delete", "9"], &above);
    kill_a_restore(&memory, &world, &dir);
    let elsewhere = world.dir("another-home");
    let contents = world.bucket.contents();
    for home in [elsewhere.path(), &world.sandbox.path("home")] {
        let apply = world
            .s3mirror()
            .args(["apply", "--yes", "--max-delete", "9"])
            .arg(&before);
        apply
            .env("HOME", home)
            .exits(4)
            .says("has not been completed");
    }
    assert_same(&world.bucket.contents(), &contents);
    // The plan of a restore leaves a mark as well, and completes it.
    let restored = world.dir("restored");
    let plan = save(&world, &["mock", "restore"], &restored);
    world.s3mirror().args(["apply", "--yes"]).arg(&plan).done();
    assert!(!restored.is_marked());
    world.backup(&restored).done();
}

#[test]
fn a_restore_that_changes_nothing_leaves_no_mark_and_one_that_cannot_mark_goes_on() {
    let memory = Memory::start();
    let world = filled(&memory);
    let dir = world.dir("dir");
    world.restore(&dir).done();
    let made = |path: &Path| path.metadata().unwrap().modified().unwrap();
    let before = made(dir.path());
    world.restore(&dir).done();
    assert_eq!(made(dir.path()), before, "not even for a moment");
    assert!(
        !world
            .sandbox
            .path("home/.local/state/s3mirror/restores")
            .read_dir()
            .unwrap()
            .any(|_| true)
    );

    // A directory in the place of the mark.
    let dir = world.dir("odd");
    dir.mkdir(&format!("{RESTORE_MARK}/x"));
    let outcome = world.restore(&dir).done();
    outcome.says("cannot write the mark");
}

/// In a directory in which all may write, as in `/tmp`, anybody could stop the
/// backups of all others.
#[test]
#[ignore = "needs root, to give a file away; `cargo xtask test` runs it"]
fn a_mark_of_another_user_in_a_directory_above_is_not_believed() {
    use std::os::unix::fs::chown;
    let memory = Memory::start();
    let world = filled(&memory);
    let (shared, dir) = (
        world.dir("shared"),
        world.tree("shared/data", &[("a", "1")]),
    );
    shared.write(RESTORE_MARK, "a restore");
    let mark = shared.join(RESTORE_MARK);
    chown(&mark, Some(65534), None).unwrap();
    let backup = || world.backup(&dir).args(["--max-delete", "9"]);
    backup().done();
    world.bucket.put("gone", "1");
    // One of the user who owns the directory, or of root, is.
    chown(&mark, Some(0), None).unwrap();
    backup().exits(4).says("has not been completed");
    chown(&mark, Some(65534), None).unwrap();
    chown(shared.path(), Some(65534), None).unwrap();
    backup().exits(4).says("has not been completed");
}
