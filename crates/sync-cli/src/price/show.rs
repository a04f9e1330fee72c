//! The estimate as text and as JSON.

use std::fmt::Write as _;

use indicatif::{HumanBytes, HumanCount};
use serde::Serialize;
use sync_core::Direction;
use sync_s3::Requests;

use super::{Basis, Cost, Estimate, posts};

impl Estimate {
    /// Some lines for the summary of the plan.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let made = kinds(&self.made);
        let planned = kinds(&self.planned);
        let requests = match (made.as_str(), planned.as_str()) {
            ("", "") => "none".to_owned(),
            ("", planned) => planned.to_owned(),
            (made, "") => format!("{made}, made already"),
            (made, planned) => format!("{planned}\n{:15}made already: {made}", ""),
        };
        let _ = writeln!(text, "  {:<12} {requests}", "requests");
        let all = self.all();
        for (bytes, way) in [(all.bytes_up, "up"), (all.bytes_down, "down")] {
            if bytes > 0 {
                let bytes = HumanBytes(bytes);
                let _ = writeln!(text, "  {:<12} {bytes} {way}", "content");
            }
        }
        let _ = writeln!(text, "  {:<12} {}", "estimate", self.price());
        text
    }

    fn price(&self) -> String {
        let (prices, note) = match &self.basis {
            Basis::Prices(prices, note) => (prices, note),
            Basis::None(why) => return format!("none: {why} (see --prices)"),
        };
        let Some(cost) = self.cost() else {
            return String::new();
        };
        let mut text = cost.to_string();
        if self.direction == Direction::Backup && !cost.storage.is_zero() {
            let storage = cost.storage.abs();
            let word = if cost.storage.is_negative() {
                "less"
            } else {
                "more"
            };
            let _ = write!(text, ", and {storage} {word} a month for storage");
        }
        if !cost.retrieval.is_zero() {
            let _ = write!(text, "\n{:15}{} of it for retrieval", "", cost.retrieval);
        }
        // Below the amounts, so that no line is too long for a terminal.
        let _ = write!(text, "\n{:15}", "");
        let _ = write!(
            text,
            "prices of {}",
            sync_core::text::printable(&prices.name)
        );
        if let Some(date) = &prices.as_of {
            let _ = write!(text, ", {}", sync_core::text::printable(date));
        }
        if let Some(note) = note {
            let _ = write!(text, "\n{:15}{note} (see --prices)", "");
        }
        for note in self.classes.notes(prices) {
            let _ = write!(text, "\n{:15}{note}", "");
        }
        text
    }

    /// One object for `--json`.
    pub(crate) fn json(&self) -> impl Serialize {
        let all = self.all();
        let (prices, no_price) = match &self.basis {
            Basis::Prices(prices, note) => (Some((prices, note)), None),
            Basis::None(why) => (None, Some(*why)),
        };
        Line {
            event: "estimate",
            made: Kinds::of(&self.made),
            planned: Kinds::of(&self.planned),
            bytes_up: all.bytes_up,
            bytes_down: all.bytes_down,
            bytes_stored: self.stored(),
            prices: prices.map(|(prices, note)| PricesJson {
                name: prices.name.clone(),
                as_of: prices.as_of.clone(),
                page: prices.page.clone(),
                note: note.clone(),
                classes: self.classes.notes(prices),
            }),
            no_price,
            dollars: self.cost().map(|cost| DollarsJson {
                requests: cost.requests.as_f64(),
                data: cost.data.as_f64(),
                data_least: cost.data_least.as_f64(),
                retrieval: cost.retrieval.as_f64(),
                total: cost.most().as_f64(),
                total_least: cost.least().as_f64(),
                storage_per_month: cost.storage.as_f64(),
            }),
        }
    }
}

/// "at most", where the month's free data may not be used up.
impl std::fmt::Display for Cost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (most, least) = (self.most(), self.least());
        if most == least {
            return write!(f, "{most}");
        }
        write!(
            f,
            "at most {most} ({least} if the month's free data is not used up)"
        )
    }
}

/// A restore of the past asks for the lifecycle too.
fn settings_read(requests: u64) -> &'static str {
    match requests {
        0 | 1 => "GET of the bucket's versioning",
        _ => "GET of the bucket's versioning and lifecycle",
    }
}

/// As in "3 PUT, 2 POST".
fn kinds(requests: &Requests) -> String {
    let kinds = [
        (requests.list, "LIST"),
        (requests.put + requests.upload_part, "PUT"),
        (posts(requests), "POST"),
        (requests.get, "GET"),
        (requests.head, "HEAD"),
        (requests.delete_objects, "DELETE of up to 1,000 keys"),
        (requests.delete_object, "DELETE of one key"),
        (requests.other, settings_read(requests.other)),
    ];
    let some: Vec<_> = kinds
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, kind)| format!("{} {kind}", HumanCount(*count)))
        .collect();
    some.join(", ")
}

/// What a plan takes and costs.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Line {
    #[cfg_attr(test, schemars(extend("const" = "estimate")))]
    event: &'static str,
    made: Kinds,
    planned: Kinds,
    bytes_up: u64,
    bytes_down: u64,
    /// By how much the bucket grows.
    bytes_stored: i128,
    prices: Option<PricesJson>,
    /// Why there is no price.
    no_price: Option<&'static str>,
    dollars: Option<DollarsJson>,
}

/// Requests by S3's names of them.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Kinds {
    list_objects: u64,
    put_object: u64,
    create_multipart_upload: u64,
    upload_part: u64,
    complete_multipart_upload: u64,
    get_object: u64,
    head_object: u64,
    delete_objects: u64,
    delete_object: u64,
    get_bucket_versioning: u64,
}

impl Kinds {
    fn of(requests: &Requests) -> Self {
        Self {
            list_objects: requests.list,
            put_object: requests.put,
            create_multipart_upload: requests.create_multipart_upload,
            upload_part: requests.upload_part,
            complete_multipart_upload: requests.complete_multipart_upload,
            get_object: requests.get,
            head_object: requests.head,
            delete_objects: requests.delete_objects,
            delete_object: requests.delete_object,
            get_bucket_versioning: requests.other,
        }
    }
}

/// The price table of the estimate.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct PricesJson {
    name: String,
    as_of: Option<String>,
    page: Option<String>,
    note: Option<String>,
    /// What is particular about storage classes.
    classes: Vec<String>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct DollarsJson {
    requests: f64,
    data: f64,
    /// If the month's free data is not used up.
    data_least: f64,
    /// Of content from storage classes that charge for that.
    retrieval: f64,
    total: f64,
    total_least: f64,
    storage_per_month: f64,
}
