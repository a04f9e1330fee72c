//! What runs of a watch did not do, by name. It is news when it begins, or gets another reason;
//! not when it is tried again in vain.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use sync_core::{
    Key,
    entry::{SkipCause, Skipped},
    execute::DeletionsSkipped,
    listing::Side,
    plan::{Action, Counts, Plan},
};

use super::dirty::covers;

/// How many are named of one run, and remembered of all; the rest is counted.
pub(super) const MOST: usize = 10_000;

/// How many deletions of one run are named that wait: there may be as many as entries.
const MOST_DELETIONS: usize = 100;

/// Something that a run of a watch did not do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Undone {
    /// Its plan leaves it out: [`Action::Skip`], [`Action::Conflict`] or [`Action::TooLong`].
    Planned(Action),
    /// It was tried, and has failed.
    Failed {
        /// The entry.
        key: Key,
        /// Why, in one line that names the entry.
        error: String,
    },
    /// It is deleted once nothing else is wrong.
    Withheld {
        /// The entry of the target.
        key: Key,
        /// What is wrong.
        why: DeletionsSkipped,
    },
}

impl Undone {
    /// Whether the target lacks something because of it. What is skipped in the target is told of,
    /// but a backup is complete without it.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        match self {
            Self::Planned(Action::Skip { side, skipped }) => {
                *side == Side::Source || skipped.cause == SkipCause::Uncompared
            }
            _ => true,
        }
    }

    /// Its name, and what makes its reason another one: numbers in an error do not, because they
    /// may be of the attempt.
    fn identity(&self) -> (String, String) {
        let name = |key: &Key| key.as_str().to_owned();
        match self {
            Self::Planned(Action::Skip { side, skipped }) => skip_identity(*side, skipped),
            Self::Planned(Action::Conflict { key, with, cause }) => {
                (name(key), format!("{cause:?} {with}"))
            }
            Self::Planned(Action::TooLong { key }) => (name(key), "too long".to_owned()),
            Self::Planned(action) => (String::new(), format!("{action:?}")),
            Self::Failed { key, error } => {
                let is_number = |character: &char| character.is_ascii_digit();
                (name(key), error.chars().filter(|c| !is_number(c)).collect())
            }
            Self::Withheld { key, why } => (name(key), format!("{why:?}")),
        }
    }
}

fn skip_identity(side: Side, skipped: &Skipped) -> (String, String) {
    let Skipped { cause, detail, .. } = skipped;
    let name = skipped.name.trim_end_matches('/').to_owned();
    (name, format!("{side} {cause:?} {detail}"))
}

/// What was not done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UndoneList {
    /// As much of it as is named.
    pub named: Vec<Undone>,
    /// How much more there is, beside deletions that wait.
    pub unnamed: u64,
    /// How many more deletions wait.
    pub unnamed_deletions: u64,
}

impl UndoneList {
    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.named.is_empty() && self.unnamed == 0 && self.unnamed_deletions == 0
    }

    fn add(&mut self, undone: Undone) {
        if self.named.len() < MOST {
            self.named.push(undone);
        } else {
            self.unnamed += 1;
        }
    }
}

/// Whether a plan with these counts leaves out something that has to be told of.
fn leaves_out(counts: &Counts) -> bool {
    let mut skipped = counts
        .skipped_in_source
        .keys()
        .chain(counts.skipped_in_target.keys());
    counts.conflicts > 0 || counts.too_long > 0 || skipped.any(|cause| is_told(*cause))
}

fn is_told(cause: SkipCause) -> bool {
    cause.hides_content() || cause == SkipCause::Uncompared
}

/// What a run of `plan` did not do: what the plan leaves out, what has `failed`, and
/// what it would have deleted were it not for `withheld`. It may read the whole plan.
pub(super) fn of_run(
    plan: &Plan,
    failed: Vec<Undone>,
    withheld: Option<DeletionsSkipped>,
) -> io::Result<UndoneList> {
    let mut undone = UndoneList::default();
    let mut deletions = Vec::new();
    if leaves_out(plan.counts()) || withheld.is_some() {
        for action in plan.actions()? {
            match (action?, withheld) {
                (Action::Skip { skipped, .. }, _) if !is_told(skipped.cause) => {}
                (
                    action @ (Action::Skip { .. }
                    | Action::Conflict { .. }
                    | Action::TooLong { .. }),
                    _,
                ) => undone.add(Undone::Planned(action)),
                (Action::Delete(delete), Some(why)) if deletions.len() < MOST_DELETIONS => {
                    let key = delete.target.key;
                    deletions.push(Undone::Withheld { key, why });
                }
                (Action::Delete(_), Some(_)) => undone.unnamed_deletions += 1,
                _ => {}
            }
        }
    }
    let more = failed.into_iter().chain(deletions);
    more.for_each(|one| undone.add(one));
    Ok(undone)
}

/// What a run looked at, so that what it does not report is done now, or gone.
#[derive(Debug, Clone, Copy)]
pub(super) enum Looked<'a> {
    /// Nothing to the end.
    Nowhere,
    /// These keys and directories.
    At(&'a BTreeSet<String>),
    Everywhere,
}

impl Looked<'_> {
    fn at(self, name: &str) -> bool {
        match self {
            Self::Nowhere => false,
            Self::At(items) => covers(items, name) || items.contains(&format!("{name}/")),
            Self::Everywhere => true,
        }
    }
}

/// What is known to be undone.
#[derive(Debug, Default)]
pub(super) struct Known {
    items: BTreeMap<(String, String), Undone>,
    unnamed: u64,
    unnamed_deletions: u64,
}

impl Known {
    /// A run that looked at `looked` did not do `undone`; returns what of it is news.
    pub(super) fn note(&mut self, looked: Looked<'_>, undone: &UndoneList) -> UndoneList {
        let now = undone.named.iter().map(|one| (one.identity(), one));
        let now: BTreeMap<_, _> = now.collect();
        self.items
            .retain(|id, _| !looked.at(&id.0) || now.contains_key(id));
        let is_over = matches!(looked, Looked::Everywhere) || self.items.is_empty();
        let mut news = UndoneList::default();
        let mut unnamed = undone.unnamed;
        for (id, one) in now {
            if self.items.contains_key(&id) {
                continue;
            }
            if self.items.len() < MOST {
                self.items.insert(id, one.clone());
                news.named.push(one.clone());
            } else {
                unnamed += 1;
            }
        }
        news.unnamed = count(&mut self.unnamed, unnamed, is_over);
        let deletions = undone.unnamed_deletions;
        news.unnamed_deletions = count(&mut self.unnamed_deletions, deletions, is_over);
        news
    }

    /// All of it.
    pub(super) fn list(&self) -> UndoneList {
        UndoneList {
            named: self.items.values().cloned().collect(),
            unnamed: self.unnamed,
            unnamed_deletions: self.unnamed_deletions,
        }
    }
}

/// Notes that a run has counted `now`, where `known` were; returns how many are news. What was
/// known before `is_over`, or the run may have looked at some of it only.
fn count(known: &mut u64, now: u64, is_over: bool) -> u64 {
    let news = now.saturating_sub(*known);
    *known = if is_over { now } else { now.max(*known) };
    news
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(name: &str, error: &str) -> Undone {
        let key = Key::new(name).unwrap();
        let error = error.to_owned();
        Undone::Failed { key, error }
    }

    fn skipped(name: &str) -> Undone {
        Undone::Planned(Action::Skip {
            side: Side::Source,
            skipped: Skipped {
                name: name.to_owned(),
                cause: SkipCause::Unreadable,
                detail: "Permission denied".to_owned(),
                link: None,
            },
        })
    }

    fn list(named: &[Undone]) -> UndoneList {
        UndoneList {
            named: named.to_vec(),
            ..UndoneList::default()
        }
    }

    fn items(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_failure_is_news_once_and_again_after_another_reason_or_a_recovery() {
        let mut known = Known::default();
        let a = items(&["a"]);
        let mut news = |undone: &[Undone]| known.note(Looked::At(&a), &list(undone)).named;
        let denied = |attempt| {
            failed(
                "a",
                &format!("cannot upload 'a': denied, request {attempt}"),
            )
        };
        assert_eq!(news(&[denied(1)]), [denied(1)]);
        assert_eq!(news(&[denied(2)]), []);
        let other = [failed("a", "cannot upload 'a': no such bucket")];
        assert_eq!(news(&other), other);
        assert_eq!(news(&[denied(3)]), [denied(3)]);
        assert_eq!(news(&[]), []);
        assert_eq!(news(&[denied(4)]), [denied(4)]);
    }

    #[test]
    fn only_what_a_run_looked_at_has_recovered() {
        let mut known = Known::default();
        let all = [skipped("d"), skipped("e/x"), skipped("f")];
        assert_eq!(known.note(Looked::Everywhere, &list(&all)).named, all);
        known.note(Looked::At(&items(&["g", "ee/"])), &list(&[]));
        known.note(Looked::Nowhere, &list(&[]));
        assert_eq!(known.list().named, all);
        // A directory by its name, or by what is below it; a file by a directory above it.
        known.note(Looked::At(&items(&["d/", "e/"])), &list(&[]));
        assert_eq!(known.list().named, all[2..]);
        known.note(Looked::Everywhere, &list(&[]));
        assert!(known.list().is_empty());
    }

    #[test]
    fn what_is_more_than_is_remembered_is_counted_and_the_count_is_news_once() {
        let mut known = Known::default();
        let mut undone = UndoneList::default();
        (0..MOST + 3).for_each(|number| undone.add(skipped(&format!("{number:05}"))));
        let news = known.note(Looked::Everywhere, &undone);
        assert_eq!((news.named.len(), news.unnamed), (MOST, 3));
        assert!(known.note(Looked::Everywhere, &undone).is_empty());
        let late = items(&["late"]);
        let one_more = list(&[skipped("late")]);
        assert!(known.note(Looked::At(&late), &one_more).is_empty());
        assert_eq!(known.list().unnamed, 3);
        known.note(Looked::Everywhere, &list(&[]));
        assert!(known.list().is_empty());
    }

    #[test]
    fn what_the_target_hides_is_no_failure() {
        let Undone::Planned(Action::Skip { skipped, .. }) = skipped("a") else {
            panic!("it is one");
        };
        assert!(self::skipped("a").is_failure());
        let side = Side::Target;
        assert!(!Undone::Planned(Action::Skip { side, skipped }).is_failure());
    }
}
