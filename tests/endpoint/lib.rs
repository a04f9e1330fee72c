//! An S3 server in memory, for tests: faithful to AWS in its answers, and
//! unfaithful on request.
//!
//! [`Endpoint::start`] serves on loopback from its own thread until it is
//! dropped. The endpoint dereferences to its [`State`], so a test puts objects
//! in and reads them out directly; [`Endpoint::inject`] makes chosen requests
//! fail, stall, break or lie; [`Endpoint::log`] has the requests.
//!
//! ```
//! use s3_endpoint::{Action, Config, Endpoint, Fault};
//!
//! # fn main() -> std::io::Result<()> {
//! let endpoint = Endpoint::start(Config::with_bucket("bucket"))?;
//! endpoint.put("bucket", "a/b", "hello", None);
//! let hits = endpoint.inject(Fault::on("GetObject").key("a/b").nth(2).act(Action::CutBodyAfter(3)));
//! // … the program under test runs against `endpoint.url()` …
//! assert_eq!(endpoint.object("bucket", "a/b").map(|object| object.size()), Some(5));
//! assert_eq!((endpoint.count("GetObject"), hits.count()), (0, 0));
//! # Ok(())
//! # }
//! ```
//!
//! The S3 protocol (signatures, XML, aws-chunked bodies) is that of the `s3s`
//! crate, the meaning of each operation is ours. Everything that concerns
//! connections rather than objects sits in `server.rs`, around `s3s`:
//!
//! ```text
//! TCP ─ wire ─ hyper ─ server (log, clock, faults) ─ s3s ─ service ─ state
//! ```

// What a test holds and says.
mod action;
mod config;
mod endpoint;
mod entry;
mod faults;

// What the server remembers.
mod object;
mod order;
mod rope;
mod state;

// What it does when asked.
mod announced;
mod buckets;
mod checksum;
mod complete;
mod conditions;
mod customer_key;
mod delete;
mod error;
mod list;
mod list_versions;
mod multipart;
mod page;
mod read;
mod receive;
mod service;
mod tags;
mod uploads;
mod versions;
mod write;

// How the questions arrive, and what may happen to them on the way.
mod access;
mod answer;
mod clock;
mod intake;
mod log;
mod outlet;
mod route;
mod server;
mod wire;

#[cfg(test)]
mod tests;

pub use action::{Action, Answer};
pub use config::{
    Config, IfMatch, KeyMarker, ListOrder, MultipartTime, Precision, Rounding, Sums, VersionOrder,
};
pub use endpoint::Endpoint;
pub use entry::{Entry, max_in_flight};
pub use faults::{Fault, Hits, Trigger};
pub use object::Object;
pub use state::{OpenUpload, State};
pub use versions::Version;

/// The only access key that the endpoint knows.
pub const ACCESS_KEY: &str = "AKIDENDPOINT";
/// The secret that belongs to [`ACCESS_KEY`].
pub const SECRET_KEY: &str = "endpoint-secret";
/// The account that owns every bucket, for `x-amz-expected-bucket-owner`.
pub const OWNER: &str = "123456789012";
