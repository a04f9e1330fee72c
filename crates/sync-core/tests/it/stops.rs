//! What must not be begun any more after a signal to stop or a loss of the
//! source, though much has been done by then: the last look before deletions,
//! the first try of a copy.

use std::sync::Mutex;

use futures::channel::oneshot;
use futures::executor::block_on;
use futures::future::FutureExt;
use sync_core::{
    Direction, ErrorKind, execute,
    execute::{DeletionsSkipped, ExecuteOptions, Report},
    plan::PlanOptions,
};

use crate::support::{Events, chunks, entry, error, mock, plan, run_with};

fn backup() -> PlanOptions {
    PlanOptions::new(Direction::Backup)
}

/// Something to call, once, and what is then ready.
fn signal() -> (impl Fn() + Send, impl Future<Output = ()> + Send) {
    let (sender, stop) = oneshot::channel();
    let sender = Mutex::new(Some(sender));
    let signal = move || {
        let sender = sender.lock().unwrap().take();
        sender.unwrap().send(()).unwrap();
    };
    (signal, stop.map(drop))
}

/// Found by `sim`.
#[test]
fn nothing_is_deleted_after_a_signal_to_stop_that_comes_during_the_last_look() {
    let entries: Vec<_> = (0..100).map(|n| entry(&format!("{n:03}"), 1)).collect();
    let (mut source, mut target) = (mock(&[]), mock(&entries));
    let (signal, stop) = signal();
    // The signal comes with the first look; no other one is begun after it.
    source.expect_lacks().times(1).returning(move |_| {
        signal();
        Ok(true)
    });
    target.expect_delete().never();
    let plan = plan(&source, &target, &backup());
    let options = with!(ExecuteOptions::default(), concurrency: 1);
    let run = execute(&plan, &source, &target, &options, &(), stop);
    let expected = with!(
        Report::default(),
        stopped: true,
        deletions_withheld: Some(DeletionsSkipped::Stopped),
    );
    assert_eq!(block_on(run).unwrap(), expected);
}

/// Found by `sim`.
#[test]
fn nothing_is_deleted_when_the_source_is_lost_during_the_last_look() {
    for kind in [ErrorKind::RootMissing, ErrorKind::Credentials] {
        let (mut source, mut target) = (mock(&[]), mock(&[entry("a", 1), entry("b", 1)]));
        source
            .expect_lacks()
            .returning(move |key| match key.as_str() {
                "a" => error(kind),
                _ => Ok(true),
            });
        target.expect_delete().never();
        let plan = plan(&source, &target, &backup());
        let events = Events::default();
        let options = ExecuteOptions::default();
        let report = run_with(&plan, &source, &target, &options, &events);
        assert_eq!(events.told(), [format!("failed a: {kind:?}")]);
        assert!(report.stopped);
        assert_eq!(report.deletions_withheld, Some(DeletionsSkipped::Stopped));
    }
}

#[test]
fn what_cannot_be_looked_at_again_is_kept_and_named() {
    let (mut source, mut target) = (mock(&[]), mock(&[entry("a", 1), entry("b", 1)]));
    source.expect_lacks().returning(|key| match key.as_str() {
        "a" => error(ErrorKind::Denied),
        _ => Ok(true),
    });
    target
        .expect_delete()
        .times(1)
        .withf(|batch| batch.len() == 1 && batch[0].key.as_str() == "b")
        .returning(|_| vec![Ok(())]);
    let plan = plan(&source, &target, &backup());
    let events = Events::default();
    let report = run_with(&plan, &source, &target, &ExecuteOptions::default(), &events);
    assert_eq!(events.told(), ["failed a: Denied", "deleted b"]);
    assert_eq!((report.failed, report.stopped), (1, false));
}

/// Found by `sim`.
#[test]
fn no_copy_is_tried_again_after_a_signal_to_stop() {
    for kind in [ErrorKind::Changed, ErrorKind::Corrupt] {
        let (mut source, mut target) = (mock(&[entry("a", 1)]), mock(&[]));
        let (signal, stop) = signal();
        source.expect_read().times(1).returning(|_, _| chunks("1"));
        source.expect_stat().returning(|_| Ok(Some(entry("a", 2))));
        target.expect_put().times(1).returning(move |_, _, _, _| {
            signal();
            error(kind)
        });
        let plan = plan(&source, &target, &backup());
        let options = ExecuteOptions::default();
        let run = execute(&plan, &source, &target, &options, &(), stop);
        let expected = with!(Report::default(), stopped: true);
        assert_eq!(block_on(run).unwrap(), expected, "{kind:?}");
    }
}
