//! The hop to a thread that may block.

use sync_core::{ErrorKind, Result};

use crate::error::refused;

/// Runs `work` on a thread that may block.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let stopped = || refused(ErrorKind::Stopped, "the program is stopping");
    let Ok(runtime) = tokio::runtime::Handle::try_current() else {
        return Err(stopped());
    };
    runtime
        .spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(stopped().with_source(error)))
}
