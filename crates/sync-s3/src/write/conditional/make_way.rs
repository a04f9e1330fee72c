//! Makes way for an object where the server has a directory of its name.
//!
//! Most servers with directories say that one is in the way. SeaweedFS replaces one by a
//! PutObject, but fails a CompleteMultipartUpload with an internal error without a
//! reason. So at servers other than AWS a completion that fails is examined after a few
//! attempts: whether the server shows a directory there. If it does and objects are
//! below, they have to give way first, which the plan decides; if it is empty, it is
//! removed, once for each write.

use sync_core::Expected;

use crate::client::retry;
use crate::client::retry::Share;
use crate::delete::delete_one;
use crate::error::Failure;
use crate::quirks::Request;
use crate::write::conditional::condition::Condition;
use crate::write::conditional::outcome::{Met, Outcome};
use crate::write::conditional::{ConditionalWrite, WriteRequest};
use crate::write::leftover_directories::Vacated;

impl<W: WriteRequest> ConditionalWrite<'_, W> {
    /// Which attempts the request makes before a failure is examined.
    pub(super) fn share(&self, met: &Met) -> Share {
        if !self.may_hide_reasons() || self.bucket.max_attempts <= retry::FIRST_ATTEMPTS {
            Share::All
        } else if met.has_looked_for_directory {
            Share::Rest
        } else {
            Share::First
        }
    }

    fn may_hide_reasons(&self) -> bool {
        self.write.kind() == Request::Complete && self.bucket.endpoint.is_foreign()
    }

    /// The outcome of a failure that a directory explains, or that has attempts left.
    /// `None` for all others.
    pub(super) async fn make_way(
        &self,
        failure: &Failure,
        condition: &Condition,
        met: &mut Met,
    ) -> Option<Outcome> {
        if self.deletes() || met.has_looked_for_directory {
            return None;
        }
        let is_named = failure.is_blocked_by_directory();
        let is_vague = self.may_hide_reasons() && failure.is_internal();
        let is_open = self.share(met) == Share::First && failure.is_passing();
        if !(is_named || is_vague || is_open) {
            return None;
        }
        met.has_looked_for_directory = true;
        let is_directory =
            is_named || is_vague && matches!(self.bucket.shows_directory(self.key).await, Ok(true));
        if is_directory {
            match self.bucket.vacate(self.key).await {
                Ok(Vacated::Occupied) => return Some(Outcome::Blocked),
                Ok(Vacated::Empty) if is_named => {
                    return Some(Outcome::Otherwise(condition.clone()));
                }
                Ok(Vacated::Empty) => return Some(self.replace_directory(condition).await),
                // The first failure is more useful.
                Err(failure) => tracing::debug!(?failure, "cannot look for directories"),
            }
        }
        if !is_open {
            return None;
        }
        tokio::time::sleep(retry::pause(retry::FIRST_ATTEMPTS)).await;
        Some(Outcome::Otherwise(condition.clone()))
    }

    /// SeaweedFS can store an object and a directory of one name as one entry, which a
    /// CompleteMultipartUpload does not replace even when nothing is below. If the object
    /// is the expected one, it is deleted before the upload, whose parts have all
    /// arrived.
    async fn replace_directory(&self, condition: &Condition) -> Outcome {
        let Expected::Version(seen) = self.expected else {
            return Outcome::Otherwise(condition.clone());
        };
        if !matches!(self.bucket.shows_directory(self.key).await, Ok(true)) {
            return Outcome::Otherwise(condition.clone());
        }
        match delete_one(self.bucket, seen).await {
            Ok(()) if *condition == Condition::None => Outcome::Otherwise(Condition::None),
            Ok(()) => Outcome::Otherwise(Condition::Absent),
            Err(error) => Outcome::Refused(error),
        }
    }
}
