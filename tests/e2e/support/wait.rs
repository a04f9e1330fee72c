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
    let mut looks = 0;
    let found = poll(Duration::ZERO, || {
        looks += 1;
        (looks == 9).then_some(looks)
    });
    assert_eq!((found, looks > 1), (None, true));
    assert_eq!(poll(LIMIT, || Some(1)), Some(1));
}
