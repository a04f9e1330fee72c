//! What both stores of a simulation share: the clock, the random numbers, the
//! weather, the other program that writes meanwhile, and the judge.

use std::sync::{Arc, Mutex, MutexGuard};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use sync_core::testing::MemoryStore;
use sync_core::{
    ErrorKind, Key, Result, StoreError,
    clock::{LONGEST_WAIT, Present},
    listing::Side,
};

use super::judge::Judge;
use super::world::{Weather, World};
use crate::support::{Random, Scheduler, noon};

/// Clones share everything.
#[derive(Clone)]
pub(super) struct Stage {
    pub(super) scheduler: Scheduler,
    pub(super) source: MemoryStore,
    pub(super) target: MemoryStore,
    state: Arc<Mutex<State>>,
}

pub(super) struct State {
    pub(super) random: Random,
    pub(super) world: World,
    pub(super) judge: Judge,
    pub(super) now: DateTime<Utc>,
    pub(super) versions: u64,
    /// How often the other program has changed something.
    pub(super) foreign: u64,
}

/// When an operation fails.
pub(super) enum Fault {
    /// Nothing has been done.
    Before(StoreError),
    /// It has been done, only the answer is lost.
    After(StoreError),
}

impl Stage {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let world = World::random(&mut random);
        let (source, target) = match world.files_are() {
            Side::Source if world.bucket_is_tree => {
                (MemoryStore::files(), MemoryStore::objects_in_directories())
            }
            Side::Source => (MemoryStore::files(), MemoryStore::objects()),
            Side::Target => (MemoryStore::objects(), MemoryStore::files()),
        };
        let stage = Self {
            scheduler: Scheduler::new(random.next()),
            source,
            target,
            state: Arc::new(Mutex::new(State {
                random,
                world,
                judge: Judge::default(),
                now: noon(0),
                versions: 0,
                foreign: 0,
            })),
        };
        stage.fill();
        stage
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(super) fn world(&self) -> World {
        self.state().world.clone()
    }

    pub(super) fn store(&self, side: Side) -> &MemoryStore {
        match side {
            Side::Source => &self.source,
            Side::Target => &self.target,
        }
    }

    /// Lets time pass, and other tasks and programs work.
    pub(super) async fn turn(&self) {
        self.state().now += TimeDelta::milliseconds(7);
        let foreign = {
            let mut state = self.state();
            let permille = state.world.weather.foreign;
            state.random.chance(permille)
        };
        if foreign {
            self.meddle();
        }
        self.scheduler.pause().await;
    }

    pub(super) fn rest(&self, seconds: i64) {
        self.state().now += TimeDelta::seconds(seconds);
    }

    /// How an entry is dated now: in a bucket by whole seconds, in a directory by
    /// its own clock.
    pub(super) fn present(&self, is_bucket: bool) -> Present {
        let state = self.state();
        let ahead = state.world.clock_offset.unwrap_or_default();
        let (now, lead) = if is_bucket {
            (state.now.trunc_subsecs(0), ahead.max(TimeDelta::zero()))
        } else {
            (state.now - ahead, TimeDelta::zero())
        };
        Present {
            earliest: now,
            latest: now,
            least_lead: lead,
            most_lead: lead,
            unit: TimeDelta::nanoseconds(1),
        }
    }

    /// Lets as much time pass as it takes, if that is not too long.
    pub(super) fn wait_for(&self, moment: DateTime<Utc>, is_bucket: bool) {
        let earliest = self.present(is_bucket).earliest;
        if moment > earliest && moment - earliest <= LONGEST_WAIT {
            let mut state = self.state();
            let wait = moment - earliest + TimeDelta::nanoseconds(999_999_999);
            state.now = if is_bucket {
                (state.now.trunc_subsecs(0) + wait).trunc_subsecs(0)
            } else {
                state.now + (moment - earliest)
            };
        }
    }

    pub(super) fn become_calm(&self) {
        let mut state = self.state();
        state.world = state.world.calmed();
    }

    /// What a bucket would say that time it is: in whole seconds.
    pub(super) fn set_store_clock(&self, store: &MemoryStore) {
        store.set_clock(self.state().now.trunc_subsecs(0));
    }

    /// Whether and how the next operation fails.
    pub(super) fn fault(&self, operation: &str, key: &Key) -> Option<Fault> {
        let mut state = self.state();
        let Weather { errors, .. } = state.world.weather;
        // There are few of them, and much hangs on each.
        let times = if operation == "Commit" { 4 } else { 1 };
        if !state.random.chance(errors * times) {
            return None;
        }
        let kind = state.random.pick(&[
            ErrorKind::Unavailable,
            ErrorKind::Timeout,
            ErrorKind::Denied,
            ErrorKind::Changed,
            ErrorKind::Changed,
            ErrorKind::NotFound,
            ErrorKind::Corrupt,
            ErrorKind::Corrupt,
            ErrorKind::Other,
            ErrorKind::NoSpace,
            ErrorKind::Credentials,
        ]);
        state.judge.spoils(key.as_str());
        let error = StoreError::new(kind, format!("{operation} '{key}' fails by chance"));
        Some(if state.random.chance(500) {
            Fault::Before(error)
        } else {
            Fault::After(error)
        })
    }

    /// As [`Stage::fault`], for an operation without effect.
    pub(super) fn check(&self, operation: &str, key: &Key) -> Result<()> {
        match self.fault(operation, key) {
            None => Ok(()),
            Some(Fault::Before(error) | Fault::After(error)) => Err(error),
        }
    }
}
