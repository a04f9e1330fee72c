//! Answers that say less than happened, or something else: a 200 with errors
//! in it, and none at all (cases 8 and 28). No false success, no false failure.

use s3_endpoint::{Action, Fault};

use crate::support::{
    Dir, Memory, World, assert_same,
    content::{map, mebibytes},
    run::Run,
};

/// Three objects that a backup of the directory deletes.
fn with_objects_to_delete(memory: &Memory) -> (World<'_>, Dir) {
    let world = World::on(memory);
    for key in ["gone/a", "gone/b", "gone/c", "kept"] {
        world.bucket.put(key, "x");
    }
    let dir = world.tree("dir", &[("kept", "x")]);
    (world, dir)
}

/// DeleteObjects answers 200 and leaves these keys, in its `nth` request.
fn leaves(nth: u64, keys: &[&str], code: &str) -> Fault {
    let keys = keys.iter().copied();
    let faults = Fault::on("DeleteObjects").nth(nth);
    faults.act(Action::fail_keys(keys, code))
}

#[test]
fn keys_with_a_passing_error_are_deleted_in_another_round_and_only_they() {
    let memory = Memory::start();
    let (world, dir) = with_objects_to_delete(&memory);
    memory.inject(leaves(1, &["gone/a", "gone/c"], "InternalError"));
    memory.inject(leaves(2, &["gone/c"], "SlowDown"));

    world.backup(&dir).trusting().done();

    assert_same(&world.bucket.contents(), &dir.contents());
    assert_eq!(memory.story(), ["DeleteObjects 200"; 3]);
    let sizes: Vec<_> = memory
        .log()
        .iter()
        .filter(|entry| entry.operation == "DeleteObjects")
        .map(|entry| entry.bytes_in)
        .collect();
    assert!(sizes[0] > sizes[1] && sizes[1] > sizes[2], "{sizes:?}");
}

#[test]
fn a_key_that_still_fails_in_the_second_round_is_named_and_the_others_are_gone() {
    let memory = Memory::start();
    let (world, dir) = with_objects_to_delete(&memory);
    memory.inject(leaves(1, &["gone/a", "gone/b"], "InternalError"));
    memory.inject(leaves(2, &["gone/b"], "AccessDenied"));

    let outcome = world.backup(&dir).trusting().exits(3).says("'gone/b'");

    assert!(!outcome.stderr.contains("gone/a"), "{outcome}");
    assert_eq!(memory.story(), ["DeleteObjects 200"; 2]);
    let left = [("gone/b", "x"), ("kept", "x")];
    assert_same(&world.bucket.contents(), &map(&left));
    // The next run completes.
    world.backup(&dir).trusting().done();
    assert_same(&world.bucket.contents(), &dir.contents());
}

/// It passes, but not while anybody waits for it.
#[test]
fn a_key_whose_passing_error_outlasts_all_rounds_is_named_and_the_others_are_gone() {
    let memory = Memory::start();
    let (world, dir) = with_objects_to_delete(&memory);
    let slow = Action::fail_keys(["gone/b"], "SlowDown");
    memory.inject(Fault::on("DeleteObjects").always().act(slow));

    let outcome = world.backup(&dir).trusting().exits(3).says("'gone/b'");

    for other in ["gone/a", "gone/c"] {
        assert!(!outcome.stderr.contains(other), "{outcome}");
    }
    assert_eq!(memory.story(), ["DeleteObjects 200"; 5]);
    let left = [("gone/b", "x"), ("kept", "x")];
    assert_same(&world.bucket.contents(), &map(&left));
    // Once it has passed, the next run completes.
    memory.clear_faults();
    world.backup(&dir).trusting().done();
    assert_same(&world.bucket.contents(), &dir.contents());
}

#[test]
fn deletions_whose_answer_is_lost_are_no_failure() {
    let memory = Memory::start();
    let (world, dir) = with_objects_to_delete(&memory);
    memory.inject(Fault::on("DeleteObjects").act(Action::LoseAnswer));
    world.backup(&dir).done();
    assert_same(&world.bucket.contents(), &dir.contents());
}

fn backup(world: &World, dir: &Dir) -> Run {
    let run = world.backup(dir).trusting().one_by_one();
    run.args(["--max-attempts", "2"])
}

const UPLOAD: [&str; 4] = [
    "CreateMultipartUpload film 200",
    "UploadPart film 200",
    "UploadPart film 200",
    "UploadPart film 200",
];

/// The upload of the film, and what came after it.
fn upload_and(then: &[&str]) -> Vec<String> {
    UPLOAD.iter().chain(then).map(ToString::to_string).collect()
}

#[test]
fn a_completion_that_fails_inside_a_200_is_asked_for_again() {
    let memory = Memory::start();
    let (world, dir) = World::with_a_film(&memory, mebibytes(11, 1));
    memory.inject(
        Fault::on("CompleteMultipartUpload").act(Action::OkWithErrorBody {
            code: "InternalError".into(),
            message: "injected by the test".into(),
        }),
    );

    backup(&world, &dir).done();

    assert_same(&world.bucket.contents(), &dir.contents());
    assert_eq!(memory.open_uploads(&world.bucket.name), []);
    let completed = "CompleteMultipartUpload film 200";
    let story = upload_and(&[completed, completed, "DeleteObjects 200"]);
    assert_eq!(memory.story(), story);
}

#[test]
fn a_completion_that_always_fails_inside_a_200_is_no_success() {
    let memory = Memory::start();
    let (world, dir) = World::with_a_film(&memory, mebibytes(11, 1));
    let objects = world.bucket.objects();
    memory.inject(
        Fault::on("CompleteMultipartUpload")
            .always()
            .act(Action::OkWithErrorBody {
                code: "InternalError".into(),
                message: "injected by the test".into(),
            }),
    );

    backup(&world, &dir).exits(3).says("'film'");

    assert_same(&world.bucket.objects(), &objects);
    assert_eq!(memory.open_uploads(&world.bucket.name), []);
    assert_eq!(memory.count("DeleteObjects"), 0);
}

#[test]
fn a_completion_whose_answer_is_lost_is_settled_by_a_look() {
    let memory = Memory::start();
    let (world, dir) = World::with_a_film(&memory, mebibytes(11, 1));
    memory.inject(Fault::on("CompleteMultipartUpload").act(Action::LoseAnswer));

    backup(&world, &dir).done();

    assert_same(&world.bucket.contents(), &dir.contents());
    assert_eq!(memory.open_uploads(&world.bucket.name), []);
    let story = upload_and(&[
        "CompleteMultipartUpload film lost",
        "CompleteMultipartUpload film 404",
        "HeadObject film 200",
        "DeleteObjects 200",
    ]);
    assert_eq!(memory.story(), story);
    world.only_lists(|| backup(&world, &dir).done());
}

/// The first is done but its answer lost, so the second meets our own object.
#[test]
fn a_put_whose_answer_is_lost_is_settled_by_a_look() {
    for old in [None, Some("the old one")] {
        let memory = Memory::start();
        let world = World::on(&memory);
        if let Some(old) = old {
            world.bucket.put("a", old);
        }
        world.bucket.put("gone", "1");
        let dir = world.tree("dir", &[("a", "new")]);
        memory.inject(Fault::on("PutObject").act(Action::LoseAnswer));

        world.backup(&dir).trusting().done();

        assert_same(&world.bucket.contents(), &dir.contents());
        let story = [
            "PutObject a lost",
            "PutObject a 412",
            "HeadObject a 200",
            "DeleteObjects 200",
        ];
        assert_eq!(memory.story(), story);
    }
}

/// Even the last attempt's answer may be the one that is lost.
#[test]
fn a_put_whose_every_answer_is_lost_is_settled_by_a_look() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "new")]);
    memory.inject(Fault::on("PutObject").always().act(Action::LoseAnswer));
    world
        .backup(&dir)
        .trusting()
        .args(["--max-attempts", "1"])
        .done();
    assert_same(&world.bucket.contents(), &dir.contents());
    assert_eq!(memory.story(), ["PutObject a lost", "HeadObject a 200"]);
}

/// Nothing was done, and somebody else's object of the same size came between:
/// that is not ours.
#[test]
fn somebody_elses_object_is_not_taken_for_ours() {
    let memory = Memory::start();
    let (world, dir) = World::with(&memory, &[("gone", "1")], &[("a", "ours!!")]);
    memory.inject(Fault::on("PutObject").act(Action::Reset));
    let bucket = world.bucket.name.clone();
    let theirs = Action::run(move |state| state.put(&bucket, "a", "theirs", None));
    memory.inject(Fault::on("PutObject").nth(2).act(theirs));

    world.backup(&dir).trusting().exits(3).says("'a'");

    let expected = [("a", "theirs"), ("gone", "1")];
    assert_same(&world.bucket.contents(), &map(&expected));
    let story = ["PutObject a lost", "PutObject a 412", "HeadObject a 200"];
    assert_eq!(memory.story(), story);
}
