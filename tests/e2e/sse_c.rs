//! Objects that the server encrypts by a key of ours: the key goes with every request that
//! S3 takes it for, and without it, or with another one, nothing is read.

use std::{fs, os::unix::fs::PermissionsExt};

use s3_endpoint::{Action, Config, Entry, Fault};

use crate::interrupt::kill_after_two_parts;
use crate::support::{
    Dir, Memory, Server, World, assert_same,
    cluster::Cluster,
    content::mebibytes,
    customer_key::{KEY, OTHER_KEY, key_file, keyed},
    plans::{apply, save},
};

on_all_servers! {
    what_goes_up_with_a_key_comes_back_with_it_only
}

const PARTS: [&str; 2] = ["--part-size", "5MiB"];

/// Small files, and one that goes up in three parts.
fn small_and_large(world: &World) -> Dir {
    let dir = world.tree("dir", &[("a", "one"), ("sub/b", "two"), ("empty", "")]);
    dir.write("film", mebibytes(11, 1));
    dir
}

fn what_goes_up_with_a_key_comes_back_with_it_only(server: &dyn Server) {
    let world = World::on(server);
    if !server.limits().customer_keys {
        let dir = world.tree("dir", &[("a", "1")]);
        let outcome = keyed(&world, world.backup(&dir), KEY).run();
        outcome.says("--sse-c-key-file");
        return;
    }
    let dir = small_and_large(&world);
    let backup = || keyed(&world, world.backup(&dir), KEY).args(PARTS);
    backup().done();
    world.only_lists(|| backup().done());
    dir.write_now("a", "another");
    dir.write_now("film", mebibytes(12, 2));
    dir.remove("sub/b");
    backup().args(["--max-delete", "100%"]).done();
    // In none of the two is anything left to do, by contents too.
    let compared = || keyed(&world, world.mock_backup(&dir), KEY).args(["--compare", "checksum"]);
    compared().arg("--check").done();
    let verify = || world.command(&["verify"], &dir);
    keyed(&world, verify(), KEY).done();
    keyed(&world, verify(), KEY).arg("--read").done();

    let restored = |name: &str, key: Option<&str>| {
        let elsewhere = world.dir(name);
        let run = world.restore(&elsewhere).args(PARTS);
        let run = match key {
            Some(key) => keyed(&world, run, key),
            None => run,
        };
        (run.run(), elsewhere)
    };
    let (outcome, elsewhere) = restored("right", Some(KEY));
    let _ = outcome.is(0);
    assert_same(&elsewhere.contents(), &dir.contents());
    for (name, key) in [("none", None), ("wrong", Some(OTHER_KEY))] {
        let (outcome, elsewhere) = restored(name, key);
        let outcome = outcome
            .is(3)
            .says("'a'")
            .says("'film'")
            .says("--sse-c-key-file");
        if key.is_some() {
            outcome.says("does not decrypt this object");
        }
        assert!(elsewhere.contents().is_empty());
    }
}

/// What S3 takes the key for.
const KEYED: [&str; 7] = [
    "CompleteMultipartUpload",
    "CreateMultipartUpload",
    "GetObject",
    "HeadObject",
    "ListParts",
    "PutObject",
    "UploadPart",
];

fn has_key(entry: &Entry) -> bool {
    let header =
        |name: &str| entry.header(&format!("x-amz-server-side-encryption-customer-{name}"));
    assert_eq!(header("key"), None, "the log keeps none");
    let is_keyed = header("algorithm") == Some("AES256");
    assert_eq!(header("key-md5").is_some(), is_keyed);
    is_keyed
}

#[test]
fn every_request_that_takes_the_key_has_it_and_no_other() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = small_and_large(&world);
    let checks = ["--no-conditional"];
    kill_after_two_parts(&memory, keyed(&world, world.backup(&dir), KEY));
    for run in [
        keyed(&world, world.backup(&dir), KEY).one_by_one(),
        keyed(&world, world.backup(&dir), KEY).args(["--compare", "checksum"]),
        keyed(&world, world.command(&["verify"], &dir), KEY).arg("--read"),
        keyed(&world, world.restore(&world.dir("elsewhere")), KEY).args(PARTS),
    ] {
        run.args(checks).run();
    }
    dir.write_now("a", "another");
    dir.remove("sub/b");
    keyed(&world, world.backup(&dir), KEY)
        .args(["--max-delete", "100%", "--no-conditional"])
        .done();
    let log = memory.log();
    for entry in &log {
        let takes_key = KEYED.contains(&entry.operation);
        assert_eq!(has_key(entry), takes_key, "{entry:?}");
    }
    let is_missing = |operation: &str| log.iter().all(|entry| entry.operation != operation);
    let missing: Vec<_> = KEYED.into_iter().filter(|it| is_missing(it)).collect();
    // The upload that was begun before is in the log that was cleared.
    assert_eq!(missing, ["CreateMultipartUpload"]);
    for key in ["a", "film"] {
        let object = memory.object(&world.bucket.name, key).unwrap();
        assert!(object.customer_key().is_some(), "{key}");
    }
    // Nothing is asked for that nobody needs.
    assert_same(&world.bucket.contents(), &dir.contents());
}

#[test]
fn a_lost_answer_is_settled_with_the_key() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = small_and_large(&world);
    memory.inject(Fault::on("PutObject").key("a").act(Action::LoseAnswer));
    memory.inject(Fault::on("CompleteMultipartUpload").act(Action::LoseAnswer));
    keyed(&world, world.backup(&dir), KEY).args(PARTS).done();
    assert_same(&world.bucket.contents(), &dir.contents());
}

#[test]
fn objects_that_are_not_encrypted_by_the_key_are_read_without_it_and_reported() {
    let memory = Memory::start();
    let world = World::on(&memory);
    world.bucket.put("old", "not encrypted");
    let dir = world.tree("dir", &[("new", "1"), ("old", "not encrypted")]);
    dir.write("old-film", mebibytes(11, 3));
    world.backup(&dir).args(PARTS).done();
    dir.write_now("new", "22");
    keyed(&world, world.backup(&dir), KEY).done();
    let kept = |key: &str| {
        let object = memory.object(&world.bucket.name, key).unwrap();
        object.customer_key().is_some()
    };
    assert!(kept("new") && !kept("old") && !kept("old-film"));

    let elsewhere = world.dir("elsewhere");
    let restore = keyed(&world, world.restore(&elsewhere), KEY).args(PARTS);
    restore.done().says("they are read without it");
    assert_same(&elsewhere.contents(), &dir.contents());
    keyed(&world, world.command(&["verify"], &dir), KEY).done();
    // With a key that fits none, those are read all the same.
    let third = world.dir("third");
    let outcome = keyed(&world, world.restore(&third), OTHER_KEY).exits(3);
    outcome.says("'new'").says("does not decrypt this object");
    assert_eq!(third.contents().len(), 2);
}

#[test]
fn a_refusal_for_another_reason_is_not_blamed_on_the_key() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    keyed(&world, world.backup(&dir), KEY).done();
    let denied = || Action::error(403, "AccessDenied");
    for operation in ["GetObject", "HeadObject"] {
        memory.inject(Fault::on(operation).always().act(denied()));
    }
    let outcome = keyed(&world, world.restore(&world.dir("elsewhere")), KEY).exits(3);
    assert!(!outcome.stderr.contains("does not decrypt"), "{outcome}");
    outcome.says("s3:GetObject");
    let outcome = keyed(&world, world.command(&["verify"], &dir), KEY).exits(3);
    assert!(!outcome.stderr.contains("does not decrypt"), "{outcome}");
}

#[test]
fn an_upload_is_resumed_only_with_the_key_it_was_begun_with() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.dir("dir");
    // As at AWS: a look at what is replaced would need the key of that.
    let backup = |key: Option<&str>| match key {
        Some(key) => keyed(&world, world.backup(&dir), key).trusting(),
        None => world.backup(&dir).trusting(),
    };
    let cases = [
        (Some(KEY), Some(KEY), 2),
        (Some(KEY), Some(OTHER_KEY), 4),
        (Some(KEY), None, 4),
        (None, Some(KEY), 4),
    ];
    for (fill, (begun, ended, sent)) in cases.into_iter().enumerate() {
        dir.write_now("film", mebibytes(20, fill as u64));
        kill_after_two_parts(&memory, backup(begun));
        backup(ended).one_by_one().done();
        assert_eq!(memory.count("UploadPart"), sent, "{begun:?}, {ended:?}");
        let film = memory.object(&world.bucket.name, "film").unwrap();
        assert_eq!(film.customer_key().is_some(), ended.is_some());
        assert_eq!(memory.open_uploads(&world.bucket.name), []);
        assert_same(&world.bucket.contents(), &dir.contents());
    }
}

#[test]
fn a_saved_plan_needs_the_key_again() {
    let memory = Memory::start();
    for command in ["backup", "restore"] {
        let world = World::on(&memory);
        let dir = world.tree("dir", &[("a", "1"), ("b", "2")]);
        if command == "restore" {
            keyed(&world, world.backup(&dir), KEY).done();
            dir.remove("a");
        }
        let plan = world.sandbox.path("plan");
        let mock = keyed(&world, world.command(&["mock", command], &dir), KEY);
        mock.arg("--plan-out").arg(&plan).done();
        let why = "the plan was made with --sse-c-key-file, which it does not hold: give it again";
        world.no_requests(|| apply(&world, &plan).exits(1).says(why));
        keyed(&world, apply(&world, &plan), KEY).done();
        assert_same(&world.bucket.contents(), &dir.contents());
        let object = memory.object(&world.bucket.name, "b").unwrap();
        assert!(object.customer_key().is_some());
    }
    // One that was made without it is applied with it, as with other options of uploads.
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    let plan = save(&world, &["mock", "backup"], &dir);
    keyed(&world, apply(&world, &plan), KEY).done();
    let object = memory.object(&world.bucket.name, "a").unwrap();
    assert!(object.customer_key().is_some());
}

#[test]
fn the_shards_of_a_cluster_run_need_it_too() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1"), ("b", "2")]);
    let file = key_file(&world, KEY);
    let plan = world.sandbox.path("plan");
    let mock = keyed(&world, world.mock_backup(&dir), KEY);
    mock.arg("--plan-out").arg(&plan).done();
    let cluster = Cluster {
        world: &world,
        run: world.sandbox.path("run"),
    };
    let split = crate::support::cluster::split(&world, &plan, &cluster.run, 2);
    split.env("S3MIRROR_SSE_C_KEY_FILE", &file).done();
    let why = "the plan was made with --sse-c-key-file";
    cluster.apply(0).exits(1).says(why);
    for shard in [0, 1] {
        keyed(&world, cluster.apply(shard), KEY).done();
    }
    keyed(&world, cluster.finish(), KEY).done();
    assert_same(&world.bucket.contents(), &dir.contents());
    for key in ["a", "b"] {
        let object = memory.object(&world.bucket.name, key).unwrap();
        assert!(object.customer_key().is_some());
    }
}

#[test]
fn a_key_that_cannot_be_used_safely_is_refused_and_nothing_is_asked() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    let file = key_file(&world, KEY);
    let backup = || {
        let run = world.backup(&dir).arg("--sse-c-key-file").arg(&file);
        run.secret(KEY)
    };
    world.no_requests(|| {
        let outcome = backup().args(["--sse", "AES256"]).exits(2);
        outcome.complains_in_one_line().says("exclude each other");
    });
    // Plain http leads to this machine only, and through no proxy.
    let plain = backup().args(["--endpoint-url", "http://s3.example.com"]);
    plain
        .exits(1)
        .says("the connection is not encrypted")
        .says("https://");
    let proxied = || backup().env("HTTP_PROXY", memory.url());
    world.no_requests(|| proxied().exits(1).says("the connection is not encrypted"));
    proxied().env("NO_PROXY", "127.0.0.1").done();

    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    world.no_requests(|| backup().exits(1).says("(mode 644)").says("chmod 600"));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&file, &KEY[1..]).unwrap();
    let why = "does not hold a key of 256 bits";
    world.no_requests(|| backup().secret(&KEY[1..]).exits(1).says(why));
    fs::remove_file(&file).unwrap();
    world.no_requests(|| backup().exits(1).says("No such file"));
    dir.mkfifo("pipe");
    let run = world
        .backup(&dir)
        .arg("--sse-c-key-file")
        .arg(dir.join("pipe"));
    world.no_requests(|| run.exits(1).says("not a regular file"));
}

#[test]
fn the_key_is_read_in_each_form_and_its_file_named_by_each_source() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    keyed(&world, world.backup(&dir), KEY).done();
    let file = key_file(&world, KEY);
    for form in crate::support::customer_key::forms(KEY) {
        fs::write(&file, if form == KEY { form } else { form + "\n" }).unwrap();
        let run = world.command(&["verify"], &dir).arg("--read");
        run.env("S3MIRROR_SSE_C_KEY_FILE", &file).done();
    }
    let job = format!(
        "[jobs.a]\ncommand = \"verify\"\ndir = \"{}\"\nbucket = \"{}\"\nread = true\n\
         sse-c-key-file = \"key-1\"\n",
        dir.path().display(),
        world.bucket.name,
    );
    fs::write(world.sandbox.path("job.toml"), job).unwrap();
    let run = world.s3mirror().args(["run", "a", "--config", "job.toml"]);
    run.done();
}

#[test]
fn a_server_that_ignores_the_key_gets_one_object_which_is_named() {
    let memory = Memory::with(Config {
        customer_keys: false,
        ..Config::default()
    });
    let world = World::on(&memory);
    world.bucket.put("gone", "1");
    let dir = world.tree("dir", &[("a", "1"), ("b", "2"), ("sub/c", "3")]);
    let outcome = keyed(&world, world.backup(&dir), KEY).exits(3);
    outcome
        .says("the server ignores --sse-c-key-file")
        .says("' was stored unencrypted; remove it");
    // What was there, and one more.
    assert_eq!(world.bucket.contents().len(), 2);
    let doctor = ["doctor", "--bucket", &world.bucket.name];
    let outcome = keyed(&world, world.s3mirror().args(doctor), KEY).done();
    outcome.says("the server ignores --sse-c-key-file");
}

#[test]
fn doctor_tries_what_a_backup_with_the_key_needs() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let doctor = ["doctor", "--bucket", &world.bucket.name];
    let outcome = keyed(&world, world.s3mirror().args(doctor), KEY).done();
    outcome.says("encrypted by the key of --sse-c-key-file");
    assert!(world.bucket.objects().is_empty());
    assert_eq!(memory.open_uploads(&world.bucket.name), []);
}
