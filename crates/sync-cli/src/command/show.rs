//! `show`: a saved plan, as a mock run shows it. No place is read.

use s3mirror::read_plan;

use super::manner::Mode;
use super::present::{present, say_origin};
use super::preview;
use crate::options::ShowArgs;
use crate::output::view::View;
use crate::{Console, Exit, hints};

pub(super) fn run(args: &ShowArgs, view: View, console: &mut Console) -> anyhow::Result<Exit> {
    let Some(prices) = console.ok_or_report(preview::prices(&args.price)) else {
        return Ok(Exit::Usage);
    };
    let plan = read_plan(&args.file).map_err(hints::explained)?;
    let preview = preview::of_saved(&plan, &args.price, console.reporter().form(), prices)?;
    say_origin(&plan, console);
    present(&plan, Mode::Show, view, &preview, console)?;
    Ok(Exit::Done)
}
