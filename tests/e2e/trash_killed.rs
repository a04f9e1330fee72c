//! A restore with a trash that is killed at each of its steps, or whose system
//! calls fail: every old file is at its name or in the trash, and no name that
//! is overwritten is ever without a file.

use std::{collections::BTreeMap, path::Path, process::Command};

use crate::support::{
    Content, Dir, Memory, World, assert_same,
    run::Run,
    strace::{Call, calls, traced},
};

const OLD: [(&str, &str); 5] = [
    ("a", "a, the old one"),
    ("sub/b", "b, the old one"),
    ("sub/deep/c", "c, the old one"),
    ("gone", "gone"),
    ("sub/gone", "gone too"),
];

fn scene<'m>(memory: &'m Memory, old: &[(&str, &str)]) -> (World<'m>, Dir) {
    let world = World::on(memory);
    let dir = world.tree("dir", old);
    for (key, _) in old.iter().filter(|(key, _)| !key.contains("gone")) {
        world.bucket.put(key, format!("{key} of the bucket"));
    }
    world.bucket.put("new", "new");
    (world, dir)
}

fn restore(world: &World, dir: &Dir) -> Run {
    let trash = world.sandbox.path("trash");
    world.restore(dir).arg("--trash").arg(trash)
}

fn traced_by(run: Run, world: &World, options: &[&str]) -> Run {
    traced(run, options, &world.sandbox.path("strace"))
}

/// What is in the trash by all runs: under each path, every content.
fn trashed(world: &World) -> BTreeMap<String, Vec<Content>> {
    let mut kept: BTreeMap<String, Vec<Content>> = BTreeMap::new();
    for (path, content) in world.dir("trash").contents() {
        let (_run, path) = path.split_once('/').unwrap();
        kept.entry(path.to_owned()).or_default().push(content);
    }
    kept
}

/// Every file is whole, and every old one is somewhere.
#[track_caller]
fn nothing_is_lost(world: &World, dir: &Dir, old: &[(&str, &str)]) {
    let (files, objects, kept) = (dir.contents(), world.bucket.contents(), trashed(world));
    for &(name, text) in old {
        let old = Content::from(text.as_bytes().to_vec());
        let found = files.get(name);
        let is_kept = kept.get(name).is_some_and(|kept| kept.contains(&old));
        assert!(
            found == Some(&old) || is_kept,
            "'{name}' is lost: {found:?}"
        );
        if let Some(new) = objects.get(name) {
            assert!(
                found == Some(&old) || found == Some(new),
                "'{name}': {found:?}"
            );
        }
    }
}

/// Kills at the first, second, … call of `name` in any one thread, until there
/// are no more; strace counts them by threads, and so many there were. `also`
/// fails other calls.
fn killed_at_each(name: &str, also: &[&str], old: &[(&str, &str)]) -> usize {
    for number in 1..100 {
        let memory = Memory::start();
        let (world, dir) = scene(&memory, old);
        let kill = format!("inject={name}:signal=KILL:when={number}");
        let trace = format!("trace={name},linkat,renameat2");
        // Not by `traced`: its filter in the kernel loses signals.
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &kill]);
        strace.args(also).arg("--");
        let ended = restore(&world, &dir).under(strace).start().wait();
        nothing_is_lost(&world, &dir, old);
        restore(&world, &dir).done();
        nothing_is_lost(&world, &dir, old);
        assert_same(&dir.contents(), &world.bucket.contents());
        assert_eq!(trashed(&world).len(), old.len());
        if ended {
            return number - 1;
        }
    }
    panic!("it never ends")
}

/// One file, so that one thread does all of it.
const OVERWRITTEN: &[(&str, &str)] = &[("sub/b", "b, the old one")];
const DELETED: &[(&str, &str)] = &[("sub/gone", "gone too")];

#[test]
#[ignore = "needs strace; `cargo xtask test` runs it"]
fn a_kill_at_any_step_loses_nothing() {
    for old in [&OLD[..], OVERWRITTEN] {
        assert!(killed_at_each("linkat", &[], old) >= 1);
        // The exchange, and where there is none the rename.
        assert!(killed_at_each("renameat2", &[], old) >= 2);
        assert!(killed_at_each("unlinkat", &[], old) >= 1);
        let no_exchange = ["-e", "inject=renameat2:error=EINVAL"];
        assert!(killed_at_each("renameat", &no_exchange, old) >= 1);
        // Its content, the directories of the trash, that of the file.
        assert!(killed_at_each("fsync", &[], old) >= 4);
    }
    assert!(killed_at_each("renameat2", &[], DELETED) >= 1);
}

/// As on file systems without hard links, and for files of somebody else.
#[test]
#[ignore = "needs strace; `cargo xtask test` runs it"]
fn where_links_cannot_be_made_a_kill_at_any_step_loses_nothing() {
    let no_links = ["-e", "inject=linkat:error=EPERM"];
    // The new file waits in the trash, then both change places.
    assert!(killed_at_each("renameat2", &no_links, OVERWRITTEN) >= 2);
    assert!(killed_at_each("renameat2", &no_links, &OLD) >= 2);
}

/// All at once: what is overwritten changes places, and is kept.
#[test]
#[ignore = "needs strace; `cargo xtask test` runs it"]
fn where_links_cannot_be_made_files_change_places() {
    let memory = Memory::start();
    let (world, dir) = scene(&memory, &OLD);
    let options = ["-e", "trace=linkat", "-e", "inject=linkat:error=EPERM"];
    traced_by(restore(&world, &dir), &world, &options).done();
    nothing_is_lost(&world, &dir, &OLD);
    assert_same(&dir.contents(), &world.bucket.contents());
    assert_eq!(trashed(&world).len(), OLD.len());
}

/// Neither links nor exchanges: nothing can be kept, so nothing is replaced.
#[test]
#[ignore = "needs strace; `cargo xtask test` runs it"]
fn what_cannot_be_kept_is_not_overwritten() {
    let memory = Memory::start();
    let (world, dir) = scene(&memory, &OLD);
    let before = dir.contents();
    let options = [
        "-e",
        "trace=linkat,renameat2",
        "-e",
        "inject=linkat:error=EPERM",
        "-e",
        "inject=renameat2:error=EINVAL",
    ];
    let run = traced_by(restore(&world, &dir), &world, &options);
    run.exits(3).says("cannot keep 'a' in the trash");
    let mut after = dir.contents();
    assert!(after.remove("new").is_some());
    assert_same(&after, &before);
    assert!(trashed(&world).is_empty());
}

/// The second name is on disk before the first one is given away.
#[test]
#[ignore = "needs strace; `cargo xtask test` runs it"]
fn what_is_overwritten_is_in_the_trash_on_disk_before() {
    let memory = Memory::start();
    for durability in ["batch", "each"] {
        let (world, dir) = scene(&memory, &OLD);
        let options = ["-e", "trace=linkat,renameat,renameat2,fsync,syncfs"];
        let run = restore(&world, &dir).args(["--durability", durability]);
        traced_by(run, &world, &options).done();
        let calls = calls(&world.sandbox.path("strace"));
        let of = |name: &'static str| calls.iter().filter(move |call| call.name == name);
        let mut links = 0;
        for link in of("linkat") {
            assert!(link.succeeded(), "{link:?}");
            let [from, to] = link.paths().try_into().unwrap();
            let taken = of("renameat2")
                .find(|call| call.paths()[1] == from)
                .unwrap();
            let is_between = |sync: &&Call| link.is_before(sync) && sync.is_before(taken);
            let kept_in = to.parent().unwrap();
            let synced = calls
                .iter()
                .filter(is_between)
                .any(|sync| match sync.name.as_str() {
                    "fsync" => sync.handles()[0] == kept_in,
                    "syncfs" => true,
                    _ => false,
                });
            assert!(synced, "{to:?} is not on disk before {taken:?}");
            links += 1;
        }
        assert_eq!(links, 3);
        is_synced_after_moves(&calls, &world.sandbox.path("trash"));
    }
}

#[track_caller]
fn is_synced_after_moves(calls: &[Call], trash: &Path) {
    let moves = calls
        .iter()
        .filter(|call| call.name == "renameat2" && call.paths()[1].starts_with(trash));
    let mut count = 0;
    for moved in moves {
        let to = &moved.paths()[1];
        let synced = calls.iter().any(|sync| {
            let of = sync.name == "fsync" && sync.handles()[0] == to.parent().unwrap();
            of && moved.is_before(sync)
        });
        assert!(synced, "{to:?} is not on disk");
        count += 1;
    }
    assert_eq!(count, 2);
}
