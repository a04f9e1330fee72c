//! `cluster …`: one mirror by many machines; a file for each phase.

mod advice;
pub(super) mod apply;
mod common;
pub(super) mod finish;
pub(super) mod plan;
pub(super) mod script;
mod script_options;
pub(super) mod seal;
pub(super) mod split;
mod split_ranges;
pub(super) mod status;
mod status_line;
mod status_next;
mod tasks;
mod unread;

use std::path::{Path, PathBuf};

use s3mirror::cluster::{ClusterRun, RangeRun};

#[cfg(test)]
pub(crate) use common::Line;

/// The directory that a run mirrors, whatever phase the run is in; none if it cannot be used,
/// which each phase reports by itself.
pub(super) fn mirrored(run: &Path) -> Option<PathBuf> {
    let sealed = ClusterRun::open(run).map(|run| run.mirrored().to_owned());
    let any = sealed.or_else(|_| RangeRun::open(run).map(|run| run.mirrored().to_owned()));
    any.ok()
}
