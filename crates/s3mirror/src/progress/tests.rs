//! What is counted, event by event.

use sync_core::{ErrorKind, StoreError, plan::Transfer, rule::Reason};

use super::*;

fn entry(name: &str, size: u64) -> Entry {
    let time = chrono::DateTime::UNIX_EPOCH;
    Entry::new(Key::new(name).unwrap(), size, time)
}

/// As the core does it: the outcome is counted, then the observer is called.
fn tell(state: &Progress, event: &Event<'_>) {
    state.outcomes().count(event);
    state.note(event);
}

fn transferred(state: &Progress, source: &Entry) {
    let transfer = Transfer {
        reason: Reason::OnlyInSource,
        source: source.clone(),
        target: None,
        blocker: None,
    };
    tell(state, &Event::Transferred(&transfer));
}

fn progress(state: &Progress, entry: &Entry, bytes: u64) {
    tell(state, &Event::Progress { entry, bytes });
}

fn state() -> Progress {
    let state = Progress::new(Direction::Backup);
    state.enter(Phase::Copying);
    state
}

#[test]
fn a_small_file_counts_when_it_is_complete_and_has_no_line() {
    let state = state();
    let small = entry("small", 10);
    progress(&state, &small, 10);
    assert_eq!(state.snapshot().bytes.done, 0);
    transferred(&state, &small);
    let now = state.snapshot();
    assert_eq!((now.bytes.done, now.files.done), (10, 1));
    assert_eq!(now.large, []);
}

#[test]
fn a_large_file_counts_by_its_parts_and_a_second_try_from_the_beginning() {
    let state = state();
    let large = entry("large", 100);
    tell(&state, &Event::Started { entry: &large });
    progress(&state, &large, 60);
    assert_eq!(state.snapshot().bytes.done, 60);
    tell(&state, &Event::Started { entry: &large });
    assert_eq!(state.snapshot().bytes.done, 0);
    progress(&state, &large, 60);
    assert_eq!(state.snapshot().large[0].bytes.percent(), 60);
    progress(&state, &large, 40);
    transferred(&state, &large);
    let now = state.snapshot();
    assert_eq!((now.bytes.done, now.large.len()), (100, 0));
}

#[test]
fn a_large_file_that_fails_has_no_line_any_more() {
    let state = state();
    let large = entry("large", 100);
    tell(&state, &Event::Started { entry: &large });
    let error = StoreError::new(ErrorKind::Changed, "changed");
    let key = &large.key;
    tell(&state, &Event::Failed { key, error: &error });
    let now = state.snapshot();
    assert_eq!((now.large.len(), now.failed, now.bytes.done), (0, 1, 0));
}

#[test]
fn the_few_largest_are_shown_in_an_order_that_stays() {
    let state = state();
    for (name, size) in [
        ("c", 10),
        ("a", 10),
        ("e", 99),
        ("d", 10),
        ("b", 50),
        ("f", 5),
    ] {
        let entry = entry(name, size);
        tell(&state, &Event::Started { entry: &entry });
        progress(&state, &entry, 1);
    }
    let now = state.snapshot();
    let names: Vec<_> = now.large.iter().map(|copy| copy.key.to_string()).collect();
    assert_eq!(names, ["e", "b", "a", "c"]);
    assert_eq!(now.bytes.done, 6, "those without a line count too");
}

#[test]
fn a_hundred_per_cent_are_reached_only_at_the_end() {
    let percent = |done, all| Share { done, all }.percent();
    assert_eq!(percent(999, 1000), 99);
    assert_eq!(percent(u64::MAX - 1, u64::MAX), 99);
    assert_eq!(percent(1000, 1000), 100);
    assert_eq!(percent(0, 0), 100);
}
