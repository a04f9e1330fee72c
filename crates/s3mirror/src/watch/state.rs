//! How a watch works, and how far it is.

use std::time::Duration;

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
    pub error: Option<String>,
}
