//! The walk as a stream: on a thread of its own, its items in batches through a
//! short channel.
//!
//! The walk blocks when the channel is full, so memory stays bounded whatever the
//! speed of the consumer, and it ends at the next batch after the stream was
//! dropped. Its last message is `Done`: a channel that closes without it, because
//! the thread died, is an error and never the end of the listing.

use std::sync::Arc;

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use sync_core::{ErrorKind, KeyRange, Listed, Result, Selection};
use tokio::sync::mpsc;

use super::walk::{Step, Walk};
use crate::directory::Directory;
use crate::error::refused;

/// Items a batch: large enough to make the hop between threads cheap.
const BATCH: usize = 256;
/// Batches that wait for the consumer.
const WAITING: usize = 4;

enum Message {
    Items(Vec<Result<Listed>>),
    Done,
}

/// What is walked.
pub(super) enum Scope {
    /// The directory, as far as its keys are in this range.
    Range(KeyRange),
    /// A directory below it, by its path with a slash at its end.
    Below(String),
}

/// The items of a walk over `scope`, which begins when this is called.
pub(super) fn walked(
    directory: Arc<Directory>,
    selection: Arc<Selection>,
    scope: Scope,
) -> BoxStream<'static, Result<Listed>> {
    let (sender, receiver) = mpsc::channel(WAITING);
    let spawned = std::thread::Builder::new()
        .name("s3mirror-walk".to_owned())
        .spawn(move || walk(&directory, selection, scope, &sender));
    match spawned {
        Ok(_) => items(receiver).boxed(),
        Err(error) => {
            let failure = refused(
                ErrorKind::Other,
                "cannot start a thread to list the directory",
            )
            .with_source(error);
            stream::iter([Err(failure)]).boxed()
        }
    }
}

fn items(receiver: mpsc::Receiver<Message>) -> impl futures::Stream<Item = Result<Listed>> {
    stream::unfold(Some(receiver), |receiver| async {
        let mut receiver = receiver?;
        match receiver.recv().await {
            Some(Message::Items(items)) => Some((stream::iter(items), Some(receiver))),
            Some(Message::Done) => None,
            None => {
                let error = refused(
                    ErrorKind::Other,
                    "the listing of the directory ended unexpectedly",
                );
                Some((stream::iter(vec![Err(error)]), None))
            }
        }
    })
    .flatten()
}

fn walk(
    directory: &Directory,
    selection: Arc<Selection>,
    scope: Scope,
    sender: &mpsc::Sender<Message>,
) {
    let listed = match directory.exists() {
        Ok(true) => send_items(directory, selection, scope, sender),
        Ok(false) => Ok(()),
        Err(error) => Err(error),
    };
    // Sending fails only if the stream was dropped: there is nobody to report to.
    if let Err(error) = listed {
        let _ = sender.blocking_send(Message::Items(vec![Err(error)]));
    }
    let _ = sender.blocking_send(Message::Done);
}

fn send_items(
    directory: &Directory,
    selection: Arc<Selection>,
    scope: Scope,
    sender: &mpsc::Sender<Message>,
) -> Result<()> {
    let (root, options) = (Arc::clone(&directory.root), directory.options);
    let mut batch = Vec::with_capacity(BATCH);
    let is_whole = matches!(scope, Scope::Range(_));
    let mut walk = match scope {
        Scope::Range(range) => Walk::start(root, options, (selection, range))?,
        Scope::Below(path) => {
            let (walk, first) = Walk::below(root, options, selection, &path)?;
            batch.extend(first.map(Ok));
            walk
        }
    };
    loop {
        match walk.step() {
            Step::Item(item) => batch.push(Ok(item)),
            Step::Nothing if sender.is_closed() => return Ok(()),
            Step::Nothing => {}
            Step::End => break,
        }
        if batch.len() == BATCH {
            let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
            if sender.blocking_send(Message::Items(full)).is_err() {
                return Ok(());
            }
        }
    }
    if is_whole {
        directory.forget_own_files();
    }
    directory.remember(walk.into_own_files());
    let _ = sender.blocking_send(Message::Items(batch));
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::options::FsOptions;

    fn wait_for_the_walk_to_end(directory: &Arc<Directory>) {
        let start = Instant::now();
        // The walk holds one reference as long as it lives.
        while Arc::strong_count(directory) > 1 {
            assert!(
                start.elapsed() < Duration::from_secs(20),
                "the walk continues"
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    #[test]
    fn a_dropped_stream_ends_the_walk() {
        let dir = tempfile::tempdir().unwrap();
        for n in 0..BATCH * (WAITING + 4) {
            std::fs::write(dir.path().join(n.to_string()), "").unwrap();
        }
        let directory = Arc::new(Directory::new(dir.path(), FsOptions::default()));
        for taken in [0, 1, BATCH + 1] {
            let whole = Scope::Range(KeyRange::default());
            let mut items = walked(Arc::clone(&directory), Arc::default(), whole);
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            runtime.unwrap().block_on(async {
                for _ in 0..taken {
                    items.next().await.unwrap().unwrap();
                }
            });
            std::thread::sleep(Duration::from_millis(20));
            assert!(
                Arc::strong_count(&directory) > 1,
                "it waits for its consumer"
            );
            drop(items);
            wait_for_the_walk_to_end(&directory);
        }
    }
}
