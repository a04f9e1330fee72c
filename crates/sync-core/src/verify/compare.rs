//! Compares what a survey found, many entries at once within a budget.

use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use futures::future::try_join;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};

use super::VerifyOptions;
use super::findings::{Evidence, Finding, Verdict};
use super::survey::{Line, Survey};
use crate::budget::Budget;
use crate::checksum::digest::Hasher;
use crate::execute::parts;
use crate::{
    checksum::{Algorithm, Digest},
    entry::{Entry, SkipCause, Skipped},
    error::{ErrorKind, Result, StoreError},
    store::{Store, read_bytes},
};

/// After so many questions for a checksum in a row that brought none, it is
/// not asked for any more where the bytes cost hardly more than the question.
const IN_VAIN: u32 = 32;

/// Up to this size, in bytes. At AWS's prices for transfer, a GET of 16 KiB
/// costs about four times a HEAD; of a large object, thousands of times.
const SMALL: u64 = 16 << 10;

/// Parts of one object that are read side by side.
const PARTS: usize = 8;

impl Survey {
    /// Compares everything; tells a finding for each name, in no order.
    ///
    /// A finding whose error ends all work
    /// ([`ErrorKind::stops_run`](crate::error::ErrorKind::stops_run)) will be followed
    /// by others alike; whoever wants no more of them drops the stream.
    ///
    /// # Errors
    /// Those of reading what was written down.
    pub fn compare<'a>(
        &'a self,
        directory: &'a dyn Store,
        bucket: &'a dyn Store,
        options: &'a VerifyOptions,
    ) -> io::Result<BoxStream<'a, io::Result<Finding>>> {
        let comparison = Comparison {
            directory,
            bucket,
            options,
            budget: Budget::new(options.memory),
            in_vain: AtomicU32::new(0),
        };
        let comparison = std::sync::Arc::new(comparison);
        let findings = stream::iter(self.lines()?)
            .map(move |line| {
                let comparison = std::sync::Arc::clone(&comparison);
                async move { Ok(comparison.judge(line?).await) }
            })
            .buffer_unordered(options.concurrency.max(1));
        Ok(findings.boxed())
    }
}

struct Comparison<'a> {
    directory: &'a dyn Store,
    bucket: &'a dyn Store,
    options: &'a VerifyOptions,
    budget: Budget,
    /// Questions for a checksum since the last one that brought one.
    in_vain: AtomicU32,
}

impl Comparison<'_> {
    async fn judge(&self, line: Line) -> Finding {
        let Line {
            file,
            object,
            skipped,
            is_covered,
        } = line;
        let verdict = match (&file, &object) {
            (Some(file), Some(object)) => self.pair(file, object).await,
            (Some(_), None) => Ok(Verdict::OnlyInDirectory),
            (None, Some(_)) if is_covered => Ok(Verdict::BelowSkipped),
            (None, Some(object)) => self.only_in_bucket(object).await,
            (None, None) => Ok(verdict_of(skipped.as_ref())),
        };
        let entry = file.as_ref().or(object.as_ref());
        let name = entry.map(|entry| entry.key.as_str().to_owned());
        Finding {
            name: name.or(skipped.map(|s| s.name)).unwrap_or_default(),
            file,
            object,
            verdict: verdict.unwrap_or_else(Verdict::of_error),
        }
    }

    async fn pair(&self, file: &Entry, object: &Entry) -> Result<Verdict> {
        if file.size != object.size {
            return self.size_differs(file).await;
        }
        if file.size == 0 {
            return Ok(Verdict::Equal(None));
        }
        if let Some(kept) = self.kept(object).await? {
            let sum = self.sum(file, kept.algorithm()).await?;
            return Ok(if sum == kept {
                Verdict::Equal(Some(kept.algorithm()))
            } else {
                Verdict::ContentDiffers
            });
        }
        Ok(if self.same_bytes(file, object).await? {
            Verdict::Equal(None)
        } else {
            Verdict::ContentDiffers
        })
    }

    /// A file that is being written has grown rather than that it differs.
    async fn size_differs(&self, file: &Entry) -> Result<Verdict> {
        match self.directory.stat(&file.key).await? {
            Some(now) if self.directory.is_unchanged(file, &now).await => Ok(Verdict::SizeDiffers),
            _ => Err(meanwhile(file, "it has changed since it was listed")),
        }
    }

    /// It may stand below a directory that could not be listed, or have come
    /// meanwhile. Where one name stands for several, a look tells nothing.
    async fn only_in_bucket(&self, object: &Entry) -> Result<Verdict> {
        if self.directory.folds_names() {
            return Ok(Verdict::OnlyInBucket);
        }
        match self.directory.stat(&object.key).await {
            Ok(None) => Ok(Verdict::OnlyInBucket),
            Ok(Some(file)) => Err(meanwhile(
                &file,
                "the listing of the directory did not show it, but it is there",
            )),
            Err(error) if error.kind().stops_run() => Err(error),
            Err(error) => Ok(Verdict::NotComparable(error)),
        }
    }

    /// The checksum that the bucket keeps, if it is asked for and there is one.
    async fn kept(&self, object: &Entry) -> Result<Option<Digest>> {
        let is_vain = self.in_vain.load(Relaxed) >= IN_VAIN && object.size <= SMALL;
        if self.options.evidence == Evidence::Bytes || is_vain {
            return Ok(None);
        }
        let _permit = self.budget.acquire(self.slots(), 0).await;
        let kept = self.bucket.digest(object).await?;
        match kept {
            Some(_) => self.in_vain.store(0, Relaxed),
            None => {
                self.in_vain.fetch_add(1, Relaxed);
            }
        }
        Ok(kept)
    }

    /// Sums the file, one part after the other.
    async fn sum(&self, file: &Entry, algorithm: Algorithm) -> Result<Digest> {
        let mut hasher = Hasher::new(algorithm);
        for range in parts(file.size, self.part_size(1)) {
            let len = range.end - range.start;
            let _permit = self.budget.acquire(self.slots(), len).await;
            hasher.update(&read_bytes(self.directory, file, range).await?);
        }
        Ok(hasher.finish())
    }

    /// Compares the bytes, part by part, up to the first that differs.
    async fn same_bytes(&self, file: &Entry, object: &Entry) -> Result<bool> {
        let ranges = parts(file.size, self.part_size(2));
        let same = stream::iter(ranges)
            .map(|range| self.same_part(file, object, range))
            .buffer_unordered(PARTS)
            .try_all(|same| async move { same })
            .await?;
        Ok(same)
    }

    async fn same_part(&self, file: &Entry, object: &Entry, range: Range<u64>) -> Result<bool> {
        let len = range.end - range.start;
        let _permit = self.budget.acquire(self.slots(), 2 * len).await;
        let ours = read_bytes(self.directory, file, range.clone());
        let theirs = read_bytes(self.bucket, object, range);
        let (ours, theirs) = try_join(ours, theirs).await?;
        Ok(ours == theirs)
    }

    /// How many may be under way now.
    fn slots(&self) -> usize {
        self.options.concurrency.min(self.bucket.parallelism())
    }

    /// So that `copies` of a part fit into the memory.
    fn part_size(&self, copies: u64) -> u64 {
        self.options
            .part_size
            .min(self.options.memory / copies)
            .max(1)
    }
}

/// What is said of something that a listing left out.
fn verdict_of(skipped: Option<&Skipped>) -> Verdict {
    let (cause, detail) = skipped.map_or((SkipCause::Unreadable, ""), |skipped| {
        (skipped.cause, skipped.detail.as_str())
    });
    let error = |kind, what: &str| {
        let error = StoreError::new(kind, what);
        if detail.is_empty() {
            error
        } else {
            error.with_source(detail.to_owned())
        }
    };
    match cause {
        SkipCause::UnmappableKey => Verdict::NotComparable(error(
            ErrorKind::Unsupported,
            "no file can have this key as its path",
        )),
        SkipCause::NotUtf8 => Verdict::NotComparable(error(
            ErrorKind::Unsupported,
            "no object can have this name, which is not UTF-8",
        )),
        SkipCause::History => {
            Verdict::NotComparable(error(ErrorKind::Other, "what it was then is not known"))
        }
        _ => Verdict::Unreadable(error(ErrorKind::Denied, "it could not be listed")),
    }
}

fn meanwhile(entry: &Entry, why: &'static str) -> StoreError {
    StoreError::new(ErrorKind::Changed, format!("'{}' has changed", entry.key)).with_source(why)
}
