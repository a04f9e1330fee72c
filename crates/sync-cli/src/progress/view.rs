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
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Figures {
    /// What the run is doing.
    #[cfg_attr(test, schemars(with = "crate::tests::schema::Phase"))]
    phase: Phase,
    /// Since the run began.
    seconds: f64,
    /// Entries listed so far.
    #[cfg_attr(test, schemars(with = "crate::tests::schema::Listed"))]
    listed: Listed,
    #[cfg_attr(test, schemars(with = "crate::tests::schema::Share"))]
    files: Share,
    #[cfg_attr(test, schemars(with = "crate::tests::schema::Share"))]
    bytes: Share,
    #[cfg_attr(test, schemars(with = "crate::tests::schema::Share"))]
    deletions: Share,
    /// Entries that could not be copied or deleted.
    failed: u64,
    /// An average of about the last 30 seconds.
    pub(super) bytes_per_second: Option<f64>,
    /// Until all is copied, by that average.
    seconds_left: Option<f64>,
    /// For how long the server has neither answered nor moved a byte; null if no request waits
    /// for it.
    server_silent_seconds: Option<f64>,
    /// The largest copies in flight, of more than one part each.
    #[cfg_attr(test, schemars(with = "Vec<crate::tests::schema::Large>"))]
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
            server_silent_seconds: now.silent_for.map(|silent| silent.as_secs_f64()),
            large: now.large.clone(),
            time_left: left,
        };
        Self { now, figures }
    }
}
