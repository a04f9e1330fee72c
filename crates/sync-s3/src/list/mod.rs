//! The listing: pages of ListObjectsV2, each requested while its predecessor is
//! processed; many concurrently where pages are late.
//!
//! An incomplete listing must never look like absence (design, "Data flow"): the
//! stream ends cleanly only after a page that says it is the last. Whatever a server
//! may get wrong (a token that is repeated or missing, a page that contradicts
//! itself or answers another request, keys outside of the prefix, entries without
//! size or time) is an error. Order is checked by the core, not here. An excluded
//! directory is skipped only where it is known what follows it (`prune`).

mod deserializer;
pub(crate) mod entries;
mod estimate;
pub(crate) mod keys;
mod level;
mod page_check;
mod page_reader;
mod page_xml;
mod pager;
mod pages;
mod parallel;
mod prune;
mod reader;
mod request;
mod single;
pub(crate) mod slot;
pub(crate) mod url_encoding;
mod v1;
pub(crate) mod versions;
pub(crate) mod xml;

use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use sync_core::{KeyRange, Listed, Result, Selection};

use crate::bucket::Bucket;
pub(crate) use estimate::estimate;
pub(crate) use level::empty_level;
#[cfg(test)]
pub(crate) use page_xml::{Version, page};
use pager::Pager;
use pages::Pages;
pub(crate) use parallel::tuning::Tuning;
use prune::Pruner;
pub(crate) use request::refused;
pub(crate) use single::{as_listed, first_page, listed};

/// All entries below the prefix that are in `range`. At most two pages are in memory while
/// pages come in time, otherwise [`Tuning::pages`] and one.
pub(crate) fn list(
    bucket: Arc<Bucket>,
    selection: Arc<Selection>,
    range: KeyRange,
) -> BoxStream<'static, Result<Listed>> {
    let tuning = bucket.tuning;
    list_tuned(bucket, selection, range, tuning)
}

/// The same, read as `tuning` says.
fn list_tuned(
    bucket: Arc<Bucket>,
    selection: Arc<Selection>,
    range: KeyRange,
    tuning: Tuning,
) -> BoxStream<'static, Result<Listed>> {
    let pruner = Pruner::new(selection, range, bucket.is_ordered);
    list_pages(bucket, pruner, tuning)
}

fn list_pages(
    bucket: Arc<Bucket>,
    pruner: Pruner,
    tuning: Tuning,
) -> BoxStream<'static, Result<Listed>> {
    // The task starts with the first poll: only then is there surely a runtime.
    let begin = async move { Pages::<Pager>::read(bucket, Arc::new(pruner), tuning) };
    stream::once(begin)
        .flat_map(|pages| {
            stream::unfold(pages, |mut pages| async {
                let items = pages.next().await?;
                Some((items, pages))
            })
        })
        .flat_map(stream::iter)
        .boxed()
}
