//! Plans in files: `--plan-out` writes one, `show` and `apply` read it.

mod origin;
mod write;

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::Context;
use sync_core::{Plan, Spools, printable};

use crate::spools::TemporaryFiles;

pub(crate) use origin::{age, of_run, places};
pub(crate) use write::PlanFile;

/// Reads the plan in `file`. All of it is checked before anything is done.
pub(crate) fn read(file: &Path) -> anyhow::Result<Plan> {
    let failed = || format!("cannot read the plan '{}'", shown(file));
    let text = File::open(file).with_context(failed)?;
    let spool = TemporaryFiles
        .create()
        .context("cannot keep the plan in a temporary file (see TMPDIR)")?;
    Plan::read_from(BufReader::new(text), spool).with_context(failed)
}

fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy())
}
