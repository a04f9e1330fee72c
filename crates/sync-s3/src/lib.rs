//! The bucket as a [`Store`](sync_core::Store): any S3 server, any prefix.
//!
//! Entry point: [`S3Store::connect`]. Where things are:
//!
//! - `location`, `options`: what a bucket is called, and what can be chosen about it.
//! - `client`: from options to a client of the SDK: endpoint, credentials, proxy,
//!   certificates, headers, retries and their deadline.
//! - `http`: beneath the SDK: how many requests at once, how fast, how long a silence
//!   may last, the bodies of requests and answers, the server's clock.
//! - `bucket`: what all operations need; `store`: how it is opened, and the trait.
//! - `list`, `read`, `write`, `delete`, `head`: the operations. `write::conditional`
//!   replaces and deletes only the version that was planned for, and settles what
//!   became of a request whose answer was lost.
//! - `checksum`, `stored_checksum`, `etag`, `version_check`: what tells that an object
//!   is the one that was seen.
//! - `quirks`: what a server does not do as S3 does, found out while it is used.
//! - `error`: what went wrong, by codes of S3, with a hint what to do.
//! - `request_count`: what a plan takes; `versioning`: what the bucket keeps of what is
//!   replaced; `doctor`: tries all this out in a bucket.
//!
//! What holds throughout: no AWS type leaves this crate; a listing that broke
//! ends with an error, never silently; nothing is written over or deleted
//! that is not the version the planner saw; no secret is in any text.

mod client;
mod http;

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
mod request_count;
mod versioning;

mod doctor;

#[cfg(test)]
mod tests;

pub use client::endpoint::is_aws;
pub use client::endpoint_url::{AddressError, endpoint_address, without_secrets};
pub use doctor::{Probe, Tell};
pub use location::{Location, LocationError};
pub use options::{
    Access, Checksums, Choice, Conditions, DEFAULT_MAX_ATTEMPTS, MAX_CONCURRENCY, Payer, S3Options,
};
pub use request_count::Requests;
pub use store::S3Store;
pub use versioning::Versioning;
pub use write::abandoned::LeftUploads;
pub use write::journal::{OpenUpload, UploadJournal};
pub use write::object_settings::{ContentType, Encryption, ObjectSettings};

pub use self::http::bandwidth::Bandwidth;
pub use self::http::in_flight::InFlight;
