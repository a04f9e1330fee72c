//! Uploads and downloads: at once, over https, with late answers, to a disk,
//! and to a slow file system.

use super::{
    Figure::{Cpu, Wall},
    Files, Place, Scale, Target, Variation, Work, slow_calls,
};

/// What users may choose where the connection is trusted.
const UNSIGNED: [Variation; 1] = [Variation::with(
    "s3mirror unsigned",
    &["--sign-payload", "never"],
)];

/// As the peers do it: they don't wait for the disk.
const UNSYNCED: &[&str] = &["--durability", "none"];
const UNSYNCED_SMALL: [Variation; 1] =
    [Variation::with("s3mirror unsynced", UNSYNCED).aims(&[Target::OfBestPeer(Wall, 0.3)])];
const UNSYNCED_LARGE: [Variation; 1] =
    [Variation::with("s3mirror unsynced", UNSYNCED).aims(&[Target::OfBestPeer(Wall, 1.0)])];

pub(super) fn works(scale: &Scale) -> Vec<Work> {
    let mut works = at_once(scale).to_vec();
    works.extend(late(scale));
    works.extend(to_file_systems(scale));
    works
}

fn at_once(scale: &Scale) -> [Work; 6] {
    let small = Files::new(scale.small, 4_096);
    let large = scale.large;
    [
        Work::up("up-small", "upload of many small files", small)
            .aims(&[Target::OfBestPeer(Cpu, 0.35), Target::OfSdk(1.15)]),
        Work::down("down-small", "download of many small files", small)
            .aims(&[Target::OfBestPeer(Cpu, 0.4), Target::OfSdk(1.5)]),
        Work::up("up-large", "upload of large files", large).varied(&UNSIGNED),
        Work::down("down-large", "download of large files", large)
            .aims(&[Target::OfBestPeer(Cpu, 1.0), Target::OfBestPeer(Wall, 1.0)]),
        Work::up("up-large-https", "upload of large files over https", large).over_https(),
        Work::down(
            "down-large-https",
            "download of large files over https",
            large,
        )
        .over_https(),
    ]
}

fn late(scale: &Scale) -> [Work; 6] {
    let small = Files::new(scale.small, 4_096);
    let Scale { large, huge, .. } = *scale;
    [
        Work::up(
            "up-small-50ms",
            "upload of small files, answers 50 ms late",
            small,
        )
        .late(50),
        Work::down(
            "down-small-50ms",
            "download of small files, answers 50 ms late",
            small,
        )
        .late(50),
        Work::up(
            "up-large-60ms",
            "upload of large files, answers 60 ms late",
            large,
        )
        .late(60)
        .aims(&[Target::OfBestPeer(Wall, 0.6)]),
        Work::down(
            "down-large-60ms",
            "download of large files, answers 60 ms late",
            large,
        )
        .late(60)
        .aims(&[Target::OfBestPeer(Wall, 0.8), Target::Memory(192.0)]),
        Work::up(
            "up-huge-60ms",
            "upload of one file, answers 60 ms late",
            huge,
        )
        .late(60)
        .aims(&[Target::OfBestPeer(Wall, 0.8)]),
        Work::down(
            "down-huge-60ms",
            "download of one file, answers 60 ms late",
            huge,
        )
        .late(60)
        .aims(&[Target::OfBestPeer(Wall, 0.8)]),
    ]
}

fn to_file_systems(scale: &Scale) -> [Work; 3] {
    let small = Files::new(scale.small, 4_096);
    let slow = Files::new(scale.slow_entries, 4_096);
    // The peers don't wait for the disk, so their processor time says little.
    let disk = |work| Work {
        place: Place::Disk,
        compared: Wall,
        ..work
    };
    [
        disk(Work::down(
            "down-small-disk",
            "restore of small files to a disk",
            small,
        ))
        .varied(&UNSYNCED_SMALL),
        disk(Work::down(
            "down-large-disk",
            "restore of large files to a disk",
            scale.large,
        ))
        .varied(&UNSYNCED_LARGE),
        Work::down(
            "down-small-slow-fs",
            "restore of small files, file system calls 1 ms late",
            slow,
        )
        .slowed(slow_calls::FILE_SYSTEM)
        .aims(&[Target::OfBestPeer(Wall, 0.6)]),
    ]
}
