//! The options for the end of a run.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

/// Who is notified of the end of a run, mock runs excepted.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct FinishArgs {
    #[command(flatten)]
    pub(crate) metrics: MetricsArgs,
    /// Run a command at the end, with the report on its standard input
    ///
    /// It is given to `sh -c` after every real run, also one that failed or was
    /// refused; S3MIRROR_EXIT holds the exit status. It has 60 seconds, and its
    /// failure is a warning only.
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_ON_FINISH",
        value_name = "COMMAND"
    )]
    pub(crate) on_finish: Option<OsString>,
}

impl FinishArgs {
    /// The mirrored directory that the metrics file is compared with: none without such a file,
    /// because a file has to be read for it once more.
    pub(crate) fn for_metrics(&self, read: impl FnOnce() -> Option<PathBuf>) -> Option<PathBuf> {
        self.metrics.metrics_file.as_ref().and_then(|_| read())
    }
}

#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct MetricsArgs {
    /// Write metrics of the run for node_exporter (*.prom; not inside DIR)
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_METRICS_FILE",
        value_name = "FILE"
    )]
    pub(crate) metrics_file: Option<PathBuf>,
}
