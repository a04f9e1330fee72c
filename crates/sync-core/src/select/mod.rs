//! Which entries a run concerns: by name, size and time. What is not selected
//! is neither copied nor deleted, on either side.
//!
//! A name is selected as a key, so the same name is judged alike in a source
//! and in a target. Size and time are those of the source, if it has the key:
//! a file of today is copied over an object of last month, and one that shrank
//! below `min_size` is left out with its object, not taken for removed.

mod criteria;
mod names;
mod segments;

use std::fmt;
use std::sync::Arc;

pub use criteria::{Criteria, IgnoreFile, NameRule};
pub use names::GlobError;
pub use segments::{check_segments, no_key};

use crate::{entry::Entry, key_list::KeyList, rule::Pair};
use names::Names;

/// Names that are left out by other means than [`NameRule`]: ignore files,
/// whose form this crate does not know.
///
/// A directory that is excluded is so with everything below it, whatever the
/// answer is there; [`Selection`] sees to that.
pub trait Excluded: fmt::Debug + Send + Sync {
    /// Whether `path`, of this kind, is excluded for itself.
    fn excludes(&self, path: &str, kind: PathKind) -> bool;
}

/// What a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathKind {
    /// A directory: something above a key.
    Directory,
    /// A key.
    File,
}

/// Which entries a run concerns; by default all.
///
/// ```
/// use sync_core::{Selection, select::{Criteria, NameRule}};
///
/// let names = vec![
///     NameRule::Exclude("cache/".to_owned()),
///     NameRule::Include("cache/keep.*".to_owned()),
/// ];
/// let selection = Selection::new(Criteria { names, ..Criteria::default() }, None)?;
/// assert!(selection.selects("photos/a.jpg"));
/// assert!(!selection.selects("cache/a/b"));
/// assert!(selection.selects("cache/keep.txt"));
/// # Ok::<(), sync_core::select::GlobError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Selection {
    criteria: Criteria,
    names: Names,
    excluded: Option<Arc<dyn Excluded>>,
    keys: Option<KeyList>,
}

impl Selection {
    /// The selection by `criteria`; `excluded` is what matches the ignore files
    /// that they name.
    ///
    /// # Errors
    /// The first glob that cannot be understood.
    pub fn new(criteria: Criteria, excluded: Option<Arc<dyn Excluded>>) -> Result<Self, GlobError> {
        let names = Names::new(&criteria.names)?;
        Ok(Self {
            criteria,
            names,
            excluded,
            keys: None,
        })
    }

    /// The same of the keys alone that `keys` names.
    #[must_use]
    pub fn only(mut self, keys: KeyList) -> Self {
        self.criteria.keys = Some(keys.summary().clone());
        self.keys = Some(keys);
        self
    }

    /// The list of keys beside which nothing is selected, if there is one. A store need look
    /// at nothing else. [`selects`](Self::selects) and [`prunes`](Self::prunes) do not
    /// consider it.
    #[must_use]
    pub fn keys(&self) -> Option<&KeyList> {
        self.keys.as_ref()
    }

    /// By what it selects.
    #[must_use]
    pub fn criteria(&self) -> &Criteria {
        &self.criteria
    }

    /// Whether entries with this key may be selected: that is, by their name.
    #[must_use]
    pub fn selects(&self, key: &str) -> bool {
        self.names.selects(key)
            && self.excluded.as_ref().is_none_or(|excluded| {
                !excluded.excludes(key, PathKind::File) && !is_below_excluded(&**excluded, key)
            })
    }

    /// Whether no key below `directory` can be selected, so that it need not be
    /// listed. Where that is not certain, the answer is no.
    #[must_use]
    pub fn prunes(&self, directory: &str) -> bool {
        self.names.prunes(directory)
            || self.excluded.as_ref().is_some_and(|excluded| {
                excluded.excludes(directory, PathKind::Directory)
                    || is_below_excluded(&**excluded, directory)
            })
    }

    /// Whether the run concerns the entries of a key: what its source is
    /// decides, where there is one.
    pub(crate) fn selects_pair(&self, pair: Pair<&Entry>) -> bool {
        let (Pair::Source(entry) | Pair::Target(entry) | Pair::Both { source: entry, .. }) = pair;
        self.criteria.fits(entry.size, entry.modified) && self.selects(entry.key.as_str())
    }
}

/// Whether a directory above `path` is excluded.
fn is_below_excluded(excluded: &dyn Excluded, path: &str) -> bool {
    path.match_indices('/')
        .any(|(end, _)| excluded.excludes(&path[..end], PathKind::Directory))
}
