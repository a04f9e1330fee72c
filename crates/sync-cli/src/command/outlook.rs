//! What a plan takes and risks, for those who decide about it: the estimate,
//! and whether the bucket keeps what is overwritten or deleted.

use sync_core::{Direction, ExecuteOptions, Plan, Versions};
use sync_s3::{Conditions, Requests, Versioning};

use super::Mode;
use super::present::changes;
use crate::Console;
use crate::options::{OutputArgs, PriceArgs, SyncArgs};
use crate::places::Places;
use crate::price::{Estimate, Prices, Server};

/// What is told beside the plan.
#[derive(Debug, Default)]
pub(super) struct Outlook {
    pub(super) estimate: Option<Estimate>,
    /// Only of a backup that overwrites or deletes.
    pub(super) versioning: Option<Versioning>,
}

/// The prices that an option names; or what is wrong with them, in one line.
pub(super) fn prices(args: &PriceArgs) -> Result<Option<Prices>, String> {
    args.prices.as_deref().map(Prices::read).transpose()
}

/// Whether somebody decides by the estimate, or asked for it. Who has said yes
/// beforehand does not wait for it.
fn is_wanted(plan: &Plan, mode: Mode, price: &PriceArgs, output: &OutputArgs, yes: bool) -> bool {
    if price.estimate {
        return output.json || !output.quiet;
    }
    let decides = mode != Mode::Act || changes(plan.counts()) > 0 && !yes;
    decides && !output.json && !output.quiet
}

/// The outlook of a plan that is to be carried out, or was made to be shown.
pub(super) async fn look(
    plan: &Plan,
    places: &Places,
    args: &SyncArgs,
    mode: Mode,
    versions: Versions,
    prices: Option<Prices>,
    console: &Console,
) -> anyhow::Result<Outlook> {
    let bucket = &places.bucket;
    let is_answered = args.safety.consent.yes || console.can_ask;
    let told = match mode {
        // Where nobody can say yes, the run ends here.
        Mode::Act => is_answered && (args.output.json || !args.output.quiet),
        // Its JSON is the plan and nothing else.
        Mode::Show => !args.output.json && !args.output.quiet,
        Mode::Check => false,
    };
    let versioning = if told && may_be_regretted(plan) {
        Some(bucket.versioning().await)
    } else {
        None
    };
    let yes = args.safety.consent.yes;
    let estimate = if is_wanted(plan, mode, &args.price, &args.output, yes) {
        let options = execution(args, plan.direction(), versions);
        let server = Server {
            endpoint_url: bucket.endpoint_url(),
            region: bucket.region(),
            bucket: args.places.bucket.bucket(),
        };
        let conditions = args.server.conditions();
        let made = bucket.looks();
        Some(Estimate::of(
            plan, &options, conditions, made, prices, server,
        )?)
    } else {
        None
    };
    Ok(Outlook {
        estimate,
        versioning,
    })
}

/// The outlook of a saved plan that is only shown: without a request, and as
/// if it were applied with the options that hold by default.
pub(super) fn of_saved(
    plan: &Plan,
    price: &PriceArgs,
    output: &OutputArgs,
    prices: Option<Prices>,
) -> anyhow::Result<Outlook> {
    let origin = plan.header().origin.as_ref();
    let Some(origin) = origin.filter(|_| is_wanted(plan, Mode::Show, price, output, false)) else {
        return Ok(Outlook::default());
    };
    let options = ExecuteOptions {
        part_size: crate::options::default_part_size(plan.direction()),
        versions: Versions::AsPlanned,
        ..ExecuteOptions::default()
    };
    let server = Server {
        endpoint_url: origin.endpoint_url.as_deref(),
        region: origin.region.as_deref(),
        bucket: &origin.bucket,
    };
    let none = Requests::default();
    let estimate = Estimate::of(plan, &options, Conditions::Server, none, prices, server)?;
    Ok(Outlook {
        estimate: Some(estimate),
        versioning: None,
    })
}

/// How a plan is executed with these options.
pub(super) fn execution(
    args: &SyncArgs,
    direction: Direction,
    versions: Versions,
) -> ExecuteOptions {
    ExecuteOptions {
        concurrency: args.speed.most_requests(),
        memory: args.speed.max_memory(direction),
        part_size: args.speed.part_size(direction),
        versions,
    }
}

/// Whether the bucket loses something by this plan, unless it keeps versions.
fn may_be_regretted(plan: &Plan) -> bool {
    let counts = plan.counts();
    plan.direction() == Direction::Backup && (counts.overwritten() + counts.deleted()).entries > 0
}
