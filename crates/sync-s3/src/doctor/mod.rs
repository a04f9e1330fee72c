//! Whether a bucket is fit for backup and restore: tried, not assumed.
//!
//! Everything is written below one probe key with a unique name, and recorded before it is
//! sent; [`Probe::clean`] removes it, however the probe ended. In a bucket with versions,
//! all versions are removed.
//!
//! Files in the order in which they run: `access`, `protection`,
//! `objects`, `times`, `checksums`, `conditions`, `multipart`, `order`, `past`, `deletion`; then
//! `clean`.

mod access;
mod checksums;
mod clean;
mod conditions;
mod deletion;
mod multipart;
mod objects;
mod order;
mod past;
mod probe;
mod protection;
mod times;
mod traces;
mod trial;

use sync_core::diagnosis::{Diagnosis, Scope};
use sync_core::setting::Setting;

pub use probe::{Probe, Report};

impl Probe {
    /// Checks everything, as far as `scope` and the findings allow. The caller must call
    /// [`clean`](Self::clean) afterwards, also when this was cancelled.
    pub async fn run(&self, scope: Scope, report: Report<'_>) {
        access::credentials(self, report).await;
        if !access::listing(self, report).await {
            return;
        }
        access::clock(self, report);
        let is_kept = protection::check(self, report).await;
        past::reach(self, report).await;
        if scope == Scope::ReadOnly {
            let message = format!(
                "nothing was written, so writes were not tried ({})",
                Setting::ReadOnly
            );
            report(Diagnosis::ok("writes", message));
            return;
        }
        if is_kept {
            let message = "writes were not tried: a default retention would keep what is written";
            report(Diagnosis::warning("writes", message));
            return;
        }
        if !objects::write_and_read(self, report).await {
            return;
        }
        times::check(self, report).await;
        checksums::check(self, report).await;
        conditions::check(self, report).await;
        multipart::check(self, report).await;
        order::check(self, report).await;
        past::check(self, report).await;
        deletion::check(self, report).await;
    }
}
