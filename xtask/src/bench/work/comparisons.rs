//! Directories and buckets that are equal, or nearly.

use super::{
    Action,
    Figure::{Cpu, Wall},
    Files, Offered, Scale, Target, Work, slow_calls,
};

/// However many entries there are.
const TARGETS: [Target; 2] = [Target::OfBestPeer(Cpu, 0.2), Target::Memory(48.0)];

pub(super) fn works(scale: &Scale) -> Vec<Work> {
    let [few, more, many] = scale.entries.map(Files::tiny);
    vec![
        same("same-few", "nothing changed", few).aims(&TARGETS),
        same("same-more", "nothing changed", more).aims(&TARGETS),
        changed(more),
        same("same-many", "nothing changed", many).aims(&TARGETS),
        same("same-many-50ms", "nothing changed, pages 50 ms late", many).late(50),
        same(
            "same-slow-fs",
            "nothing changed, metadata calls 1 ms late",
            Files {
                in_directory: Some(100),
                ..Files::tiny(scale.slow_entries)
            },
        )
        .slowed(slow_calls::METADATA)
        .aims(&[Target::OfBestPeer(Wall, 0.6)]),
        Work {
            offered: Offered::WhenNamed,
            ..same(
                "same-most",
                "nothing changed",
                Files::tiny(scale.most_entries),
            )
            .aims(&TARGETS)
        },
    ]
}

fn same(name: &'static str, title: &'static str, files: Files) -> Work {
    Work {
        action: Action::Compare,
        bucket: Some(files),
        transfers: 0,
        ..Work::up(name, title, files)
    }
}

fn changed(files: Files) -> Work {
    let step = 100;
    Work {
        files: Files {
            changed: Some(step),
            ..files
        },
        transfers: files.count / step,
        ..same("changed", "1 % changed", files)
    }
}
