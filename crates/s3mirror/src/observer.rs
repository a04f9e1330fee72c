//! What a mirror reports while it works.

use std::fmt;

use sync_core::{StoreError, execute::Event};

use crate::progress::Phase;
use crate::state::restore_mark::UnfinishedRestore;

/// Receives what happens, from whichever thread drives the mirror. It must not
/// block. Every method has a default that ignores it.
///
/// Counts are not kept by observers: [`Progress`](crate::Progress) has them, and
/// the report is made of the same ones.
pub trait Observer: Send + Sync {
    /// The mirror enters `phase`.
    fn phase(&self, phase: Phase) {
        let _ = phase;
    }

    /// Something happened to an entry.
    fn event(&self, event: Event<'_>) {
        let _ = event;
    }

    /// Something is wrong, although the run continues.
    fn warning(&self, warning: &Warning) {
        let _ = warning;
    }
}

/// Ignores everything.
impl Observer for () {}

/// Something that is wrong, although the run continues. Shown, it is one line
/// for people.
#[derive(Debug)]
#[non_exhaustive]
pub enum Warning {
    /// The state directory that was named cannot be used, or there is none.
    StateDirectory(String),
    /// Other runs do not see this one, because it cannot be registered.
    Unlocked(String),
    /// What was done cannot be noted in the state directory, for later runs.
    NotNoted(String),
    /// A restore of the directory was not completed.
    UnfinishedRestore(UnfinishedRestore),
    /// The file system of the directory does not behave as it should.
    Directory(String),
    /// The server does not do all that S3 does; what is done instead.
    Server(String),
    /// An upload of an earlier run could not be aborted.
    Upload(StoreError),
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StateDirectory(text)
            | Self::NotNoted(text)
            | Self::Directory(text)
            | Self::Server(text) => f.write_str(text),
            Self::Unlocked(why) => write!(
                f,
                "other runs of s3mirror do not see this one, so make sure that none works on the \
                 same places: {why}"
            ),
            Self::UnfinishedRestore(restore) => restore.fmt(f),
            Self::Upload(error) => error.fmt(f),
        }
    }
}
