//! Which directory the root is: a mount or a replacement makes it another one.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A directory by its place on disk.
#[derive(Debug)]
pub(super) struct Root {
    path: PathBuf,
    /// Device and inode; none if there is no directory.
    found: Option<(u64, u64)>,
}

impl Root {
    pub(super) fn of(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            found: find(path),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether another directory is there than at the last look, or none.
    pub(super) fn has_changed(&mut self) -> bool {
        let found = find(&self.path);
        std::mem::replace(&mut self.found, found) != found
    }
}

fn find(path: &Path) -> Option<(u64, u64)> {
    let found = fs::metadata(path).ok().filter(fs::Metadata::is_dir)?;
    Some((found.dev(), found.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_that_goes_comes_back_or_is_replaced_has_changed_once() {
        let top = tempfile::tempdir().unwrap();
        let path = top.path().join("root");
        fs::create_dir(&path).unwrap();
        let mut root = Root::of(&path);
        assert!(!root.has_changed());
        fs::rename(&path, top.path().join("old")).unwrap();
        assert!(root.has_changed());
        assert!(!root.has_changed());
        fs::create_dir(&path).unwrap();
        assert!(root.has_changed());
        fs::rename(&path, top.path().join("new")).unwrap();
        fs::rename(top.path().join("old"), &path).unwrap();
        assert!(root.has_changed());
        assert!(!root.has_changed());
    }
}
