//! What was found ahead of the walk, what is being looked at, and what is next.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::fs::FileType;

use super::id::Id;
use super::limits::WINDOW;
use crate::list::look::Found;
use crate::list::names::Names;

/// A look that a thread has to take.
#[derive(Debug)]
pub(super) struct Task {
    directory: Id,
    index: usize,
    pub(super) handle: Arc<OwnedFd>,
    pub(super) path: Vec<u8>,
    pub(super) leaf: usize,
    pub(super) kind: FileType,
}

#[derive(Debug)]
pub(super) struct State {
    directories: HashMap<Id, Directory>,
    /// Those with names that nobody has looked at, by the path of the first of them:
    /// in key order.
    queue: BTreeMap<Vec<u8>, Id>,
    last: u64,
    /// Directories opened, or being opened, that the walk has not come to.
    opened: usize,
    most_opened: usize,
    /// Threads without work.
    pub(super) idle: usize,
    /// What the walk waits for.
    awaited: Option<(Id, usize)>,
    ended: bool,
}

#[derive(Debug)]
struct Directory {
    path: String,
    handle: Arc<OwnedFd>,
    names: Arc<Names>,
    /// The first name that the walk has not come to.
    next: usize,
    /// Of the names from there on, as far as somebody looks at them.
    slots: VecDeque<Slot>,
    /// How many of these are directories that count as opened.
    opened: usize,
}

#[derive(Debug)]
enum Slot {
    UnderWay,
    Found(Found),
    /// The walk has to look itself.
    Nothing,
}

impl State {
    pub(super) fn new(most_opened: usize) -> Self {
        Self {
            directories: HashMap::new(),
            queue: BTreeMap::new(),
            last: 0,
            opened: 0,
            most_opened,
            idle: 0,
            awaited: None,
            ended: false,
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Nothing is looked at any more.
    pub(super) fn end(&mut self) {
        self.ended = true;
        self.queue.clear();
        self.directories.clear();
    }

    pub(super) fn add(
        &mut self,
        path: String,
        handle: Arc<OwnedFd>,
        names: Arc<Names>,
        next: usize,
    ) -> Id {
        self.last += 1;
        let id = Id(self.last);
        let directory = Directory {
            path,
            handle,
            names,
            next,
            slots: VecDeque::new(),
            opened: 0,
        };
        self.directories.insert(id, directory);
        self.queue(id);
        id
    }

    /// Forgets a directory, with those that were opened ahead in it.
    pub(super) fn remove(&mut self, id: Id) {
        self.unqueue(id);
        if let Some(directory) = self.directories.remove(&id) {
            directory
                .slots
                .into_iter()
                .for_each(|slot| self.forget(slot));
        }
    }

    fn forget(&mut self, slot: Slot) {
        if let Slot::Found(Found::Directory(opened)) = slot {
            self.opened -= 1;
            opened.ahead.into_iter().for_each(|id| self.remove(id));
        }
    }

    /// The directory in which the first look is that may be taken.
    pub(super) fn first(&self) -> Option<Id> {
        let free = self.most_opened.saturating_sub(self.opened);
        let may_begin = |id: &Id| self.directories.get(id)?.may_begin(free).then_some(*id);
        self.queue.values().find_map(may_begin)
    }

    /// Begins the first look that may be taken.
    pub(super) fn begin(&mut self) -> Option<Task> {
        let id = self.first()?;
        self.unqueue(id);
        let directory = self.directories.get_mut(&id)?;
        let index = directory.begun();
        let (name, kind) = directory.names.get(index)?;
        let task = Task {
            directory: id,
            index,
            handle: Arc::clone(&directory.handle),
            path: [directory.path.as_bytes(), name].concat(),
            leaf: directory.path.len(),
            kind,
        };
        directory.slots.push_back(Slot::UnderWay);
        if kind == FileType::Directory {
            directory.opened += 1;
            self.opened += 1;
        }
        self.queue(id);
        Some(task)
    }

    /// Stores what a look has found; says whether the walk waits for it.
    pub(super) fn finish(&mut self, task: &Task, mut found: Option<Found>) -> bool {
        let id = task.directory;
        let slot = self
            .directories
            .get_mut(&id)
            .and_then(|directory| directory.slot(task.index));
        // The walk may have passed it, or left the directory, or ended.
        if slot.is_none() {
            found = None;
        }
        if let Some(Found::Directory(opened)) = &mut found {
            let path = String::from_utf8_lossy(&task.path).into_owned() + "/";
            let (handle, names) = (Arc::clone(&opened.handle), Arc::clone(&opened.names));
            opened.ahead = Some(self.add(path, handle, names, 0));
        }
        let not_opened = usize::from(task.kind == FileType::Directory && found.is_none());
        self.opened -= not_opened;
        if let Some(directory) = self.directories.get_mut(&id) {
            directory.opened -= not_opened;
            if let Some(slot) = directory.slot(task.index) {
                *slot = found.map_or(Slot::Nothing, Slot::Found);
            }
        }
        self.awaited == Some((id, task.index))
    }

    /// Whether somebody is looking at this name, for which the walk then waits.
    pub(super) fn is_under_way(&mut self, id: Id, index: usize) -> bool {
        let slot = self
            .directories
            .get_mut(&id)
            .and_then(|directory| directory.slot(index));
        let is_under_way = matches!(slot, Some(Slot::UnderWay));
        self.awaited = is_under_way.then_some((id, index));
        is_under_way
    }

    /// Moves the walk past the name `index`; returns what was found there.
    pub(super) fn take(&mut self, id: Id, index: usize) -> Option<Found> {
        // Then the walk takes the first look that nobody has begun.
        let is_first = self.directories.get(&id)?.begun() <= index;
        if is_first {
            self.unqueue(id);
        }
        let mut slot = None;
        while let Some(directory) = self.directories.get_mut(&id)
            && directory.next <= index
        {
            let next = directory.pass();
            if let Some(unasked) = std::mem::replace(&mut slot, next) {
                self.forget(unasked);
            }
        }
        if is_first {
            self.queue(id);
        }
        let Some(Slot::Found(found)) = slot else {
            return None;
        };
        self.opened -= usize::from(matches!(found, Found::Directory(_)));
        Some(found)
    }

    fn queue(&mut self, id: Id) {
        if let Some(path) = self.directories.get(&id).and_then(Directory::first) {
            self.queue.insert(path, id);
        }
    }

    fn unqueue(&mut self, id: Id) {
        if let Some(path) = self.directories.get(&id).and_then(Directory::first) {
            self.queue.remove(&path);
        }
    }
}

impl Directory {
    /// The first name that nobody has looked at.
    fn begun(&self) -> usize {
        self.next + self.slots.len()
    }

    /// Its path, as it is sorted.
    fn first(&self) -> Option<Vec<u8>> {
        let name = self.names.sorted_as(self.begun())?;
        Some([self.path.as_bytes(), name].concat())
    }

    /// Whether it may be looked at, with so many handles free.
    fn may_begin(&self, free: usize) -> bool {
        let is_directory =
            || (self.names.get(self.begun())).is_some_and(|(_, kind)| kind == FileType::Directory);
        self.slots.len() < WINDOW && (self.opened < free || !is_directory())
    }

    fn slot(&mut self, index: usize) -> Option<&mut Slot> {
        self.slots.get_mut(index.checked_sub(self.next)?)
    }

    /// Moves the walk past one name.
    fn pass(&mut self) -> Option<Slot> {
        self.next += 1;
        let slot = self.slots.pop_front();
        self.opened -= usize::from(matches!(slot, Some(Slot::Found(Found::Directory(_)))));
        slot
    }
}

#[cfg(test)]
impl State {
    /// Looks that were taken, and names of directories that were opened. Panics if there
    /// are more of either than there may be.
    pub(super) fn entries_within_bounds(&self) -> usize {
        let slots = self.directories.values().flat_map(|directory| {
            assert!(directory.slots.len() <= WINDOW);
            &directory.slots
        });
        let opened: Vec<usize> = slots
            .clone()
            .filter_map(|slot| match slot {
                Slot::Found(Found::Directory(opened)) => Some(opened.names.len()),
                _ => None,
            })
            .collect();
        assert!(opened.len() <= self.most_opened, "{}", opened.len());
        assert!(opened.iter().all(|names| *names <= WINDOW));
        assert_eq!(opened.len(), self.opened, "all have been looked at");
        slots.count().max(opened.iter().sum())
    }
}
