//! An S3 server in memory, for tests: faithful to AWS in its answers, and
//! unfaithful on request.
//!
//! [`Endpoint::start`] serves on loopback from its own thread until it is
//! dropped. The endpoint dereferences to its [`State`], so a test puts objects
//! in and reads them out directly; [`Endpoint::inject`] makes chosen requests
//! fail, stall, break or lie; [`Endpoint::log`] tells what was asked for.
//!
//! The S3 protocol (signatures, XML, aws-chunked bodies) is that of the `s3s`
//! crate, the meaning of each operation is ours. Everything that concerns
//! connections rather than objects sits in [`server`](self), around `s3s`:
//!
//! ```text
//! TCP ─ wire ─ hyper ─ server (log, clock, faults) ─ s3s ─ service ─ state
//! ```

mod config;

mod endpoint;
mod faults;
mod log;

mod state;
mod object;
mod rope;
mod order;

mod service;
mod buckets;
mod list;
mod objects;
mod receive;
mod conditions;
mod multipart;
mod complete;
mod delete;
mod checksum;
mod error;

mod access;
mod server;
mod answer;
mod body;
mod route;
mod wire;
mod clock;

#[cfg(test)]
mod tests;

pub use config::{Config, ListOrder, MultipartTime, Precision};
pub use endpoint::Endpoint;
pub use faults::{Action, Answer, Fault, Hits};
pub use log::{Entry, max_in_flight};
pub use object::Object;
pub use state::{OpenUpload, State};

/// The only access key that the endpoint knows.
pub const ACCESS_KEY: &str = "AKIDENDPOINT";
/// The secret that belongs to [`ACCESS_KEY`].
pub const SECRET_KEY: &str = "endpoint-secret";
/// The account that owns every bucket, for `x-amz-expected-bucket-owner`.
pub const OWNER: &str = "123456789012";
