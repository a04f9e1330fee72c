//! Deletions: the directory has one file, the bucket that one and many others.

use super::{Action, Figure::Wall, Files, Scale, Target, Work};

pub(super) fn works(scale: &Scale) -> Vec<Work> {
    // An empty directory is none to some tools.
    let kept = Files::tiny(1);
    vec![
        Work {
            action: Action::Delete,
            bucket: Some(Files::tiny(kept.count + scale.deletions)),
            transfers: scale.deletions,
            ..Work::up("delete-300ms", "deletions, answers 300 ms late", kept)
        }
        .late(300)
        .aims(&[Target::OfBestPeer(Wall, 0.5)]),
    ]
}
