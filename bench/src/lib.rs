//! What `cargo xtask bench` runs beside the tools that it compares: the data,
//! the endpoint that all of them talk to, and the two floors below which no
//! tool built like ours can get.
//!
//! Five small programs: `bench-data` makes and checks directories,
//! `bench-endpoint` is the S3 server, `bench-floor` the SDK or an HTTP client
//! with nothing around it, `bench-measure` runs one program and reports what it
//! cost, `bench-pin` keeps one to some cores. xtask starts them and does not depend on this crate, so that it stays
//! quick to build.

pub mod content;
pub mod data;
pub mod endpoint;
pub mod floor;
pub mod layout;
pub mod pin;
pub mod sums;
pub mod usage;
