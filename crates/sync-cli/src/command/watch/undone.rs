//! What people and programs read of what a watch has not done.

use s3mirror::watch::{Undone, UndoneList};
use sync_core::Key;
use sync_core::execute::DeletionsSkipped;

use crate::command::present::{NotDone, not_done};
use crate::output::counted::counted;
use crate::output::text;

/// As many entries are named at once; of the others, the number is told.
const NAMED: usize = 20;

/// The same of deletions that wait.
const NAMED_DELETIONS: usize = 5;

/// One line for each of `list`, in bounded number. The prefix of the bucket has so many bytes.
pub(super) fn messages(list: &UndoneList, prefix: usize) -> Vec<NotDone> {
    let mut entries = Vec::new();
    let mut more = list.unnamed;
    let mut deletions = Deletions::default();
    for undone in &list.named {
        match undone {
            Undone::Withheld { key, why } => deletions.add(key, *why),
            _ if entries.len() == NAMED => more += 1,
            _ => entries.extend(message(undone, prefix)),
        }
    }
    if more > 0 {
        let are = match more {
            1 => "1 more entry was not backed up, and is".to_owned(),
            _ => format!(
                "{} were not backed up, and are",
                counted(more, "more entries", "more entries")
            ),
        };
        entries.push(NotDone::Warning(format!(
            "{are} not named here; `s3mirror backup` by hand names all"
        )));
    }
    entries.extend(
        deletions
            .message(list.unnamed_deletions)
            .map(NotDone::Warning),
    );
    entries
}

fn message(undone: &Undone, prefix: usize) -> Option<NotDone> {
    match undone {
        Undone::Planned(action) => not_done(action, prefix),
        Undone::Failed { error, .. } => Some(NotDone::Error(error.clone())),
        Undone::Withheld { key, why } => {
            let why = text::withheld(*why);
            Some(NotDone::Warning(format!(
                "'{key}' is not deleted, because {why}"
            )))
        }
        _ => None,
    }
}

/// Deletions that wait.
#[derive(Default)]
struct Deletions {
    names: Vec<String>,
    count: u64,
    why: Option<DeletionsSkipped>,
}

impl Deletions {
    fn add(&mut self, key: &Key, why: DeletionsSkipped) {
        self.why.get_or_insert(why);
        self.count += 1;
        if self.names.len() < NAMED_DELETIONS {
            self.names.push(format!("'{key}'"));
        }
    }

    /// That they wait, and `unnamed` more.
    fn message(&self, unnamed: u64) -> Option<String> {
        let why = text::withheld(self.why?);
        let count = self.count + unnamed;
        let wait = match count {
            1 => "1 deletion waits".to_owned(),
            _ => format!("{} wait", counted(count, "deletions", "deletions")),
        };
        let more = match count - self.names.len() as u64 {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let names = self.names.join(", ");
        Some(format!("{wait}, because {why}: {names}{more}"))
    }
}

/// The same of what is a failure, for programs.
pub(super) fn failures(list: &UndoneList, prefix: usize) -> Vec<String> {
    let mut failures = list.clone();
    failures.named.retain(Undone::is_failure);
    let texts = messages(&failures, prefix).into_iter();
    texts.map(NotDone::into_text).collect()
}

/// How much of what was named before is still not done; nothing if all is done.
pub(super) fn still(list: &UndoneList, prefix: usize) -> Option<String> {
    let failures = list.named.iter().filter(|undone| undone.is_failure());
    let first = failures
        .clone()
        .find_map(|undone| message(undone, prefix))?;
    let count = failures.count() as u64 + list.unnamed + list.unnamed_deletions;
    let first = first.into_text();
    Some(match count {
        1 => format!("what was named before is still not done: {first}"),
        _ => format!(
            "{} are still not done, as: {first}",
            counted(count, "entries", "entries")
        ),
    })
}

#[cfg(test)]
mod tests {
    use sync_core::entry::{SkipCause, Skipped};
    use sync_core::listing::Side;
    use sync_core::plan::Action;

    use super::*;

    fn skipped(side: Side, number: usize) -> Undone {
        let skipped = Skipped {
            name: format!("f{number:02}"),
            cause: SkipCause::Unreadable,
            detail: "denied".to_owned(),
            link: None,
        };
        Undone::Planned(Action::Skip { side, skipped })
    }

    fn withheld(number: usize) -> Undone {
        Undone::Withheld {
            key: Key::new(format!("d{number}")).unwrap(),
            why: DeletionsSkipped::SourceIncomplete,
        }
    }

    fn texts(list: &UndoneList) -> Vec<String> {
        let messages = messages(list, 0).into_iter();
        messages.map(NotDone::into_text).collect()
    }

    #[test]
    fn what_is_too_much_to_be_named_is_counted() {
        let mut list = UndoneList::default();
        list.named = (0..NAMED).map(|n| skipped(Side::Source, n)).collect();
        assert_eq!(texts(&list).len(), NAMED);
        list.unnamed = 1;
        let by_hand = "not named here; `s3mirror backup` by hand names all";
        let last = format!("1 more entry was not backed up, and is {by_hand}");
        assert_eq!(texts(&list)[NAMED..], [last]);
        list.named.push(skipped(Side::Source, NAMED));
        let last = format!("2 more entries were not backed up, and are {by_hand}");
        assert_eq!(texts(&list)[NAMED..], [last]);
    }

    #[test]
    fn deletions_that_wait_are_one_line() {
        let mut list = UndoneList::default();
        list.named = vec![withheld(0)];
        let told = "1 deletion waits, because the source is incomplete: 'd0'";
        assert_eq!(texts(&list), [told]);
        list.named = (0..6).map(withheld).collect();
        list.unnamed_deletions = 10;
        let told = "16 deletions wait, because the source is incomplete: 'd0', 'd1', 'd2', 'd3', \
                    'd4' and 11 more";
        assert_eq!(texts(&list), [told]);
    }

    #[test]
    fn what_the_target_hides_is_told_and_is_no_failure() {
        let mut list = UndoneList::default();
        list.named = vec![skipped(Side::Target, 1)];
        assert_eq!(
            texts(&list),
            ["skipped f01  (cannot be read: denied; in the target)"]
        );
        assert!(failures(&list, 0).is_empty());
        assert_eq!(still(&list, 0), None);
    }

    #[test]
    fn what_is_still_not_done_is_one_line() {
        let mut list = UndoneList::default();
        assert_eq!(still(&list, 0), None);
        list.named = vec![skipped(Side::Source, 1)];
        let first = "skipped f01  (cannot be read: denied; in the source)";
        let one = format!("what was named before is still not done: {first}");
        assert_eq!(still(&list, 0), Some(one));
        list.named.push(withheld(1));
        list.unnamed = 1200;
        let many = format!("1,202 entries are still not done, as: {first}");
        assert_eq!(still(&list, 0), Some(many));
    }
}
