//! What a run learns about its server: how it treats conditions, and which promises of
//! S3 it does not keep.
//!
//! None of this is known before the first answer, and none of it has to be configured:
//! the first request of a kind is a trial (`write::conditional`), and later ones use what
//! has worked. AWS is known to keep its promises, so it is not tried. The knowledge is
//! valid for one run: servers are upgraded.

mod md5_etags;

use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering::Relaxed};

use parking_lot::Mutex;
use sync_core::{Expected, setting::Setting};

/// A kind of request that can have a condition. Servers that obey conditions of one kind
/// may ignore them in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Request {
    /// `PutObject`
    Put,
    /// `CompleteMultipartUpload`
    Complete,
    /// `DeleteObject`
    Delete,
    /// `DeleteObjects`
    DeleteBatch,
}

/// How a kind of request is prevented from replacing another version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// It is unknown yet.
    Untried,
    /// A wrong condition was refused; whether a right one is accepted is unknown yet.
    RefusesWrong,
    /// By a condition, with the ETag in quotes as in HTTP.
    Quoted,
    /// By a condition with the ETag without quotes: Ceph 16 takes the quotes for a part of
    /// it.
    Bare,
    /// By a look-up shortly before.
    Look(Reason),
}

/// Why a condition is not sufficient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The request was executed under a condition that does not hold.
    Ignored,
    /// The request was refused under a condition that holds.
    Refused,
    /// Requests with conditions are not implemented.
    Unsupported,
    /// The request under a condition that does not hold got no answer in time. So
    /// conditions are sent, but not relied upon.
    Unanswered,
}

impl Manner {
    /// Whether a request that expects `expected` can be sent without a trial.
    fn suffices(self, expected: &Expected) -> bool {
        match self {
            Self::Untried => false,
            // `If-None-Match: *` has one form only.
            Self::RefusesWrong => *expected == Expected::Absent,
            Self::Quoted | Self::Bare | Self::Look(_) => true,
        }
    }
}

/// What is known about the conditions of one kind of request.
#[derive(Debug)]
pub(crate) struct Conditional {
    manner: Mutex<Manner>,
    /// One request at a time makes the trial; the others wait for its result.
    trial: tokio::sync::Mutex<()>,
}

impl Conditional {
    fn new(manner: Manner) -> Self {
        Self {
            manner: Mutex::new(manner),
            trial: tokio::sync::Mutex::default(),
        }
    }

    pub(crate) fn manner(&self) -> Manner {
        *self.manner.lock()
    }

    pub(crate) fn learn(&self, manner: Manner) {
        *self.manner.lock() = manner;
    }

    /// Whether a request that expects `expected` needs a trial.
    pub(crate) fn needs_trial(&self, expected: &Expected) -> bool {
        !self.manner().suffices(expected)
    }

    /// The right to make a trial; `None` if none is needed to send a request
    /// that expects `expected`.
    pub(crate) async fn trial(
        &self,
        expected: &Expected,
    ) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        if !self.needs_trial(expected) {
            return None;
        }
        let alone = self.trial.lock().await;
        self.needs_trial(expected).then_some(alone)
    }
}

/// A deviation from S3.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Quirk {
    /// Listings have other ETags of objects than answers about them.
    OtherETagsListed,
    /// Reads are refused under conditions that hold. Reads do not need them: each answer
    /// says which version it describes.
    RefusesConditionalReads,
    /// The server has asked for `Content-MD5`, which is sent from then on.
    WantsMd5,
    /// An object to be replaced or deleted has no ETag.
    NoETags,
    /// The answer to an upload does not name the requested encryption.
    IgnoresEncryption,
    /// An object is not encrypted by the key of SSE-C with which it was written.
    IgnoresCustomerKey,
    /// An object is.
    KeepsCustomerKey,
    /// An object is, although no answer to its upload said so.
    NamesNoCustomerKey,
    /// An object was read without the key of SSE-C, because it is not encrypted by any.
    ReadWithoutKey,
    /// An object has another storage class than the requested one.
    IgnoresStorageClass,
    /// An object has not the requested tags.
    IgnoresTags,
    /// An object has not the requested metadata.
    IgnoresMetadata,
    /// A listing was not in byte order.
    Disordered,
    /// The server supports only the first version of listings.
    FirstVersionOnly,
    /// A listing had times with fractions of a second, which no header has.
    FractionsListed,
    /// All keys were listed for a range of them, because the order is not known.
    RangeListedWhole,
}

/// What has been learned about a server.
#[derive(Debug)]
pub(crate) struct Quirks {
    put: Conditional,
    complete: Conditional,
    delete: Conditional,
    delete_batch: Conditional,
    /// A bit for each [`Quirk`].
    seen: AtomicU16,
    md5_etags: Mutex<Md5ETags>,
    md5_trial: tokio::sync::Mutex<()>,
    /// Whether the settings of an object have been checked.
    settings_checked: AtomicBool,
    customer_key_trial: tokio::sync::Mutex<()>,
}

/// Whether an ETag that looks like an MD5 is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Md5ETags {
    /// None has been compared yet.
    Unknown,
    /// One was.
    Yes,
    /// One was not, and no other ever was.
    No,
}

impl Quirks {
    /// For a server that is trusted to obey conditions, or an unknown one.
    pub(crate) fn new(is_trusted: bool) -> Self {
        let manner = || {
            Conditional::new(if is_trusted {
                Manner::Quoted
            } else {
                Manner::Untried
            })
        };
        Self {
            put: manner(),
            complete: manner(),
            delete: manner(),
            delete_batch: manner(),
            seen: AtomicU16::new(0),
            md5_etags: Mutex::new(Md5ETags::Unknown),
            md5_trial: tokio::sync::Mutex::default(),
            settings_checked: AtomicBool::new(false),
            customer_key_trial: tokio::sync::Mutex::default(),
        }
    }

    pub(crate) fn of(&self, request: Request) -> &Conditional {
        match request {
            Request::Put => &self.put,
            Request::Complete => &self.complete,
            Request::Delete => &self.delete,
            Request::DeleteBatch => &self.delete_batch,
        }
    }

    pub(crate) fn has(&self, quirk: Quirk) -> bool {
        self.seen.load(Relaxed) & bit(quirk) != 0
    }

    pub(crate) fn note(&self, quirk: Quirk) {
        self.seen.fetch_or(bit(quirk), Relaxed);
    }

    pub(crate) fn md5_etags(&self) -> Md5ETags {
        *self.md5_etags.lock()
    }

    /// The right to make that trial.
    pub(crate) async fn md5_trial(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.md5_trial.lock().await
    }

    /// Records an ETag that was compared with the MD5 of its content. An equal one cannot
    /// be an accident, so it outweighs all others.
    pub(crate) fn compared_etag(&self, is_md5: bool) {
        let mut known = self.md5_etags.lock();
        if is_md5 {
            *known = Md5ETags::Yes;
        } else if *known == Md5ETags::Unknown {
            *known = Md5ETags::No;
        }
    }

    /// Whether the settings of an object are still to be checked, by the caller.
    pub(crate) fn may_look_at_settings(&self) -> bool {
        !self.settings_checked.swap(true, Relaxed)
    }

    /// The right to send the first upload with a key of SSE-C.
    pub(crate) async fn customer_key_trial(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.customer_key_trial.lock().await
    }

    /// What the server lacks and what was done instead: a sentence each.
    pub(crate) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for (reason, what) in [
            (Reason::Ignored, "ignores the conditions of"),
            (Reason::Refused, "refuses conditions that hold in"),
            (Reason::Unsupported, "does not implement conditional"),
        ] {
            let kinds = self.kinds(reason);
            if kinds.is_empty() {
                continue;
            }
            notes.push(format!(
                "the server {what} {kinds}: each object is looked up shortly before it is \
                 replaced or deleted instead, and what another program writes in that moment \
                 is lost"
            ));
        }
        let kinds = self.kinds(Reason::Unanswered);
        if !kinds.is_empty() {
            notes.push(format!(
                "the server did not answer when the conditions of {kinds} were tried: each object \
                 is also looked up shortly before it is replaced or deleted"
            ));
        }
        for (quirk, setting) in [
            (Quirk::IgnoresEncryption, Setting::Encryption),
            (Quirk::IgnoresStorageClass, Setting::StorageClass),
            (Quirk::IgnoresTags, Setting::Tags),
            (Quirk::IgnoresMetadata, Setting::Metadata),
        ] {
            if self.has(quirk) {
                notes.push(format!(
                    "the server ignores {setting}: objects are written as if it had not been given"
                ));
            }
        }
        if self.has(Quirk::ReadWithoutKey) {
            notes.push(format!(
                "some objects are not encrypted by the key of {}: they are read without it",
                Setting::CustomerKey
            ));
        }
        if self.has(Quirk::NoETags) {
            notes.push(
                "the server gives no ETags: each object is looked up shortly before it is \
                 replaced or deleted, and compared by its size and time"
                    .to_owned(),
            );
        }
        if self.has(Quirk::OtherETagsListed) {
            notes.push(
                "the server lists other ETags than it gives in its answers: objects are compared \
                 with a second listing of their keys"
                    .to_owned(),
            );
        }
        if self.has(Quirk::RangeListedWhole) {
            notes.push(
                "it is not known whether the server lists in byte order: to list a range of keys, \
                 all are listed"
                    .to_owned(),
            );
        }
        notes
    }

    /// The kinds of requests that are without conditions for `reason`.
    fn kinds(&self, reason: Reason) -> String {
        let is_so = |request: &Conditional| request.manner() == Manner::Look(reason);
        let kinds = [
            (is_so(&self.put), "uploads"),
            (is_so(&self.complete), "multipart uploads"),
            (
                is_so(&self.delete) || is_so(&self.delete_batch),
                "deletions",
            ),
        ];
        let mut text = String::new();
        for (_, kind) in kinds.into_iter().filter(|(is_so, _)| *is_so) {
            let and = if text.is_empty() { "" } else { " and " };
            // Writing to a string cannot fail.
            let _ = write!(text, "{and}{kind}");
        }
        text
    }
}

fn bit(quirk: Quirk) -> u16 {
    1 << quirk as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_one_request_makes_the_trial() {
        let quirks = Quirks::new(false);
        let put = quirks.of(Request::Put);
        let first = put.trial(&Expected::Absent).await;
        assert!(first.is_some());
        let mut second = std::pin::pin!(put.trial(&Expected::Absent));
        assert!(futures::poll!(&mut second).is_pending());
        put.learn(Manner::RefusesWrong);
        drop(first);
        assert!(second.await.is_none());
        // It says nothing about the other kinds.
        assert!(
            quirks
                .of(Request::Delete)
                .trial(&Expected::Absent)
                .await
                .is_some()
        );
    }

    #[tokio::test]
    async fn a_trusted_server_is_not_tried() {
        let quirks = Quirks::new(true);
        assert!(
            quirks
                .of(Request::Complete)
                .trial(&Expected::Absent)
                .await
                .is_none()
        );
        assert!(quirks.notes().is_empty());
    }

    #[test]
    fn a_missing_feature_is_reported_once_for_all_kinds() {
        let quirks = Quirks::new(false);
        for request in [Request::Put, Request::Delete, Request::DeleteBatch] {
            quirks.of(request).learn(Manner::Look(Reason::Ignored));
        }
        let notes = quirks.notes();
        assert_eq!(notes.len(), 1, "{notes:?}");
        assert!(
            notes[0].contains("conditions of uploads and deletions:"),
            "{notes:?}"
        );
    }
}
