//! `cleanup`: removes empty directories below the directory, never itself.

use std::path::Path;

use s3mirror::DirectoryLock;
use serde::Serialize;
use sync_core::{entry::Skipped, listing::Side, text::printable};
use sync_fs::{EmptyDirs, empty_directories};

use super::manner::Mode;
use super::not_opened::not_opened;
use super::sync::confirmed;
use crate::options::CleanupArgs;
use crate::{Console, Exit, output::text};

/// One line of output with `--json`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(crate) enum Line {
    /// `mock cleanup`: a directory that would be removed.
    Empty { path: String },
    /// `cleanup`: a directory that was removed.
    Removed { path: String },
    /// The last line of a cleanup.
    Report {
        #[cfg_attr(test, schemars(with = "crate::tests::schema::Exit"))]
        exit: u8,
        found: usize,
        removed: usize,
        failed: usize,
        unreadable: usize,
    },
}

pub(super) fn run(args: &CleanupArgs, mode: Mode, console: &mut Console) -> anyhow::Result<Exit> {
    if mode == Mode::Act && is_whole_system(&args.dir) {
        console.warning(
            "this is the whole system: mount points and directories that programs need are empty too",
        );
        if !confirmed(1, args.yes, console) {
            return Ok(Exit::Refused);
        }
    }
    let _lock = match mode {
        Mode::Show | Mode::Check => None,
        Mode::Act => {
            let state = args.state.state_dir.as_deref();
            let streams = console.streams().clone();
            match DirectoryLock::acquire("cleanup", &args.dir, state, &streams) {
                Ok(lock) => Some(lock),
                Err(error) => return not_opened(error, console),
            }
        }
    };
    let found = empty_directories(&args.dir)?;
    for unreadable in found.unreadable() {
        warn_unreadable(unreadable, console);
    }
    let (removed, failed) = match mode {
        Mode::Show | Mode::Check => {
            for path in found.paths() {
                let shown = path.to_string_lossy();
                let path = shown.to_string();
                let text = || format!("{:<10} {}/", "remove", printable(&shown));
                console.reporter().result(&Line::Empty { path }, text);
            }
            (0, 0)
        }
        Mode::Act => remove(&found, console),
    };
    let exit = if failed > 0 || !found.unreadable().is_empty() {
        Exit::Incomplete
    } else if mode == Mode::Check && !found.paths().is_empty() {
        Exit::Different
    } else {
        Exit::Done
    };
    let counts = Counts { removed, failed };
    conclude(&found, &counts, mode, exit, args, console);
    Ok(exit)
}

/// Whether `dir` is `/`, however it is written.
fn is_whole_system(dir: &Path) -> bool {
    dir.canonicalize().is_ok_and(|dir| dir.parent().is_none())
}

struct Counts {
    removed: usize,
    failed: usize,
}

fn remove(found: &EmptyDirs, console: &mut Console) -> (usize, usize) {
    let removal = found.remove();
    for path in &removal.removed {
        let shown = path.to_string_lossy();
        let path = shown.to_string();
        let text = || format!("{:<10} {}/", "removed", printable(&shown));
        console.reporter().detail(&Line::Removed { path }, text);
    }
    for error in &removal.failed {
        console.error(error);
    }
    (removal.removed.len(), removal.failed.len())
}

fn warn_unreadable(unreadable: &Skipped, console: &mut Console) {
    console.warning(format_args!(
        "skipped {}",
        text::skip(Side::Source, unreadable)
    ));
}

fn conclude(
    found: &EmptyDirs,
    counts: &Counts,
    mode: Mode,
    exit: Exit,
    args: &CleanupArgs,
    console: &mut Console,
) {
    let dir = printable(&args.dir.to_string_lossy());
    let all = found.paths().len();
    let report = Line::Report {
        exit: exit.code(),
        found: all,
        removed: counts.removed,
        failed: counts.failed,
        unreadable: found.unreadable().len(),
    };
    let text = || match mode {
        Mode::Show | Mode::Check => format!("{all} empty directories below {dir}"),
        Mode::Act => {
            let removed = counts.removed;
            format!("removed {removed} of {all} empty directories below {dir}")
        }
    };
    console.reporter().result(&report, text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_system_is_known_however_it_is_written() {
        let top = tempfile::tempdir().unwrap();
        let link = top.path().join("link");
        std::os::unix::fs::symlink("/", &link).unwrap();
        for dir in [Path::new("/"), Path::new("/usr/.."), &link] {
            assert!(is_whole_system(dir), "{}", dir.display());
        }
        for dir in [top.path(), Path::new("/usr"), &top.path().join("none")] {
            assert!(!is_whole_system(dir), "{}", dir.display());
        }
    }
}
