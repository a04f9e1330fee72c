//! What an event of the kernel says about keys.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use notify::event::{AccessKind, AccessMode, CreateKind, ModifyKind, RenameMode};
use notify::{Event, EventHandler, EventKind};
use sync_core::Selection;

use super::shared::{Shared, State};
use crate::watch::schedule::FullCause;

/// Turns events into changes. It runs on the thread of `notify`, which must not wait.
pub(super) struct Hints {
    root: PathBuf,
    shared: Arc<Shared>,
    selection: Arc<Selection>,
}

/// What has happened to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    /// Its content.
    Content,
    /// Its mode, owner or times.
    Attributes,
    /// A new directory is there.
    NewDirectory,
    /// Something was moved there.
    MovedHere,
    /// It is no longer there.
    Gone,
}

impl EventHandler for Hints {
    fn handle_event(&mut self, event: notify::Result<Event>) {
        match event {
            Ok(event) if event.need_rescan() => self.ask_full(FullCause::Overflow),
            Ok(event) => {
                if let Some(change) = change(&event.kind) {
                    event.paths.iter().for_each(|path| self.see(path, change));
                }
            }
            Err(_) => self.ask_full(FullCause::WatcherFailed),
        }
    }
}

/// What `kind` means; nothing if no content can have changed by it.
fn change(kind: &EventKind) -> Option<Change> {
    Some(match kind {
        EventKind::Create(CreateKind::Folder) => Change::NewDirectory,
        EventKind::Create(_)
        | EventKind::Modify(ModifyKind::Data(_) | ModifyKind::Any | ModifyKind::Other)
        | EventKind::Access(AccessKind::Close(AccessMode::Write)) => Change::Content,
        EventKind::Modify(ModifyKind::Metadata(_)) => Change::Attributes,
        EventKind::Modify(ModifyKind::Name(RenameMode::From)) | EventKind::Remove(_) => {
            Change::Gone
        }
        // Each side has an event of its own.
        EventKind::Modify(ModifyKind::Name(RenameMode::Both)) => return None,
        EventKind::Modify(ModifyKind::Name(_)) => Change::MovedHere,
        EventKind::Access(_) | EventKind::Any | EventKind::Other => return None,
    })
}

impl Hints {
    pub(super) fn new(root: PathBuf, shared: Arc<Shared>, selection: Arc<Selection>) -> Self {
        Self {
            root,
            shared,
            selection,
        }
    }

    fn ask_full(&self, cause: FullCause) {
        self.shared.note(|state| {
            state.full.get_or_insert(cause);
        });
    }

    fn see(&self, path: &Path, change: Change) {
        let Ok(below) = path.strip_prefix(&self.root) else {
            return;
        };
        match below.to_str() {
            Some("") if change == Change::Gone => self.ask_full(FullCause::RootReplaced),
            Some("") => {}
            Some(key) => self.see_key(key, path, change),
            None => self.see_nameless(below),
        }
    }

    fn see_key(&self, key: &str, path: &Path, change: Change) {
        let is_directory = || fs::symlink_metadata(path).is_ok_and(|found| found.is_dir());
        let comes = change == Change::NewDirectory || change == Change::MovedHere && is_directory();
        if comes && !self.selection.prunes(key) {
            self.shared.watch_later(key.to_owned());
        }
        if comes || self.selection.prunes(key) {
            return;
        }
        // It may have been a directory, of which a run has copied something.
        let is_gone = change == Change::MovedHere && fs::symlink_metadata(path).is_err();
        let mut look = false;
        self.shared.note(|state| match change {
            Change::Gone if state.forget_directory(key) => {
                state.touch_tree(key);
                // The name may have been given to another directory at once, whose watch
                // was removed because of this event.
                look = true;
            }
            // It may be readable now, and was not watched before.
            Change::Attributes if state.directories.contains(key) => {
                look = state.is_unreadable(key);
            }
            _ if is_gone => state.touch_tree(key),
            _ if self.selection.selects(key) => state.touch(key),
            _ => {}
        });
        if look && is_directory() {
            self.shared.watch_later(key.to_owned());
        }
    }

    /// A name that is not UTF-8 is no key: the directory above it is looked at, so that it
    /// is reported.
    fn see_nameless(&self, below: &Path) {
        let above = below.ancestors().skip(1).find_map(Path::to_str);
        self.shared.note(|state: &mut State| match above {
            None | Some("") => {
                state.full.get_or_insert(FullCause::NotUtf8);
            }
            Some(directory) => state.touch(&format!("{directory}/")),
        });
    }
}

#[cfg(test)]
mod tests {
    use notify::event::{DataChange, Flag, MetadataKind, RemoveKind};

    use super::*;
    use crate::watch::dirty::Changes;

    struct Scene {
        directory: tempfile::TempDir,
        shared: Arc<Shared>,
        hints: Hints,
    }

    fn scene() -> Scene {
        let directory = tempfile::tempdir().unwrap();
        let shared = Arc::new(Shared::new(1 << 20));
        let root = directory.path().to_owned();
        let hints = Hints::new(root, Arc::clone(&shared), Arc::default());
        Scene {
            directory,
            shared,
            hints,
        }
    }

    impl Scene {
        fn event(&mut self, kind: EventKind, name: &str) {
            let path = self.directory.path().join(name);
            self.hints.handle_event(Ok(Event::new(kind).add_path(path)));
        }

        #[track_caller]
        fn expect(&self, names: &[&str]) {
            let items = names.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(self.shared.lock().dirty.take(), Changes::Items(items));
        }
    }

    const GONE: EventKind = EventKind::Modify(ModifyKind::Name(RenameMode::From));
    const CAME: EventKind = EventKind::Modify(ModifyKind::Name(RenameMode::To));

    #[test]
    fn a_change_of_content_or_attributes_is_a_hint_and_reading_is_none() {
        let mut scene = scene();
        let data = EventKind::Modify(ModifyKind::Data(DataChange::Any));
        let mode = EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any));
        let closed = |mode| EventKind::Access(AccessKind::Close(mode));
        scene.event(data, "a");
        scene.event(mode, "b");
        scene.event(closed(AccessMode::Write), "c/d");
        scene.event(closed(AccessMode::Read), "e");
        scene.event(EventKind::Access(AccessKind::Open(AccessMode::Any)), "f");
        scene.expect(&["a", "b", "c/d"]);
    }

    #[test]
    fn a_directory_that_goes_is_looked_at_with_all_below_it_and_a_file_alone() {
        let mut scene = scene();
        let directories = ["d", "d/e", "d-f"].map(str::to_owned);
        scene.shared.lock().directories = directories.into();
        scene.event(GONE, "d");
        scene.event(EventKind::Remove(RemoveKind::File), "file");
        scene.expect(&["d", "d/", "file"]);
        assert_eq!(scene.shared.lock().directories.len(), 1);
    }

    #[test]
    fn a_directory_that_comes_is_watched_before_it_is_looked_at() {
        let mut scene = scene();
        fs::create_dir(scene.directory.path().join("moved")).unwrap();
        fs::write(scene.directory.path().join("file"), "").unwrap();
        scene.event(EventKind::Create(CreateKind::Folder), "new");
        scene.event(CAME, "moved");
        scene.event(CAME, "file");
        scene.event(CAME, "gone");
        scene.expect(&["file", "gone", "gone/"]);
        assert_eq!(scene.shared.next().as_deref(), Some("new"));
        assert_eq!(scene.shared.next().as_deref(), Some("moved"));
        assert!(scene.shared.is_behind());
    }

    #[test]
    fn dropped_events_and_a_root_that_goes_need_a_full_run() {
        let mut scene = scene();
        scene.event(EventKind::Remove(RemoveKind::Folder), "");
        assert_eq!(
            scene.shared.lock().full.take(),
            Some(FullCause::RootReplaced)
        );
        let overflow = Event::new(EventKind::Other).set_flag(Flag::Rescan);
        scene.hints.handle_event(Ok(overflow));
        assert_eq!(scene.shared.lock().full.take(), Some(FullCause::Overflow));
    }

    #[test]
    fn a_name_that_is_not_utf_8_is_left_to_the_listing_of_its_directory() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;
        let mut scene = scene();
        let path = scene
            .directory
            .path()
            .join("d")
            .join(OsStr::from_bytes(b"\xff"));
        let create = EventKind::Create(CreateKind::File);
        scene
            .hints
            .handle_event(Ok(Event::new(create).add_path(path)));
        scene.expect(&["d/"]);
        // A list cannot name the root.
        let path = scene.directory.path().join(OsStr::from_bytes(b"\xff"));
        scene
            .hints
            .handle_event(Ok(Event::new(create).add_path(path)));
        assert_eq!(scene.shared.lock().full.take(), Some(FullCause::NotUtf8));
    }
}
