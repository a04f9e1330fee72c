//! What is being copied changes meanwhile: a file while it is uploaded (case
//! 18), an object while it is downloaded (case 25). Never a mixture.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::Path,
    time::Duration,
};

use s3_endpoint::{Action, Fault};

use crate::support::{
    Content, Dir, Memory, World, assert_same,
    content::{map, mebibytes},
    faults::{puts, works_on},
    times::{LONG_AGO, at, to_system},
};

/// What becomes of a file while it is uploaded.
#[derive(Debug, Clone, Copy)]
enum Change {
    Grows,
    Shrinks,
    /// At the same size, with its time set back.
    IsRewritten,
    /// By a rename over it, of the same size and time.
    IsReplaced,
}

const CHANGES: [Change; 4] = [
    Change::Grows,
    Change::Shrinks,
    Change::IsRewritten,
    Change::IsReplaced,
];

impl Change {
    /// The content that it leads to.
    fn content(self, version: u64) -> Vec<u8> {
        let size = match self {
            Self::Grows => 11 + version,
            Self::Shrinks => 11 - version,
            Self::IsRewritten | Self::IsReplaced => 11,
        };
        mebibytes(size, version)
    }

    fn apply(self, path: &Path, version: u64) {
        let content = self.content(version);
        match self {
            Self::Grows | Self::Shrinks => fs::write(path, content).unwrap(),
            Self::IsRewritten => write_long_ago(path, &content),
            Self::IsReplaced => {
                let beside = path.parent().unwrap().with_extension("beside");
                write_long_ago(&beside, &content);
                fs::rename(beside, path).unwrap();
            }
        }
    }
}

fn write_long_ago(path: &Path, content: &[u8]) {
    fs::write(path, content).unwrap();
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(to_system(at(LONG_AGO))).unwrap();
}

#[test]
fn a_file_that_changes_while_it_is_uploaded_goes_up_in_its_new_version() {
    for change in CHANGES {
        let memory = Memory::start();
        let (world, dir) = World::with_a_film(&memory, mebibytes(11, 0));
        let work = works_on(dir.join("film"), move |path| change.apply(path, 1));
        memory.inject(Fault::on("UploadPart").act(work));

        world.backup(&dir).trusting().one_by_one().done();

        assert_same(&dir.contents(), &one("film", change.content(1)));
        assert_same(&world.bucket.contents(), &dir.contents());
        assert_eq!(memory.open_uploads(&world.bucket.name), [], "{change:?}");
        let story = memory.story();
        let begun = [
            "CreateMultipartUpload film 200",
            "UploadPart film 200",
            "AbortMultipartUpload film 204",
            "CreateMultipartUpload film 200",
        ];
        assert_eq!(story[..4], begun, "{change:?}");
        assert_eq!(memory.count("CompleteMultipartUpload"), 1, "{change:?}");
    }
}

#[test]
fn a_file_that_keeps_changing_is_named_and_the_old_object_stays() {
    for change in CHANGES {
        let memory = Memory::start();
        let (world, dir) = World::with_a_film(&memory, mebibytes(11, 0));
        let objects = world.bucket.objects();
        for version in [1, 2] {
            let path = dir.join("film");
            let work = works_on(path, move |path| change.apply(path, version));
            memory.inject(Fault::on("UploadPart").nth(version).act(work));
        }

        world.backup(&dir).one_by_one().exits(3).says("'film'");

        assert_same(&world.bucket.objects(), &objects);
        let begun = ["CreateMultipartUpload film 200", "UploadPart film 200"];
        let aborted = ["AbortMultipartUpload film 204"];
        // What may only have grown is known to be rewritten when it is read for
        // the second time.
        let rest: &[&str] = match change {
            Change::Grows => &["UploadPart film 200", "UploadPart film 200"],
            _ => &[],
        };
        let story = [&begun[..], &aborted, &begun, rest, &aborted].concat();
        assert_eq!(memory.story(), story, "{change:?}");
    }
}

#[test]
fn a_file_that_vanishes_while_it_is_uploaded_is_named_and_the_old_object_stays() {
    let memory = Memory::start();
    let (world, dir) = World::with_a_film(&memory, mebibytes(11, 0));
    dir.write("other", "x");
    let objects = world.bucket.objects();
    let removed = works_on(dir.join("film"), |path| fs::remove_file(path).unwrap());
    memory.inject(Fault::on("UploadPart").act(removed));

    world.backup(&dir).one_by_one().exits(3).says("'film'");

    let mut expected = objects;
    let other = world.bucket.objects()["other"].clone();
    expected.insert("other".into(), other);
    assert_same(&world.bucket.objects(), &expected);
    assert_eq!(memory.open_uploads(&world.bucket.name), []);
    assert_eq!(memory.count("CompleteMultipartUpload"), 0);
}

/// The last part is on its way, so nothing is left to be read.
#[test]
fn a_file_that_changes_during_its_last_part_goes_up_in_its_new_version() {
    let memory = Memory::start();
    let (world, dir) = World::with_a_film(&memory, mebibytes(11, 0));
    let edit = works_on(dir.join("film"), |path| Change::Grows.apply(path, 1));
    memory.inject(Fault::on("UploadPart").nth(3).act(edit));
    world.backup(&dir).one_by_one().done();
    assert_same(&world.bucket.contents(), &dir.contents());
    assert_eq!(memory.open_uploads(&world.bucket.name), []);
}

/// What is committed is what was there, whole; but the file is looked at once
/// more when its object is there.
#[test]
fn a_file_that_changes_during_the_completion_goes_up_again_at_once() {
    type Edit = fn(&Path);
    let grows: Edit = |path| {
        Change::Grows.apply(path, 1);
        File::options()
            .write(true)
            .open(path)
            .unwrap()
            .set_modified(to_system(at(LONG_AGO)))
            .unwrap();
    };
    let is_rewritten: Edit = |path| fs::write(path, mebibytes(11, 1)).unwrap();
    for edit in [grows, is_rewritten] {
        let memory = Memory::start();
        let (world, dir) = World::with_a_film(&memory, mebibytes(11, 0));
        let edit = works_on(dir.join("film"), edit);
        memory.inject(Fault::on("CompleteMultipartUpload").act(edit));
        world.backup(&dir).trusting().one_by_one().done();
        assert_same(&world.bucket.contents(), &dir.contents());
        assert_eq!(memory.count("CompleteMultipartUpload"), 2);
    }
}

/// The edit is older than the object, and of the same size: by the rule no
/// later run would ever see it.
#[test]
fn an_edit_while_the_request_is_on_its_way_is_not_lost() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "before")]);
    let edit = works_on(dir.join("a"), |path| fs::write(path, "after.").unwrap());
    memory.inject(Fault::on("PutObject").act(edit));
    memory.inject(Fault::on("PutObject").act(Action::Stall(Duration::from_millis(1500))));

    world.backup(&dir).trusting().done();

    assert_same(&world.bucket.contents(), &map(&[("a", "after.")]));
    assert_eq!(memory.count("PutObject"), 2);
}

/// What somebody else has made of the object meanwhile is not overwritten.
#[test]
fn an_object_that_is_replaced_before_the_file_is_copied_again_is_left_alone() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "before")]);
    let edit = works_on(dir.join("a"), |path| fs::write(path, "after.").unwrap());
    memory.inject(Fault::on("PutObject").act(edit));
    memory.inject(Fault::on("HeadObject").act(puts(&world, "a", "theirs")));

    let outcome = world.backup(&dir).trusting().exits(3);

    outcome.says("'a' has changed").says("another writer");
    assert_same(&world.bucket.contents(), &map(&[("a", "theirs")]));
}

fn one(name: &str, content: Vec<u8>) -> BTreeMap<String, Content> {
    [(name.to_owned(), Content::from(content))].into()
}

/// An object, an old file in its place, and a file to delete.
fn with_an_object(memory: &Memory, size: u64) -> (World<'_>, Dir) {
    let world = World::on(memory);
    world.bucket.put("film", mebibytes(size, 0));
    let dir = world.tree("dir", &[("film", "the old one"), ("gone", "1")]);
    (world, dir)
}

/// In one piece that breaks, or in parts: the second request finds another
/// object of the same size.
#[test]
fn an_object_that_is_replaced_while_it_is_downloaded_comes_in_its_new_version() {
    for size in [3, 11] {
        let memory = Memory::start();
        let (world, dir) = with_an_object(&memory, size);
        if size == 3 {
            memory.inject(Fault::on("GetObject").act(Action::CutBodyAfter(1 << 20)));
        }
        let theirs = puts(&world, "film", mebibytes(size, 1));
        memory.inject(Fault::on("GetObject").nth(2).act(theirs));

        world.restore(&dir).one_by_one().done();

        assert_same(&dir.contents(), &one("film", mebibytes(size, 1)));
        assert_same(&dir.files(), &world.bucket.objects());
        let story = memory.story();
        let first = if size == 3 { 200 } else { 206 };
        assert_eq!(story[0], format!("GetObject film {first}"));
        assert_eq!(story[1], "GetObject film 412");
        assert_eq!(story[2], "HeadObject film 200");
    }
}

#[test]
fn an_object_that_keeps_being_replaced_is_named_and_the_old_file_stays() {
    for size in [3, 11] {
        let memory = Memory::start();
        let (world, dir) = with_an_object(&memory, size);
        let before = dir.snapshot();
        for nth in [1, 2] {
            let theirs = puts(&world, "film", mebibytes(size, nth));
            memory.inject(Fault::on("GetObject").nth(nth).act(theirs));
        }

        world.restore(&dir).one_by_one().exits(3).says("'film'");

        assert_same(&dir.snapshot(), &before);
        let story = ["GetObject film 412", "HeadObject film 200"];
        assert_eq!(memory.story()[..2], story);
        assert_eq!(memory.count("GetObject"), 2);
        memory.clear_faults();
        world.restore(&dir).one_by_one().done();
        assert_same(&dir.files(), &world.bucket.objects());
    }
}

#[test]
fn an_object_that_vanishes_while_it_is_downloaded_is_named_and_the_old_file_stays() {
    let memory = Memory::start();
    let (world, dir) = with_an_object(&memory, 11);
    let before = dir.snapshot();
    let bucket = world.bucket.name.clone();
    let removed = Action::run(move |state| drop(state.remove(&bucket, "film")));
    memory.inject(Fault::on("GetObject").nth(2).act(removed));
    world.restore(&dir).one_by_one().exits(3).says("'film'");
    assert_same(&dir.snapshot(), &before);
}

/// As a log, to which lines are added all the time.
mod growing {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    const LINE: &[u8] = b"one more line\n";

    /// Adds to the file at each request for one of its parts, and at the end.
    fn log(memory: &Memory, world: &World, size: u64) -> (Dir, Arc<Mutex<Vec<u8>>>) {
        world.bucket.put("gone", "1");
        let dir = world.dir("dir");
        let content = mebibytes(size, 0);
        dir.write("a.log", content.clone());
        dir.write("small", "2");
        let all = Arc::new(Mutex::new(content));
        for operation in [
            "PutObject",
            "UploadPart",
            "CompleteMultipartUpload",
            "HeadObject",
        ] {
            for nth in 1..20 {
                let all = Arc::clone(&all);
                let adds = works_on(dir.join("a.log"), move |path| {
                    let mut file = File::options().append(true).open(path).unwrap();
                    file.write_all(LINE).unwrap();
                    all.lock().unwrap().extend(LINE);
                });
                memory.inject(Fault::on(operation).key("a.log").nth(nth).act(adds));
            }
        }
        (dir, all)
    }

    #[test]
    fn a_file_that_is_added_to_all_the_time_is_saved_as_it_was_at_a_moment() {
        for size in [0, 1, 11, 21] {
            let memory = Memory::start();
            let world = World::on(&memory);
            let (dir, all) = log(&memory, &world, size);

            let outcome = world.backup(&dir).arg("-v").one_by_one().done();

            outcome
                .says("growing                 1  (saved as they were at a moment)")
                .says("a.log  (added to while it was copied");
            let objects = world.bucket.contents();
            assert_eq!(objects.len(), 2, "what is gone was deleted");
            let saved = &objects["a.log"].0;
            let all = all.lock().unwrap();
            assert!(all.starts_with(saved) && all.len() > saved.len(), "{size}");
            assert!(saved.len() as u64 >= size << 20);
            assert_eq!((all.len() - saved.len()) % LINE.len(), 0);
            // One that is long goes up twice at most.
            let story = memory.story();
            let completed = |line: &&String| *line == "CompleteMultipartUpload a.log 200";
            assert!(story.iter().filter(completed).count() <= 1, "{story:?}");
            drop(all);
            // Once nobody adds to it, the rest comes.
            memory.clear_faults();
            world.backup(&dir).done();
            assert_same(&world.bucket.contents(), &dir.contents());
        }
    }

    /// The same file, longer, but another beginning.
    #[test]
    fn a_file_that_is_longer_but_rewritten_is_not_taken_for_a_log() {
        let memory = Memory::start();
        let (world, dir) = World::with_a_film(&memory, mebibytes(11, 0));
        let objects = world.bucket.objects();
        for nth in 1..20 {
            let edit = works_on(dir.join("film"), move |path| {
                let mut content = fs::read(path).unwrap();
                content[0] ^= 1;
                content.extend(LINE);
                fs::write(path, content).unwrap();
            });
            memory.inject(Fault::on("UploadPart").nth(nth).act(edit));
        }
        world.backup(&dir).one_by_one().exits(3).says("'film'");
        assert_same(&world.bucket.objects(), &objects);
    }

    /// The same when the object is there: it is not what the file begins with.
    #[test]
    fn a_file_that_is_rewritten_and_longer_after_its_copy_goes_up_again() {
        let memory = Memory::start();
        let (world, dir) = World::with_a_film(&memory, mebibytes(11, 0));
        let edit = works_on(dir.join("film"), move |path| {
            let mut content = fs::read(path).unwrap();
            content[0] ^= 1;
            content.extend(LINE);
            fs::write(path, content).unwrap();
        });
        memory.inject(Fault::on("CompleteMultipartUpload").nth(1).act(edit));
        let outcome = world.backup(&dir).one_by_one().done();
        assert!(!outcome.stdout.contains("growing"), "{outcome}");
        assert_same(&world.bucket.contents(), &dir.contents());
    }
}
