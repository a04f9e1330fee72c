//! The cost of a plan: its requests, the content that is sent, and dollars.
//!
//! The requests are counted in the libraries (`sync_s3::Requests`); here they
//! are priced and shown. An estimate is shown where somebody decides by it: in a
//! mock run, by `show`, and before the question; or with `--estimate`.

mod classes;
mod dollars;
mod show;
mod table;

use anyhow::Context;
use sync_core::{Direction, execute::ExecuteOptions, plan::Plan};
use sync_s3::{Conditions, Requests};

use classes::Classes;
use dollars::Dollars;
#[cfg(test)]
pub(crate) use show::Line as EstimateLine;
pub(crate) use table::Prices;

/// The region of the built-in prices.
const REGION: &str = "us-east-1";

/// What a plan takes and costs.
#[derive(Debug)]
pub(crate) struct Estimate {
    direction: Direction,
    /// Requests that making the plan took.
    made: Requests,
    /// What its execution takes.
    planned: Requests,
    /// What it does to objects of other storage classes than the usual one.
    classes: Classes,
    basis: Basis,
}

/// The prices.
#[derive(Debug)]
enum Basis {
    /// These, with a note.
    Prices(Box<Prices>, Option<String>),
    /// None, for this reason.
    None(&'static str),
}

/// The bucket of the plan.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Server<'a> {
    pub(crate) endpoint_url: Option<&'a str>,
    pub(crate) region: Option<&'a str>,
    pub(crate) bucket: &'a str,
    /// The storage class of uploads, where one was asked for.
    pub(crate) upload_class: Option<&'a str>,
}

impl Estimate {
    /// Counts what `plan` takes. One pass over the plan.
    pub(crate) fn of(
        plan: &Plan,
        options: &ExecuteOptions,
        conditions: Conditions,
        made: Requests,
        prices: Option<Prices>,
        server: Server<'_>,
    ) -> anyhow::Result<Self> {
        let basis = basis(prices, server)?;
        let mut classes = Classes::default();
        let planned = Requests::of_plan(plan, options, conditions, &mut |object| {
            if let Basis::Prices(prices, _) = &basis {
                classes.note(object, server.upload_class, prices);
            }
        });
        Ok(Self {
            direction: plan.direction(),
            made,
            planned: planned.context("cannot read the plan")?,
            classes,
            basis,
        })
    }

    fn all(&self) -> Requests {
        self.made + self.planned
    }

    /// By how much the bucket grows, in bytes.
    fn stored(&self) -> i128 {
        i128::from(self.planned.bytes_up) - i128::from(self.planned.bytes_replaced)
    }

    fn cost(&self) -> Option<Cost> {
        let Basis::Prices(prices, _) = &self.basis else {
            return None;
        };
        let all = self.all();
        let puts = all.list + all.put + posts(&all) + all.upload_part;
        let requests = [
            prices.put_per_1000.0.for_each_of(puts),
            prices
                .get_per_1000
                .0
                .for_each_of(all.get + all.head + all.other),
            prices
                .delete_per_1000
                .0
                .for_each_of(all.delete_objects + all.delete_object),
        ];
        let free = i128::from(prices.data_out_free_gb) << 30;
        let down = i128::from(all.bytes_down);
        let data_in = prices.data_in_per_gb.0.for_bytes(all.bytes_up.into());
        let data_out = |bytes| prices.data_out_per_gb.0.for_bytes(bytes);
        let other = self.classes.difference(prices);
        Some(Cost {
            requests: requests.into_iter().sum::<Dollars>() + other.requests,
            retrieval: other.retrieval,
            data: data_in + data_out(down),
            data_least: data_in + data_out((down - free).max(0)),
            storage: prices.storage_per_gb_month.0.for_bytes(self.stored()) + other.storage,
        })
    }
}

/// What it costs, once and each month.
struct Cost {
    requests: Dollars,
    /// Of content from storage classes that charge for that.
    retrieval: Dollars,
    /// As if what is free in a month were used up.
    data: Dollars,
    /// As if nothing of it were used.
    data_least: Dollars,
    /// A month, more than before.
    storage: Dollars,
}

impl Cost {
    /// All but the storage.
    fn most(&self) -> Dollars {
        self.requests + self.retrieval + self.data
    }

    /// The same, if nothing of what is free in a month were used.
    fn least(&self) -> Dollars {
        self.requests + self.retrieval + self.data_least
    }
}

fn posts(requests: &Requests) -> u64 {
    requests.create_multipart_upload + requests.complete_multipart_upload
}

/// The prices that apply to `server`.
fn basis(given: Option<Prices>, server: Server<'_>) -> anyhow::Result<Basis> {
    if let Some(prices) = given {
        return Ok(Basis::Prices(prices.into(), None));
    }
    if !sync_s3::is_aws(server.endpoint_url) {
        return Ok(Basis::None("other server"));
    }
    if server.bucket.ends_with("--x-s3") {
        return Ok(Basis::None("directory bucket"));
    }
    let prices = Prices::built_in().map_err(anyhow::Error::msg)?;
    let elsewhere = server.region.filter(|region| *region != REGION);
    let note = elsewhere.map(|region| {
        let region = sync_core::text::printable(region);
        format!("the bucket is in {region}, where prices may differ")
    });
    Ok(Basis::Prices(prices.into(), note))
}

#[cfg(test)]
mod tests;
