//! Lets copied files wait for their last look beside the other transfers, so
//! that no transfer waits for a clock that another one has to wait for.

use std::io;
use std::task::Poll;

use futures::stream::{self, FuturesUnordered, Stream, StreamExt};

use super::transfer::{Done, Step};
use super::workspace::Workspace;
use crate::plan::Transfer;

/// How many copied files may wait. Each takes some 700 bytes; with more, no
/// other transfer goes on until the first of them has been looked at.
const MOST_UNSEEN: usize = 8192;

/// The ends of `transfers`, in no order. Each has the offset of its line.
pub(crate) fn with_last_looks<'w>(
    work: &'w Workspace<'_>,
    transfers: impl Stream<Item = io::Result<(u64, Transfer, Step)>> + 'w,
) -> impl Stream<Item = io::Result<(u64, Transfer, Done)>> + 'w {
    let mut transfers = Box::pin(transfers.fuse());
    let mut looks = FuturesUnordered::new();
    stream::poll_fn(move |cx| {
        loop {
            if let Poll::Ready(Some(ended)) = looks.poll_next_unpin(cx) {
                return Poll::Ready(Some(Ok(ended)));
            }
            if looks.len() >= MOST_UNSEEN {
                return Poll::Pending;
            }
            match transfers.poll_next_unpin(cx) {
                Poll::Ready(Some(Ok((at, transfer, Step::Ended(done))))) => {
                    return Poll::Ready(Some(Ok((at, transfer, done))));
                }
                Poll::Ready(Some(Ok((at, transfer, step)))) => looks.push(async move {
                    let done = work.end(step).await;
                    (at, transfer, done)
                }),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                Poll::Ready(None) if looks.is_empty() => return Poll::Ready(None),
                Poll::Ready(None) | Poll::Pending => return Poll::Pending,
            }
        }
    })
}
