//! What listings of objects and of versions have in common: pages of items that have
//! names, requested one after the other.

use std::future::Future;
use std::sync::Arc;

use sync_core::{Listed, Result, StoreError, entry::SkipCause};

use crate::bucket::Bucket;
use crate::error::Failure;
use crate::list::prune::Pruner;

/// An item of a listing.
pub(crate) trait Named: Send + 'static {
    /// Whether several items in a row may have the same name.
    const REPEATS: bool;

    /// The key below the prefix; `None` for an item without a place in the order.
    fn name(&self) -> Option<&str>;

    /// What distinguishes it from other items of its name, where they repeat: the id of its
    /// version, and whether that is a delete marker.
    fn version(&self) -> Option<(&str, bool)> {
        None
    }

    /// Whether no other item of its name precedes it.
    fn begins_its_name(&self) -> bool {
        true
    }
}

impl Named for Listed {
    const REPEATS: bool = false;

    fn name(&self) -> Option<&str> {
        match self {
            Self::Entry(entry) => Some(entry.key.as_str()),
            Self::Skipped(skipped) => match skipped.cause {
                SkipCause::NotUtf8 | SkipCause::NotSelected => None,
                _ => Some(&skipped.name),
            },
        }
    }
}

/// The name of an item; an error has none.
pub(crate) fn name<T: Named>(item: &Result<T>) -> Option<&str> {
    item.as_ref().ok().and_then(Named::name)
}

/// The items of a page; an error is the last of them.
pub(crate) struct Page<T> {
    pub(crate) items: Vec<Result<T>>,
    /// Whether nothing follows: the server said so, or there was an error.
    pub(crate) is_last: bool,
}

/// A level of the tree that is asked for: the directories directly below `prefix`, which is
/// that in the bucket.
#[derive(Debug, Clone)]
pub(crate) struct Level {
    pub(crate) prefix: String,
    /// Only those after this key, if there is one, or
    pub(crate) after: Option<String>,
    /// after the page that named this token.
    pub(crate) token: Option<String>,
}

/// Directories in the order of the server, as they are in the bucket, and where more follow.
pub(crate) struct LevelPage {
    pub(crate) directories: Vec<String>,
    pub(crate) token: Option<String>,
}

/// Requests the pages of a listing, one after the other.
pub(crate) trait PageReader: Sized + Send + 'static {
    /// What a page has.
    type Item: Named;

    /// Begins with the first key.
    fn new(bucket: Arc<Bucket>, pruner: Arc<Pruner>) -> Self;

    /// Begins with the first key after `name`. Unless that relies on the order of the server
    /// anyway, an item of that key alone is the first page: what follows it, the server's token
    /// says.
    fn after(bucket: Arc<Bucket>, pruner: Arc<Pruner>, name: &str) -> Self;

    /// The next page. Must not be called after the last.
    fn next(&mut self) -> impl Future<Output = Page<Self::Item>> + Send;

    /// A page of directories; `None` if the answer cannot be used.
    fn level(bucket: &Bucket, level: Level) -> impl Future<Output = Option<LevelPage>> + Send;

    /// The error of the listing.
    fn refused(bucket: &Bucket, failure: Failure) -> StoreError;
}
