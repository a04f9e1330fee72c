//! Samples for tests: a run at some moments.

use std::time::Duration;

use sync_core::{Direction, Key};

use super::View;
use s3mirror::{Large, Listed, Phase, Share, Snapshot};

fn view(phase: Phase) -> View {
    let now = Snapshot {
        direction: Direction::Backup,
        phase,
        listed: Listed {
            source: 120_000,
            target: 98_000,
        },
        files: Share {
            done: 120,
            all: 4500,
        },
        bytes: Share {
            done: 16 * (1 << 30) / 5,
            all: 38 * (1 << 30) / 5,
        },
        deletions: Share { done: 10, all: 30 },
        failed: 0,
        large: vec![
            large(
                "2024/holiday/at the seaside/IMG_20240812_0012.mov",
                920,
                1229,
            ),
            large("2024/holiday/b.mov", 5, 500),
        ],
        silent_for: None,
    };
    let seconds = Duration::from_secs(60);
    View::of(
        now,
        seconds,
        Some(45.2 * 1_048_576.0),
        Some(Duration::from_secs(95)),
    )
}

fn large(name: &str, done: u64, all: u64) -> Large {
    let bytes = Share {
        done: done << 20,
        all: all << 20,
    };
    Large {
        key: Key::new(name).unwrap(),
        bytes,
    }
}

pub(super) fn listing() -> View {
    view(Phase::Listing)
}

pub(super) fn planned() -> View {
    view(Phase::Planned)
}

pub(super) fn copying() -> View {
    view(Phase::Copying)
}

pub(super) fn deleting() -> View {
    let mut view = view(Phase::Deleting);
    view.now.failed = 2;
    view
}

#[test]
fn progress_as_json_has_the_figures_of_the_line() {
    let json = serde_json::to_value(copying().figures).unwrap();
    assert_eq!(json["phase"], "copying");
    assert_eq!(json["bytes"]["done"], 3_435_973_836_u64);
    assert_eq!(json["seconds_left"], 95.0);
    assert_eq!(json["large"][1]["key"], "2024/holiday/b.mov");
}
