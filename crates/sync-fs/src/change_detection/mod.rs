//! Whether a file is still the listed version, and which attributes of its file
//! system are reliable enough to decide that.
//!
//! A version of a file is identified by size, mtime, inode number and change
//! time (ctime). On some FUSE and network file systems the inode number or the
//! change time changes by itself, and then every file looks changed since it was
//! listed. Where repeated `stat` calls on an untouched file prove that, the
//! attribute is excluded from all later comparisons. Another change time than that
//! which was listed proves nothing, be it earlier or later: a real change has the same
//! effect, and its time comes from the clock of a server, or of another machine
//! where a plan was made. What proves something is a file that changes with every
//! look, or whose change time takes a value again that it had before another one.

use std::collections::BTreeSet;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use sync_core::{Entry, entry::Revision, setting::Setting};

use crate::options::FsOptions;
use crate::sys::identity::Identity;
use crate::sys::meta::Meta;
use crate::sys::root::Root;

/// Consecutive `stat` calls on one file.
const LOOKS: usize = 8;

/// Longer than the unit of the coarsest change times that change by themselves.
const WAIT: Duration = Duration::from_millis(1100);

/// Files that are remembered because they differed only in the change time.
const MAX_SUSPECTS: usize = 1000;

/// Compares versions of files, without the attributes that are unreliable here.
#[derive(Debug)]
pub(crate) struct ChangeDetector {
    /// Of the files that are compared.
    root: Arc<Root>,
    no_inodes: AtomicBool,
    no_change_times: AtomicBool,
    /// Whether that was detected, not set by an option.
    found_inodes: AtomicBool,
    found_change_times: AtomicBool,
    suspects: Mutex<BTreeSet<Vec<u8>>>,
    has_waited: AtomicBool,
}

impl ChangeDetector {
    pub(crate) fn new(root: Arc<Root>, options: FsOptions) -> Self {
        Self {
            root,
            no_inodes: AtomicBool::new(options.ignore_inode),
            no_change_times: AtomicBool::new(options.ignore_ctime),
            found_inodes: AtomicBool::default(),
            found_change_times: AtomicBool::default(),
            suspects: Mutex::default(),
            has_waited: AtomicBool::default(),
        }
    }

    /// One sentence for each attribute that was found to change by itself.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for (is_found, what, setting) in [
            (&self.found_inodes, "inode numbers", Setting::IgnoreInode),
            (
                &self.found_change_times,
                "change times",
                Setting::IgnoreCtime,
            ),
        ] {
            if is_found.load(Ordering::Relaxed) {
                warnings.push(format!(
                    "the file system changes the {what} of files by itself: they are excluded from \
                     comparisons, and a file that changes during a run is detected by its size and \
                     the other times; use {setting} to exclude them from the start"
                ));
            }
        }
        warnings
    }

    /// Whether inode numbers are reliable.
    pub(crate) fn has_inodes(&self) -> bool {
        !self.no_inodes.load(Ordering::Relaxed)
    }

    /// What distinguishes the version of `meta`.
    fn identity_of(&self, meta: &Meta) -> Identity {
        meta.identity(self.root.precision().device())
    }

    fn is_same_identity(&self, one: &Identity, other: &Identity) -> bool {
        self.is_same_file(one, other)
            && (one.changed == other.changed || self.no_change_times.load(Ordering::Relaxed))
    }

    /// Whether both are of one file, whatever its version.
    fn is_same_file(&self, one: &Identity, other: &Identity) -> bool {
        one.place.agrees(other.place) && (one.inode == other.inode || !self.has_inodes())
    }

    /// Whether both are the very same file, in the very same state.
    pub(crate) fn is_same(&self, one: &Meta, other: &Meta) -> bool {
        one.device == other.device
            && one.size == other.size
            && one.modified == other.modified
            && self.is_same_identity(&self.identity_of(one), &self.identity_of(other))
    }

    /// Whether both are the same file, as far as a second name or another
    /// place changes nothing.
    pub(crate) fn is_same_content(&self, one: &Meta, other: &Meta) -> bool {
        is_alike(one, other) && (one.inode == other.inode || !self.has_inodes())
    }

    /// Whether what has `name` in `dir` is `known`, as far as a second name or
    /// another place changes nothing.
    pub(crate) fn is_at(&self, dir: impl AsFd, name: &[u8], known: &Meta) -> bool {
        let found = Meta::at(&dir, name);
        found.is_ok_and(|found| self.is_still(&found, dir, name, known))
    }

    /// The same of what was just `found` there.
    pub(crate) fn is_still(&self, found: &Meta, dir: impl AsFd, name: &[u8], known: &Meta) -> bool {
        if self.is_same_content(found, known) {
            return true;
        }
        let again = Meta::at(dir, name).ok();
        let again = again.filter(|again| is_alike(again, known) && is_alike(found, known));
        again.is_some_and(|again| again.inode != found.inode) && self.ignore_inodes()
    }

    /// Whether `meta` is a regular file and the version that `entry` describes.
    pub(crate) fn is_version(&self, meta: &Meta, entry: &Entry) -> bool {
        may_be(meta, entry)
            && entry.revision.as_ref().is_none_or(|seen| {
                Identity::read(seen)
                    .is_some_and(|seen| self.is_same_identity(&seen, &self.identity_of(meta)))
            })
    }

    /// Whether `meta`, of a link, is the version with this mark.
    pub(crate) fn is_marked(&self, meta: &Meta, mark: &Revision) -> bool {
        let now = self.identity_of(meta);
        Identity::read(mark).is_some_and(|seen| self.is_same_identity(&seen, &now))
    }

    /// Whether both describe the same version of a file.
    pub(crate) fn is_same_version(&self, one: &Entry, other: &Entry) -> bool {
        if one.size != other.size || one.modified != other.modified {
            return false;
        }
        match (identity(one), identity(other)) {
            (Some(one), Some(other)) => self.is_same_identity(&one, &other),
            _ => one.is_same_version(other),
        }
    }

    /// Whether `meta` may be the file of `entry`, with or without more behind it.
    pub(crate) fn may_have_grown(&self, entry: &Entry, meta: &Meta) -> bool {
        let now = self.identity_of(meta);
        let is_same = |seen: Identity| self.is_same_file(&seen, &now);
        meta.is_file() && meta.size >= entry.size && identity(entry).is_some_and(is_same)
    }

    /// Whether `now` is the file of `before`, longer.
    pub(crate) fn has_grown(&self, before: &Entry, now: &Entry) -> bool {
        now.size > before.size
            && now.modified >= before.modified
            && match (identity(before), identity(now)) {
                (Some(before), Some(now)) => self.is_same_file(&before, &now),
                _ => false,
            }
    }

    /// As [`ChangeDetector::is_version`], after a check whether the attributes in
    /// which they differ change by themselves. `path` is that of the file.
    pub(crate) fn is_version_rechecked(&self, path: &[u8], meta: &Meta, entry: &Entry) -> bool {
        if self.is_version(meta, entry) {
            return true;
        }
        let now = self.identity_of(meta);
        let seen =
            identity(entry).filter(|seen| may_be(meta, entry) && seen.place.agrees(now.place));
        seen.is_some_and(|seen| self.check_stability(path, seen, meta))
            && self.is_version(meta, entry)
    }

    /// As [`ChangeDetector::is_same`], likewise.
    pub(crate) fn is_same_rechecked(&self, path: &[u8], before: &Meta, after: &Meta) -> bool {
        self.is_same(before, after)
            || is_alike(before, after)
                && self.check_stability(path, self.identity_of(before), after)
                && self.is_same(before, after)
    }

    /// Whether an attribute in which `seen` and `found` differ changes by
    /// itself. Both are of the same size and mtime.
    fn check_stability(&self, path: &[u8], seen: Identity, found: &Meta) -> bool {
        let now = self.identity_of(found);
        // Nothing sets a change time: two files hardly have the same one.
        let has_two_inodes =
            now.inode != seen.inode && now.changed == seen.changed && now.changed.1 != 0;
        let mut is_news = has_two_inodes && self.ignore_inodes();
        is_news |= self.changes_between_looks(path, found);
        if !is_news && self.was_suspected(path) && !self.has_waited.swap(true, Ordering::Relaxed) {
            is_news = self.changes_while_waiting(path, found);
        }
        is_news
    }

    /// Calls `stat` on the file several times, by its name and by a handle.
    fn changes_between_looks(&self, path: &[u8], found: &Meta) -> bool {
        let file = self.root.file(path).ok();
        let mut last = *found;
        let mut times = ChangeTimes::of(found.changed());
        let mut is_news = false;
        for number in 0..LOOKS {
            let look = match &file {
                Some(file) if number % 2 == 1 => Meta::of(file).ok(),
                _ => at(&self.root, path),
            };
            // A link, or a file that is really being changed.
            let Some(look) = look.filter(|look| is_alike(look, found)) else {
                break;
            };
            is_news |= look.inode != last.inode && self.ignore_inodes();
            is_news |= times.move_by_themselves(look.changed()) && self.ignore_change_times();
            last = look;
        }
        is_news
    }

    /// Whether the change time of a file that differed in it before keeps
    /// changing.
    fn changes_while_waiting(&self, path: &[u8], found: &Meta) -> bool {
        std::thread::sleep(WAIT);
        let moved = at(&self.root, path)
            .is_some_and(|look| is_alike(&look, found) && look.changed() != found.changed());
        moved && self.ignore_change_times()
    }

    /// Whether the file at `path` was suspected before; it is from now on.
    fn was_suspected(&self, path: &[u8]) -> bool {
        let mut suspects = self.suspects.lock();
        suspects.contains(path) || suspects.len() < MAX_SUSPECTS && !suspects.insert(path.to_vec())
    }

    /// Records that inode numbers change by themselves. Always true: the caller
    /// has found new evidence.
    fn ignore_inodes(&self) -> bool {
        ignore(&self.no_inodes, &self.found_inodes)
    }

    /// Records the same of change times.
    fn ignore_change_times(&self) -> bool {
        ignore(&self.no_change_times, &self.found_change_times)
    }
}

/// The change times of one file, from look to look.
struct ChangeTimes {
    seen: BTreeSet<(i64, u32)>,
    last: (i64, u32),
    differences: usize,
}

impl ChangeTimes {
    fn of(first: (i64, u32)) -> Self {
        Self {
            seen: BTreeSet::from([first]),
            last: first,
            differences: 0,
        }
    }

    /// Whether that of the next look proves that they are not set by changes: it was there
    /// before another one, or there is another one at every look.
    fn move_by_themselves(&mut self, now: (i64, u32)) -> bool {
        if now == self.last {
            return false;
        }
        self.last = now;
        self.differences += 1;
        !self.seen.insert(now) || self.differences == LOOKS
    }
}

/// Notes that an attribute is not compared any more, and that this was found
/// out, unless it was known. True, since it is news in either case.
fn ignore(is_ignored: &AtomicBool, is_found: &AtomicBool) -> bool {
    if !is_ignored.swap(true, Ordering::Relaxed) {
        is_found.store(true, Ordering::Relaxed);
    }
    true
}

fn identity(entry: &Entry) -> Option<Identity> {
    entry.revision.as_ref().and_then(Identity::read)
}

fn at(root: &Root, path: &[u8]) -> Option<Meta> {
    let (dir, leaf): (OwnedFd, _) = root.parent(path).ok()?;
    Meta::at(dir, leaf).ok()
}

/// Whether `meta` is a regular file of the size and mtime of `entry`.
fn may_be(meta: &Meta, entry: &Entry) -> bool {
    meta.is_file() && meta.size == entry.size && meta.modified == entry.modified
}

/// Whether both are of the same kind, file system, size and mtime.
fn is_alike(one: &Meta, other: &Meta) -> bool {
    one.kind == other.kind
        && one.device == other.device
        && one.size == other.size
        && one.modified == other.modified
}

#[cfg(test)]
mod tests;
