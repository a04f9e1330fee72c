//! The listing: pages of ListObjectsV2, each asked for while its predecessor
//! is being worked on.
//!
//! An incomplete listing must never look like absence (design, "Data flow"):
//! the stream ends cleanly only after a page that says it is the last. What a
//! server may get wrong (a token that comes again or is missing, keys outside
//! of the prefix, entries without size or time) is an error. Order is not
//! checked here; the core does that.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::types::EncodingType;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use sync_core::{ErrorKind, Listed, Result, StoreError};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::error::{Attempted, Failure, Origin};
use crate::guard::pause;
use crate::page::entries;
use crate::store::Bucket;
use crate::whole::Whole;

/// Pages in a row without an entry before the listing counts as endless. Some
/// servers send a few while they pass over deleted keys.
const MAX_EMPTY_PAGES: u32 = 10_000;

/// What the fetching task hands to the consumer.
enum Page {
    Items(Vec<Result<Listed>>),
    /// The last page has been sent.
    End,
}

/// The consumer's end: dropping it stops the fetching.
struct Pages {
    receiver: mpsc::Receiver<Page>,
    task: AbortHandle,
    ended: bool,
}

impl Drop for Pages {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// All that is below the prefix. Two pages are in memory at most.
pub(crate) fn list(bucket: Arc<Bucket>) -> BoxStream<'static, Result<Listed>> {
    // The task starts with the first poll, since only then there surely is a runtime.
    stream::once(async move { Pages::fetch(bucket) })
        .flat_map(|pages| stream::unfold(pages, Pages::next))
        .flat_map(stream::iter)
        .boxed()
}

impl Pages {
    fn fetch(bucket: Arc<Bucket>) -> Self {
        // One page waits here while the consumer works on another.
        let (sender, receiver) = mpsc::channel(1);
        let task = tokio::spawn(async move {
            let mut fetcher = Fetcher::new(&bucket);
            // The place for a page is taken before it is asked for, so there
            // is never a third one.
            while let Ok(place) = sender.reserve().await {
                let page = fetcher.next().await;
                let last = match &page {
                    Page::Items(items) => items.last().is_some_and(Result::is_err),
                    Page::End => true,
                };
                place.send(page);
                if last {
                    break;
                }
            }
        });
        Self {
            receiver,
            task: task.abort_handle(),
            ended: false,
        }
    }

    async fn next(mut self) -> Option<(Vec<Result<Listed>>, Self)> {
        if self.ended {
            return None;
        }
        let items = match self.receiver.recv().await {
            Some(Page::Items(items)) => items,
            Some(Page::End) => return None,
            // The task died without a last word: no end of a listing.
            None => vec![Err(StoreError::new(
                ErrorKind::Other,
                "the listing was interrupted",
            ))],
        };
        self.ended = items.last().is_some_and(Result::is_err);
        Some((items, self))
    }
}

/// Asks for one page after the other.
struct Fetcher<'a> {
    bucket: &'a Bucket,
    token: Option<String>,
    seen_tokens: TokenSet,
    empty_pages: u32,
    ended: bool,
}

impl<'a> Fetcher<'a> {
    fn new(bucket: &'a Bucket) -> Self {
        Self {
            bucket,
            token: None,
            seen_tokens: TokenSet::default(),
            empty_pages: 0,
            ended: false,
        }
    }

    async fn next(&mut self) -> Page {
        if self.ended {
            return Page::End;
        }
        let mut attempts = 1;
        loop {
            match self.page().await {
                Ok(items) => return Page::Items(items),
                // The SDK repeats what failed, not what was cut.
                Err(failure)
                    if failure.origin == Origin::Cut && attempts < self.bucket.max_attempts =>
                {
                    tokio::time::sleep(pause(attempts)).await;
                    attempts += 1;
                }
                Err(failure) => return Page::Items(vec![Err(self.error(failure))]),
            }
        }
    }

    async fn page(&mut self) -> Result<Vec<Result<Listed>>, Failure> {
        let bucket = self.bucket;
        let location = &bucket.location;
        let page = bucket
            .client
            .list_objects_v2()
            .bucket(location.bucket())
            .set_prefix(Some(location.prefix().to_owned()).filter(|prefix| !prefix.is_empty()))
            .encoding_type(EncodingType::Url)
            .set_continuation_token(self.token.clone())
            .customize()
            .interceptor(Whole)
            .send()
            .await
            .map_err(|error| Failure::from(&error))?;
        self.advance(&page)?;
        Ok(entries(page, location.prefix(), |failure| {
            self.error(failure)
        }))
    }

    /// Where the next page begins, or that there is none.
    fn advance(&mut self, page: &ListObjectsV2Output) -> Result<(), Failure> {
        if page.is_truncated() != Some(true) {
            self.ended = true;
            return Ok(());
        }
        let Some(token) = page
            .next_continuation_token()
            .filter(|token| !token.is_empty())
        else {
            return Err(Failure::protocol(
                "the server says that more follows, but not where to go on",
            ));
        };
        if !self.seen_tokens.insert(token) {
            return Err(Failure::protocol(
                "the server repeats a continuation token, so the listing would never end",
            ));
        }
        self.empty_pages = if page.contents().is_empty() {
            self.empty_pages + 1
        } else {
            0
        };
        if self.empty_pages > MAX_EMPTY_PAGES {
            return Err(Failure::protocol(
                "the server sends empty pages without end",
            ));
        }
        self.token = Some(token.to_owned());
        Ok(())
    }

    fn error(&self, failure: Failure) -> StoreError {
        let name = self.bucket.location.to_string();
        self.bucket.fail(
            failure.of_bucket(),
            Attempted {
                what: "list",
                name: &name,
                permission: "s3:ListBucket",
            },
        )
    }
}

/// Hashes of the tokens seen: 8 bytes for 1,000 entries, whatever a server's
/// tokens are like.
#[derive(Default)]
struct TokenSet {
    state: RandomState,
    hashes: HashSet<u64>,
}

impl TokenSet {
    fn insert(&mut self, token: &str) -> bool {
        self.hashes.insert(self.state.hash_one(token))
    }
}
