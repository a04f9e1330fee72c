//! `apply`: carries out a saved plan, and nothing else.

use anyhow::Context;
use sync_core::printable;

use super::sync;
use crate::finish::Ending;
use crate::options::ApplyArgs;
use crate::{Console, Exit, saved};

pub(super) async fn run(
    args: ApplyArgs,
    ending: &Ending,
    console: &mut Console,
) -> anyhow::Result<Exit> {
    let plan = saved::read(&args.file)?;
    let (dir, bucket) = (args.expected.dir.as_deref(), args.expected.bucket.as_ref());
    let places = saved::places(&plan, dir, bucket).with_context(|| {
        let file = printable(&args.file.to_string_lossy());
        format!("cannot apply the plan '{file}'")
    })?;
    sync::carry_out(&plan, &mut args.at(places), ending, console).await
}
