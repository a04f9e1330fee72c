//! How a watch works, and how far it is.

use std::io;
use std::time::Duration;

use rustix::io::Errno;

use super::schedule::Pace;

/// How a watch works.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WatchOptions {
    /// How long it waits.
    pub pace: Pace,
    /// Memory for the names of what has changed, in bytes; beyond that, a full run is made.
    pub memory: usize,
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self {
            pace: Pace::default(),
            memory: 32 << 20,
        }
    }
}

/// How far a watch is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WatchState {
    /// Directories that are watched.
    pub directories: usize,
    /// Directories that are not, because the system permits no more watches.
    pub unwatched: usize,
    /// Keys and directories that have changed and wait.
    pub dirty: usize,
    /// Keys and directories that have failed by themselves and wait to be tried again.
    pub failing: usize,
    /// How often the last run has failed in a row.
    pub failures: u32,
    /// The pause before something is tried again.
    pub retry: Option<Duration>,
    /// Why nothing of the directory is watched, if so.
    pub unwatched_root: Option<UnwatchedRoot>,
}

/// Why nothing of the directory is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnwatchedRoot {
    /// It does not exist, or is no directory.
    Missing,
    /// The system permits no more files or watches: its error.
    Limit(String),
    /// Another error.
    Other(String),
}

impl From<&io::Error> for UnwatchedRoot {
    fn from(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::Missing,
            _ if is_limit(error) => Self::Limit(error.to_string()),
            _ => Self::Other(error.to_string()),
        }
    }
}

/// Whether `error` is of a limit of the system: inotify says EMFILE where this user may have no
/// more instances, and ENOSPC where it may have no more watches.
fn is_limit(error: &io::Error) -> bool {
    let limits = [Errno::MFILE, Errno::NFILE, Errno::NOSPC];
    Errno::from_io_error(error).is_some_and(|errno| limits.contains(&errno))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_error_of_a_limit_is_taken_for_one() {
        let of = |errno: Errno| UnwatchedRoot::from(&io::Error::from(errno));
        assert_eq!(of(Errno::NOENT), UnwatchedRoot::Missing);
        assert_eq!(of(Errno::NOTDIR), UnwatchedRoot::Missing);
        for errno in [Errno::MFILE, Errno::NFILE, Errno::NOSPC] {
            assert!(matches!(of(errno), UnwatchedRoot::Limit(_)), "{errno}");
        }
        assert!(matches!(of(Errno::ACCESS), UnwatchedRoot::Other(_)));
    }
}
