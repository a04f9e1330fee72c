//! What is shown of a run at one moment.

use std::time::Duration;

use s3mirror::{Large, Listed, Phase, Share, Snapshot};
use serde::Serialize;

/// For people.
pub(crate) struct View {
    pub(super) now: Snapshot,
    pub(super) figures: Figures,
}

/// The same for programs.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    phase: Phase,
    seconds: f64,
    listed: Listed,
    files: Share,
    bytes: Share,
    deletions: Share,
    failed: u64,
    pub(super) bytes_per_second: Option<f64>,
    seconds_left: Option<f64>,
    large: Vec<Large>,
    #[serde(skip)]
    pub(super) time_left: Option<Duration>,
}

impl View {
    pub(super) fn of(
        now: Snapshot,
        took: Duration,
        rate: Option<f64>,
        left: Option<Duration>,
    ) -> Self {
        let figures = Figures {
            phase: now.phase,
            seconds: took.as_secs_f64(),
            listed: now.listed,
            files: now.files,
            bytes: now.bytes,
            deletions: now.deletions,
            failed: now.failed,
            bytes_per_second: rate,
            seconds_left: left.map(|left| left.as_secs_f64()),
            large: now.large.clone(),
            time_left: left,
        };
        Self { now, figures }
    }
}
