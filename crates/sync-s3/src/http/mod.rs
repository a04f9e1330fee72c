//! What happens beneath the SDK: how many requests are in flight, how fast bodies
//! move, how long a server may be silent, how long an answer may be, and what a
//! failed connection means.
//!
//! Entry point: [`transport`].

pub(crate) mod accept_encoding;
pub(crate) mod answer_limits;
mod backlog;
pub(crate) mod bandwidth;
mod body;
pub(crate) mod clock;
pub(crate) mod concurrency;
mod concurrency_window;
mod connection_errors;
pub(crate) mod credentials_client;
pub(crate) mod in_flight;
mod invalid_http;
pub(crate) mod line;
mod outcome;
pub(crate) mod reachability;
mod request_body;
mod request_log;
pub(crate) mod response_body;
mod routes;
mod silence;
pub(crate) mod throttle;
mod tls_errors;
pub(crate) mod transport;
pub(crate) mod unreachable;
mod waiting;
