//! Waiting for something that another process does, until a deadline.

use std::{
    thread,
    time::{Duration, Instant},
};

/// Far beyond what is waited for here; reached only when it never happens.
pub(crate) const LIMIT: Duration = Duration::from_secs(50);

const PAUSE: Duration = Duration::from_millis(5);

/// Calls `look` until it finds something, at most for `limit`.
pub(crate) fn poll<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let since = Instant::now();
    loop {
        let is_last = since.elapsed() > limit;
        let found = look();
        if found.is_some() || is_last {
            return found;
        }
        thread::sleep(PAUSE);
    }
}

#[test]
fn what_is_never_found_ends_at_the_limit_after_a_last_look() {
    let since = Instant::now();
    let mut last = Duration::ZERO;
    let found: Option<()> = poll(PAUSE * 3, || {
        last = since.elapsed();
        None
    });
    assert_eq!((found, last > PAUSE * 3), (None, true));
    let mut looks = 0..;
    assert_eq!(poll(LIMIT, || looks.next().filter(|&n| n == 2)), Some(2));
}
