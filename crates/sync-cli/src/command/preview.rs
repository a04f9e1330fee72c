//! What a plan costs and risks, for those who decide about it: the estimate,
//! and whether the bucket keeps what is overwritten or deleted.

use s3mirror::{Mirror, MirrorPlan, default_execute_options};
use sync_core::{Direction, execute::OnSourceChange, plan::Plan};
use sync_s3::{Conditions, Requests, Versioning};

use super::manner::{Manner, Mode};
use crate::Console;
use crate::options::PriceArgs;
use crate::output::Form;
use crate::price::{Estimate, Prices, Server};

/// What is shown with the plan.
#[derive(Debug, Default)]
pub(super) struct Preview {
    pub(super) estimate: Option<Estimate>,
    /// Only of a backup that overwrites or deletes.
    pub(super) versioning: Option<Versioning>,
}

/// The prices of the file of `--prices`; or its error, in one line.
pub(super) fn prices(args: &PriceArgs) -> Result<Option<Prices>, String> {
    args.prices.as_deref().map(Prices::read).transpose()
}

/// Whether somebody decides by the estimate, or asked for it. With --yes, nobody
/// waits for it.
fn is_wanted(plan: &Plan, mode: Mode, price: &PriceArgs, form: Form, yes: bool) -> bool {
    if price.estimate {
        return form != Form::Quiet;
    }
    let decides = mode != Mode::Act || plan.counts().changes() > 0 && !yes;
    decides && form == Form::Text
}

/// The preview of a plan that is to be executed, or was made to be shown.
pub(super) async fn preview_of(
    mirror: &Mirror,
    plan: &MirrorPlan,
    manner: &Manner<'_>,
    prices: Option<Prices>,
    console: &Console,
) -> anyhow::Result<Preview> {
    let (bucket, form) = (mirror.bucket(), console.reporter().form());
    let is_answered = manner.yes || console.can_ask;
    let is_told = match manner.mode {
        // Where nobody can confirm, the run ends here.
        Mode::Act => is_answered && form != Form::Quiet,
        // Its JSON is the plan and nothing else.
        Mode::Show => form == Form::Text,
        Mode::Check => false,
    };
    let versioning = if is_told && may_be_regretted(plan.plan()) {
        Some(bucket.versioning().await)
    } else {
        None
    };
    let estimate = if is_wanted(plan.plan(), manner.mode, manner.price, form, manner.yes) {
        let options = &mirror.options().bucket;
        let server = Server {
            endpoint_url: bucket.endpoint_url(),
            region: bucket.region(),
            bucket: options.location.bucket(),
            upload_class: options.objects.storage_class.as_deref(),
        };
        Some(Estimate::of(
            plan.plan(),
            &mirror.execute_options(plan),
            options.conditions,
            bucket.read_requests(),
            prices,
            server,
        )?)
    } else {
        None
    };
    Ok(Preview {
        estimate,
        versioning,
    })
}

/// The preview of a saved plan that is only shown: without a request, and as
/// if it were applied with the options that hold by default.
pub(super) fn of_saved(
    plan: &Plan,
    price: &PriceArgs,
    form: Form,
    prices: Option<Prices>,
) -> anyhow::Result<Preview> {
    let origin = plan.header().origin.as_ref();
    let Some(origin) = origin.filter(|_| is_wanted(plan, Mode::Show, price, form, false)) else {
        return Ok(Preview::default());
    };
    let mut options = default_execute_options(plan.direction());
    options.on_source_change = OnSourceChange::Refuse;
    let server = Server {
        endpoint_url: origin.endpoint_url.as_deref(),
        region: origin.region.as_deref(),
        bucket: &origin.bucket,
        // A saved plan does not hold it.
        upload_class: None,
    };
    let none = Requests::default();
    let estimate = Estimate::of(plan, &options, Conditions::Server, none, prices, server)?;
    Ok(Preview {
        estimate: Some(estimate),
        versioning: None,
    })
}

/// Whether the bucket loses something by this plan, unless it keeps versions.
fn may_be_regretted(plan: &Plan) -> bool {
    let counts = plan.counts();
    plan.direction() == Direction::Backup && (counts.overwritten() + counts.deleted()).entries > 0
}
