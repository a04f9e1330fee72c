//! What processes took, as the system counts it.

use anyhow::Result;

/// Whose use of the machine is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// This process.
    Own,
    /// All processes that were started from this one and have ended.
    Children,
}

/// Processor time and memory.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usage {
    /// Seconds outside the kernel.
    pub user: f64,
    /// Seconds in the kernel.
    pub system: f64,
    /// The most memory, in bytes: of children, that of the largest.
    pub peak: u64,
}

impl Usage {
    /// What `who` took so far.
    #[cfg(unix)]
    pub fn of(who: Who) -> Result<Self> {
        use nix::sys::{
            resource::{UsageWho, getrusage},
            time::{TimeVal, TimeValLike as _},
        };
        let usage = getrusage(match who {
            Who::Own => UsageWho::RUSAGE_SELF,
            Who::Children => UsageWho::RUSAGE_CHILDREN,
        })?;
        let seconds = |time: TimeVal| time.num_microseconds() as f64 / 1e6;
        // Linux counts in KiB, macOS in bytes.
        let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
        Ok(Self {
            user: seconds(usage.user_time()),
            system: seconds(usage.system_time()),
            peak: u64::try_from(usage.max_rss())? * unit,
        })
    }

    /// Only a Unix counts it.
    #[cfg(not(unix))]
    pub fn of(_: Who) -> Result<Self> {
        anyhow::bail!("the benchmark needs a Unix")
    }
}
