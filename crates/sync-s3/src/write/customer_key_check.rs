//! Whether a server encrypts objects by the key of SSE-C that they are uploaded with.
//!
//! S3 names the encryption in its answers, or refuses the upload. A server that does not know
//! the headers stores the content as it is. What must not be stored unencrypted must not be
//! lost in a note: the upload fails, and nothing more is sent. So the first upload is awaited
//! before the others, unless it is one in parts, each of which is checked at its end.

use sync_core::{ErrorKind, Key, Result, StoreError, hint, setting::Setting, text::printable};
use tokio::sync::MutexGuard;

use crate::bucket::Bucket;
use crate::client::retry::SETTLE_ATTEMPTS;
use crate::error::Attempted;
use crate::quirks::Quirk;
use crate::write::conditional::changed;

impl Bucket {
    /// The right to send the first upload with a key; `None` if none is needed.
    ///
    /// # Errors
    /// The server ignores the key.
    pub(crate) async fn customer_key_trial(&self, key: &Key) -> Result<Option<MutexGuard<'_, ()>>> {
        let is_tried = || {
            let is_known = self.quirks.has(Quirk::KeepsCustomerKey);
            is_known || !self.may_ignore_customer_key()
        };
        if is_tried() {
            return Ok(None);
        }
        let alone = self.quirks.customer_key_trial().await;
        self.refuse_if_key_ignored(key)?;
        Ok((!is_tried()).then_some(alone))
    }

    /// Refuses to send anything of `key` to a server that ignores the key of SSE-C.
    pub(crate) fn refuse_if_key_ignored(&self, key: &Key) -> Result<()> {
        if !self.quirks.has(Quirk::IgnoresCustomerKey) {
            return Ok(());
        }
        Err(not_uploaded(key)
            .with_source("the server would store it unencrypted, so it was not sent")
            .with_hint(hint!("the server ignores {}", Setting::CustomerKey)))
    }

    /// Checks that `key`, which was just uploaded, is encrypted by the key of SSE-C;
    /// `is_named` says whether an answer to the upload has named that encryption.
    ///
    /// # Errors
    /// It is not, or that cannot be found out.
    pub(crate) async fn check_customer_key(&self, key: &Key, is_named: bool) -> Result<()> {
        if !self.may_ignore_customer_key() || self.quirks.has(Quirk::NamesNoCustomerKey) {
            return Ok(());
        }
        if is_named {
            self.quirks.note(Quirk::KeepsCustomerKey);
            return Ok(());
        }
        let found = self.head_output(key, None, SETTLE_ATTEMPTS).await;
        let found = found
            .map_err(|failure| self.fail(failure, Attempted::look_up(key.as_str())))?
            .ok_or_else(|| changed(key, "it was removed before its encryption was checked"))?;
        if found.sse_customer_algorithm().is_some() {
            self.quirks.note(Quirk::KeepsCustomerKey);
            self.quirks.note(Quirk::NamesNoCustomerKey);
            return Ok(());
        }
        self.quirks.note(Quirk::IgnoresCustomerKey);
        Err(not_uploaded(key)
            .with_source("the server does not encrypt it by the key")
            .with_hint(hint!(
                "the server ignores {}: '{}' was stored unencrypted; remove it from the bucket, or \
                 replace it by a backup with another encryption",
                Setting::CustomerKey,
                printable(key.as_str())
            )))
    }

    fn may_ignore_customer_key(&self) -> bool {
        self.customer_key.is_some() && self.endpoint.is_foreign()
    }
}

fn not_uploaded(key: &Key) -> StoreError {
    let message = format!("cannot upload '{key}' encrypted");
    StoreError::new(ErrorKind::Unsupported, message)
}
