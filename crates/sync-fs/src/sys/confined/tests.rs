//! What confinement must hold: the kernel's way and the stepwise one answer
//! alike, and neither leads outside.

use std::fs;
use std::os::unix::fs::symlink;

use super::*;
use crate::sys::root::Root;

/// Both ways of opening must agree on what is let through.
#[test]
fn the_portable_way_is_as_strict_as_openat2() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    fs::create_dir_all(root.join("a/b")).unwrap();
    fs::create_dir(dir.path().join("outside")).unwrap();
    fs::write(root.join("a/b/file"), "1").unwrap();
    fs::write(dir.path().join("outside/file"), "1").unwrap();
    symlink("a", root.join("in")).unwrap();
    symlink("../outside", root.join("out")).unwrap();
    symlink("/", root.join("slash")).unwrap();
    symlink("b/file", root.join("a/link")).unwrap();
    let opened = Root::new(&root);
    opened.open().unwrap();
    let handle = opened.directory(b"").unwrap();
    let handle = handle.as_fd();

    let allowed = ["a", "a/b", "a/b/file"];
    let refused = [
        "in",
        "in/b",
        "in/b/file",
        "out",
        "out/file",
        "slash/tmp",
        "a/link",
        "..",
        "../outside/file",
        "a/../../outside/file",
        "/tmp",
        "a/nothing",
        "a/b/file/x",
    ];
    for (path, expected) in allowed
        .map(|path| (path, true))
        .into_iter()
        .chain(refused.map(|path| (path, false)))
    {
        let path_bytes = path.as_bytes();
        assert_eq!(
            open_short(handle, path_bytes, FILE).is_ok(),
            expected,
            "{path}"
        );
        let stepwise = open_stepwise(handle, path_bytes, FILE);
        assert_eq!(stepwise.is_ok(), expected, "{path} {stepwise:?}");
    }
}
