//! What neither side has of a list of keys, for people.

use indicatif::HumanCount;
use sync_core::{key_list::NotFound, text::printable};

/// What neither side has of a list of keys of which they have others.
pub(crate) fn some(not_found: &NotFound) -> String {
    let (count, s) = match not_found.names {
        1 => ("1 name".to_owned(), "s"),
        names => (format!("{} names", HumanCount(names)), ""),
    };
    let names = first_names(not_found);
    format!("{count} in the list of --files-from exist{s} on neither side: {names}")
}

/// The same of all that is listed, and what to do.
pub(crate) fn all(not_found: &NotFound) -> String {
    let names = first_names(not_found);
    format!(
        "nothing in the list of --files-from exists on either side: {names}; write names as they are \
         below --dir and below the prefix in --bucket"
    )
}

fn first_names(not_found: &NotFound) -> String {
    let names = not_found.first.iter();
    let names: Vec<_> = names.map(|name| format!("'{}'", printable(name))).collect();
    let more = not_found.names.saturating_sub(names.len() as u64);
    match more {
        0 => names.join(", "),
        more => format!("{}, and {} more", names.join(", "), HumanCount(more)),
    }
}
