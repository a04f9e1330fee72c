//! What of the plans of a run could not be read, for people.

use s3mirror::cluster::Unread;
use sync_core::{
    plan::Action,
    text::{grouped, printable},
};

use crate::Console;
use crate::output::text;

/// Plans of which is said what could not be read.
pub(super) const MOST_UNREAD: usize = 20;

/// Names of a plan in one line.
const MOST_NAMES: usize = 3;

/// What of a plan could not be read, and where.
pub(super) fn what_is_unread(unread: &Unread) -> String {
    let names = match unread.names {
        1 => "1 name".to_owned(),
        number => format!("{} names", grouped(number)),
    };
    let host = unread.host.as_ref().map(|host| printable(host));
    let of = match (unread.range, host) {
        (Some(range), Some(host)) => format!("range {range} (planned on {host})"),
        (Some(range), None) => format!("range {range}"),
        (None, _) => "the plan".to_owned(),
    };
    let keep = if unread.names == 1 { "keeps" } else { "keep" };
    let first = unread.first.iter().take(MOST_NAMES);
    let mut first: Vec<_> = first.map(why_unread).collect();
    if unread.names > first.len() as u64 {
        let all = match unread.range {
            Some(range) => format!("… (`s3mirror show RUN/plan/{range:04}.plan` names all)"),
            None => "… (`s3mirror show` of the plan names all)".to_owned(),
        };
        first.push(all);
    }
    let first = first.join("; ");
    format!("{names} of {of} {keep} all deletions back: {first}")
}

/// One of them, with the reason.
pub(super) fn why_unread(action: &Action) -> String {
    match action {
        Action::Skip { side, skipped } => text::skip(*side, skipped),
        Action::Conflict { key, with, cause } => {
            format!("{key}  ({})", text::conflict(with, *cause))
        }
        _ => String::new(),
    }
}

/// Says what of each plan could not be read.
pub(super) fn say_unread(unread: &[Unread], console: &mut Console) {
    for unread in unread.iter().take(MOST_UNREAD) {
        console.warning(what_is_unread(unread));
    }
    if unread.len() > MOST_UNREAD {
        let more = unread.len() - MOST_UNREAD;
        console.warning(format_args!(
            "… and of {more} more ranges (`s3mirror cluster status --json` names all)"
        ));
    }
}
