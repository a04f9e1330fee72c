//! Says that neither place has an entry to compare: a prefix or a pattern with a typing error would
//! look like places that are equal already.

use sync_core::text::entries;

/// What to check where `source` and `target` have no selected entry, and `excluded` others.
pub(crate) fn nothing(source: &str, target: &str, excluded: u64) -> String {
    match excluded {
        0 => format!(
            "there was nothing to compare: neither '{source}' nor '{target}' has any entry; check the \
             directory, the bucket and the prefix, which names what is below it and never a single \
             object"
        ),
        excluded => format!(
            "there was nothing to compare: all of '{source}' and '{target}' is excluded, {}; check \
             the options that select entries",
            entries(excluded)
        ),
    }
}
