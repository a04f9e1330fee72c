//! The first line of a plan.

use serde::{Deserialize, Serialize};

use super::counts::Counts;
use super::origin::Origin;
use crate::{key_range::KeyRange, rule::Rule, select::Criteria};

/// Version of the file format that this crate writes and reads.
pub const FORMAT_VERSION: u32 = 3;

/// The first line of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Version of the format.
    #[serde(rename = "s3mirror_plan")]
    pub version: u32,
    /// Location of the source.
    pub source: String,
    /// Location of the target.
    pub target: String,
    /// The rule by which it was made.
    #[serde(flatten)]
    pub rule: Rule,
    /// Which entries it concerns; all of them where this is absent.
    #[serde(default, skip_serializing_if = "Criteria::is_empty")]
    pub selection: Criteria,
    /// Which keys it is of; all of them where this is absent.
    #[serde(default, skip_serializing_if = "KeyRange::is_all")]
    pub range: KeyRange,
    /// What was seen.
    pub counts: Counts,
    /// Whether the source has other entries, of a plan by a list of keys of which it has none:
    /// then it is not empty.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub source_has_others: bool,
    /// When it was made and of which places; only in a plan that is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

impl Header {
    /// Whether it is by a list of keys of which neither side has any, as far as is known.
    #[must_use]
    pub fn finds_nothing_listed(&self) -> bool {
        let list = self.selection.keys.as_ref();
        let not_found = &self.counts.not_found;
        list.is_some_and(|list| not_found.is_all_of(list)) && !self.counts.incomplete()
    }
}
