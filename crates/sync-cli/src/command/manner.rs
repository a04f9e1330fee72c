//! What a command does with a plan, and how it shows it.

use std::path::Path;

use crate::options::PriceArgs;
use crate::output::view::View;

/// Whether a command acts or only shows what it would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Act,
    Show,
    /// Shows; the exit status says whether there is something to do.
    Check,
}

impl Mode {
    pub(super) fn act_unless(dry_run: bool) -> Self {
        if dry_run { Self::Show } else { Self::Act }
    }

    pub(super) fn show_or(check: bool) -> Self {
        if check { Self::Check } else { Self::Show }
    }
}

/// What is done with the plan, and how it is shown.
pub(super) struct Manner<'a> {
    pub(super) mode: Mode,
    pub(super) view: View,
    pub(super) price: &'a PriceArgs,
    /// Whether the user has confirmed in advance.
    pub(super) yes: bool,
    pub(super) jobs: Jobs<'a>,
}

/// The jobs whose places a backup must not delete.
pub(super) struct Jobs<'a> {
    /// The configuration file, if it is not the default one.
    pub(super) file: Option<&'a Path>,
    /// The profile of this run: jobs of the same profile share its server.
    pub(super) profile: Option<&'a str>,
}
