//! The errors of a conditional request.

use sync_core::{ErrorKind, Key, StoreError};

use crate::error::{Attempted, Failure};
use crate::write::conditional::{ConditionalWrite, WriteRequest};

/// Why the first write of a name may succeed, and each later one is refused: the object is listed
/// by another name.
const BACKSLASH: &str = "something else is there than was listed; if this is so in each run, the server \
                         stores a backslash as a slash, as SeaweedFS does: rename the file or exclude it";

impl<W: WriteRequest> ConditionalWrite<'_, W> {
    pub(super) fn changed(&self) -> StoreError {
        let is_odd = self.key.as_str().contains('\\');
        match self.deletes() {
            true => changed(self.key, "it is not the version that was listed"),
            false if is_odd => changed(self.key, BACKSLASH),
            false => changed(self.key, "something else is there than was listed"),
        }
    }

    pub(super) fn cannot_look(&self, failure: Failure) -> StoreError {
        let attempted = Attempted::look_up(self.key.as_str());
        self.bucket.fail(failure, attempted)
    }

    pub(super) fn fail(&self, failure: Failure) -> StoreError {
        if failure.is_precondition() {
            return self.changed();
        }
        let permissions = self.bucket.objects.permissions();
        let attempted = if self.deletes() {
            Attempted {
                what: "delete",
                name: self.key.as_str(),
                permission: "s3:DeleteObject",
            }
        } else {
            Attempted {
                what: "upload",
                name: self.key.as_str(),
                // A condition reads what is there.
                permission: permissions
                    .as_deref()
                    .unwrap_or("s3:PutObject, and s3:GetObject for conditional requests"),
            }
        };
        self.bucket.fail(failure, attempted)
    }
}

/// Another version is there than the one that was planned for.
pub(crate) fn changed(key: &Key, why: &'static str) -> StoreError {
    StoreError::new(ErrorKind::Changed, format!("'{key}' has changed")).with_source(why)
}
