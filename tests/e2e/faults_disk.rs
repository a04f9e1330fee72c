//! The disk is full (case 19): the old file stays whole, nothing else is left
//! behind.

use std::{path::Path, process::Command};

use crate::support::{Dir, Memory, World, assert_same, content::mebibytes};

/// A file system of its own in the place of a directory, as long as this lives.
struct SmallDisk<'d>(&'d Path);

impl<'d> SmallDisk<'d> {
    #[track_caller]
    fn at(dir: &'d Dir, size: &str) -> Self {
        let disk = Self(dir.path());
        disk.mount(&format!("size={size}"));
        disk
    }

    #[track_caller]
    fn grow(&self, size: &str) {
        self.mount(&format!("remount,size={size}"));
    }

    #[track_caller]
    fn mount(&self, options: &str) {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "s3mirror-test"]);
        let output = mount.arg(self.0).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "this test mounts a tmpfs, so it must run as root: {said}"
        );
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0).status();
    }
}

/// An object of so many MiB on a disk of `size`, where an old version of it
/// is; what was asked for.
#[track_caller]
fn is_survived(mib: u64, size: &str) -> Vec<String> {
    let memory = Memory::start();
    let world = World::on(&memory);
    world.bucket.put("a", "small");
    world.bucket.put("film", mebibytes(mib, 1));
    world.bucket.put("z", "small too");
    let dir = world.dir("dir");
    let disk = SmallDisk::at(&dir, size);
    dir.write("film", "the old one");
    dir.write("gone", "1");
    let before = dir.files();

    let outcome = world.restore(&dir).one_by_one().exits(3).says("'film'");

    let story = memory.story();
    outcome.says("No space left on device");
    // What comes after it is not even tried.
    let mut expected = before;
    expected.insert("a".into(), world.bucket.objects()["a"].clone());
    assert_same(&dir.files(), &expected);
    assert_eq!(dir.snapshot().len(), 3, "no temporary is left");
    // With room enough the next run makes good.
    disk.grow("32m");
    world.restore(&dir).one_by_one().done();
    assert_same(&dir.files(), &world.bucket.objects());
    story
}

#[test]
#[ignore = "mounts a file system, so it needs root; `cargo xtask test` runs it"]
fn a_full_disk_leaves_the_old_file_whole_and_no_temporary() {
    let story = is_survived(3, "1m");
    assert_eq!(story, ["GetObject a 200", "GetObject film 200"]);
}

/// Its room is taken before its first part is fetched.
#[test]
#[ignore = "mounts a file system, so it needs root; `cargo xtask test` runs it"]
fn a_file_in_parts_that_finds_no_room_is_not_even_fetched() {
    let story = is_survived(11, "7m");
    assert_eq!(story, ["GetObject a 200"]);
}
