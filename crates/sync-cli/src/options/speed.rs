//! How fast, and with how much memory.

use clap::Args;

use super::Size;
use super::bandwidth::BandwidthLimit;

#[derive(Debug, Args)]
#[command(next_help_heading = "Speed")]
pub(crate) struct SpeedArgs {
    /// Limit of requests in flight [default: found by measuring]
    #[arg(long, hide_env = true, env = "S3MIRROR_CONCURRENCY", value_name = "N")]
    pub(crate) concurrency: Option<u16>,
    /// Limit of threads that send requests [default: the number of processors]
    ///
    /// At most one for each 64 files that may be open, and for each 16MiB of memory
    /// that the control group of this process permits.
    #[arg(long, hide_env = true, env = "S3MIRROR_THREADS", value_name = "N")]
    pub(crate) threads: Option<u16>,
    /// Size of the parts of large files, at least 5 MiB [default: 8MiB up, 16MiB down]
    #[arg(long, hide_env = true, env = "S3MIRROR_PART_SIZE", value_name = "SIZE")]
    pub(crate) part_size: Option<Size>,
    /// Limit of content in memory [default: what the connection can use, up to 256MiB]
    ///
    /// By default as much as keeps the connection busy, which is its bandwidth times
    /// its latency, as measured: from 64MiB up and 16MiB down to 256MiB. At most a
    /// quarter of what the control group of this process permits, as in a container;
    /// but at least one part.
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_MAX_MEMORY",
        value_name = "SIZE"
    )]
    pub(crate) max_memory: Option<Size>,
    /// Limit of bytes a second, each way: 10MiB, or a timetable in UTC
    ///
    /// As in '08:00,512KiB 19:00,10MiB 23:00,off'. All requests share it; their
    /// bodies count, listings too. The minimum is 16KiB.
    #[arg(long, hide_env = true, env = "S3MIRROR_BWLIMIT", value_name = "RATE")]
    pub(crate) bwlimit: Option<BandwidthLimit>,
    /// Attempts of a request before it fails
    #[arg(long, hide_env = true, env = "S3MIRROR_MAX_ATTEMPTS", value_name = "N",
          default_value_t = sync_s3::DEFAULT_MAX_ATTEMPTS)]
    pub(crate) max_attempts: u32,
}
