//! The pages of a listing, each of which begins where its predecessor ended, as the
//! server says by its token.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::operation::list_objects_v2::builders::ListObjectsV2FluentBuilder;
use sync_core::{
    ErrorKind, Listed, Result, StoreError,
    entry::{SkipCause, Skipped},
};

use crate::bucket::Bucket;
use crate::error::Failure;
use crate::list::entries::entries;
use crate::list::level;
use crate::list::page_reader::{Level, LevelPage, Page, PageReader, name};
use crate::list::prune::{self, Pruner};
use crate::list::request::{refused, request};
use crate::list::v1::{send, send_beginning};
use crate::quirks::Quirk;

/// Pages in a row without an entry before the listing counts as endless. Some
/// servers send a few while they skip deleted keys.
const MAX_EMPTY_PAGES: u32 = 10_000;

/// Where the next page begins.
#[derive(Debug)]
enum From {
    First,
    /// With the first key of a range, after this one.
    Beginning(String),
    /// With the key after this one, which is its only key.
    OneAfter(String),
    /// With the key after this one.
    After(String),
    /// Where the page before it ended.
    Token(String),
}

/// Requests one page after the other.
pub(crate) struct Pager {
    bucket: Arc<Bucket>,
    pruner: Arc<Pruner>,
    from: From,
    seen_tokens: Seen,
    /// The keys with which pages began.
    seen_keys: Seen,
    /// The last name of the page before, in a range.
    last: String,
    empty_pages: u32,
    ended: bool,
}

impl PageReader for Pager {
    type Item = Listed;

    /// Begins with the first key of the range.
    fn new(bucket: Arc<Bucket>, pruner: Arc<Pruner>) -> Self {
        let after = pruner.range.after();
        let from = after.map(|after| From::Beginning([bucket.location.prefix(), after].concat()));
        Self {
            bucket,
            pruner,
            from: from.unwrap_or(From::First),
            seen_tokens: Seen::default(),
            seen_keys: Seen::default(),
            last: String::new(),
            empty_pages: 0,
            ended: false,
        }
    }

    fn after(bucket: Arc<Bucket>, pruner: Arc<Pruner>, name: &str) -> Self {
        let name = [bucket.location.prefix(), name].concat();
        let from = if may_begin_with_a_page(&bucket, &pruner) {
            From::After(name)
        } else {
            From::OneAfter(name)
        };
        Self {
            from,
            ..Self::new(bucket, pruner)
        }
    }

    async fn next(&mut self) -> Page<Listed> {
        let items = self.page().await;
        let items = items.unwrap_or_else(|failure| vec![Err(refused(&self.bucket, failure))]);
        let is_last = self.ended || items.last().is_some_and(Result::is_err);
        Page { items, is_last }
    }

    async fn level(bucket: &Bucket, level: Level) -> Option<LevelPage> {
        level::level(bucket, level).await
    }

    fn refused(bucket: &Bucket, failure: Failure) -> StoreError {
        refused(bucket, failure)
    }
}

impl Pager {
    async fn page(&mut self) -> Result<Vec<Result<Listed>>, Failure> {
        let request = self.request();
        let request = match &self.from {
            From::First => request,
            From::Beginning(name) => request.start_after(name),
            From::OneAfter(name) => request.start_after(name).max_keys(1),
            From::After(name) => request.start_after(name),
            From::Token(token) => request.continuation_token(token),
        };
        let page = match &self.from {
            From::Beginning(_) => send_beginning(&self.bucket, request).await?,
            _ => send(&self.bucket, request).await?,
        };
        if let From::OneAfter(name) = &self.from
            && page.contents().len() > 1
        {
            return Err(Failure::protocol(format!(
                "the server lists several keys after '{name}' where one was requested"
            )));
        }
        self.advance(&page)?;
        let prefix = self.bucket.location.prefix();
        let mut items = entries(page, prefix, |failure| refused(&self.bucket, failure));
        self.bucket.note_fractions(&items);
        self.end_range(&mut items);
        self.prune(&mut items);
        Ok(items)
    }

    fn request(&self) -> ListObjectsV2FluentBuilder {
        let request = request(&self.bucket);
        let below = &*self.pruner.below;
        if below.is_empty() {
            return request;
        }
        request.prefix([self.bucket.location.prefix(), below].concat())
    }

    /// Ends at the first key behind the range. What shows that the server does not list in
    /// byte order is an error: keys of the range may come after that.
    fn end_range(&mut self, items: &mut Vec<Result<Listed>>) {
        let range = &self.pruner.range;
        if range.is_all() {
            return;
        }
        let is_behind = |item: &Result<Listed>| name(item).is_some_and(|at| range.ends_before(at));
        let end = items.iter().position(is_behind).unwrap_or(items.len());
        let mut names = items[..end].iter().filter_map(name);
        let is_before = |at: &str| range.after().is_some_and(|after| at <= after);
        let wrong = if let Some(late) = self.out_of_order(items) {
            // As the reader of a whole listing says it.
            Some(format!("'{late}' comes too late in the listing"))
        } else if names.any(is_before) || !items[end..].iter().all(is_behind) {
            Some(format!("the server does not list {range} in byte order"))
        } else {
            None
        };
        if let Some(message) = wrong {
            self.bucket.quirks.note(Quirk::Disordered);
            *items = vec![Err(StoreError::new(ErrorKind::Disordered, message))];
            return;
        }
        self.ended |= end < items.len();
        items.truncate(end);
        if let Some(last) = items.last().and_then(name) {
            // No other key of the range is after it.
            self.ended |= range.up_to() == Some(last);
            last.clone_into(&mut self.last);
        }
    }

    /// The first name that is less than the one before it.
    fn out_of_order(&self, items: &[Result<Listed>]) -> Option<String> {
        let names = items.iter().filter_map(name);
        let before = std::iter::once(&*self.last).chain(names.clone());
        let mut pairs = before.zip(names);
        let late = pairs.find(|(before, name)| before > name);
        late.map(|(_, name)| name.to_owned())
    }

    /// Continues after the directory in which the page ended, if that is excluded,
    /// and adds an item that says so.
    fn prune(&mut self, items: &mut Vec<Result<Listed>>) {
        let last = items.last().and_then(name);
        let directory = last.and_then(|last| self.pruner.pruned_parent(last));
        let Some(directory) = directory.filter(|_| !self.ended) else {
            return;
        };
        let end = prune::end(directory);
        self.ended = self.pruner.range.ends_before(&end);
        self.from = From::After([self.bucket.location.prefix(), &end].concat());
        items.push(Ok(Listed::Skipped(Skipped {
            name: directory.to_owned(),
            cause: SkipCause::NotSelected,
            detail: String::new(),
            link: None,
        })));
    }

    /// Where the next page begins, or that there is none.
    fn advance(&mut self, page: &ListObjectsV2Output) -> Result<(), Failure> {
        let token = page.next_continuation_token();
        let Some(token) = token.filter(|token| !token.is_empty()) else {
            self.ended = true;
            return Ok(());
        };
        if !self.seen_tokens.insert(token) {
            return Err(Failure::protocol(
                "the server repeats a continuation token, so the listing would never end",
            ));
        }
        let first = page.contents().first().and_then(|object| object.key());
        // A listing out of order is read to its end before it is sorted, so a
        // repeated key would be found too late.
        if first.is_some_and(|key| !self.seen_keys.insert(key)) {
            return Err(Failure::protocol(
                "the server repeats a page under another continuation token, so the listing \
                 would never end",
            ));
        }
        self.empty_pages = if first.is_none() {
            self.empty_pages + 1
        } else {
            0
        };
        if self.empty_pages > MAX_EMPTY_PAGES {
            return Err(Failure::protocol(
                "the server sends empty pages without end",
            ));
        }
        self.from = From::Token(token.to_owned());
        Ok(())
    }
}

/// Whether what follows a name is known to be all that does: AWS promises it, and a key range
/// relies on it anyway. What is said of another server may be wrong: then a listing of all keys
/// still finds each of them.
fn may_begin_with_a_page(bucket: &Bucket, pruner: &Pruner) -> bool {
    let is_promised = bucket.is_ordered && !bucket.endpoint.is_foreign();
    let is_relied_on = !pruner.range.is_all();
    (is_promised || is_relied_on) && !bucket.quirks.has(Quirk::Disordered)
}

impl Bucket {
    /// Records whether listings have times more exact than those of headers.
    pub(crate) fn note_fractions(&self, items: &[Result<Listed>]) {
        let is_fraction = |item: &Result<Listed>| match item {
            Ok(Listed::Entry(entry)) => entry.modified.timestamp_subsec_nanos() > 0,
            _ => false,
        };
        if !self.quirks.has(Quirk::FractionsListed) && items.iter().any(is_fraction) {
            self.quirks.note(Quirk::FractionsListed);
        }
    }
}

/// Hashes of the texts seen, one for each page: 8 bytes for 1,000 entries,
/// whatever the length of a server's tokens.
#[derive(Default)]
pub(crate) struct Seen {
    state: RandomState,
    hashes: HashSet<u64>,
}

impl Seen {
    pub(crate) fn insert(&mut self, text: &str) -> bool {
        self.hashes.insert(self.state.hash_one(text))
    }
}
