//! Which part of a plan a mirror executes, where several processes execute one
//! plan together.

use std::path::PathBuf;

use sync_core::execute::{DeletionScope, EarlierAttempt};

/// Which part of a plan a mirror executes.
#[derive(Debug, Clone, Default)]
pub(crate) enum Part {
    /// All of it, alone.
    #[default]
    Whole,
    /// The transfers of a shard, while others execute other shards.
    Transfers {
        /// The run that they belong to.
        run: String,
        /// Whether another process has begun them before.
        earlier: EarlierAttempt,
        /// The journal of the shard's open uploads, which the process that executes
        /// it after this one finds on any machine.
        journal: PathBuf,
    },
    /// What is left when all transfers are done.
    Deletions {
        /// The run that they belong to.
        run: String,
    },
}

impl Part {
    /// The run whose processes may work at the same time.
    pub(crate) fn run(&self) -> Option<&str> {
        match self {
            Self::Whole => None,
            Self::Transfers { run, .. } | Self::Deletions { run } => Some(run),
        }
    }

    /// Whether the plan is done when this part is.
    pub(crate) fn is_last(&self) -> bool {
        !matches!(self, Self::Transfers { .. })
    }

    pub(crate) fn earlier(&self) -> EarlierAttempt {
        match self {
            Self::Transfers { earlier, .. } => *earlier,
            Self::Whole | Self::Deletions { .. } => EarlierAttempt::default(),
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
