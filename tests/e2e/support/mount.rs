//! A file system of its own in the place of a directory.

use std::{path::Path, process::Command};

/// It is unmounted when this is dropped.
pub(crate) struct Mount<'d>(&'d Path);

impl<'d> Mount<'d> {
    /// `mount ARGUMENTS… PATH`.
    #[track_caller]
    pub(crate) fn at(path: &'d Path, arguments: &[&str]) -> Self {
        mount(path, arguments);
        Self(path)
    }

    /// A file system in memory, with options as in `size=1m`.
    #[track_caller]
    pub(crate) fn tmpfs(path: &'d Path, options: &str) -> Self {
        Self::at(path, &["-t", "tmpfs", "-o", options, "s3mirror-test"])
    }

    /// Changes its options.
    #[track_caller]
    pub(crate) fn remount(&self, options: &str) {
        mount(self.0, &["-o", &format!("remount,{options}")]);
    }
}

#[track_caller]
fn mount(path: &Path, arguments: &[&str]) {
    let mut mount = Command::new("mount");
    let output = mount.args(arguments).arg(path).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let is_done = output.status.success();
    assert!(is_done, "this test mounts, so it must run as root: {said}");
}

impl Drop for Mount<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0).status();
    }
}
