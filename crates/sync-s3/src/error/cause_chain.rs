//! The causes of an error, from the outermost to the innermost.

use std::error::Error as StdError;
use std::io;

/// The error and its causes. What an I/O error wraps is one of them, though it is
/// not its `source`.
pub(crate) fn causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| {
        let wrapped = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        match wrapped {
            Some(wrapped) => Some(wrapped as &(dyn StdError + 'static)),
            None => error.source(),
        }
    })
}

/// What happened, without the words around it.
pub(crate) fn last_cause(error: &(dyn StdError + 'static)) -> String {
    let last = causes(error).last();
    last.map_or(String::new(), ToString::to_string)
}

/// The texts of the error and its causes. An I/O error repeats the text of what
/// it wraps, which counts once.
pub(crate) fn texts(error: &(dyn StdError + 'static)) -> Vec<String> {
    let mut texts: Vec<_> = causes(error).map(ToString::to_string).collect();
    texts.dedup();
    texts
}

/// Whether an I/O error among the causes is such a one.
pub(crate) fn has_io(
    error: &(dyn StdError + 'static),
    is_such: impl Fn(&io::Error) -> bool,
) -> bool {
    let mut io = causes(error).filter_map(|cause| cause.downcast_ref());
    io.any(is_such)
}

/// The first cause of this type.
pub(crate) fn find<'a, T: StdError + 'static>(
    error: &'a (dyn StdError + 'static),
) -> Option<&'a T> {
    causes(error).find_map(|cause| cause.downcast_ref())
}
