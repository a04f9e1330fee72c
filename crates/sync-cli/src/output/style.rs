//! How errors and warnings look where there are colours.

use anstyle::{AnsiColor, Style};

/// Of errors.
pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();
/// Of warnings.
pub(crate) const WARNING: Style = AnsiColor::Yellow.on_default().bold();
