//! Files of s3mirror itself in a listed directory: temporaries, restore marks.

/// Files of s3mirror itself that a walk found; none of them is listed.
#[derive(Debug, Default)]
pub(crate) struct OwnFiles {
    /// Temporaries that a run may have left.
    pub(crate) temporaries: Vec<String>,
    /// The directories with a mark of an unfinished restore; empty for the root.
    pub(crate) unfinished_restores: Vec<String>,
}
