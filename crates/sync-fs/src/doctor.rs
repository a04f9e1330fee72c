//! Whether a directory is fit for backup and restore, by trial operations.
//!
//! The trial writes one temporary as a restore does: it is never listed, and is
//! swept by a later run if the program is killed meanwhile.

use std::path::Path;

use chrono::{DateTime, Utc};
use rustix::fs::{StatVfsMountFlags, futimens};
use rustix::io::Errno;
use sync_core::{
    diagnosis::{Diagnosis, Scope},
    hint,
    setting::Setting,
    text::printable,
};

use crate::error::{cannot_open, failed};
use crate::sys::case;
use crate::sys::errno::Sys;
use crate::sys::meta::Meta;
use crate::sys::root::Root;
use crate::sys::times;
use crate::write::temporary::Temporary;

/// With less free than this share, in percent, a restore may well fail.
const SCARCE: u64 = 5;

/// Examines the directory `root`, as far as `scope` allows.
#[must_use]
pub fn examine(root: &Path, scope: Scope) -> Vec<Diagnosis> {
    let place = Root::new(root);
    let shown = printable(&root.to_string_lossy());
    match place.open() {
        Ok(()) => {}
        Err(Errno::NOENT) => {
            let message = format!("'{shown}' does not exist: a backup fails, a restore creates it");
            return vec![Diagnosis::warning("directory", message)];
        }
        Err(errno) => {
            let error = cannot_open(root, errno);
            return vec![Diagnosis::problem("directory", error.to_string())];
        }
    }
    let mut all = vec![
        readable(root, &shown),
        confinement(root),
        names(root),
        space(root, &shown),
    ];
    if scope == Scope::Trial {
        all.push(writable(&place, &shown));
    }
    all
}

fn readable(root: &Path, shown: &str) -> Diagnosis {
    let names = std::fs::read_dir(root);
    match names.and_then(Iterator::collect::<Result<Vec<_>, _>>) {
        Ok(_) => Diagnosis::ok("directory", format!("'{shown}' can be read")),
        Err(error) => Diagnosis::problem(
            "directory",
            format!("'{shown}' cannot be read, so nothing can be compared with it: {error}"),
        )
        .with_advice("change its permissions or run as a user who has them"),
    }
}

#[cfg(target_os = "linux")]
fn confinement(root: &Path) -> Diagnosis {
    use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};

    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    match openat2(CWD, root, flags, Mode::empty(), ResolveFlags::empty()) {
        Ok(_) => Diagnosis::ok("confinement", "paths are confined by the kernel (openat2)"),
        Err(_) => Diagnosis::warning("confinement", WITHOUT),
    }
}

#[cfg(not(target_os = "linux"))]
fn confinement(_root: &Path) -> Diagnosis {
    Diagnosis::ok("confinement", WITHOUT)
}

const WITHOUT: &str = "the kernel has no openat2, or a sandbox forbids it: paths are confined step \
                       by step, which is as safe and slower";

fn names(root: &Path) -> Diagnosis {
    if case::folds_names(root) {
        let message = "names that differ only in case are one file here: a restore of two such \
                       objects is a conflict, and both are reported";
        Diagnosis::warning("names", message)
    } else {
        Diagnosis::ok("names", "names that differ in case are different files")
    }
}

fn space(root: &Path, shown: &str) -> Diagnosis {
    let Ok(stat) = rustix::fs::statvfs(root) else {
        return Diagnosis::ok("space", "the file system does not report its free space");
    };
    if stat.f_flag.contains(StatVfsMountFlags::RDONLY) {
        let message = format!("'{shown}' is mounted read-only: a restore fails");
        return Diagnosis::warning("space", message);
    }
    let gib = |blocks: u64| {
        // For people: a tenth of a GiB is exact enough.
        let tenths = u128::from(blocks) * u128::from(stat.f_frsize) * 10 / (1 << 30);
        format!("{}.{} GiB", tenths / 10, tenths % 10)
    };
    let message = format!("{} of {} are free", gib(stat.f_bavail), gib(stat.f_blocks));
    if stat.f_bavail.saturating_mul(100) < stat.f_blocks.saturating_mul(SCARCE) {
        Diagnosis::warning("space", format!("only {message}; a restore may need more"))
    } else {
        Diagnosis::ok("space", message)
    }
}

/// Writes a temporary, and checks how precisely its time is stored.
fn writable(root: &Root, shown: &str) -> Diagnosis {
    let wanted = times::from_system(1_600_000_001, 123_456_789);
    let tried = || -> Sys<_> {
        let temporary = Temporary::create(root.directory(b"")?, None)?;
        match futimens(temporary.file(), &times::to_system(wanted)) {
            Ok(()) => Ok(Meta::of(temporary.file())?.modified),
            // A restore continues without.
            Err(_) => Ok(DateTime::<Utc>::MAX_UTC),
        }
    };
    let lost = match tried() {
        Ok(kept) => (wanted - kept).abs(),
        Err(errno) => {
            let error = failed(format!("cannot write in '{shown}': a restore fails"), errno);
            return Diagnosis::warning("write", error.to_string());
        }
    };
    if lost.num_days() > 0 {
        let message = "files can be written, but their times cannot be set: each restore copies \
                       all files again, and a backup uploads them";
        Diagnosis::warning("write", message).with_advice("restore to another file system")
    } else if lost.num_milliseconds() >= 1000 {
        let message = "files can be written, but their times are kept to two seconds or worse: a \
                       restored file does not get the time of its object";
        Diagnosis::warning("write", message).with_advice(hint!("use {} checksum", Setting::Compare))
    } else if lost.is_zero() {
        Diagnosis::ok(
            "write",
            "files can be written, their times are kept exactly",
        )
    } else {
        let message = "files can be written, their times are kept to the second or better";
        Diagnosis::ok("write", message)
    }
}

#[cfg(test)]
mod tests {
    use sync_core::diagnosis::Level;

    use super::*;

    #[test]
    fn a_good_directory_is_fit_and_stays_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a"), "a").unwrap();
        for (scope, number) in [(Scope::Trial, 5), (Scope::ReadOnly, 4)] {
            let all = examine(dir.path(), scope);
            assert_eq!(all.len(), number, "{all:?}");
            assert!(all.iter().all(|one| one.level < Level::Problem), "{all:?}");
            assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        }
    }

    #[test]
    fn what_is_no_directory_is_a_problem_and_what_is_missing_a_warning() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a");
        std::fs::write(&file, "a").unwrap();
        assert_eq!(examine(&file, Scope::Trial)[0].level, Level::Problem);
        let missing = examine(&dir.path().join("b"), Scope::Trial);
        assert_eq!(missing[0].level, Level::Warning);
        assert_eq!(missing.len(), 1);
        assert!(!dir.path().join("b").exists());
    }
}
