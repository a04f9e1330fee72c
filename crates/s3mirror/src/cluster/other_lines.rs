//! What the plans of a run say beside transfers, as one plan: deletions, and what cannot be
//! done. Something that was skipped and may hide keys of several ranges is a line of each of
//! their plans, and counts once.

use std::cell::Cell;
use std::collections::{BTreeMap, HashSet};
use std::io::{self, BufRead};
use std::path::{Path, PathBuf};

use sync_core::{
    KeyRange,
    entry::{SkipCause, Skipped},
    listing::Side,
    plan::{Action, Counts, Header, Plan},
    spool::Spools,
};

use super::directory::RunDirectory;
use super::files::plan_name;
use crate::plan_file::{InTurn, PlanFileError, lines_of, others, without_header};
use crate::state::TempSpools;

/// The lines of some plans that are no transfers.
pub(crate) struct OtherLines {
    plans: Vec<RangePlan>,
}

/// The plan of a range.
struct RangePlan {
    path: PathBuf,
    range: KeyRange,
}

/// What was skipped, by side and cause.
#[derive(Default)]
pub(crate) struct SkippedOnce {
    /// Those that may hide keys of several ranges.
    names: HashSet<(bool, String)>,
    pub(crate) counts: [BTreeMap<SkipCause, u64>; 2],
}

impl OtherLines {
    /// Those of the plans of `ranges`.
    pub(crate) fn of(directory: &RunDirectory, ranges: Vec<KeyRange>) -> Self {
        let plans = ranges.into_iter().enumerate();
        let plans = plans.map(|(number, range)| RangePlan {
            path: directory.join(plan_name(number)),
            range,
        });
        Self {
            plans: plans.collect(),
        }
    }

    /// A plan of those that are `wanted`, which is a part of the plan with this header.
    pub(crate) fn part(
        &self,
        header: Header,
        wanted: impl Fn(&Action) -> bool,
    ) -> Result<Plan, PlanFileError> {
        let (mut skipped, current) = (SkippedOnce::default(), Cell::new(None));
        let lines = self.lines(&current, others);
        let spool = TempSpools.create().map_err(PlanFileError::Spool)?;
        let wanted = |action: &Action| wanted(action) && skipped.is_new(action, range_of(&current));
        Plan::read_part(header, lines, spool, wanted).map_err(|error| failed(&current, error))
    }

    /// All of them as a plan that has the counts of `header`, and what of it was skipped;
    /// with those transfers that are `wanted`.
    pub(crate) fn all(
        &self,
        header: Header,
        wanted: Option<fn(&Action) -> bool>,
    ) -> Result<(Plan, SkippedOnce), PlanFileError> {
        let (mut skipped, current) = (SkippedOnce::default(), Cell::new(None));
        let spool = TempSpools.create().map_err(PlanFileError::Spool)?;
        let select = |action: &Action| match action {
            Action::Transfer(_) => wanted.is_some_and(|wanted| wanted(action)),
            _ => skipped.is_new(action, range_of(&current)),
        };
        let plan = if wanted.is_some() {
            let whole = |path: &Path| without_header(lines_of(path)?);
            Plan::read_selected(header, self.lines(&current, whole), spool, select)
        } else {
            Plan::read_selected(header, self.lines(&current, others), spool, select)
        };
        let plan = plan.map_err(|error| failed(&current, error));
        Ok((plan?, skipped))
    }

    /// The lines of all plans, as `open` reads those of one; `current` is that of the last line.
    fn lines<'p, R: BufRead>(
        &'p self,
        current: &Cell<Option<&'p RangePlan>>,
        open: impl Fn(&Path) -> io::Result<R>,
    ) -> impl BufRead {
        InTurn::of(self.plans.iter().map(move |plan| {
            current.set(Some(plan));
            open(&plan.path)
        }))
    }
}

fn range_of<'p>(current: &Cell<Option<&'p RangePlan>>) -> Option<&'p KeyRange> {
    current.get().map(|plan| &plan.range)
}

/// The plan that was read when `error` arose cannot be read.
fn failed(current: &Cell<Option<&RangePlan>>, error: io::Error) -> PlanFileError {
    let path = current.get().map(|plan| plan.path.clone());
    PlanFileError::Read {
        path: path.unwrap_or_default(),
        error,
    }
}

impl SkippedOnce {
    /// Whether a line, of a plan of `range`, has not come before: that of something that was
    /// skipped may, if its name is in another range.
    fn is_new(&mut self, action: &Action, range: Option<&KeyRange>) -> bool {
        let Action::Skip { side, skipped } = action else {
            return true;
        };
        let is_source = matches!(side, Side::Source);
        let name = &skipped.name;
        let own = range.filter(|range| range.contains(name));
        // Of the keys below a name, none is after this.
        let end = format!("{name}0");
        let may_repeat = own.is_none_or(|own| own.ends_before(&end) || name == Skipped::ROOT);
        let is_repeated = may_repeat && !self.names.insert((is_source, name.clone()));
        if is_repeated && own.is_none() {
            return false;
        }
        let counts = &mut self.counts[usize::from(is_source)];
        *counts.entry(skipped.cause).or_default() += 1;
        true
    }

    /// Corrects the sums of several ranges. A cause that is in one of them stays.
    pub(crate) fn correct(self, sums: &mut Counts) {
        let [target, source] = self.counts;
        for (sums, found) in [
            (&mut sums.skipped_in_source, source),
            (&mut sums.skipped_in_target, target),
        ] {
            for (cause, number) in sums {
                *number = found.get(cause).copied().unwrap_or(1).max(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use sync_core::spool::MemorySpools;

    use super::*;
    use crate::plan_file::pack;

    /// A plan that does nothing.
    const NOTHING: &str = r#"{"s3mirror_plan":3,"source":"s","target":"t","direction":"backup","compare":"times","clock_offset":0,"counts":{"source":{"entries":0,"bytes":0},"target":{"entries":0,"bytes":0},"reasons":{},"skipped_in_source":{},"skipped_in_target":{},"conflicts":0,"too_long":0}}"#;

    #[test]
    fn the_plan_that_cannot_be_read_is_named() {
        let top = tempfile::tempdir().unwrap();
        let directory = RunDirectory::create(&top.path().join("run")).unwrap();
        directory.make("plan").unwrap();
        let text = format!("{NOTHING}\n");
        let spool = MemorySpools.create().unwrap();
        let plan = Plan::read_from(text.as_bytes(), spool).unwrap();
        let mut bytes = Vec::new();
        pack(&plan, &mut bytes, 1).unwrap();
        let ranges = KeyRange::split(["b".to_owned(), "c".to_owned()]);
        for wrong in 0..ranges.len() {
            for number in 0..ranges.len() {
                let cut = usize::from(number == wrong);
                let path = directory.join(plan_name(number));
                fs::write(path, &bytes[..bytes.len() - cut]).unwrap();
            }
            let lines = OtherLines::of(&directory, ranges.clone());
            let part = lines.part(plan.header().clone(), |_| true);
            let all = lines.all(plan.header().clone(), None).map(drop);
            for error in [part.map(drop).unwrap_err(), all.unwrap_err()] {
                let name = plan_name(wrong);
                assert!(error.to_string().contains(&name), "{name}: {error}");
            }
        }
    }
}
