//! Uploads: in one request or in parts, each only over the version that was planned
//! for, and resumed after a killed run.
//!
//! Entry points: [`put`] for one request, [`multipart`] for parts; both go through
//! [`conditional`].

pub(crate) mod abandoned;
pub(crate) mod answer_check;
pub(crate) mod complete;
pub(crate) mod conditional;
pub(crate) mod customer_key_check;
pub(crate) mod journal;
pub(crate) mod leftover_directories;
pub(crate) mod multipart;
pub(crate) mod object_settings;
pub(crate) mod put;
pub(crate) mod resume;
pub(crate) mod session;
pub(crate) mod settings_check;
