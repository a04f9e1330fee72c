//! What uploaded objects are made with: the right headers on the wire, kept by
//! the server, and wrong values refused before anything is asked.

use s3_endpoint::{Action, Entry, Fault};

use crate::interrupt::kill_after_two_parts;
use crate::support::{
    Dir, Memory, World, assert_same,
    plans::{apply, save},
};

const KEY: &str = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd";

/// Every setting, each on the wire as the value beside it.
const SETTINGS: [[&str; 3]; 7] = [
    ["--storage-class", "STANDARD_IA", "x-amz-storage-class"],
    ["--sse", "aws:kms", "x-amz-server-side-encryption"],
    [
        "--sse-kms-key-id",
        KEY,
        "x-amz-server-side-encryption-aws-kms-key-id",
    ],
    ["--acl", "bucket-owner-full-control", "x-amz-acl"],
    ["--content-type", "text/x-own", "content-type"],
    ["--cache-control", "max-age=60, public", "cache-control"],
    ["--tagging", "team=storage", "x-amz-tagging"],
];

fn all_settings() -> impl Iterator<Item = &'static str> {
    SETTINGS
        .into_iter()
        .flat_map(|[option, value, _]| [option, value])
}

/// A small file, and one that goes up in three parts.
fn small_and_large(world: &World) -> Dir {
    let dir = world.tree("dir", &[("page.html", "<p>")]);
    dir.write("film.mp4", vec![1; 11 << 20]);
    dir
}

fn begins_an_object(entry: &Entry) -> bool {
    ["PutObject", "CreateMultipartUpload"].contains(&entry.operation)
}

/// Expects every setting on the requests that begin objects, and none of them
/// on any other.
#[track_caller]
fn carried_where_they_belong(memory: &Memory) {
    let (begin, others): (Vec<_>, Vec<_>) = memory.log().into_iter().partition(begins_an_object);
    assert_eq!(begin.len(), 2);
    for [_, value, header] in SETTINGS {
        for entry in &begin {
            assert_eq!(entry.header(header), Some(value), "{entry:?}");
        }
        for entry in &others {
            assert_ne!(entry.header(header), Some(value), "{entry:?}");
        }
    }
}

#[test]
fn uploads_of_one_part_and_of_many_carry_what_was_asked_for() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = small_and_large(&world);

    world
        .backup(&dir)
        .trusting()
        .one_by_one()
        .args(all_settings())
        .done();

    carried_where_they_belong(&memory);
    for key in ["page.html", "film.mp4"] {
        let object = memory.object(&world.bucket.name, key).unwrap();
        assert_eq!(object.storage_class(), "STANDARD_IA");
        assert_eq!(object.encryption(), Some(("aws:kms", Some(KEY))));
        assert_eq!(object.acl(), Some("bucket-owner-full-control"));
        assert_eq!(object.content_type(), Some("text/x-own"));
        assert_eq!(object.cache_control(), Some("max-age=60, public"));
    }
    assert_same(&world.bucket.contents(), &dir.contents());
    let elsewhere = world.dir("elsewhere");
    world.restore(&elsewhere).done();
    assert_same(&elsewhere.files(), &world.bucket.objects());
}

#[test]
fn a_plan_is_applied_with_what_is_asked_for_then() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = small_and_large(&world);
    let plan = save(&world, &["mock", "backup"], &dir);
    memory.clear_log();
    apply(&world, &plan)
        .trusting()
        .one_by_one()
        .args(all_settings())
        .done();
    carried_where_they_belong(&memory);
    assert_same(&world.bucket.contents(), &dir.contents());
}

#[test]
fn nothing_is_added_that_nobody_asked_for() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = small_and_large(&world);
    world.backup(&dir).one_by_one().done();
    for entry in memory.log() {
        for [_, _, header] in SETTINGS
            .into_iter()
            .filter(|[.., it]| *it != "content-type")
        {
            assert_eq!(entry.header(header), None, "{entry:?}");
        }
        for (header, _) in &entry.headers {
            assert!(!header.starts_with("x-amz-meta-"), "{entry:?}");
        }
        for header in ["x-amz-request-payer", "x-amz-expected-bucket-owner"] {
            assert_eq!(entry.header(header), None, "{entry:?}");
        }
    }
    // HTTP wants some type for a body; it says no more than that there is one.
    let put = &memory.asked("PutObject", "page.html")[0];
    assert_eq!(put.header("content-type"), Some("application/octet-stream"));
    let film = memory.object(&world.bucket.name, "film.mp4").unwrap();
    assert_eq!(film.content_type(), None);
}

#[test]
fn objects_that_are_there_keep_what_they_have_and_cost_no_request() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = small_and_large(&world);
    world.backup(&dir).done();
    world.only_lists(|| world.backup(&dir).args(all_settings()).done());
    let page = memory.object(&world.bucket.name, "page.html").unwrap();
    assert_eq!(page.storage_class(), "STANDARD");
}

#[test]
fn content_types_are_guessed_by_the_extension_if_asked_for() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = small_and_large(&world);
    for name in ["Makefile", "a.JSON", "b.unheard-of"] {
        dir.write(name, "x");
    }
    world
        .backup(&dir)
        .one_by_one()
        .args(["--content-type", "guess"])
        .done();
    let kind = |key: &str| {
        let object = memory.object(&world.bucket.name, key).unwrap();
        object.content_type().map(str::to_owned)
    };
    assert_eq!(kind("page.html").as_deref(), Some("text/html"));
    assert_eq!(kind("film.mp4").as_deref(), Some("video/mp4"));
    assert_eq!(kind("a.JSON").as_deref(), Some("application/json"));
    for key in ["Makefile", "b.unheard-of"] {
        assert_eq!(kind(key).as_deref(), Some("application/octet-stream"));
    }
}

/// An ETag of what KMS encrypts is no MD5 sum; nothing may rest on that.
#[test]
fn objects_encrypted_by_kms_are_written_over_and_deleted_as_others_are() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = small_and_large(&world);
    let kms = |how: &'static str| ["--sse", how];
    world.backup(&dir).one_by_one().args(kms("aws:kms")).done();
    dir.write("page.html", "<p>again");
    dir.remove("film.mp4");
    memory.inject(Fault::on("PutObject").act(Action::LoseAnswer));
    world
        .backup(&dir)
        .args(kms("aws:kms:dsse"))
        .args(["--max-delete", "1"])
        .done();
    assert_same(&world.bucket.contents(), &dir.contents());
    let page = memory.object(&world.bucket.name, "page.html").unwrap();
    assert_eq!(page.encryption(), Some(("aws:kms:dsse", None)));
    world.only_lists(|| world.backup(&dir).done());
}

#[test]
fn settings_can_come_from_the_environment() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    let run = world
        .backup(&dir)
        .env("S3MIRROR_STORAGE_CLASS", "GLACIER_IR");
    run.env("S3MIRROR_SSE", "AES256").done();
    let object = memory.object(&world.bucket.name, "a").unwrap();
    assert_eq!(object.storage_class(), "GLACIER_IR");
    assert_eq!(object.encryption(), Some(("AES256", None)));
}

#[test]
fn wrong_values_are_refused_with_the_reason_and_nothing_is_done() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    let wrong: [(&[&str], &str); 13] = [
        (&["--storage-class", "glacier"], "S3 writes it GLACIER"),
        (
            &["--storage-class", "A B"],
            "not the name of a storage class",
        ),
        (&["--sse", "aes256"], "AES256, aws:kms, aws:kms:dsse"),
        (&["--sse-kms-key-id", "k"], "needs --sse aws:kms"),
        (
            &["--sse", "AES256", "--sse-kms-key-id", "k"],
            "needs --sse aws:kms",
        ),
        (&["--acl", "public"], "public-read, public-read-write"),
        (&["--content-type", "html"], "none, guess, or a type"),
        (&["--cache-control", "a\nb"], "on one line"),
        (&["--request-payer", "me"], "requester"),
        (
            &["--request-payer", "--no-sign-request"],
            "cannot be used with",
        ),
        (
            &["--expected-bucket-owner", "1234-5678-9012"],
            "twelve digits",
        ),
        (&["--bwlimit", "fast"], "invalid rate 'fast'"),
        (
            &["--bwlimit", "8:00,1MiB 8:00,off"],
            "a time is there twice",
        ),
    ];
    for (options, why) in wrong {
        let run = world.backup(&dir).args(options);
        let outcome = world.no_requests(|| run.exits(2).says(why));
        outcome.says(options[0]).complains_in_one_line();
    }
}

#[test]
fn an_upload_is_gone_on_with_only_under_the_settings_it_was_begun_with() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.dir("dir");
    dir.write("film", vec![1; 20 << 20]);
    let backup = |class: &str| world.backup(&dir).args(["--storage-class", class]);

    kill_after_two_parts(&memory, backup("STANDARD_IA"));
    backup("STANDARD_IA").one_by_one().done();
    assert_eq!(memory.count("UploadPart"), 2, "the two that were missing");
    assert_eq!(memory.count("CreateMultipartUpload"), 0);
    let class = || {
        memory
            .object(&world.bucket.name, "film")
            .unwrap()
            .storage_class()
            .to_owned()
    };
    assert_eq!(class(), "STANDARD_IA");

    memory.clear_log();
    dir.write_now("film", vec![2; 20 << 20]);
    kill_after_two_parts(&memory, backup("STANDARD_IA"));
    let outcome = backup("GLACIER_IR").one_by_one().done();
    outcome.says("aborted 1 unfinished upload of an earlier run\n");
    assert_eq!(memory.count("UploadPart"), 4);
    assert_eq!(memory.count("CreateMultipartUpload"), 1);
    assert_eq!(class(), "GLACIER_IR");
    assert_same(&world.bucket.contents(), &dir.contents());
    assert_eq!(memory.open_uploads(&world.bucket.name), []);
}
