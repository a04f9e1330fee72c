//! What a restore overwrites or deletes is in the trash, as it was.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
};

use crate::support::{
    Dir, Memory, Node, World, assert_same,
    mount::Mount,
    plans::{apply, save},
    run::Run,
};

/// A bucket, and a tree that it overwrites and deletes from in every way.
fn with_blockers(memory: &Memory) -> (World<'_>, Dir) {
    let world = World::on(memory);
    for key in [
        "a",
        "new",
        "same",
        "sub/deep/b",
        "way/file/below",
        "way/dir",
        "link",
        "pipe",
    ] {
        world.bucket.put(key, format!("{key} of the bucket"));
    }
    let dir = world.tree(
        "dir",
        &[
            ("a", "a, the old one"),
            ("sub/deep/b", "b, the old one"),
            ("sub/gone", "gone"),
            ("way/file", "a file in the way"),
            ("way/dir/one", "1"),
            ("way/dir/two", "2"),
        ],
    );
    dir.link("link", "nowhere/at/all");
    dir.mkfifo("pipe");
    (world, dir)
}

/// What of `before` is overwritten or deleted.
fn lost(before: &BTreeMap<String, Node>, after: &BTreeMap<String, Node>) -> BTreeMap<String, Node> {
    let gone =
        |(name, node): &(&String, &Node)| **node != Node::Dir && after.get(*name) != Some(node);
    let lost = before.iter().filter(gone);
    lost.map(|(name, node)| (name.clone(), node.clone()))
        .collect()
}

/// The only run of the trash, and what it holds.
#[track_caller]
fn trashed(trash: &Dir) -> (String, BTreeMap<String, Node>) {
    let runs: Vec<_> = fs::read_dir(trash.path()).unwrap().collect();
    let [run] = &runs[..] else {
        panic!("not one run in {trash:?}")
    };
    let name = run.as_ref().unwrap().file_name().into_string().unwrap();
    let nodes = trash.snapshot().into_iter();
    let prefix = format!("{name}/");
    let kept = nodes.filter_map(|(path, node)| {
        let path = path.strip_prefix(&prefix)?.to_owned();
        (node != Node::Dir).then_some((path, node))
    });
    (name.clone(), kept.collect())
}

#[track_caller]
fn keeps_all(world: &World, dir: &Dir, run: Run) {
    let before = dir.snapshot();
    let trash = world.sandbox.path("home/trash");
    let outcome = run.arg("--trash").arg(&trash).done();
    let trash = world.dir("home/trash");
    let (name, kept) = trashed(&trash);
    assert_same(&kept, &lost(&before, &dir.snapshot()));
    assert_eq!(kept.len(), 8, "{kept:?}");
    // 2026-11-22T18.55.00Z
    let is_time = name.len() == 20 && name.starts_with("20") && name.ends_with('Z');
    assert!(is_time && !name.contains(':'), "{name}");
    assert_same(&dir.contents(), &world.bucket.contents());
    let run_dir = trash.join(&name);
    let said = format!("  trash                   8  in {}\n", run_dir.display());
    outcome.says(&said);
    let mode = fs::metadata(&run_dir).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "private files stay private");
    // None of it is still the same file as one of the tree.
    let links = fs::metadata(run_dir.join("a")).unwrap().nlink();
    assert_eq!(links, 1);
}

#[test]
fn all_that_is_overwritten_or_deleted_is_kept_as_it_was() {
    let memory = Memory::start();
    for durability in ["batch", "each", "none"] {
        let (world, dir) = with_blockers(&memory);
        let run = world.restore(&dir).args(["--durability", durability]);
        keeps_all(&world, &dir, run);
    }
}

#[test]
fn a_saved_restore_is_applied_with_a_trash() {
    let memory = Memory::start();
    let (world, dir) = with_blockers(&memory);
    let plan = save(&world, &["mock", "restore"], &dir);
    keeps_all(&world, &dir, apply(&world, &plan));
}

#[test]
fn each_run_has_a_directory_of_its_own_and_only_if_it_keeps_something() {
    let memory = Memory::start();
    let world = World::on(&memory);
    world.bucket.put("a", "1");
    let dir = world.dir("dir");
    let trash = world.sandbox.path("trash");
    let restore = || {
        world
            .restore(&dir)
            .arg("--trash")
            .arg(&trash)
            .args(["--compare", "exact-times"])
    };
    let report = restore().arg("--json").done().json().pop().unwrap();
    assert_eq!(report["trash"], serde_json::Value::Null);
    assert!(!trash.exists(), "nothing was overwritten");
    for content in ["first", "second", "third"] {
        dir.write("a", content);
        let report = restore().arg("--json").done().json().pop().unwrap();
        assert_eq!(report["trash"]["entries"], 1);
        let kept = Path::new(report["trash"]["directory"].as_str().unwrap()).join("a");
        assert_eq!(fs::read_to_string(kept).unwrap(), content);
    }
    assert_eq!(fs::read_dir(&trash).unwrap().count(), 3);
}

#[test]
fn a_trash_inside_the_directory_is_refused_unless_it_is_left_out() {
    let memory = Memory::start();
    let (world, dir) = with_blockers(&memory);
    world.dir("dir/sub");
    dir.link("../around", "dir/sub");
    let before = dir.snapshot();
    for trash in [
        "dir",
        "dir/trash",
        "dir/sub/../trash",
        "around/trash",
        "./dir/x/y",
    ] {
        let run = world.restore(&dir).args(["--trash", trash]);
        let why = "it is inside the directory";
        world.no_requests(|| run.exits(1).complains_in_one_line().says(why));
    }
    assert_same(&dir.snapshot(), &before);

    let run = || {
        let run = world.restore(&dir).args(["--trash", "dir/.trash"]);
        run.args(["--exclude", ".trash/**"])
    };
    run().done();
    let kept = |dir: &Dir| {
        let nodes = dir.snapshot().into_keys();
        nodes
            .filter(|name| name.starts_with(".trash/") && name.ends_with("/a"))
            .count()
    };
    assert_eq!(kept(&dir), 1);
    // The next run lets it alone.
    run().done().says("deleted                 0");
    assert_eq!(kept(&dir), 1);
}

#[test]
fn a_trash_that_is_no_directory_or_for_a_backup_is_refused() {
    let memory = Memory::start();
    let (world, dir) = with_blockers(&memory);
    fs::write(world.sandbox.path("file"), "").unwrap();
    let run = world.restore(&dir).args(["--trash", "file"]);
    world.no_requests(|| {
        run.exits(1)
            .complains_in_one_line()
            .says("it is not a directory")
    });
    let plan = save(&world, &["mock", "backup"], &dir);
    let runs = [
        world.backup(&dir),
        world.mock_backup(&dir),
        apply(&world, &plan),
    ];
    for run in runs {
        let run = run.args(["--trash", "trash"]);
        let outcome = world.no_requests(|| run.exits(2).complains_in_one_line());
        outcome
            .says("--trash is for restore")
            .says("versioning of the bucket");
    }
}

#[test]
#[ignore = "mounts file systems, so it needs root; `cargo xtask test` runs it"]
fn a_trash_on_another_file_system_is_refused_before_anything_is_done() {
    let memory = Memory::start();
    let (world, dir) = with_blockers(&memory);
    let before = dir.snapshot();
    let (other, bound) = (world.dir("other"), world.dir("bound"));
    let _other = Mount::at(other.path(), &["-t", "tmpfs", "s3mirror-test"]);
    let home = world.sandbox.path("home");
    let _bound = Mount::at(bound.path(), &["--bind", home.to_str().unwrap()]);
    for trash in ["other", "other/new", "bound/trash"] {
        let run = world.restore(&dir).args(["--trash", trash]);
        let why = "it is on another file system";
        world.no_requests(|| run.exits(1).complains_in_one_line().says(why));
    }
    assert_same(&dir.snapshot(), &before);
    assert!(other.snapshot().is_empty());

    // One that is mounted inside the tree: what is there stays.
    let inside = world.dir("dir/sub");
    let _inside = Mount::at(inside.path(), &["-t", "tmpfs", "s3mirror-test"]);
    dir.write("sub/deep/b", "b, the old one");
    dir.write("sub/gone", "gone");
    let run = world.restore(&dir).args(["--trash", "trash"]);
    run.exits(3)
        .says("cannot keep 'sub/deep/b' in the trash: it is on another file system");
    let text = |name: &str| fs::read_to_string(dir.join(name)).unwrap();
    assert_eq!(
        (text("sub/deep/b"), text("sub/gone")),
        ("b, the old one".into(), "gone".into())
    );
}
