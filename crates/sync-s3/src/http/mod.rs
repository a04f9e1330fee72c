//! How bytes travel beneath the SDK: how many requests at once, how fast, how
//! long a silence may last, and what the bodies of both directions may do.
//!
//! Entry point: [`transport`].

pub(crate) mod accept_encoding;
pub(crate) mod answer_limits;
pub(crate) mod backlog;
pub(crate) mod bandwidth;
pub(crate) mod body;
pub(crate) mod clock;
pub(crate) mod concurrency;
pub(crate) mod garbled;
pub(crate) mod in_flight;
pub(crate) mod reachability;
pub(crate) mod request_body;
pub(crate) mod response_body;
pub(crate) mod throttle;
pub(crate) mod transport;
