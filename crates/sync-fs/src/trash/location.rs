//! Where a trash may be: on the file system of what is restored, and no part
//! of it.

use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use sync_core::{ErrorKind, Result, Selection, hint, setting::Setting, text::printable};

use crate::error::{failed, refused};
use crate::sys::errno::Sys;
use crate::sys::meta::Meta;
use crate::sys::mount::mount;

/// Fails unless `home` can be the trash for what is at `root`.
///
/// # Errors
/// See [`Trash::new`](super::Trash::new).
pub(super) fn check(home: &Path, root: &Path, selection: &Selection) -> Result<()> {
    let shown = || printable(&home.to_string_lossy());
    let of = |path: &Path| {
        device(path).map_err(|errno| {
            let shown = printable(&path.to_string_lossy());
            failed(format!("cannot examine '{shown}'"), errno)
        })
    };
    if home.exists() && !home.is_dir() {
        let what = format!(
            "cannot use '{}' as the trash: it is not a directory",
            shown()
        );
        return Err(refused(ErrorKind::Other, what));
    }
    if is_part_of(home, root, selection) {
        let what = format!(
            "cannot use '{}' as the trash: it is inside the directory '{}', and would be a \
             part of it",
            shown(),
            printable(&root.to_string_lossy())
        );
        return Err(refused(ErrorKind::Other, what).with_hint(hint!(
            "name a directory beside it, or exclude the trash from every run by {}",
            Setting::Exclude
        )));
    }
    if of(nearest(home))? != of(nearest(root))? {
        let what = format!(
            "cannot use '{}' as the trash: it is on another file system than '{}', and files \
             are moved there, not copied",
            shown(),
            printable(&root.to_string_lossy())
        );
        return Err(refused(ErrorKind::Other, what)
            .with_hint("name a directory beside the one that is restored"));
    }
    Ok(())
}

/// Whether a listing of `root` would look into `home`.
fn is_part_of(home: &Path, root: &Path, selection: &Selection) -> bool {
    let (home, root) = (real(home), real(root));
    let Ok(below) = home.strip_prefix(&root) else {
        return false;
    };
    let Some(below) = below.to_str() else {
        return true;
    };
    let above = below.match_indices('/').map(|(end, _)| &below[..end]);
    !above
        .chain([below])
        .any(|directory| !directory.is_empty() && selection.prunes(directory))
}

/// `path` without links, as far as it exists.
fn real(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let there = nearest(&path);
    let real = there.canonicalize().unwrap_or_else(|_| there.to_owned());
    match path.strip_prefix(there) {
        Ok(rest) if rest != Path::new("") => real.join(rest),
        _ => real,
    }
}

/// `path`, or its nearest ancestor that exists.
fn nearest(path: &Path) -> &Path {
    let there = path.ancestors().find(|path| path.exists());
    there
        .filter(|path| !path.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// The file system at `path`, and where it is mounted: nothing can be moved
/// between two mounts, not even of the same file system.
fn device(path: &Path) -> Sys<(u64, u64)> {
    let file = rustix::fs::openat(
        rustix::fs::CWD,
        path,
        OFlags::RDONLY
            .union(OFlags::DIRECTORY)
            .union(OFlags::CLOEXEC),
        Mode::empty(),
    )?;
    Ok((Meta::of(&file)?.device, mount(&file)))
}
