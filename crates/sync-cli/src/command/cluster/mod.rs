//! `cluster …`: one plan, executed by many machines; a file for each phase.

pub(super) mod apply;
mod common;
pub(super) mod finish;
pub(super) mod script;
pub(super) mod split;
pub(super) mod status;
mod status_line;

#[cfg(test)]
pub(crate) use common::Line;
