//! What is told of an execution beforehand is what it does.

use proptest::prelude::*;
use sync_core::{
    execute::{Call, ExecuteOptions, OnSourceChange, forecast},
    listing::Side,
    plan::{Plan, PlanOptions},
};

use crate::support::{World, cases, entry, plan, probes, run_with, worlds};

/// The calls that `plan` is said to make, as the probes log them, sorted.
fn told(plan: &Plan, options: &ExecuteOptions) -> Vec<String> {
    let mut calls = Vec::new();
    forecast(plan, options, &mut |side, call| {
        if let Call::Write { entry, .. } = call {
            // The look told right before it is for the checksum of the whole.
            let look = calls.pop();
            assert_eq!(look, Some(format!("source stat {}", entry.key)));
            calls.push(format!("source digest {}", entry.key));
        }
        let mut note = |what: &str, key: &str, times: u64| {
            let side = match side {
                Side::Source => "source",
                Side::Target => "target",
            };
            calls.extend((0..times).map(|_| format!("{side} {what} {key}")));
        };
        match call {
            Call::Stat(key) => note("stat", key.as_str(), 1),
            Call::Read { entry, ranges } => note("read", entry.key.as_str(), ranges),
            Call::Put { entry, .. } => note("put", entry.key.as_str(), 1),
            Call::Write { entry, parts, .. } => {
                note("write", entry.key.as_str(), 1);
                note("part", entry.key.as_str(), parts);
                note("commit", entry.key.as_str(), 1);
            }
            Call::Delete(entries) => {
                let names: Vec<&str> = entries.iter().map(|e| e.key.as_str()).collect();
                note("delete", &names.join(" "), 1);
            }
        }
    })
    .unwrap();
    calls.sort_unstable();
    calls
}

proptest! {
    #![proptest_config(cases(600))]

    #[test]
    fn a_forecast_tells_every_call_of_the_execution(
        world in worlds(),
        as_planned in any::<bool>(),
    ) {
        let (source, target) = world.stores();
        let (source, target) = probes(&source, &target);
        let plan = plan(&source, &target, &world.options());
        let options = with!(
            ExecuteOptions::default(),
            // Two bytes are two parts.
            part_size: 1,
            on_source_change: if as_planned {
                OnSourceChange::Refuse
            } else {
                OnSourceChange::CopyLatest
            },
        );
        let before = source.log().len();
        let said = told(&plan, &options);
        prop_assert_eq!(source.log().len(), before, "it calls nothing itself");
        let report = run_with(&plan, &source, &target, &options, &());
        prop_assume!(report.failed == 0);
        let mut made = source.log().split_off(before);
        made.sort_unstable();
        prop_assert_eq!(said, made);
    }
}

/// More deletions than one call takes, and an entry of many parts.
#[test]
fn batches_and_parts_are_told_by_their_number() {
    let world = World {
        direction: sync_core::Direction::Backup,
        compare: sync_core::rule::Compare::Times,
        deletions: sync_core::plan::Deletions::On,
        source: [].into(),
        target: (0..2_001)
            .map(|n| {
                (
                    format!("{n}"),
                    crate::support::Item {
                        size: 1,
                        time: crate::support::noon(0),
                    },
                )
            })
            .collect(),
    };
    let (source, target) = world.stores();
    source.insert("large", vec![0; 2_500], crate::support::noon(0));
    let plan = plan(&source, &target, &PlanOptions::new(world.direction));
    let options = with!(ExecuteOptions::default(), part_size: 1_000);
    let (mut batches, mut writes) = (Vec::new(), Vec::new());
    forecast(&plan, &options, &mut |_, call| match call {
        Call::Delete(entries) => batches.push(entries.len()),
        Call::Write { entry, parts, .. } => writes.push((entry.size, parts)),
        _ => {}
    })
    .unwrap();
    assert_eq!(batches, [1_000, 1_000, 1]);
    assert_eq!(writes, [(entry("large", 2_500).size, 3)]);
}
