//! `cleanup`: removes empty directories below the directory, never itself.

use std::path::Path;

use s3mirror::DirectoryLock;
use serde::Serialize;
use sync_core::{entry::Skipped, listing::Side, text::printable};
use sync_fs::{EmptyDirs, empty_directories};

use super::manner::Mode;
use super::not_opened::not_opened;
use crate::options::CleanupArgs;
use crate::{Console, Exit, output::text};

/// One line of output with `--json`.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Line {
    /// Would be removed.
    Empty {
        path: String,
    },
    Removed {
        path: String,
    },
    Report {
        exit: u8,
        found: usize,
        removed: usize,
        failed: usize,
        unreadable: usize,
    },
}

pub(super) fn run(args: &CleanupArgs, mode: Mode, console: &mut Console) -> anyhow::Result<Exit> {
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
                say(args, console, path, |path| Line::Empty { path }, "remove");
            }
            (0, 0)
        }
        Mode::Act => remove(&found, args, console),
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

struct Counts {
    removed: usize,
    failed: usize,
}

fn remove(found: &EmptyDirs, args: &CleanupArgs, console: &mut Console) -> (usize, usize) {
    let removal = found.remove();
    if args.output.verbose > 0 || args.output.json {
        for path in &removal.removed {
            say(
                args,
                console,
                path,
                |path| Line::Removed { path },
                "removed",
            );
        }
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

fn say(
    args: &CleanupArgs,
    console: &mut Console,
    path: &Path,
    line: impl FnOnce(String) -> Line,
    verb: &str,
) {
    let shown = path.to_string_lossy();
    if args.output.json {
        write(console, &line(shown.into_owned()));
    } else if !args.output.quiet {
        console.line(format_args!("{verb:<10} {}/", printable(&shown)));
    }
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
    if args.output.json {
        write(
            console,
            &Line::Report {
                exit: exit.code(),
                found: all,
                removed: counts.removed,
                failed: counts.failed,
                unreadable: found.unreadable().len(),
            },
        );
    } else if !args.output.quiet {
        match mode {
            Mode::Show | Mode::Check => {
                console.line(format_args!("{all} empty directories below {dir}"));
            }
            Mode::Act => console.line(format_args!(
                "removed {} of {all} empty directories below {dir}",
                counts.removed
            )),
        }
    }
}

fn write(console: &Console, line: &Line) {
    console.streams().event(line);
}
