//! What people and programs read: streams, and the texts and lines on them.

mod console;
pub(crate) mod counted;
pub(crate) mod json;
pub(crate) mod not_found;
pub(crate) mod nothing;
mod patient;
pub(crate) mod question;
mod reporter;
mod streams;
pub(crate) mod style;
pub(crate) mod text;
pub(crate) mod verified;
pub(crate) mod view;

pub use console::Console;
pub(crate) use reporter::{Form, Reporter};
pub(crate) use streams::Streams;
