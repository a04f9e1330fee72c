//! From the SDK's errors to the core's: a kind to act on, a short cause, and what to
//! do.
//!
//! Every error of the SDK is first reduced to a [`Failure`] (`from_sdk`), which knows
//! no types of operations; `codes`, `classify` and `hints` interpret it. No text here
//! can contain a secret: credentials are never part of an answer, and the SDK keeps
//! them out of its messages.

pub(crate) mod cause_chain;
mod classify;
mod codes;
mod failure;
mod from_sdk;
mod hints;
pub(crate) mod permanent;

pub(crate) use failure::{Attempted, Failure, Origin};
pub(crate) use from_sdk::{is_checksum_mismatch, origin_of_body};
