//! What becomes of a file while it is copied, and of its copy.

use chrono::{DateTime, Utc};

use super::copier::{Copied, Reading, or_stopped};
use super::parts::parts;
use super::workspace::{Workspace, stopped};
use crate::{
    checksum::{Crc64, Crc64Hasher},
    entry::Entry,
    error::{ErrorKind, Result, StoreError},
    execute::OnSourceChange,
    hint,
    setting::Setting,
    store::Expected,
};

/// How often a file that was changed while its copy was on its way is copied
/// again.
const CATCH_UPS: u32 = 2;

/// Bytes that are read at a time when a beginning is read again.
const SECOND_READING: u64 = 1 << 20;

/// How a copy stands to its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// They are equal.
    Up,
    /// The source had this content at a moment and was only added to since.
    AtAMoment,
}

impl Workspace<'_> {
    /// Copies what has become of a file since it was copied.
    ///
    /// A file that is written after it was read and before the server dates
    /// the object is older than its object. If its size is the same, no later
    /// run would find it changed. So a backup looks at the file once more when
    /// the object is there, and from then on any edit is dated later (`young`).
    /// A restore need not: what an object becomes later is newer than the file.
    ///
    /// What is only added to has another size at the next run, so no more than
    /// a short file is copied again for that. `copied` is what the target has then.
    pub(super) async fn catch_up(
        &self,
        copied: &mut Copied,
        mut seen: Option<DateTime<Utc>>,
    ) -> Result<Kept> {
        for _ in 0..CATCH_UPS {
            self.until_seen(seen).await;
            let Some(now) = self.successor(&copied.entry).await? else {
                return Ok(Kept::Up);
            };
            let is_long = copied.entry.size > self.options.part_size;
            if is_long && self.is_only_longer(copied, &now).await? {
                return Ok(Kept::AtAMoment);
            }
            if self.options.on_source_change == OnSourceChange::Refuse {
                return Err(outdated(
                    &copied.entry,
                    "it was written while it was copied",
                ));
            }
            if self.is_stopped() {
                return Err(stopped());
            }
            let expected = Expected::Version(self.as_written(copied).await?);
            *copied = self.settle(&now, &expected, None).await?;
            seen = self.seen_from(&copied.entry);
        }
        self.until_seen(seen).await;
        match self.successor(&copied.entry).await? {
            None => Ok(Kept::Up),
            Some(now) if self.is_only_longer(copied, &now).await? => Ok(Kept::AtAMoment),
            Some(_) => Err(changed(
                &copied.entry,
                "it keeps changing; the target has an earlier version of it",
            )),
        }
    }

    /// Whether `now` is what was copied with more behind it.
    async fn is_only_longer(&self, copied: &Copied, now: &Entry) -> Result<bool> {
        if !self.source.has_grown(&copied.entry, now) {
            return Ok(false);
        }
        if copied.reading == Reading::Beginning {
            return Ok(true);
        }
        let again = self.is_still_the_beginning(&copied.entry, copied.checksum);
        match or_stopped(&self.stop, again).await {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::Changed => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Another version that the source has now.
    pub(super) async fn successor(&self, copied: &Entry) -> Result<Option<Entry>> {
        match self.look(copied).await? {
            Some(now) if !self.source.is_unchanged(copied, &now).await => Ok(Some(now)),
            _ => Ok(None),
        }
    }

    /// The target's entry, if it is what was copied.
    async fn as_written(&self, copied: &Copied) -> Result<Entry> {
        let Copied {
            entry, checksum, ..
        } = copied;
        let overwritten = || changed(entry, "another writer has changed it meanwhile");
        let found = self.target.stat(&entry.key).await?;
        let found = found.filter(|found| found.size == entry.size);
        let found = found.ok_or_else(overwritten)?;
        let stored = self.target.digest(&found).await?;
        match stored.and_then(|digest| digest.as_crc64()) {
            Some(stored) if stored != *checksum => Err(overwritten()),
            _ => Ok(found),
        }
    }

    /// Fails with `Changed` unless all of `entry`, whose checksum was `checksum`
    /// when it was read, is the beginning of what the source has now. Then there
    /// was a moment, between the two readings, at which it was all there was.
    ///
    /// If it has not even grown there is nothing to read.
    pub(super) async fn is_still_the_beginning(
        &self,
        entry: &Entry,
        checksum: Crc64,
    ) -> Result<()> {
        let rewritten = || changed(entry, "it was rewritten while it was copied");
        match self.successor(entry).await? {
            None => return Ok(()),
            Some(now) if self.source.has_grown(entry, &now) => {}
            Some(_) => return Err(rewritten()),
        }
        let mut sum = Crc64Hasher::default();
        for range in parts(entry.size, SECOND_READING) {
            let body = self.read(entry, Reading::Beginning, range).await?;
            sum.update(&body.bytes().await?);
        }
        if sum.finish() == checksum {
            Ok(())
        } else {
            Err(rewritten())
        }
    }
}

/// The error of a file that must not be copied again. Its object is newer than
/// it, so no later run would notice by the times alone.
pub(super) fn outdated(entry: &Entry, why: &'static str) -> StoreError {
    changed(entry, why).with_hint(hint!(
        "the target has the planned version, and `{} checksum` finds the difference",
        Setting::Compare
    ))
}

fn changed(entry: &Entry, why: &'static str) -> StoreError {
    let message = format!("'{}' has changed", entry.key);
    StoreError::new(ErrorKind::Changed, message).with_source(why)
}
