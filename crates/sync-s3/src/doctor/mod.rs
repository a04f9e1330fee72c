//! Whether a bucket is fit for backup and restore: tried out, not assumed.
//!
//! Everything is written below one probe key, whose name nobody else has, and
//! noted before it is sent; [`Probe::clean`] removes it, however the probe
//! ended. With versions in the bucket, it is the versions that are removed, so
//! that nothing stays of them either.
//!
//! Files in the order in which they are tried: `access`, `protection`,
//! `objects`, `times`, `checksums`, `conditions`, `multipart`, `order`, `deletion`; then
//! `clean`.

mod access;
mod checksums;
mod clean;
mod conditions;
mod deletion;
mod multipart;
mod objects;
mod order;
mod probe;
mod protection;
mod times;
mod traces;
mod trial;

use sync_core::diagnosis::{Diagnosis, Scope};
use sync_core::setting::Setting;

pub use probe::{Probe, Tell};

impl Probe {
    /// Looks at everything, as far as `scope` and what was found allow.
    /// Whoever calls this calls [`clean`](Self::clean) afterwards, also when
    /// this was given up.
    pub async fn run(&self, scope: Scope, tell: Tell<'_>) {
        access::credentials(self, tell).await;
        if !access::listing(self, tell).await {
            return;
        }
        access::clock(self, tell);
        let is_kept = protection::look(self, tell).await;
        if scope == Scope::ReadOnly {
            let message = format!(
                "nothing was written, so writes were not tried ({})",
                Setting::ReadOnly
            );
            tell(Diagnosis::ok("writes", message));
            return;
        }
        if is_kept {
            let message = "writes were not tried: a default retention would keep what is written";
            tell(Diagnosis::warning("writes", message));
            return;
        }
        if !objects::write_and_read(self, tell).await {
            return;
        }
        times::look(self, tell).await;
        checksums::look(self, tell).await;
        conditions::look(self, tell).await;
        multipart::look(self, tell).await;
        order::look(self, tell).await;
        deletion::look(self, tell).await;
    }
}
