//! Tasks that end with whoever waits for them.

use tokio::task::{AbortHandle, JoinHandle};

/// Aborts a task when it is dropped, unless that has ended.
#[derive(Debug)]
pub(crate) struct AbortOnDrop(AbortHandle);

impl<T> From<&JoinHandle<T>> for AbortOnDrop {
    fn from(task: &JoinHandle<T>) -> Self {
        Self(task.abort_handle())
    }
}

impl From<AbortHandle> for AbortOnDrop {
    fn from(task: AbortHandle) -> Self {
        Self(task)
    }
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
