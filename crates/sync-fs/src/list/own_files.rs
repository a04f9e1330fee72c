//! Files of s3mirror itself in a listed directory: temporaries, restore marks.

/// Left-overs remembered for a sweep: the next run sweeps the others.
pub(crate) const MAX_TEMPORARIES: usize = 100_000;

/// Marks of unfinished restores that are remembered: one is enough to refuse.
pub(crate) const MAX_MARKS: usize = 1_000;

/// Files of s3mirror itself that a walk found; none of them is listed.
#[derive(Debug, Default)]
pub(crate) struct OwnFiles {
    /// Temporaries that a run may have left.
    pub(crate) temporaries: Vec<String>,
    /// The directories with a mark of an unfinished restore; empty for the root.
    pub(crate) unfinished_restores: Vec<String>,
}

impl OwnFiles {
    /// Adds what another part of the listing has found.
    pub(crate) fn add(&mut self, other: Self) {
        let room = MAX_TEMPORARIES.saturating_sub(self.temporaries.len());
        self.temporaries
            .extend(other.temporaries.into_iter().take(room));
        for path in other.unfinished_restores {
            let marks = &mut self.unfinished_restores;
            // Several parts find the marks of the directories above them.
            if marks.len() < MAX_MARKS && !marks.contains(&path) {
                marks.push(path);
            }
        }
    }
}
