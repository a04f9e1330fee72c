//! Removal of a directory that holds nothing but empty directories and stands
//! where a file must go.

use std::os::fd::OwnedFd;

use rustix::fs::FileType;
use rustix::io::Errno;
use sync_core::{ErrorKind, Key, Result};

use super::expected::appeared;
use crate::error::{failed, refused};
use crate::list::names::each_name;
use crate::sys::confined::remove_directory;
use crate::sys::errno::Sys;
use crate::sys::meta::Meta;
use crate::sys::root::Root;

/// Removes the directory at `key` if it holds nothing but empty directories. Another process
/// may do the same meanwhile, and put its file there: `Changed`.
pub(crate) fn remove_empty_tree(root: &Root, key: &Key) -> Result<()> {
    let cannot = |errno| match errno {
        Errno::NOTEMPTY | Errno::EXIST => refused(
            ErrorKind::Blocked,
            format!("cannot write '{key}': a directory of that name is not empty"),
        )
        .with_hint("move elsewhere what is in it, and run again"),
        Errno::NOTDIR => appeared(key),
        errno => failed(format!("cannot remove the empty directory '{key}'"), errno),
    };
    let tree = only_directories(root, key.as_str().as_bytes()).map_err(cannot)?;
    // Each was found after its parent, so the last goes first.
    for path in tree.iter().rev() {
        match root
            .parent(path)
            .and_then(|(dir, leaf)| remove_directory(&dir, leaf))
        {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(cannot(errno)),
        }
    }
    Ok(())
}

/// The directory at `path` and all below it, each after its parent.
/// `NOTEMPTY` if there is anything else among them.
fn only_directories(root: &Root, path: &[u8]) -> Sys<Vec<Vec<u8>>> {
    let mut found = vec![path.to_vec()];
    let mut buffer = Vec::new();
    let mut next = 0;
    while let Some(current) = found.get(next).cloned() {
        next += 1;
        let dir = match root.directory(&current) {
            // Another process has removed it.
            Err(Errno::NOENT) => continue,
            opened => opened?,
        };
        each_name(&dir, &mut buffer, |name, kind| {
            match kind_of(&dir, name, kind)? {
                // Another process has removed it.
                None => Ok(()),
                Some(FileType::Directory) => {
                    found.push([&current, &b"/"[..], name].concat());
                    Ok(())
                }
                Some(_) => Err(Errno::NOTEMPTY),
            }
        })?;
    }
    Ok(found)
}

/// What `name` in `dir` is, where its file system does not say it with the name; none if it is
/// gone.
fn kind_of(dir: &OwnedFd, name: &[u8], kind: FileType) -> Sys<Option<FileType>> {
    match kind {
        FileType::Unknown => match Meta::at(dir, name) {
            Err(Errno::NOENT) => Ok(None),
            meta => Ok(Some(meta?.kind)),
        },
        kind => Ok(Some(kind)),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_another_process_has_put_in_place_of_the_directory_is_no_failure_of_the_disk() {
        let top = tempfile::tempdir().unwrap();
        let root = Root::new(top.path());
        root.open().unwrap();
        let remove = |key: &str| remove_empty_tree(&root, &Key::new(key).unwrap());

        fs::write(top.path().join("file"), "of another process").unwrap();
        assert_eq!(remove("file").unwrap_err().kind(), ErrorKind::Changed);
        assert!(top.path().join("file").exists());
        remove("removed").unwrap();

        fs::create_dir_all(top.path().join("d/e")).unwrap();
        remove("d").unwrap();
        assert!(!top.path().join("d").exists());
    }

    #[test]
    fn a_name_that_is_gone_before_its_kind_is_known_is_no_failure() {
        let top = tempfile::tempdir().unwrap();
        fs::create_dir(top.path().join("d")).unwrap();
        fs::write(top.path().join("file"), "").unwrap();
        let dir = OwnedFd::from(fs::File::open(top.path()).unwrap());
        let kind = |name: &[u8]| kind_of(&dir, name, FileType::Unknown);
        assert_eq!(kind(b"d"), Ok(Some(FileType::Directory)));
        assert_eq!(kind(b"file"), Ok(Some(FileType::RegularFile)));
        assert_eq!(kind(b"removed"), Ok(None));
    }
}
