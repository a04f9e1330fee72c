//! The bucket as a [`Store`](sync_core::Store): any S3 server, any prefix.
//!
//! Entry point: [`S3Store::connect`]. Where things are:
//!
//! - `location`, `options`: bucket and prefix, and what can be configured.
//! - `client`: from options to a client of the SDK: endpoint, credentials, proxy,
//!   certificates, headers, retries and their deadline.
//! - `http`: beneath the SDK: limits of concurrency, bandwidth, silence and sizes, the
//!   server's clock, the reasons of failed connections.
//! - `bucket`: what all operations need; `store`: how it is opened, and the trait.
//! - `list`, `read`, `write`, `delete`, `head`: the operations. `write::conditional`
//!   replaces and deletes only the version that was planned for, and settles requests
//!   whose answers were lost.
//! - `checksum`, `stored_checksum`, `etag`, `version_check`: whether an object is the one
//!   that was listed.
//! - `past`, `list::versions`: the bucket as it was, by the versions that it keeps.
//! - `quirks`: deviations of a server from S3, learned while it is used.
//! - `error`: failures, by codes of S3, with a hint what to do.
//! - `request_count`: the requests of a plan; `versioning`: whether the bucket keeps what
//!   is replaced; `doctor`: tries all this in a bucket.
//!
//! Everywhere: no AWS type leaves this crate; a truncated listing ends with an error, never
//! silently; only the version that the planner saw is overwritten or deleted; no text
//! contains a secret.

mod abort_on_drop;
mod client;
mod http;
mod lanes;

mod error;
mod quirks;

mod bucket;
mod head;
mod store;

mod delete;
mod list;
mod read;
mod write;

mod checksum;
mod etag;
mod stored_checksum;
mod version_check;

mod location;
mod options;
mod past;
mod request_count;
mod versioning;

mod doctor;

#[cfg(test)]
mod tests;

pub use client::endpoint::is_aws;
pub use client::endpoint_url::{AddressError, endpoint_address, without_secrets};
pub use doctor::{Probe, Report};
pub use list::versions::{ObjectVersion, VersionKind};
pub use location::{Location, LocationError};
pub use options::{
    Absence, Access, Checksums, Choice, Conditions, DEFAULT_MAX_ATTEMPTS, MAX_CONCURRENCY, Payer,
    S3Options,
};
pub use request_count::{ObjectUse, Requests};
pub use store::S3Store;
pub use versioning::Versioning;
pub use write::abandoned::LeftUploads;
pub use write::journal::{OpenUpload, UploadJournal};
pub use write::object_settings::{ContentType, Encryption, ObjectSettings};

pub use self::http::bandwidth::Bandwidth;
pub use self::http::in_flight::InFlight;
