//! The exit status, which is true in every case.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything is done.
    Done,
    /// Failed before anything was changed.
    Failed,
    /// Invalid options: there was no run.
    Usage,
    /// A file that the options name, with a list, patterns or prices, cannot be used. Nothing
    /// was changed; but other programs write such files, so it is the end of a run.
    Input,
    /// Some entries failed or could not be read; they are named, and nothing
    /// was deleted.
    Incomplete,
    /// The same, as a scheduler is told that it would be so again.
    InVain,
    /// Refused by a guard, or not confirmed.
    Refused,
    /// `mock --check` found something to change, or `verify` found a
    /// difference.
    Different,
    /// Done, but the output could not be written.
    Unwritten,
    /// Stopped by SIGHUP.
    HungUp,
    /// Stopped by SIGINT.
    Interrupted,
    /// Stopped by SIGTERM.
    Terminated,
}

impl Exit {
    /// The status for the shell.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage | Self::Input => 2,
            Self::Incomplete => 3,
            Self::Refused | Self::InVain => 4,
            Self::Different => 5,
            Self::Unwritten => 6,
            Self::HungUp => 129,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }
}

impl Exit {
    /// What a report says of it: how the run ended, not what a scheduler is to do.
    #[must_use]
    pub fn reported(self) -> Self {
        match self {
            Self::InVain => Self::Incomplete,
            exit => exit,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
