//! Numbers of things, in words.

use indicatif::HumanCount;

/// A number and what it counts, as "1 file" or "2 files".
pub(crate) fn counted(count: u64, one: &str, many: &str) -> String {
    let what = if count == 1 { one } else { many };
    format!("{} {what}", HumanCount(count))
}
