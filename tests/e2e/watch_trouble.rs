//! `watch` where the server, the directory or the system does not do what it should: nothing
//! is lost, and what can be done is done.

use std::{fs, process::Command, thread, time::Duration};

use s3_endpoint::{Action, Fault};
use serde_json::Value;

use crate::support::{
    Memory, World, assert_same,
    mount::Mount,
    watch::{cycles, cycles_so_far, has_said, settled, stop, watch},
};

#[test]
fn changes_are_kept_while_the_server_is_down() {
    let memory = Memory::start();
    let (world, dir) = World::with(&memory, &[], &[("a", "1"), ("b", "2")]);
    let run = watch(&world, &dir).args(["--max-attempts", "1"]);
    let running = run.start();
    settled(&world, &dir);
    let down = memory.inject(Fault::any().always().act(Action::Reset));
    dir.write_now("a", "11");
    dir.remove("b");
    running.wait_until(&memory, "a cycle fails", || down.count() > 0);
    dir.write_now("c", "3");
    thread::sleep(Duration::from_secs(2));
    memory.clear_faults();
    settled(&world, &dir);
    let cycles = cycles(&stop(running));
    assert!(cycles.iter().any(|cycle| cycle["exit"] == 1), "{cycles:?}");
    assert!(
        cycles.iter().skip(1).all(|cycle| cycle["full"].is_null()),
        "{cycles:?}"
    );
}

#[test]
fn an_outage_in_the_middle_of_a_cycle_does_not_end_it() {
    let memory = Memory::start();
    let (world, dir) = World::with(&memory, &[], &[("a", "1")]);
    let running = watch(&world, &dir).start();
    settled(&world, &dir);
    let expired = Action::error(400, "ExpiredToken");
    let refused = memory.inject(Fault::on("PutObject").always().act(expired));
    dir.write_now("a", "11");
    dir.write_now("b", "2");
    running.wait_until(&memory, "an upload fails", || refused.count() > 0);
    thread::sleep(Duration::from_secs(1));
    memory.clear_faults();
    settled(&world, &dir);
    let cycles = cycles(&stop(running));
    assert!(cycles.iter().any(|cycle| cycle["exit"] != 0), "{cycles:?}");
}

#[test]
fn a_directory_that_goes_or_is_emptied_deletes_nothing_and_is_watched_when_it_is_back() {
    let memory = Memory::start();
    let (world, dir) = World::with(&memory, &[], &[("a", "1"), ("b", "2")]);
    let before = dir.contents();
    let running = watch(&world, &dir).start();
    settled(&world, &dir);
    let elsewhere = world.sandbox.path("elsewhere");
    fs::rename(dir.path(), &elsewhere).unwrap();
    fs::create_dir(dir.path()).unwrap();
    let full = || has_said(&world, "the source is empty");
    running.wait_until(&memory, "it is refused", full);
    assert_same(&world.bucket.contents(), &before);
    fs::remove_dir(dir.path()).unwrap();
    fs::rename(&elsewhere, dir.path()).unwrap();
    dir.write_now("c", "3");
    settled(&world, &dir);
    dir.write_now("d/d", "4");
    settled(&world, &dir);
    stop(running);
}

/// The new directory may have the inode number of the old one.
#[test]
fn a_root_that_is_removed_and_made_again_is_watched() {
    let memory = Memory::start();
    let (world, dir) = World::with(&memory, &[], &[("a", "1"), ("b", "2")]);
    let running = watch(&world, &dir).args(["--max-delete", "100%"]).start();
    settled(&world, &dir);
    fs::remove_dir_all(dir.path()).unwrap();
    fs::create_dir(dir.path()).unwrap();
    dir.write_now("a", "new");
    settled(&world, &dir);
    dir.write_now("later", "seen");
    settled(&world, &dir);
    stop(running);
}

/// What a limit of the system asks for does not help there.
#[test]
fn a_directory_that_is_missing_is_said_to_be() {
    let memory = Memory::start();
    let (world, dir) = World::with(&memory, &[], &[("a", "1")]);
    let running = watch(&world, &dir).start();
    settled(&world, &dir);
    fs::remove_dir_all(dir.path()).unwrap();
    let said = || has_said(&world, "the directory is missing, so nothing is watched");
    running.wait_until(&memory, "it is said", said);
    let outcome = stop(running);
    assert!(!outcome.stderr.contains("ulimit"), "{outcome}");
    assert!(!outcome.stderr.contains("max_user"), "{outcome}");
    assert_eq!(world.bucket.contents().len(), 1);
}

/// The pauses of the one that fails double, so that one of the others comes alone.
#[test]
fn a_file_that_fails_again_and_again_delays_no_other() {
    let memory = Memory::start();
    let (world, dir) = World::with(&memory, &[], &[("a", "1")]);
    let running = watch(&world, &dir).start();
    settled(&world, &dir);
    let refusal = Action::error(400, "InvalidArgument");
    let refused = memory.inject(Fault::on("PutObject").key("bad").always().act(refusal));
    dir.write_now("bad", "1");
    running.wait_until(&memory, "it fails thrice", || refused.count() > 2);
    for name in ["b", "c", "d"] {
        dir.write_now(name, "2");
        let copied = || world.bucket.contents().contains_key(name);
        running.wait_until(&memory, "another one is copied", copied);
    }
    memory.clear_faults();
    settled(&world, &dir);
    // Not the last cycle of all: the signal that ends the watch may stop that one.
    let is_at_rest = |cycle: &Value| cycle["failing"] == 0;
    let rests = || cycles_so_far(&world).last().is_some_and(is_at_rest);
    running.wait_until(&memory, "nothing fails any more", rests);
    let cycles = cycles(&stop(running));
    let is_alone = |cycle: &Value| {
        let created = &cycle["created"]["entries"];
        cycle["exit"] == 0 && cycle["failing"] == 1 && created == 1
    };
    assert!(cycles.iter().any(is_alone), "{cycles:?}");
}

/// A program with a limit of inotify of its own.
fn limited(limit: &str) -> Command {
    let mut unshare = Command::new("unshare");
    let script = format!("echo {limit} && exec \"$@\"");
    unshare.args(["--user", "--map-root-user", "sh", "-c", &script, "sh"]);
    unshare
}

#[test]
#[ignore = "needs user namespaces"]
fn where_the_system_permits_no_more_watches_full_runs_find_the_rest() {
    let memory = Memory::start();
    let files = [("a/a", "1"), ("b/b", "2"), ("c/c", "3")];
    let (world, dir) = World::with(&memory, &[], &files);
    // One of the four directories is not watched.
    let limit = limited("3 > /proc/sys/user/max_inotify_watches");
    let running = watch(&world, &dir).under(limit).start();
    settled(&world, &dir);
    dir.write_now("new/n", "4");
    settled(&world, &dir);
    let outcome = stop(running).says("fs.inotify.max_user_watches=");
    let cycles = cycles(&outcome);
    assert_ne!(cycles[0]["unwatched"], 0, "{cycles:?}");
    assert_eq!(cycles.last().unwrap()["unwatched"], 2, "{cycles:?}");
}

#[test]
#[ignore = "needs user namespaces"]
fn a_system_that_permits_no_watch_at_all_is_an_error_at_once() {
    let memory = Memory::start();
    let (world, dir) = World::with(&memory, &[], &[("a", "1")]);
    let limit = limited("0 > /proc/sys/user/max_inotify_instances");
    let run = watch(&world, &dir).under(limit);
    run.exits(1).says("max_user_instances");
}

/// Nothing in the directory changes by a mount over it: the root is looked at each minute.
#[test]
#[ignore = "mounts as root, and takes minutes"]
fn a_mount_over_the_directory_deletes_nothing_and_what_it_hid_is_watched_again() {
    let memory = Memory::start();
    let (world, dir) = World::with(&memory, &[], &[("a", "1"), ("d/b", "2")]);
    let before = dir.contents();
    let running = watch(&world, &dir).start();
    settled(&world, &dir);
    let mount = Mount::tmpfs(dir.path(), "size=1m");
    let refused = || has_said(&world, "the source is empty");
    let limit = Duration::from_secs(120);
    let is_refused = crate::support::wait::poll(limit, || refused().then_some(()));
    assert!(is_refused.is_some(), "it was not seen");
    assert_same(&world.bucket.contents(), &before);
    drop(mount);
    dir.write_now("d/b", "22");
    dir.write_now("d/c", "3");
    let is_equal = || (world.bucket.contents() == dir.contents()).then_some(());
    assert!(crate::support::wait::poll(limit, is_equal).is_some());
    dir.write_now("d/d", "4");
    settled(&world, &dir);
    let cycles = cycles(&stop(running));
    let is_full =
        |cycle: &Value| cycle["full"] == "the directory was mounted, unmounted or replaced";
    assert!(cycles.iter().any(is_full), "{cycles:?}");
}

/// Parts of a list that is refused would be permitted one after another.
#[test]
fn of_what_was_refused_nothing_is_deleted_however_often_it_is_tried() {
    let memory = Memory::start();
    let files: Vec<_> = (0..40).map(|number| format!("f{number:02}")).collect();
    let files: Vec<_> = files.iter().map(|name| (&**name, "x")).collect();
    let (world, dir) = World::with(&memory, &[], &files);
    let running = watch(&world, &dir).args(["--max-delete", "10"]).start();
    settled(&world, &dir);
    (0..20).for_each(|number| dir.remove(&format!("f{number:02}")));
    let refused = || has_said(&world, "tried again in 8 s");
    running.wait_until(&memory, "it is refused thrice", refused);
    dir.write_now("new", "1");
    let copied = || world.bucket.contents().contains_key("new");
    running.wait_until(&memory, "another change is copied", copied);
    assert_eq!(world.bucket.contents().len(), 41);
    stop(running);
}
