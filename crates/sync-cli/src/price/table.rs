//! What requests and bytes cost: the built-in table, and tables from files.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use sync_core::text::printable;

use super::dollars::Dollars;
use crate::hand_written;

/// What a server charges.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Prices {
    /// Where they apply, as in "S3 Standard in us-east-1".
    pub(super) name: String,
    /// When they were looked up.
    #[serde(default)]
    pub(super) as_of: Option<String>,
    /// Where they are published.
    #[serde(default)]
    pub(super) page: Option<String>,
    /// PUT, COPY, POST and LIST.
    pub(super) put_per_1000: Price,
    /// GET, HEAD and what is not named.
    pub(super) get_per_1000: Price,
    #[serde(default)]
    pub(super) delete_per_1000: Price,
    pub(super) storage_per_gb_month: Price,
    #[serde(default)]
    pub(super) data_in_per_gb: Price,
    pub(super) data_out_per_gb: Price,
    /// Data out that is free in each month.
    #[serde(default)]
    pub(super) data_out_free_gb: u32,
    /// Of other storage classes than the usual one, by their names.
    #[serde(default)]
    pub(super) classes: BTreeMap<String, ClassPrices>,
}

/// What a storage class costs. What is absent costs as in the usual one, or nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClassPrices {
    /// PUT, COPY, POST.
    pub(super) put_per_1000: Price,
    /// The beginning and the parts of an upload in parts.
    #[serde(default)]
    pub(super) part_per_1000: Option<Price>,
    /// GET and what is not named.
    pub(super) get_per_1000: Price,
    pub(super) storage_per_gb_month: Price,
    /// Content that is read.
    #[serde(default)]
    pub(super) retrieval_per_gb: Price,
    /// Objects that are restored from an archive before they are read.
    #[serde(default)]
    pub(super) retrieval_per_1000: Price,
    /// Smaller objects are charged as if they had so many bytes.
    #[serde(default)]
    pub(super) min_size: u64,
    /// Bytes that are charged for each object beside its own,
    #[serde(default)]
    pub(super) overhead: u64,
    /// and those in the usual class.
    #[serde(default)]
    pub(super) overhead_standard: u64,
    /// Objects are charged for so many days at least.
    #[serde(default)]
    pub(super) min_days: u32,
}

/// A price in dollars.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "f64")]
pub(super) struct Price(pub(super) Dollars);

impl TryFrom<f64> for Price {
    type Error = String;

    fn try_from(price: f64) -> Result<Self, String> {
        Dollars::of_price(price)
            .map(Self)
            .ok_or_else(|| format!("invalid price {price} (dollars, from 0 to 1000000)"))
    }
}

/// General purpose buckets, S3 Standard, US East (N. Virginia); the first tier
/// of storage and of data out, which cost the most.
const BUILT_IN: &str = include_str!("us-east-1.toml");

impl Prices {
    /// Those of AWS in us-east-1.
    pub(crate) fn built_in() -> Result<Self, String> {
        parse_toml(BUILT_IN).map_err(|(_, why)| why)
    }

    /// Those of a file, in TOML, or in JSON if its name says so; or its error, in
    /// one line.
    pub(crate) fn read(file: &Path) -> Result<Self, String> {
        let shown = printable(&file.to_string_lossy());
        let text = hand_written::read_text(file)
            .map_err(|error| format!("--prices '{shown}': {error}"))?;
        let is_json = file.extension().is_some_and(|ending| ending == "json");
        let parsed = if is_json {
            parse_json(&text)
        } else {
            parse_toml(&text)
        };
        parsed.map_err(|((line, column), why)| {
            let why = printable(&why);
            format!("--prices {shown}:{line}:{column}: {why}")
        })
    }
}

/// Line and column, and the error there.
type Wrong = ((usize, usize), String);

fn parse_toml(text: &str) -> Result<Prices, Wrong> {
    toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let why = error.message().lines().collect::<Vec<_>>().join("; ");
        (place(text, at), why)
    })
}

fn parse_json(text: &str) -> Result<Prices, Wrong> {
    serde_json::from_str(text).map_err(|error| {
        let place = (error.line(), error.column());
        let why = error.to_string();
        let end = format!(" at line {} column {}", place.0, place.1);
        (place, why.strip_suffix(&end).unwrap_or(&why).to_owned())
    })
}

/// Line and column of the byte `at`, in characters, from 1.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (line, before[start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_table_says_what_the_documentation_says() {
        let table = Prices::built_in().unwrap();
        let is = |price: Price, dollars: f64| price.0 == Dollars::of_price(dollars).unwrap();
        assert!(is(table.put_per_1000, 0.005));
        assert!(is(table.get_per_1000, 0.0004));
        assert!(is(table.delete_per_1000, 0.0));
        assert!(is(table.storage_per_gb_month, 0.023));
        assert!(is(table.data_in_per_gb, 0.0));
        assert!(is(table.data_out_per_gb, 0.09));
        assert_eq!(table.data_out_free_gb, 100);
        let class = |name: &str| &table.classes[name];
        let prices = |name: &str, [put, get, storage, retrieval]: [f64; 4]| {
            let class = class(name);
            assert!(is(class.put_per_1000, put), "{name}");
            assert!(is(class.get_per_1000, get), "{name}");
            assert!(is(class.storage_per_gb_month, storage), "{name}");
            assert!(is(class.retrieval_per_gb, retrieval), "{name}");
        };
        prices("INTELLIGENT_TIERING", [0.005, 0.0004, 0.023, 0.0]);
        prices("STANDARD_IA", [0.01, 0.001, 0.0125, 0.01]);
        prices("ONEZONE_IA", [0.01, 0.001, 0.01, 0.01]);
        prices("GLACIER_IR", [0.02, 0.01, 0.004, 0.03]);
        prices("GLACIER", [0.03, 0.0004, 0.0036, 0.01]);
        prices("DEEP_ARCHIVE", [0.05, 0.0004, 0.000_99, 0.02]);
        assert!(is(class("GLACIER").retrieval_per_1000, 0.05));
        assert!(is(class("DEEP_ARCHIVE").retrieval_per_1000, 0.1));
        assert_eq!(class("STANDARD_IA").min_size, 128 << 10);
        assert_eq!(class("GLACIER").overhead, 32 << 10);
        assert_eq!(class("DEEP_ARCHIVE").min_days, 180);
        assert_eq!(
            table.page.as_deref(),
            Some("https://aws.amazon.com/s3/pricing/")
        );
    }

    #[test]
    fn what_is_wrong_has_its_place() {
        let line = "name = \"x\"\nput_per_1000 = 1\nget_per_1000 = 1\nstorage_per_gb_month = 1\n";
        for (rest, place, why) in [
            ("data_out_per_gb = -1\n", (5, 19), "invalid price -1"),
            ("data_out_per_gb = \"1\"\n", (5, 19), "invalid type"),
            ("data_out_per_gb = nan\n", (5, 19), "invalid price NaN"),
            ("data_out_per_gb = 1\nput = 2\n", (6, 1), "unknown field"),
            ("", (1, 1), "missing field `data_out_per_gb`"),
            ("data_out_per_gb = \n", (5, 19), ""),
        ] {
            let (found, said) = parse_toml(&format!("{line}{rest}")).unwrap_err();
            assert_eq!(found, place, "{rest}: {said}");
            assert!(said.contains(why) && !said.contains('\n'), "{rest}: {said}");
        }
        let (place, why) = parse_json("{\n \"name\": 3}").unwrap_err();
        assert_eq!(place, (2, 10), "{why}");
        assert!(!why.contains("line"), "{why}");
    }
}
