//! The option of the past.

use std::time::SystemTime;

use chrono::{DateTime, Utc};
use clap::Args;

use super::Moment;

#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Places")]
pub(crate) struct PastArgs {
    /// The bucket as it was: 7d, 36h, 2024-05-01 (UTC); for restore and verify
    ///
    /// By the versions that the bucket keeps. A duration back from now (s, m, h, d, w, as
    /// in 1d12h), a date in UTC, or a time as in 2024-05-01T12:00:00Z.
    #[arg(long, hide_env = true, env = "S3MIRROR_AT", value_name = "WHEN")]
    pub(crate) at: Option<Moment>,
}

impl PastArgs {
    /// The moment; or what is wrong with it, in one line.
    pub(crate) fn moment(&self) -> Result<Option<DateTime<Utc>>, String> {
        let Some(moment) = self.at else {
            return Ok(None);
        };
        let moment = moment.before(SystemTime::now().into());
        let moment = moment.ok_or("--at: that is before the calendar begins")?;
        Ok(Some(moment))
    }
}

/// The answer to `backup --at`.
pub(crate) const NOT_OF_THE_PAST: &str = "--at is for restore and verify; to roll the bucket back, \
    restore --at and then backup --compare checksum";
