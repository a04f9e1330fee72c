//! Work on many items that one thread has begun, shared with others where the
//! file system is slow.
//!
//! The thread never waits for another one to begin: it takes item after item
//! itself, and at the end waits for those that others have taken.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, mpsc};
use std::vec;

use parking_lot::Mutex;

use super::{Job, Jobs};

/// The items that no thread has taken yet, and what is done with each.
struct Shared<I, F> {
    items: Mutex<std::iter::Enumerate<vec::IntoIter<I>>>,
    work: F,
}

impl<I, F> Shared<I, F> {
    /// The next item, with its place, and how many there are after it.
    fn take(&self) -> Option<(usize, I, usize)> {
        let mut items = self.items.lock();
        let (place, item) = items.next()?;
        Some((place, item, items.len()))
    }
}

/// A job that takes items as long as there are any.
fn helper<I, T, S>(
    shared: &Arc<Shared<I, impl Fn(&mut S, I) -> T + Send + Sync + 'static>>,
    sender: &mpsc::Sender<(usize, std::thread::Result<T>)>,
) -> Job
where
    I: Send + 'static,
    T: Send + 'static,
    S: Default,
{
    let (shared, sender) = (Arc::clone(shared), sender.clone());
    Box::new(move || {
        let mut own = S::default();
        while let Some((place, item, _)) = shared.take() {
            let result = catch_unwind(AssertUnwindSafe(|| (shared.work)(&mut own, item)));
            // The other end may have panicked.
            let _ = sender.send((place, result));
        }
    })
}

impl Jobs {
    /// The results of `work` on each of `items`, in their order. Each thread has
    /// an `S` of its own, which `work` may use from one item to the next.
    pub(crate) fn spread<I, T, S>(
        &self,
        items: Vec<I>,
        work: impl Fn(&mut S, I) -> T + Send + Sync + 'static,
    ) -> Vec<T>
    where
        I: Send + 'static,
        T: Send + 'static,
        S: Default,
    {
        let count = items.len();
        let shared = Arc::new(Shared {
            items: Mutex::new(items.into_iter().enumerate()),
            work,
        });
        let (sender, receiver) = mpsc::channel();
        let (mut own, mut done, mut helpers) = (S::default(), Vec::with_capacity(count), 0);
        while let Some((place, item, rest)) = shared.take() {
            // It may have turned out just now that the file system is slow.
            let wanted = rest.div_ceil(2).min(self.helpers());
            while helpers < wanted {
                helpers += 1;
                self.start_first(helper(&shared, &sender));
            }
            done.push((place, (shared.work)(&mut own, item)));
        }
        while done.len() < count
            && let Ok((place, result)) = receiver.recv()
        {
            done.push((place, result.unwrap_or_else(|panic| resume_unwind(panic))));
        }
        done.sort_unstable_by_key(|(place, _)| *place);
        done.into_iter().map(|(_, result)| result).collect()
    }
}
