//! Why a plan is not executed. The guards of the core judge its counts; the
//! state of this machine adds two more.

use std::fmt;

use chrono::SecondsFormat;
use sync_core::text::printable;

use crate::state::owners::{KnownBy, Overlap};
use crate::state::restore_mark::{Harm, UnfinishedRestore};

/// A reason to refuse a plan. Nothing has been changed then.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Refusal {
    /// A guard of the core: too many deletions, an empty source, clocks that
    /// differ too much, keys that are too long.
    Guard(sync_core::plan::Refusal),
    /// A restore of the directory, or of one above or below it, was not
    /// completed: what it lacks is not deleted from the bucket.
    UnfinishedRestore {
        /// That restore.
        restore: UnfinishedRestore,
        /// What the backup would destroy.
        harm: Harm,
    },
    /// A backup would delete what another directory is backed up to.
    Overlap(Overlap),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Guard(refusal) => refusal.fmt(f),
            Self::UnfinishedRestore { restore, harm } => {
                write!(f, "{restore}, and this backup would ")?;
                match harm {
                    Harm::Deletes(1) => f.write_str("delete 1 object"),
                    Harm::Deletes(count) => write!(f, "delete {count} objects"),
                    Harm::ReplacesNewer(key) => {
                        write!(f, "replace the newer object '{key}' by an older file")
                    }
                }
            }
            Self::Overlap(Overlap { key, owner, .. }) => {
                let directory = printable(&owner.directory.to_string_lossy());
                let known_by = match &owner.known_by {
                    KnownBy::Run(time) => {
                        let time = time.to_rfc3339_opts(SecondsFormat::Secs, true);
                        format!("since {time}")
                    }
                    KnownBy::Job(job) => format!("by {job}"),
                };
                write!(
                    f,
                    "this backup would delete '{key}', but the directory '{directory}' is backed \
                     up to {} ({known_by}), and this would destroy its copy",
                    owner.bucket
                )
            }
        }
    }
}
