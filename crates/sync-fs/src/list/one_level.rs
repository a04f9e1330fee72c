//! One level of the tree, by the names in one directory.

use rustix::fs::FileType;
use sync_core::store::Level;

use super::names::Names;
use crate::sys::root::Root;

/// What is directly below `directory`, as far as it can be read: the walk reports what
/// cannot.
pub(crate) fn level_of(root: &Root, directory: &str) -> Level {
    let mut level = Level::default();
    let path = directory.strip_suffix('/').unwrap_or(directory);
    let Ok(handle) = root.directory(path.as_bytes()) else {
        return level;
    };
    let (names, _) = Names::read(&handle, &mut Vec::new(), usize::MAX);
    for index in 0..names.len() {
        let Some((name, kind)) = names.get(index) else {
            continue;
        };
        let Ok(name) = str::from_utf8(name) else {
            continue;
        };
        if kind == FileType::Directory {
            level.add_directory(format!("{directory}{name}/"));
        } else {
            level.add_entry(|| format!("{directory}{name}"));
        }
    }
    level
}
