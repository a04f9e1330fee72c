//! A saved plan is applied at another mount of the same file system: after a
//! restart, and on another machine. What is on another file system than when
//! the plan was made has changed.

use std::{
    fs::{self, File},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::Command,
};

use crate::support::{
    Dir, Memory, World, assert_same,
    mount::Mount,
    plans::{apply, save},
};

/// A file system in a file.
fn image(world: &World<'_>, name: &str) -> PathBuf {
    let image = world.sandbox.path(name);
    File::create(&image).unwrap().set_len(16 << 20).unwrap();
    let mut mkfs = Command::new("mkfs.ext4");
    let output = mkfs.arg("-q").arg(&image).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "this test needs mkfs.ext4: {said}");
    image
}

fn mounted<'d>(image: &Path, at: &'d Dir) -> Mount<'d> {
    Mount::at(at.path(), &["-o", "loop", image.to_str().unwrap()])
}

fn device(dir: &Dir) -> u64 {
    dir.path().metadata().unwrap().dev()
}

/// Files that a backup creates and replaces, and objects that a restore does.
fn fill(world: &World<'_>, dir: &Dir) {
    fs::remove_dir(dir.join("lost+found")).unwrap();
    for (name, text) in [("new", "1"), ("same", "22"), ("sub/size", "333 and more")] {
        dir.write(name, text);
    }
    for (name, text) in [("gone", "1"), ("same", "22"), ("sub/size", "333")] {
        world.bucket.put(name, text);
    }
}

#[test]
#[ignore = "mounts a file system, so it needs root; `cargo xtask test` runs it"]
fn a_plan_is_applied_at_another_mount_of_the_file_system() {
    let memory = Memory::start();
    for command in ["backup", "restore"] {
        let world = World::on(&memory);
        let (dir, elsewhere) = (world.dir("dir"), world.dir("elsewhere"));
        let (disk, other) = (image(&world, "disk"), image(&world, "other"));
        let first = mounted(&disk, &dir);
        fill(&world, &dir);
        dir.link("link", "same");
        let planned_on = device(&dir);
        let plan = save(&world, &["mock", command], &dir);
        drop(first);
        // The system may still hold the number that became free, and then give it to
        // the second of these.
        let mounts = (0..20).find_map(|_| {
            let taken = mounted(&other, &elsewhere);
            let again = mounted(&disk, &dir);
            (device(&dir) != planned_on).then_some((taken, again))
        });
        assert!(mounts.is_some(), "this test needs another number");

        apply(&world, &plan).done();

        // A backup copies what the link names, a restore removes the link.
        let mut expected = world.bucket.contents();
        let is_copied = expected.remove("link").is_some();
        assert_eq!(is_copied, command == "backup");
        assert_eq!(dir.snapshot().contains_key("link"), command == "backup");
        assert_same(&dir.contents(), &expected);
    }
}

#[test]
#[ignore = "mounts a file system, so it needs root; `cargo xtask test` runs it"]
fn a_file_system_that_was_mounted_below_since_is_noticed() {
    let memory = Memory::start();
    for command in ["backup", "restore"] {
        let world = World::on(&memory);
        let (dir, elsewhere) = (world.dir("dir"), world.dir("elsewhere"));
        let disk = image(&world, "disk");
        let first = mounted(&disk, &dir);
        fill(&world, &dir);
        let plan = save(&world, &["mock", command], &dir);
        drop(first);
        // Its files have the same inode numbers and times.
        let copy = world.sandbox.path("copy");
        fs::copy(&disk, &copy).unwrap();
        let _first = mounted(&disk, &dir);
        let _copy = mounted(&copy, &elsewhere);
        let sub = dir.join("sub");
        let _over = Mount::at(&sub, &["--bind", elsewhere.join("sub").to_str().unwrap()]);

        let outcome = apply(&world, &plan).exits(3).says("'sub/size'");

        assert_eq!(outcome.stderr.matches("error:").count(), 1, "{outcome}");
        assert_eq!(world.bucket.contents()["sub/size"], "333".to_owned().into());
        assert_eq!(dir.contents()["sub/size"], "333 and more".to_owned().into());
    }
}
