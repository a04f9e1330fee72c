//! The heart of s3mirror: what is an entry, which of two entries wins, what
//! has to be done, and how it is carried out over any two stores.
//!
//! This crate does no I/O, asks no clock and needs no runtime. A directory
//! (`sync-fs`) and a bucket (`sync-s3`) are two implementations of [`Store`].

mod checksum;
mod entry;
mod error;
mod key;
mod store;

pub use checksum::Crc64;
pub use entry::{Entry, Listed, Revision, SkipCause, Skipped};
pub use error::{ErrorKind, Result, StoreError};
pub use key::{Key, KeyError, MAX_KEY_BYTES, printable};
pub use store::{Expected, Store, Writer};
#[cfg(feature = "testing")]
pub use store::{MockStore, MockWriter};
