//! Bytes that are lost or damaged on their way (cases 24 and 27): what arrives
//! is what was sent, or nothing.

use s3_endpoint::{Action, Fault};

use crate::support::{Dir, Memory, World, assert_same, content::mebibytes, run::Run};

const MIB: u64 = 1 << 20;

/// An object, an old file in its place, and a file to delete.
fn with_an_old_file(memory: &Memory, object: Vec<u8>) -> (World<'_>, Dir) {
    let world = World::on(memory);
    world.bucket.put("film", object);
    let dir = world.tree("dir", &[("film", "the old one"), ("gone", "1")]);
    (world, dir)
}

fn restore(world: &World, dir: &Dir) -> Run {
    let run = world.restore(dir).one_by_one();
    run.args(["--max-attempts", "3"])
}

/// The ranges that were asked for, and by which condition.
fn ranges(memory: &Memory) -> Vec<(Option<String>, Option<String>)> {
    let asked = memory.asked("GetObject", "film").into_iter();
    let range = |entry: s3_endpoint::Entry| {
        let condition = entry.header("if-match").map(str::to_owned);
        (entry.range, condition)
    };
    asked.map(range).collect()
}

#[test]
fn a_body_that_breaks_is_continued_by_a_range_of_the_same_version() {
    let memory = Memory::start();
    let (world, dir) = with_an_old_file(&memory, mebibytes(3, 1));
    let cut = |nth, bytes| {
        let get = Fault::on("GetObject").nth(nth);
        get.act(Action::CutBodyAfter(bytes))
    };
    memory.inject(cut(1, MIB));
    memory.inject(cut(2, MIB / 2));

    restore(&world, &dir).done();

    assert_same(&dir.files(), &world.bucket.objects());
    let etag = memory.object(&world.bucket.name, "film").unwrap().etag();
    let condition = Some(format!("\"{etag}\""));
    let (one, two, end) = (MIB, MIB + MIB / 2, 3 * MIB - 1);
    let expected = [
        (None, condition.clone()),
        (Some(format!("bytes={one}-{end}")), condition.clone()),
        (Some(format!("bytes={two}-{end}")), condition),
    ];
    assert_eq!(ranges(&memory), expected);
}

#[test]
fn a_part_that_breaks_is_continued_within_its_range() {
    let memory = Memory::start();
    let (world, dir) = with_an_old_file(&memory, mebibytes(11, 1));
    let cut = Action::CutBodyAfter(2 * MIB);
    memory.inject(Fault::on("GetObject").nth(2).act(cut));

    restore(&world, &dir).done();

    assert_same(&dir.files(), &world.bucket.objects());
    let etag = memory.object(&world.bucket.name, "film").unwrap().etag();
    let range = |from: u64, to: u64| {
        let (from, last) = (from * MIB, to * MIB - 1);
        let range = Some(format!("bytes={from}-{last}"));
        (range, Some(format!("\"{etag}\"")))
    };
    let expected = [range(0, 5), range(5, 10), range(7, 10), range(10, 11)];
    assert_eq!(ranges(&memory), expected);
}

#[test]
fn a_body_that_always_breaks_is_named_and_the_old_file_stays() {
    for size in [3, 11] {
        let memory = Memory::start();
        let (world, dir) = with_an_old_file(&memory, mebibytes(size, 1));
        let before = dir.snapshot();
        let cut = Action::CutBodyAfter(1000);
        memory.inject(Fault::on("GetObject").always().act(cut));
        restore(&world, &dir).exits(3).says("'film'");
        assert_same(&dir.snapshot(), &before);
    }
}

/// As a line or a proxy does it, that TCP's own sum does not notice.
#[test]
fn a_bit_flipped_in_a_body_is_noticed_and_the_object_read_again() {
    let memory = Memory::start();
    let (world, dir) = with_an_old_file(&memory, mebibytes(3, 1));
    let flip = Action::FlipBit { offset: 2 * MIB };
    memory.inject(Fault::on("GetObject").act(flip));

    restore(&world, &dir).done();

    assert_same(&dir.files(), &world.bucket.objects());
    assert_eq!(memory.story(), ["GetObject film 200"; 2]);
}

#[test]
fn a_bit_flipped_in_a_body_that_was_continued_is_noticed_too() {
    let memory = Memory::start();
    let (world, dir) = with_an_old_file(&memory, mebibytes(3, 1));
    let first = Fault::on("GetObject").nth(1);
    memory.inject(first.act(Action::CutBodyAfter(MIB)));
    let second = Fault::on("GetObject").nth(2);
    memory.inject(second.act(Action::FlipBit { offset: 100 }));

    restore(&world, &dir).done();

    assert_same(&dir.files(), &world.bucket.objects());
    let story = [
        "GetObject film 200",
        "GetObject film 206",
        "GetObject film 200",
    ];
    assert_eq!(memory.story(), story);
}

#[test]
fn a_bit_flipped_in_one_of_several_parts_is_noticed_and_the_object_read_again() {
    let memory = Memory::start();
    let (world, dir) = with_an_old_file(&memory, mebibytes(11, 1));
    let second = Fault::on("GetObject").nth(2);
    memory.inject(second.act(Action::FlipBit { offset: 100 }));

    restore(&world, &dir).done();

    assert_same(&dir.files(), &world.bucket.objects());
    let downloads = memory.asked("GetObject", "film");
    assert_eq!(downloads.len(), 6, "all three parts, twice");
}

#[test]
fn a_body_that_is_always_damaged_is_named_and_the_old_file_stays() {
    for size in [3, 11] {
        let memory = Memory::start();
        let (world, dir) = with_an_old_file(&memory, mebibytes(size, 1));
        let before = dir.snapshot();
        let flip = Action::FlipBit { offset: 7 };
        memory.inject(Fault::on("GetObject").always().act(flip));
        let outcome = restore(&world, &dir).exits(3).says("'film'");
        outcome.says("checksum");
        assert_same(&dir.snapshot(), &before);
    }
}

fn backup(world: &World, dir: &Dir) -> Run {
    let run = world.backup(dir).one_by_one();
    run.args(["--max-attempts", "2"])
}

/// With the payload signed or not: then only the checksum can tell.
#[test]
fn a_bit_flipped_in_an_upload_is_noticed_and_it_is_sent_again() {
    for (size, operation) in [(3, "PutObject"), (11, "UploadPart")] {
        for sign in ["always", "never"] {
            let memory = Memory::start();
            let (world, dir) = World::with_a_film(&memory, mebibytes(size, 1));
            let flip = Action::FlipReceivedBit { offset: MIB / 2 };
            memory.inject(Fault::on(operation).act(flip));

            let run = backup(&world, &dir).trusting();
            run.args(["--sign-payload", sign]).done();

            assert_same(&world.bucket.contents(), &dir.contents());
            assert_eq!(memory.open_uploads(&world.bucket.name), []);
            let sent = memory.asked(operation, "film");
            let states: Vec<_> = sent.iter().map(|entry| entry.status).collect();
            let mut expected = vec![Some(400), Some(200)];
            if size == 11 {
                expected.extend([Some(200); 2]);
            }
            assert_eq!(states, expected);
        }
    }
}

#[test]
fn an_upload_that_is_always_damaged_is_named_and_the_old_object_stays() {
    for (size, operation) in [(3, "PutObject"), (11, "UploadPart")] {
        let memory = Memory::start();
        let (world, dir) = World::with_a_film(&memory, mebibytes(size, 1));
        let objects = world.bucket.objects();
        let flip = Action::FlipReceivedBit { offset: MIB / 2 };
        memory.inject(Fault::on(operation).always().act(flip));

        backup(&world, &dir).exits(3).says("'film'");

        assert_same(&world.bucket.objects(), &objects);
        assert_eq!(memory.open_uploads(&world.bucket.name), []);
        assert_eq!(memory.count("DeleteObjects"), 0);
        // The next run completes.
        memory.clear_faults();
        backup(&world, &dir).done();
        assert_same(&world.bucket.contents(), &dir.contents());
    }
}
