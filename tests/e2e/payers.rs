//! Every request says who pays and who owns the bucket.

use std::collections::BTreeSet;

use s3_endpoint::{Action, Fault, OWNER};

use crate::support::{Memory, World, assert_same};

const STAMPS: [&str; 4] = [
    "--request-payer",
    "requester",
    "--expected-bucket-owner",
    OWNER,
];

/// Everything that s3mirror ever asks a server for.
const OPERATIONS: [&str; 12] = [
    "AbortMultipartUpload",
    "CompleteMultipartUpload",
    "CreateMultipartUpload",
    "DeleteObject",
    "DeleteObjects",
    "GetBucketVersioning",
    "GetObject",
    "HeadObject",
    "ListObjectsV2",
    "ListParts",
    "PutObject",
    "UploadPart",
];

#[test]
fn every_request_says_who_pays_and_whose_bucket_it_is() {
    let memory = Memory::start();
    let world = World::on(&memory);
    memory.let_requester_pay(&world.bucket.name);
    for key in ["gone", "gone\n"] {
        world.bucket.put(key, "1");
    }
    let dir = world.tree("dir", &[("a", "1"), ("b", "2")]);
    let film = vec![1; 11 << 20];
    dir.write("film", &film);

    // An upload that fails and cannot be aborted is resumed, and one that
    // fails for good is aborted.
    let broken = Fault::on("CompleteMultipartUpload").act(Action::error(400, "Broken"));
    memory.inject(broken);
    let kept = Fault::on("AbortMultipartUpload").times(1);
    memory.inject(kept.act(Action::error(403, "AccessDenied")));
    let backup = || world.backup(&dir).one_by_one().args(STAMPS);
    backup().trusting().exits(3);
    let again = backup().trusting().args(["--max-delete", "2"]);
    again.done();
    assert_same(&world.bucket.contents(), &dir.contents());
    dir.write_now("a", "one");
    backup().arg("--no-conditional").done();
    let elsewhere = world.dir("elsewhere");
    world.restore(&elsewhere).one_by_one().args(STAMPS).done();
    assert_same(&elsewhere.files(), &world.bucket.objects());

    let log = memory.log();
    let asked: BTreeSet<_> = log.iter().map(|entry| entry.operation).collect();
    assert_eq!(asked.into_iter().collect::<Vec<_>>(), OPERATIONS);
    for entry in log {
        assert_eq!(
            entry.header("x-amz-request-payer"),
            Some("requester"),
            "{entry:?}"
        );
        assert_eq!(
            entry.header("x-amz-expected-bucket-owner"),
            Some(OWNER),
            "{entry:?}"
        );
    }
}

#[test]
fn a_bucket_whose_requesters_pay_needs_the_option() {
    let memory = Memory::start();
    let world = World::on(&memory);
    world.bucket.put("a", "1");
    memory.let_requester_pay(&world.bucket.name);
    let dir = world.dir("dir");
    world.restore(&dir).exits(1);
    // Without its word, as aws has it too.
    world.restore(&dir).arg("--request-payer").done();
    assert_same(&dir.contents(), &world.bucket.contents());
}

#[test]
fn a_bucket_of_another_account_is_refused() {
    let memory = Memory::start();
    let (world, dir) = World::with(&memory, &[("gone", "1")], &[("a", "1")]);
    let objects = world.bucket.objects();
    let run = world
        .backup(&dir)
        .args(["--expected-bucket-owner", "999999999999"]);
    let outcome = run.exits(1).says("the bucket is not that of 999999999999");
    outcome.says("--expected-bucket-owner");
    assert_same(&world.bucket.objects(), &objects);
}
