//! Which part of a plan a mirror executes, where several processes execute one
//! plan together.

use std::path::PathBuf;

use sync_core::execute::{DeletionScope, EarlierAttempt};

use crate::cluster::exists;
use crate::state::upload_journal::JournalFiles;

/// Which part of a plan a mirror executes.
#[derive(Debug, Clone, Default)]
pub(crate) enum Part {
    /// All of it, alone.
    #[default]
    Whole,
    /// None: the plan of a key range is made, which is judged with those of the others.
    Range {
        /// The run that it belongs to.
        run: String,
    },
    /// The transfers of a shard, while others execute other shards.
    Transfers {
        /// The run that they belong to.
        run: String,
        /// Whether another process has begun them before.
        earlier: EarlierAttempt,
        /// The journal of open uploads, which the process that executes the shard after
        /// this one finds on any machine.
        uploads: JournalFiles,
        /// If this file is there, others have done the work.
        done: PathBuf,
    },
    /// What is left when all transfers are done.
    Deletions {
        /// The run that they belong to.
        run: String,
        /// The journals of its shards, and of its own where there is no state directory.
        uploads: JournalFiles,
    },
    /// Nothing of it: the run ends as it is, and only uploads that were left open are
    /// aborted.
    Uploads {
        /// The run that they belong to.
        run: String,
        /// As of the deletions.
        uploads: JournalFiles,
    },
}

impl Part {
    /// The run whose processes may work at the same time.
    pub(crate) fn run(&self) -> Option<&str> {
        match self {
            Self::Whole => None,
            Self::Range { run }
            | Self::Transfers { run, .. }
            | Self::Deletions { run, .. }
            | Self::Uploads { run, .. } => Some(run),
        }
    }

    /// The files of its journal, if that of the mirror in the state directory is `home`.
    pub(crate) fn uploads(&self, home: Option<PathBuf>) -> Option<JournalFiles> {
        let of = |own, left: &[PathBuf]| JournalFiles {
            own,
            left: left.to_vec(),
        };
        match self {
            Self::Whole => home.map(|own| of(own, &[])),
            Self::Range { .. } => None,
            Self::Transfers { uploads, .. } => Some(uploads.clone()),
            // What cannot be aborted now is known to the next run on this machine.
            Self::Deletions { uploads, .. } | Self::Uploads { uploads, .. } => {
                let own = home.unwrap_or_else(|| uploads.own.clone());
                Some(of(own, &uploads.left))
            }
        }
    }

    /// Whether the plan is done when this part is.
    pub(crate) fn is_last(&self) -> bool {
        matches!(self, Self::Whole | Self::Deletions { .. })
    }

    /// Whether others have done the work. The file is opened: what is known of names may be
    /// old on NFS.
    pub(crate) fn is_over(&self) -> bool {
        match self {
            Self::Transfers { done, .. } => exists(done),
            _ => false,
        }
    }

    pub(crate) fn earlier(&self) -> EarlierAttempt {
        match self {
            Self::Transfers { earlier, .. } => *earlier,
            _ => EarlierAttempt::default(),
        }
    }

    pub(crate) fn deletions(&self) -> DeletionScope {
        if self.is_last() {
            DeletionScope::All
        } else {
            DeletionScope::Blockers
        }
    }
}
