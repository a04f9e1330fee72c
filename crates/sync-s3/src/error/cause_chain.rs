//! The causes of an error, from the outermost to the innermost.

use std::error::Error as StdError;

/// What happened, without the words around it.
pub(crate) fn last_cause(error: &(dyn StdError + 'static)) -> String {
    let last = chain(error).last();
    last.map_or(String::new(), ToString::to_string)
}

/// The error and its causes.
pub(crate) fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// The first cause of this type.
pub(crate) fn find<'a, T: StdError + 'static>(
    error: &'a (dyn StdError + 'static),
) -> Option<&'a T> {
    chain(error).find_map(|cause| cause.downcast_ref())
}
