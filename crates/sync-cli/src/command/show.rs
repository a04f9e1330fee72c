//! `show`: a saved plan, as a mock run shows it. No place is looked at.

use super::Mode;
use super::present::{present, say_origin};
use crate::options::ShowArgs;
use crate::view::View;
use crate::{Console, Exit, saved};

pub(super) fn run(args: &ShowArgs, view: View, console: &mut Console) -> anyhow::Result<Exit> {
    let plan = saved::read(&args.file)?;
    say_origin(&plan, &args.output, console);
    present(&plan, Mode::Show, view, &args.output, console)?;
    Ok(Exit::Done)
}
