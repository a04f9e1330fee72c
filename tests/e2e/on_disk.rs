//! The order in which a restore brings things on disk (case 21), read off the
//! log of its system calls: a power cut at any moment leaves each file wholly
//! old or wholly new, and what was reported is there.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use crate::support::{
    Dir, Memory, RESTORE_MARK, World, assert_same,
    content::mebibytes,
    strace::{Call, calls, traced},
};

/// `?`: as far as this machine's kernel has them.
const TRACED: &str = "trace=?rename,renameat,renameat2,?mkdir,mkdirat,fsync,fdatasync,syncfs,sync,\
    sync_file_range,msync,pwrite64,pwritev,write,writev,ftruncate,fallocate,utimensat";

/// What changes a file behind its handle.
const CHANGES: [&str; 5] = ["pwrite64", "pwritev", "ftruncate", "fallocate", "utimensat"];

const SYNCS: [&str; 6] = [
    "fsync",
    "fdatasync",
    "syncfs",
    "sync",
    "sync_file_range",
    "msync",
];

/// What a restore did, by its system calls.
struct Restored {
    dir: Dir,
    calls: Vec<Call>,
}

/// Restores small files, a large one and one in parts, over old ones and into
/// directories that are new, with this durability.
fn restored(world: &World, durability: &str) -> Restored {
    restored_by(world, durability, &["-e", TRACED])
}

/// The same, under strace with these options.
fn restored_by(world: &World, durability: &str, options: &[&str]) -> Restored {
    for number in 0..40 {
        let key = format!("new{}/deep/er/{number}", number % 3);
        world.bucket.put(&key, "new");
        world.bucket.put(&format!("old/{number}"), "new");
    }
    world.bucket.put("top", "new");
    world.bucket.put("old/large", mebibytes(5, 1));
    world.bucket.put("parts/film", mebibytes(11, 2));
    let dir = world.tree("dir", &[("old/0", "old one"), ("parts/film", "old one")]);
    let log = world.sandbox.path("strace");
    let run = world.restore(&dir).args(["--part-size", "5MiB"]);
    let run = run.args(["--durability", durability]);

    traced(run, options, &log).done();

    assert_same(&dir.files(), &world.bucket.objects());
    let calls = calls(&log);
    let failed: Vec<_> = calls.iter().filter(|call| !call.succeeded()).collect();
    assert!(failed.iter().all(|call| !is_sync(call)), "{failed:?}");
    Restored { dir, calls }
}

/// A temporary gets its marks by a rename, too, before there is anything in it.
fn is_temporary(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with(".s3mirror-")
}

fn is_sync(call: &Call) -> bool {
    SYNCS.contains(&call.name.as_str())
}

impl Restored {
    fn syncs(&self) -> impl Iterator<Item = &Call> {
        self.calls.iter().filter(|call| is_sync(call))
    }

    /// The renames, each with the paths from and to.
    fn renames(&self) -> Vec<(&Call, PathBuf, PathBuf)> {
        let renames = self.calls.iter().filter(|call| {
            let paths = call.paths();
            // Those of the state directory name no handle.
            let to = paths.get(1).filter(|_| call.name.starts_with("rename"));
            call.succeeded() && to.is_some_and(|to| self.is_ours(to) && !is_temporary(to))
        });
        renames
            .map(|call| {
                let [from, to] = call.paths().try_into().unwrap();
                (call, from, to)
            })
            .collect()
    }

    fn is_ours(&self, path: &Path) -> bool {
        path.starts_with(self.dir.path())
    }

    /// What changed the file at `path`: its bytes, its size, its time.
    fn changes<'s>(&'s self, path: &'s Path) -> impl Iterator<Item = &'s Call> {
        self.calls
            .iter()
            .filter(move |call| CHANGES.contains(&call.name.as_str()) && call.handles()[0] == path)
    }

    /// The syncs that cover the file at `path`.
    fn syncs_of<'s>(&'s self, path: &'s Path) -> impl Iterator<Item = &'s Call> {
        self.syncs().filter(move |call| match call.name.as_str() {
            "fsync" | "fdatasync" => call.handles()[0] == path,
            "syncfs" => self.is_ours(&call.handles()[0]),
            _ => false,
        })
    }

    /// Every file: its last change, a sync of it, its rename, a sync of its
    /// directory. Every new directory: a sync of the one above it.
    #[track_caller]
    fn is_in_order(&self) {
        let renames = self.renames();
        let named: BTreeSet<_> = renames.iter().map(|(_, _, to)| to.clone()).collect();
        let files: BTreeSet<_> = self.dir.files().into_keys().collect();
        let files: BTreeSet<_> = files.iter().map(|name| self.dir.join(name)).collect();
        assert_eq!(named, files, "each file gets its name by a rename");
        assert_eq!(renames.len(), files.len());
        for (rename, from, to) in renames {
            let changes: Vec<_> = self.changes(&from).collect();
            let names: BTreeSet<_> = changes.iter().map(|call| call.name.as_str()).collect();
            let is_written = ["pwrite64", "pwritev"].iter().any(|it| names.contains(it));
            assert!(is_written, "{to:?}: {names:?}");
            assert!(names.contains("utimensat"), "{to:?}: {names:?}");
            let data = self.syncs_of(&from).find(|sync| {
                changes.iter().all(|change| change.is_before(sync)) && sync.is_before(rename)
            });
            assert!(data.is_some(), "{to:?} is not on disk before its rename");
            let above = to.parent().unwrap();
            let name = self.syncs_of(above).find(|sync| rename.is_before(sync));
            assert!(name.is_some(), "the name of {to:?} is not on disk");
        }
        let made = self.made();
        assert_eq!(made.len(), 9);
        for (mkdir, path) in made {
            let above = path.parent().unwrap();
            let name = self.syncs_of(above).find(|sync| mkdir.is_before(sync));
            assert!(name.is_some(), "the name of {path:?} is not on disk");
        }
    }

    /// The directories that were made.
    fn made(&self) -> Vec<(&Call, PathBuf)> {
        let made = self
            .calls
            .iter()
            .filter(|call| call.name == "mkdirat" && call.succeeded());
        made.map(|call| (call, call.paths().remove(0)))
            .filter(|(_, path)| self.is_ours(path))
            .collect()
    }

    /// Where the report begins.
    fn report(&self) -> &Call {
        let reports = |call: &&Call| {
            call.name == "write"
                && call.arguments.starts_with("1<")
                && call.arguments.contains("restore done")
        };
        self.calls.iter().rfind(reports).unwrap()
    }
}

#[test]
#[ignore = "needs strace; `cargo xtask test` runs it"]
fn by_batch_data_is_on_disk_before_the_name_and_the_name_before_the_report() {
    let memory = Memory::start();
    let world = World::on(&memory);
    // Each sync takes its time, as on a disk: on a loaded machine the files may else come
    // one by one, and each would be a group.
    let disk = "inject=fsync,syncfs:delay_enter=10000";
    let restored = restored_by(&world, "batch", &["-e", TRACED, "-e", disk]);
    restored.is_in_order();
    let report = restored.report();
    assert!(restored.syncs().all(|sync| sync.is_before(report)));
    // A sync of each would take twice as many.
    let syncs = restored.syncs().count();
    let files = restored.renames().len();
    assert!(syncs < files, "{syncs} syncs for {files} files");
}

/// Where each call takes its time, several threads share the work of a group.
#[test]
#[ignore = "needs strace; `cargo xtask test` runs it"]
fn on_a_slow_file_system_the_renames_of_a_group_overlap_in_the_same_order() {
    let memory = Memory::start();
    let world = World::on(&memory);
    for number in 0..200 {
        world.bucket.put(&format!("old/more {number}"), "new");
    }
    let slow = "inject=renameat2,utimensat,pwrite64,fsync,syncfs:delay_enter=10000";
    let restored = restored_by(&world, "batch", &["-e", TRACED, "-e", slow]);
    restored.is_in_order();
    let renames = restored.renames();
    let most = renames.iter().map(|(one, ..)| {
        let during =
            |(other, ..): &&(&Call, _, _)| other.begun < one.begun && one.begun < other.ended;
        renames.iter().filter(during).count() + 1
    });
    assert!(most.max() > Some(4), "one after the other");
}

#[test]
#[ignore = "needs strace; `cargo xtask test` runs it"]
fn each_file_is_on_disk_by_a_sync_of_its_own_before_it_gets_its_name() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let restored = restored(&world, "each");
    restored.is_in_order();
    for (rename, from, to) in restored.renames() {
        let own = |sync: &&Call| sync.name == "fsync" && sync.handles()[0] == from;
        let own = restored.syncs().find(own);
        assert!(own.is_some_and(|sync| sync.is_before(rename)), "{to:?}");
    }
}

/// As the option says; the files are whole all the same, but for a power cut.
#[test]
#[ignore = "needs strace; `cargo xtask test` runs it"]
fn without_durability_nothing_is_synced() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let restored = restored(&world, "none");
    // The mark of an unfinished restore, in the state directory, is.
    let of_dir = |call: &&Call| call.handles().iter().any(|path| restored.is_ours(path));
    let syncs: Vec<_> = restored.syncs().filter(of_dir).collect();
    assert!(syncs.is_empty(), "{syncs:?}");
    assert_eq!(restored.renames().len(), restored.dir.files().len());
}

/// Or a power cut would leave a part of the files and nothing that says so.
#[test]
#[ignore = "needs strace; `cargo xtask test` runs it"]
fn the_marks_of_a_restore_are_on_disk_before_its_first_file() {
    let memory = Memory::start();
    let world = World::on(&memory);
    for durability in ["batch", "each"] {
        let restored = restored(&world, durability);
        let renames = restored.renames();
        let first = renames.iter().map(|(call, _, _)| *call);
        let first = first.min_by_key(|call| call.begun).unwrap();
        let mark = restored.dir.join(RESTORE_MARK);
        let marked = restored.calls.iter().find(|call| {
            let is_rename = call.name.starts_with("rename") && call.succeeded();
            is_rename && call.paths().get(1) == Some(&mark)
        });
        let marked = marked.unwrap();
        let from = marked.paths().remove(0);
        let data = restored.syncs_of(&from).find(|sync| sync.is_before(marked));
        assert!(data.is_some(), "the mark is not on disk before its rename");
        let names = |sync: &&Call| marked.is_before(sync) && sync.is_before(first);
        let name = restored.syncs_of(restored.dir.path()).find(names);
        assert!(name.is_some(), "the name of the mark is not on disk");

        let noted = restored.syncs().filter(|sync| {
            let path = sync.handles().into_iter().next().unwrap_or_default();
            path.to_string_lossy().contains("s3mirror/restores") && sync.is_before(first)
        });
        assert_eq!(
            noted.count(),
            2,
            "the file in the state directory, and its name"
        );
        std::fs::remove_dir_all(restored.dir.path()).unwrap();
    }
}

/// Directories have names, too: the root with those above it, and those that
/// a few files need. Many files would be synced all at once.
#[test]
#[ignore = "needs strace; `cargo xtask test` runs it"]
fn the_names_of_directories_that_were_missing_are_on_disk() {
    let memory = Memory::start();
    let world = World::on(&memory);
    world.bucket.put("a", "1");
    world.bucket.put("x/y/z", "22");
    let parent = world.dir("parent");
    let log = world.sandbox.path("strace");
    let run = world.s3mirror().args(["restore", "--yes", "--dir"]);
    let run = run.arg(parent.join("new/root"));
    let run = run.args(["--bucket", &world.bucket.name]);

    traced(run, &["-e", TRACED], &log).done();

    let calls = calls(&log);
    for path in ["new", "new/root", "new/root/x", "new/root/x/y"] {
        let path = parent.join(path);
        let is_it = |call: &&Call| match call.name.as_str() {
            "mkdir" => Path::new(call.strings()[0]) == path,
            "mkdirat" => call.paths()[0] == path,
            _ => false,
        };
        // The last, should it have been tried before it could be made.
        let made = calls.iter().rfind(is_it).unwrap();
        let above = path.parent().unwrap();
        let is_synced =
            |call: &Call| is_sync(call) && call.handles()[0] == above && made.is_before(call);
        assert!(made.succeeded(), "{made:?}");
        assert!(calls.iter().any(is_synced), "{path:?}");
    }
}
