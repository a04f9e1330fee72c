//! What both stores of a simulation share: the clock, the random numbers, the
//! weather, the other program that writes meanwhile, and the judge.

use std::sync::{Arc, Mutex, MutexGuard};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use sync_core::testing::MemoryStore;
use sync_core::{ErrorKind, Key, Result, Side, StoreError};

use super::judge::Judge;
use super::world::{NO_PATHS, PATHS, SIZES, Weather, World, body, in_the_way, old_time};
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
    now: DateTime<Utc>,
    versions: u64,
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

    fn fill(&self) {
        for side in [Side::Source, Side::Target] {
            let entries = self.state().random.pick(&[0, 1, 3, 5, 7]);
            for _ in 0..entries {
                let name = self.name(side);
                self.write(side, name, true);
            }
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
        if !state.random.chance(errors) {
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
            ErrorKind::Other,
            ErrorKind::NoSpace,
            ErrorKind::Credentials,
        ]);
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

    /// The other program changes something.
    pub(super) fn meddle(&self) {
        let (side, action) = {
            let mut state = self.state();
            state.foreign += 1;
            let side = state.random.pick(&[Side::Source, Side::Target]);
            (side, state.random.below(10))
        };
        let name = self.name(side);
        let there: Vec<String> = self.store(side).contents().into_keys().collect();
        match action {
            0..5 => self.write(side, name, false),
            5..8 => {
                if let Some(name) = self.any_of(&there) {
                    self.remove(side, &name);
                }
            }
            _ => {
                if let Some(from) = self.any_of(&there) {
                    self.rename(side, &from, name);
                }
            }
        }
    }

    fn any_of(&self, names: &[String]) -> Option<String> {
        let mut state = self.state();
        (!names.is_empty()).then(|| names[state.random.below(names.len())].clone())
    }

    fn name(&self, side: Side) -> &'static str {
        let mut state = self.state();
        let is_bucket = state.world.files_are() != side;
        if is_bucket && state.random.chance(60) {
            state.random.pick(&NO_PATHS)
        } else {
            state.random.pick(&PATHS)
        }
    }

    /// Another program's writing; `early` means before everything began.
    fn write(&self, side: Side, name: &'static str, early: bool) {
        let store = self.store(side);
        if !self.has_room(side, name) {
            return;
        }
        let (body, modified) = {
            let mut state = self.state();
            state.versions += 1;
            let size = state.random.pick(&SIZES);
            let is_file = state.world.files_are() == side;
            let modified = if early || (is_file && state.random.chance(150)) {
                old_time(&mut state.random)
            } else if is_file {
                state.now - state.world.clock_offset.unwrap_or_default()
            } else {
                state.now.trunc_subsecs(0)
            };
            (body(state.versions, size), modified)
        };
        store.insert(name, body, modified);
        self.saw(side, name);
    }

    fn remove(&self, side: Side, name: &str) {
        self.store(side).remove(name);
        self.saw(side, name);
    }

    /// At once, as a file system does it.
    fn rename(&self, side: Side, from: &str, to: &str) {
        let store = self.store(side);
        let Some(object) = store.snapshot().remove(from) else {
            return;
        };
        if from == to || !self.has_room(side, to) {
            return;
        }
        store.remove(from);
        store.insert(to, object.body, object.modified);
        self.saw(side, from);
        self.saw(side, to);
    }

    /// Whether `name` fits in, after what is in its way was removed, or not.
    fn has_room(&self, side: Side, name: &str) -> bool {
        let world = self.world();
        if side == Side::Target && !world.target_accepts(name) {
            return false;
        }
        if world.files_are() != side {
            return true;
        }
        let in_the_way = in_the_way(self.store(side), name);
        let removes = self.state().random.chance(500);
        if removes {
            in_the_way.iter().for_each(|name| self.remove(side, name));
        }
        removes || in_the_way.is_empty()
    }

    /// Tells the judge what the other program has left under `name`.
    fn saw(&self, side: Side, name: &str) {
        let object = self.store(side).snapshot().remove(name);
        self.state().judge.foreign_change(side, name, object);
    }
}
