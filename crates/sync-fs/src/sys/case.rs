//! Whether a file system treats names that differ only in case as one.
//!
//! Checked without writing: an existing name is looked up in the other case,
//! first one in the directory itself, then the directory's own. A file system
//! that folds case is taken to fold Unicode forms as well.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Names that are tried before the directory's own.
const SAMPLE: usize = 1000;

/// Whether names below `root` are folded. For a missing directory the nearest
/// existing ancestor decides.
pub(crate) fn folds_names(root: &Path) -> bool {
    let existing = root.ancestors().find_map(|path| {
        let path = if path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            path
        };
        path.canonicalize().ok()
    });
    existing.is_some_and(|dir| inside(&dir).or_else(|| own_name(&dir)).unwrap_or(false))
}

/// By a name in `dir`; none if no name there has a letter.
fn inside(dir: &Path) -> Option<bool> {
    let names = fs::read_dir(dir).ok()?.take(SAMPLE).flatten();
    let names: Vec<OsString> = names.map(|entry| entry.file_name()).collect();
    names.iter().find_map(|name| {
        let other = other_case(name)?;
        // Where both are listed, they are two.
        Some(!names.contains(&other) && is_same(&dir.join(name), &dir.join(&other)))
    })
}

/// By the name of `dir` in the directory above.
fn own_name(dir: &Path) -> Option<bool> {
    let other = other_case(dir.file_name()?)?;
    Some(is_same(dir, &dir.with_file_name(other)))
}

/// `name` with small letters for capitals and the reverse; none if it has
/// neither.
fn other_case(name: &OsStr) -> Option<OsString> {
    let swap = |c: char| match c {
        'a'..='z' => c.to_ascii_uppercase(),
        c => c.to_ascii_lowercase(),
    };
    let name = name.to_str()?;
    let other: String = name.chars().map(swap).collect();
    (other != name).then(|| other.into())
}

fn is_same(one: &Path, other: &Path) -> bool {
    let identity = |path: &Path| {
        let meta = fs::symlink_metadata(path).ok()?;
        Some((meta.dev(), meta.ino()))
    };
    identity(one).is_some_and(|found| identity(other) == Some(found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_is_swapped_in_letters_only() {
        assert_eq!(other_case("aB-1é".as_ref()), Some("Ab-1é".into()));
        assert_eq!(other_case("12".as_ref()), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_system_that_tells_case_apart_is_recognised_by_any_of_its_names() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!folds_names(dir.path()), "by its own name");
        assert!(!folds_names(&dir.path().join("missing")), "by its parent");
        fs::write(dir.path().join("name"), "").unwrap();
        assert!(!folds_names(dir.path()), "by a name inside");
        // One file under both names is no sign of folding.
        fs::hard_link(dir.path().join("name"), dir.path().join("NAME")).unwrap();
        assert!(!folds_names(dir.path()), "by two names of one file");
    }
}
