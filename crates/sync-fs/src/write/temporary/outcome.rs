//! The result of replacing or removing a file.

/// The result of replacing or removing a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was removed.
    Done,
    /// It changed in the last moment; the new version is back under its name.
    Changed,
    /// It changed in the last moment, and its name was taken meanwhile; the
    /// version has this name now, in the same directory.
    Moved(String),
}
