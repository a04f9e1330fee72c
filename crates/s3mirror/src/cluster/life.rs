//! Whether an attempt is at work: as one look at its files tells it to others of its run, and to
//! people.
//!
//! Who takes over its uploads looks longer: see [`attempts`](super::attempts).

use std::time::Duration;

/// An attempt that wrote its heartbeat within this time is taken for one at work, for people:
/// it does so every ten seconds, and the clocks of two machines may differ.
pub(super) const RECENT: Duration = Duration::from_secs(90);

/// What is known of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Liveness {
    /// It has ended, or was killed, or is taken for dead.
    Ended,
    /// Its process is there, which may have been stopped; or its heartbeat has moved.
    Alive,
    /// That cannot be told yet.
    Unknown,
}

/// Whether an attempt that has not said how it ended is at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Life {
    /// Its process is there.
    AtWork,
    /// Its process is on another machine, and its last heartbeat is recent.
    Recent,
    /// Its process is on another machine, which has written no heartbeat for a while.
    Silent,
    /// Its process is gone.
    Dead,
}

impl Life {
    /// That of an attempt whose process is there or not, as far as this machine knows, and whose
    /// last heartbeat is `quiet` ago.
    pub(super) fn of(is_alive: Option<bool>, quiet: Duration) -> Self {
        match is_alive {
            Some(true) => Self::AtWork,
            Some(false) => Self::Dead,
            None if quiet <= RECENT => Self::Recent,
            None => Self::Silent,
        }
    }

    /// Whether it is taken for one at work.
    #[must_use]
    pub fn is_at_work(self) -> bool {
        matches!(self, Self::AtWork | Self::Recent)
    }
}
