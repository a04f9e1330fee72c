//! A task that reads a listing ahead of its consumer.

use std::future::Future;

use sync_core::{ErrorKind, Result, StoreError};
use tokio::sync::mpsc;

use crate::abort_on_drop::AbortOnDrop;

/// What the task sends.
pub(crate) enum Message<T> {
    Items(Vec<Result<T>>),
    /// The listing is complete.
    End,
}

/// The consumer's end; dropping it stops the task.
pub(crate) struct Reader<T> {
    receiver: mpsc::Receiver<Message<T>>,
    _task: AbortOnDrop,
    has_ended: bool,
}

impl<T: Send + 'static> Reader<T> {
    /// Begins to read, in a runtime.
    pub(crate) fn start<F>(read: impl FnOnce(mpsc::Sender<Message<T>>) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        // One page waits here while the consumer works on another.
        let (sender, receiver) = mpsc::channel(1);
        let task = tokio::spawn(read(sender));
        Self {
            receiver,
            _task: AbortOnDrop::from(&task),
            has_ended: false,
        }
    }

    /// The next page; none at the end, and after an error.
    pub(crate) async fn next(&mut self) -> Option<Vec<Result<T>>> {
        if self.has_ended {
            return None;
        }
        let items = match self.receiver.recv().await {
            Some(Message::Items(items)) => items,
            Some(Message::End) => return None,
            // The task died, which is not the end of a listing.
            None => vec![Err(StoreError::new(
                ErrorKind::Other,
                "the listing was interrupted",
            ))],
        };
        self.has_ended = items.last().is_some_and(Result::is_err);
        Some(items)
    }
}
