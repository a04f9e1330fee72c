//! The other program: it fills both stores at the beginning, and later writes,
//! removes and renames in them whenever it likes.

use chrono::SubsecRound;
use sync_core::listing::Side;

use super::stage::Stage;
use super::world::{NO_PATHS, SIZES, body, in_the_way, old_time};

impl Stage {
    /// What both sides have at the beginning.
    pub(super) fn fill(&self) {
        for side in [Side::Source, Side::Target] {
            let entries = self.state().random.pick(&[0, 1, 3, 5, 7]);
            for _ in 0..entries {
                let name = self.name(side);
                self.write(side, name, true);
            }
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
        let is_bucket = state.world.files_are() != side && !state.world.bucket_is_tree;
        if is_bucket && state.random.chance(60) {
            state.random.pick(&NO_PATHS)
        } else {
            let paths = state.world.paths;
            state.random.pick(paths)
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
        if world.files_are() != side && !world.bucket_is_tree {
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
