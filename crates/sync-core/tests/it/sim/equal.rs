//! What must be true at the end of a run, and at the end of all.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use sync_core::testing::{MemoryStore, Object};
use sync_core::{
    Direction,
    execute::Report,
    plan::{Action, ConflictCause, Deletions, Limits, MAX_CLOCK_OFFSET, MaxDelete, Plan, Refusal},
    rule::{Compare, Reason},
};

use super::run::Run;
use super::world::{World, collide};

/// Each guard refuses what it must, by the plan's own actions.
pub(super) fn refusals_are_right(plan: &Plan, limits: &Limits, refused: &[Refusal]) {
    let header = plan.header();
    let (source, target) = (header.counts.source.entries, header.counts.target.entries);
    let mut deleted = 0;
    let mut too_long = 0;
    let mut covered = 0;
    for action in plan.actions().unwrap() {
        match action.unwrap() {
            Action::Delete(_) if !header.counts.incomplete() => deleted += 1,
            Action::TooLong { .. } => too_long += 1,
            Action::Keep { reason, .. } => {
                covered += u64::from(reason == Reason::SourceSkipped);
            }
            _ => {}
        }
    }
    // What the source skipped stays in the target, whatever is allowed.
    let emptied = source == 0 && target > covered;
    let most = match limits.max_delete {
        MaxDelete::Half if emptied => target,
        MaxDelete::Half => (target / 2).max(10),
        MaxDelete::Entries(most) => most,
        MaxDelete::Percent(percent) => target * u64::from(percent) / 100,
    };
    let offset = header.rule.clock_offset;
    let mut expected = Vec::new();
    if too_long > 0 {
        expected.push(Refusal::KeysTooLong { count: too_long });
    }
    if emptied && !limits.allow_empty_source {
        expected.push(Refusal::EmptySource { target });
    }
    if deleted > most {
        expected.push(Refusal::TooManyDeletions { deleted, target });
    }
    if deleted > 0 && offset.abs() > MAX_CLOCK_OFFSET {
        expected.push(Refusal::ClockOffset(offset));
    }
    assert_eq!(refused, expected);
}

/// The report counts what was really done, and what was not it does not hide.
pub(super) fn report_is_true(plan: &Plan, report: &Report, run: &Run, was_stopped: bool) {
    let [created, overwritten, deleted] = run.done();
    assert_eq!(report.created.entries, created, "created: {report:?}");
    assert_eq!(
        report.overwritten.entries, overwritten,
        "overwritten: {report:?}"
    );
    assert_eq!(report.deleted.entries, deleted, "deleted: {report:?}");
    assert_eq!(run.events, [created + overwritten, deleted, report.failed]);
    let planned = run.deletes.len() as u64;
    let not_copied = run.transfers.len() as u64 - created - overwritten;
    let not_deleted = match report.deletions_withheld {
        None => planned - deleted,
        Some(_) => 0,
    };
    if report.stopped {
        assert!(
            report.failed <= not_copied + run.outdated + planned - deleted,
            "{report:?}"
        );
    } else {
        assert_eq!(
            report.failed,
            not_copied + run.outdated + not_deleted,
            "failed: {report:?}"
        );
        assert!(!was_stopped || planned + not_copied == 0 || report.failed + deleted + created > 0);
    }
    let is_withheld = report.deletions_withheld.is_some();
    let must_withhold = not_copied + run.outdated > 0 || plan.counts().incomplete();
    assert!(is_withheld || planned == 0 || !must_withhold, "{report:?}");
    if report.is_complete() {
        assert_eq!((not_copied, planned), (0, deleted), "complete: {report:?}");
    }
}

/// The plan has nothing to do, but for what an incomplete source withholds.
pub(super) fn is_settled(plan: &Plan) {
    let incomplete = plan.counts().incomplete();
    for action in plan.actions().unwrap() {
        match action.unwrap() {
            Action::Keep { .. } | Action::Skip { .. } | Action::Conflict { .. } => {}
            Action::Delete(_) if incomplete => {}
            Action::Transfer(transfer) if incomplete && transfer.blocker.is_some() => {}
            action => panic!("still to do: {action:?}"),
        }
    }
}

/// By the rule of the README, in its own words.
pub(super) fn target_equals_source(
    world: &World,
    plan: &Plan,
    source: &MemoryStore,
    target: &MemoryStore,
) {
    let (source, target) = (source.snapshot(), target.snapshot());
    let excepted = excepted(world, plan, &source, &target);
    let is_excepted = |name: &str| excepted.contains_key(name);
    for (name, there) in source.iter().filter(|(name, _)| !is_excepted(name)) {
        let copy = target.get(name);
        let copy = copy.unwrap_or_else(|| panic!("the target lacks '{name}'"));
        let (file, object) = match world.plan.direction {
            Direction::Backup => (there, copy),
            Direction::Restore => (copy, there),
        };
        assert_eq!(there.body.len(), copy.body.len(), "size of '{name}'");
        let behind = world.clock_offset.unwrap_or_default();
        let judged = file.modified + behind.max(TimeDelta::zero());
        assert!(
            file.modified == object.modified || judged <= object.modified,
            "the file '{name}' is later"
        );
        let exact =
            world.plan.compare == Compare::ExactTimes && world.plan.direction == Direction::Restore;
        assert!(
            !exact || file.modified == object.modified,
            "times of '{name}'"
        );
        let by_content = world.plan.compare == Compare::Checksum;
        assert!(
            !by_content || there.body == copy.body,
            "content of '{name}'"
        );
    }
    let deletes = world.plan.deletions == Deletions::On && !plan.counts().incomplete();
    let names = target.keys().filter(|name| deletes && !is_excepted(name));
    for name in names {
        assert!(source.contains_key(name), "'{name}' should be gone");
    }
}

/// What the plan says it cannot bring or name, if it has a reason to.
fn excepted(
    world: &World,
    plan: &Plan,
    source: &BTreeMap<String, Object>,
    target: &BTreeMap<String, Object>,
) -> BTreeMap<String, Action> {
    let mut excepted = BTreeMap::new();
    for action in plan.actions().unwrap() {
        let action = action.unwrap();
        let name = match &action {
            Action::Skip { skipped, .. } => {
                let name = &skipped.name;
                let odd = format!("/{name}/");
                let is_no_path = odd.contains("//") || odd.contains("/../");
                let is_refused = !world.target_accepts(name);
                assert!(
                    is_no_path || is_refused,
                    "skipped without a reason: {action:?}"
                );
                name.clone()
            }
            Action::Conflict { key, with, cause } => {
                let (key, with) = (key.as_str(), with.as_str());
                let is_true = match cause {
                    // Every entry is selected there, and everything is listed.
                    ConflictCause::NotSelected
                    | ConflictCause::SourceSkipped
                    | ConflictCause::TargetSkipped => false,
                    ConflictCause::BothInSource => {
                        collide(key, with) && source.contains_key(key) && source.contains_key(with)
                    }
                    ConflictCause::DeletionsOff => {
                        collide(key, with)
                            && target.contains_key(with)
                            && world.plan.deletions == Deletions::Off
                    }
                    ConflictCause::SameName => {
                        world.target_folds_names && key.eq_ignore_ascii_case(with)
                    }
                };
                assert!(is_true, "a conflict without a reason: {action:?}");
                key.to_owned()
            }
            Action::Transfer(blocked) => blocked.source.key.as_str().to_owned(),
            _ => continue,
        };
        excepted.insert(name, action);
    }
    excepted
}
