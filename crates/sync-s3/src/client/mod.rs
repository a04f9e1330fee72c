//! How requests are made, signed and retried: from options to a client of the SDK, and
//! what is changed in every request before it is signed.
//!
//! Entry point: [`connect`].

pub(crate) mod amend;
pub(crate) mod blank_keys;
pub(crate) mod connect;
pub(crate) mod content_md5;
pub(crate) mod counters;
pub(crate) mod credentials;
pub(crate) mod customer_key;
pub(crate) mod deadline;
pub(crate) mod endpoint;
pub(crate) mod endpoint_url;
pub(crate) mod environment;
pub(crate) mod headers;
pub(crate) mod proxy;
pub(crate) mod retry;
pub(crate) mod trust;
