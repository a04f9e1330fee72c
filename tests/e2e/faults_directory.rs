//! A directory whose reading fails midway (case 4): what was not seen is not
//! taken for absent.

use std::collections::BTreeMap;

use crate::support::{
    Content, Dir, Memory, Outcome, World, assert_same,
    content::map,
    run::Run,
    strace::{calls, traced},
};

/// Names so long that the system hands them out in several calls.
const LONG: usize = 200;

/// Of 32 KiB a call, with 224 bytes a name.
const FILES: usize = 200;

fn sub(number: usize) -> String {
    format!("sub/{number:03}-{}", "x".repeat(LONG))
}

/// A tree with a large directory, which the system hands out in two calls; a
/// third says that this was all.
fn large(world: &World) -> Dir {
    let dir = world.tree("dir", &[("a", "1"), ("z", "333")]);
    for number in 0..FILES {
        dir.write(sub(number), "new");
    }
    dir
}

/// The run, in which the `nth` call for the names of the large directory fails.
#[track_caller]
fn with_eio(world: &World, run: Run, nth: u64) -> Outcome {
    let log = world.sandbox.path("strace");
    let sub = world.sandbox.path("dir/sub").display().to_string();
    let inject = format!("inject=getdents64:error=EIO:when={nth}");
    let options = ["-P", &sub, "-e", "trace=getdents64", "-e", &inject];
    let outcome = traced(run, &options, &log).exits(3);
    let struck: Vec<_> = calls(&log)
        .into_iter()
        .filter(super::support::strace::Call::was_injected)
        .collect();
    assert_eq!(struck.len(), 1, "{struck:?}");
    assert!(struck[0].handles()[0].ends_with("sub"), "{struck:?}");
    outcome
        .says("sub")
        .says("Input/output error")
        .says("nothing is deleted")
}

#[test]
#[ignore = "needs strace; `cargo xtask test` runs it"]
fn objects_that_could_not_be_seen_in_the_directory_survive() {
    // How many of the large directory's files the backup gets to see.
    let mut seen = Vec::new();
    for nth in 1..=3 {
        let memory = Memory::start();
        let world = World::on(&memory);
        let dir = large(&world);
        // One that is to be deleted, one that may just not have been seen, and
        // all others in an old version.
        let mut expected = map(&[("gone", "1"), ("sub/gone", "22")]);
        expected.extend((0..FILES).map(|number| (sub(number), Content::from("old one"))));
        for (key, content) in &expected {
            world.bucket.put(key, &content.0);
        }

        with_eio(&world, world.backup(&dir), nth);

        expected.extend(map(&[("a", "1"), ("z", "333")]));
        let found = world.bucket.contents();
        let new = Content::from("new");
        let copied: BTreeMap<_, _> = found
            .iter()
            .filter(|(key, content)| key.starts_with("sub/") && **content == new)
            .map(|(key, content)| (key.clone(), content.clone()))
            .collect();
        seen.push(copied.len());
        expected.extend(copied);
        assert_same(&found, &expected);
        assert_eq!(memory.count("DeleteObjects"), 0);
        // When it can be read, the next run copies it.
        world.backup(&dir).done();
        assert_same(&world.bucket.contents(), &dir.contents());
    }
    assert_eq!(seen[0], 0);
    assert!(0 < seen[1] && seen[1] < FILES, "{seen:?}");
    assert_eq!(seen[2], FILES);
}

/// A file that the restore did not see is not overwritten by one that it takes
/// for new.
#[test]
#[ignore = "needs strace; `cargo xtask test` runs it"]
fn files_that_could_not_be_seen_by_a_restore_survive() {
    for nth in 1..=2 {
        let memory = Memory::start();
        let world = World::on(&memory);
        let dir = large(&world);
        world.bucket.put("a", "from the bucket");
        for number in 0..FILES {
            world.bucket.put(&sub(number), "from the bucket");
        }

        let before = dir.contents();
        with_eio(&world, world.restore(&dir), nth);

        let found = dir.contents();
        for (name, old) in &before {
            let new = Content::from("from the bucket");
            assert!(found[name] == *old || found[name] == new, "{name}");
        }
        assert_eq!(found.len(), before.len());
        assert_eq!(found["z"], before["z"], "nothing is deleted");
        // The next one completes.
        world.restore(&dir).done();
        assert_same(&dir.contents(), &world.bucket.contents());
    }
}
