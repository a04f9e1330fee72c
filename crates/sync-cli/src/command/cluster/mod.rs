//! `cluster …`: one mirror by many machines; a file for each phase.

mod advice;
pub(super) mod apply;
mod common;
pub(super) mod finish;
pub(super) mod plan;
pub(super) mod script;
pub(super) mod seal;
pub(super) mod split;
mod split_ranges;
pub(super) mod status;
mod status_line;
mod tasks;
mod unread;

#[cfg(test)]
pub(crate) use common::Line;
