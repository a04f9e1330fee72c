//! The bucket as a [`Store`](sync_core::Store): any S3 server, any prefix.
//!
//! Entry point: [`S3Store::connect`]. Files in the order in which to read
//! them: what a bucket and a server are called (`location`, `address`), what can be chosen about it
//! (`options` with `settings` and `bandwidth`), how a client is made of that (`connect`
//! with `credentials`, `environment`, `proxy`, `trust`, `stamp`, `timing` and `deadline`),
//! how requests travel (`transport` with `contact`, which says why a server cannot be reached,
//! `pace`, which says how many at once, `limiter`, which says how fast, `blank`, `backlog`, `body`,
//! `under_way` and `clock`), the store itself (`store`) and its operations (`list` with `page`,
//! `read` with `buffer`, `accept` and `archive`, `put`, `write` with
//! `session`, `complete`, `journal` and `resume`, `delete`), and what they share (`guard`:
//! conditions and lost answers, with `conduct`, `look` and `etag`; `checksum` and `digest`; `error` with `codes`). `requests`
//! counts what a plan takes, `versioning` tells what the bucket keeps, `probe` tries all
//! this out.
//!
//! What holds throughout: no AWS type leaves this crate; a listing that broke
//! ends with an error, never silently; nothing is written over or deleted
//! that is not the version the planner saw; no secret is in any text.

mod address;
mod bandwidth;
mod location;
mod options;
mod settings;

mod connect;
mod contact;
mod credentials;
mod deadline;
mod environment;
mod proxy;
mod stamp;
mod timing;
mod trust;

mod backlog;
mod blank;
mod body;
mod clock;
mod limiter;
mod pace;
mod transport;

mod store;

mod delete;
mod list;
mod page;

mod accept;
mod archive;
mod buffer;
mod read;

mod complete;
mod journal;
mod put;
mod resume;
mod session;
mod write;

mod amend;
mod answered;
mod checksum;
mod codes;
mod conduct;
mod content_md5;
mod digest;
mod error;
mod etag;
mod guard;
mod hints;
mod look;
mod md5_etags;

mod permanent;
mod probe;
mod requests;
mod under_way;
mod vacate;
mod versioning;

#[cfg(test)]
mod tests;

pub use address::{AddressError, endpoint_address, without_secrets};
pub use bandwidth::Bandwidth;
pub use connect::is_aws;
pub use journal::{LeftUploads, OpenUpload, UploadJournal};
pub use location::{Location, LocationError};
pub use options::{
    Access, Checksums, Choice, Conditions, DEFAULT_MAX_ATTEMPTS, MAX_CONCURRENCY, Payer, S3Options,
};
pub use probe::{Probe, Tell};
pub use requests::Requests;
pub use settings::{ContentType, Encryption, ObjectSettings};
pub use store::S3Store;
pub use under_way::UnderWay;
pub use versioning::Versioning;
