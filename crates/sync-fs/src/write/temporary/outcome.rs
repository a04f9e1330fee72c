//! What became of a file that was to be replaced or removed.

/// What became of a file that was to be replaced or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is gone.
    Done,
    /// It was another one in the last moment; that one is back at its place.
    Changed,
    /// It was another one in the last moment, and by then something else stood
    /// at its place; it is under this name now, in the same directory.
    Moved(String),
}
