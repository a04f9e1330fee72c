//! What overlaps where, and that every result belongs to its item. Where
//! threads wait for each other at a barrier, a test ends only if so many are at
//! work at once.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use futures::future::join_all;

use super::width::thread_clock;
use super::*;

impl Jobs {
    /// Those of a file system that has turned out to be slow.
    pub(crate) fn on_slow_file_system() -> Self {
        let jobs = Self::new(Width::new(2, 16));
        while jobs.width() < 16 {
            jobs.note(Waits::Mostly);
        }
        jobs
    }

    async fn run_all<T: Send + 'static>(
        &self,
        count: usize,
        work: impl Fn() -> T + Clone + Send + 'static,
    ) {
        let each = || {
            let work = work.clone();
            self.run(move || Ok(work()))
        };
        let done = join_all((0..count).map(|_| each())).await;
        assert!(done.iter().all(Result::is_ok));
    }
}

fn sleep() {
    thread::sleep(Duration::from_millis(5));
}

#[test]
fn the_width_follows_what_most_jobs_do() {
    let mut width = Width::new(4, 16);
    let mut note = |waits, count| {
        (0..count).for_each(|_| width.note(waits));
        width.get()
    };
    assert_eq!(note(Waits::Hardly, 1_000), 4);
    assert_eq!(note(Waits::Mostly, 7), 4, "too few");
    assert_eq!(note(Waits::Mostly, 1), 8);
    assert_eq!(note(Waits::Mostly, 1_000), 16);
    note(Waits::Mostly, 24);
    assert_eq!(note(Waits::Hardly, 8), 16, "three of four wait");
    assert_eq!(note(Waits::Hardly, 1_000), 4);
    for _ in 0..1_000 {
        note(Waits::Mostly, 1);
        assert_eq!(note(Waits::Hardly, 3), 4, "a few of them wait");
    }
}

#[tokio::test]
async fn quick_jobs_stay_in_few_threads() {
    let jobs = Jobs::new(Width::new(2, 16));
    let counts = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
    let shared = Arc::clone(&counts);
    let work = move || {
        let (now, most) = &*shared;
        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        now.fetch_sub(1, Ordering::SeqCst);
    };
    jobs.run_all(1_000, work).await;
    assert!(counts.1.load(Ordering::SeqCst) <= 2);
    assert_eq!((jobs.width(), jobs.helpers()), (2, 0));
}

/// As on a machine that has too much to do.
#[tokio::test]
async fn jobs_that_compute_for_long_stay_in_few_threads() {
    let jobs = Jobs::new(Width::new(2, 16));
    let compute = || {
        let begun = thread_clock();
        while thread_clock() - begun < Duration::from_millis(2) {}
    };
    jobs.run_all(40, compute).await;
    assert_eq!(jobs.width(), 2);
}

#[tokio::test]
async fn jobs_that_wait_get_more_threads_and_quick_ones_return_them() {
    let jobs = Jobs::new(Width::new(2, 16));
    jobs.run_all(40, sleep).await;
    assert_eq!(jobs.width(), 16);
    let all = Arc::new(Barrier::new(16));
    jobs.run_all(16, move || all.wait().is_leader()).await;
    jobs.run_all(1_000, || ()).await;
    assert_eq!(jobs.width(), 2);
}

#[tokio::test]
async fn jobs_that_wait_for_a_thread_get_one_when_it_turns_out_that_all_are_slow() {
    let jobs = Jobs::new(Width::new(2, 8));
    let all = Arc::new(Barrier::new(8));
    let waiting = jobs.run_all(8, move || all.wait().is_leader());
    let slow = jobs.clone();
    let slow = async move {
        let noted = tokio::task::spawn_blocking(move || {
            (0..100).for_each(|_| slow.note(Waits::Mostly));
        });
        noted.await.unwrap();
    };
    futures::join!(waiting, slow);
}

#[tokio::test]
async fn content_says_nothing_about_the_file_system() {
    let jobs = Jobs::new(Width::new(2, 16));
    for _ in 0..20 {
        let wait = || {
            sleep();
            Ok(())
        };
        jobs.run_unmeasured(wait).await.unwrap();
    }
    assert_eq!(jobs.width(), 2);
}

#[tokio::test]
async fn a_job_whose_caller_is_gone_is_not_begun_and_a_panic_costs_only_its_own() {
    let jobs = Jobs::new(Width::new(1, 1));
    let (begin, begun) = std::sync::mpsc::channel::<()>();
    let first = tokio::spawn({
        let jobs = jobs.clone();
        async move { jobs.run(move || Ok(begun.recv())).await }
    });
    tokio::task::yield_now().await;
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let gone = jobs.run(move || Ok(counted.fetch_add(1, Ordering::SeqCst)));
    // Polled once, so it waits, and dropped.
    assert!(futures::poll!(Box::pin(gone)).is_pending());
    let broken = jobs.run::<()>(|| panic!("a bug"));
    let last = jobs.run(|| Ok(7));
    begin.send(()).unwrap();
    let (broken, last) = futures::join!(broken, last);
    assert_eq!(broken.unwrap_err().kind(), ErrorKind::Stopped);
    assert_eq!(last.unwrap(), 7);
    assert_eq!(count.load(Ordering::SeqCst), 0);
    assert!(first.await.unwrap().is_ok());
}

#[test]
fn jobs_outlive_a_runtime() {
    let jobs = Jobs::new(Width::new(1, 1));
    let new = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.build().unwrap()
    };
    for number in 0..3 {
        let done = new().block_on(jobs.run(move || Ok(number)));
        assert_eq!(done.unwrap(), number);
    }
    // The runtime ends before it has begun anything.
    let runtime = new();
    let handle = runtime.handle().clone();
    runtime.shutdown_background();
    let entered = handle.enter();
    let late = futures::executor::block_on(jobs.run(|| Ok(1)));
    assert_eq!(late.unwrap_err().kind(), ErrorKind::Stopped);
    drop(entered);
    assert_eq!(new().block_on(jobs.run(|| Ok(2))).unwrap(), 2);
}

/// Spreads in a thread that may block.
async fn spread<T: Send + 'static>(
    jobs: &Jobs,
    items: Vec<usize>,
    work: impl Fn(&mut Vec<usize>, usize) -> T + Send + Sync + 'static,
) -> Vec<T> {
    let inner = jobs.clone();
    let spread = jobs.run_unmeasured(move || Ok(inner.spread(items, work)));
    spread.await.unwrap()
}

#[tokio::test]
async fn where_it_is_quick_one_thread_does_all_in_order() {
    let jobs = Jobs::new(Width::new(4, 16));
    let seen = spread(&jobs, (0..100).collect(), |seen, item| {
        seen.push(item);
        (thread::current().id(), seen.clone())
    })
    .await;
    assert!(seen.iter().all(|(thread, _)| *thread == seen[0].0));
    for (item, (_, seen)) in seen.into_iter().enumerate() {
        assert_eq!(seen, (0..=item).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn where_it_is_slow_several_threads_share_it_and_each_result_has_its_place() {
    let jobs = Jobs::on_slow_file_system();
    let four = Arc::new(Barrier::new(4));
    let work = move |_: &mut Vec<usize>, item: usize| {
        four.wait();
        item * 2
    };
    let done = spread(&jobs, (0..16).collect(), work).await;
    assert_eq!(done, (0..16).map(|item| item * 2).collect::<Vec<_>>());
}

/// Where the runtime has a single thread, it has to do all by itself.
#[test]
fn nobody_waits_for_a_thread_that_does_not_come() {
    let jobs = Jobs::on_slow_file_system();
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.max_blocking_threads(1).build().unwrap();
    let done = runtime.block_on(spread(&jobs, (0..16).collect(), |_, item| item));
    assert_eq!(done, (0..16).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_panic_of_one_thread_is_that_of_all() {
    let jobs = Jobs::on_slow_file_system();
    let two = Arc::new(Barrier::new(2));
    let inner = jobs.clone();
    let done = jobs.run(move || {
        Ok(inner.spread(vec![0, 1], move |(), _| {
            two.wait();
            panic!("a bug");
        }))
    });
    let error: StoreError = done.await.map(|_: Vec<()>| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Stopped);
}
