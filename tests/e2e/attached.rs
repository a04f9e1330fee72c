//! Tags and metadata: on every upload that is asked to have them, and on no other; checked
//! before anything is asked.

use std::collections::BTreeMap;

use s3_endpoint::{Action, Fault, Object};

use crate::interrupt::kill_after_two_parts;
use crate::support::{Dir, Memory, Server, World, assert_same, run::Run};

/// A small file, and one that goes up in three parts.
fn small_and_large(world: &World) -> Dir {
    let dir = world.tree("dir", &[("page.html", "<p>")]);
    dir.write("film.mp4", vec![1; 11 << 20]);
    dir
}

on_all_servers! {
    what_is_attached_changes_nothing_in_what_arrives
}

/// A server without tags says so, or is found out.
fn what_is_attached_changes_nothing_in_what_arrives(server: &dyn Server) {
    let world = World::on(server);
    let dir = small_and_large(&world);
    let run = world
        .backup(&dir)
        .args(["--metadata", "owner=me", "--part-size", "5MiB"]);
    run.done();
    assert_same(&world.bucket.contents(), &dir.contents());
    world.only_lists(|| world.backup(&dir).done());
    let tagged = world.tree("tagged", &[("page.html", "<p>"), ("new", "1")]);
    let run = world.command_at(
        &["backup"],
        &tagged,
        &format!("{}/tagged", world.bucket.name),
    );
    let outcome = run.args(["--yes", "--tagging", "team=a b"]).run();
    if outcome.status.success() {
        let contents = world.bucket.contents();
        assert_eq!(
            contents
                .keys()
                .filter(|key| key.starts_with("tagged/"))
                .count(),
            2
        );
    } else {
        outcome.is(3).says("--tagging");
    }
}

fn attached(run: Run) -> Run {
    let run = run.args(["--tagging", "cost centre=a+b=c", "--tagging", "größe=groß"]);
    run.args(["--metadata", "Owner=Team A=B", "--metadata", "x=1"])
}

#[track_caller]
fn has_all(object: &Object) {
    let tags = [("cost centre", "a+b=c"), ("größe", "groß")];
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    assert_eq!(object.tags(), BTreeMap::from(tags.map(owned)));
    assert_eq!(object.metadata("owner"), Some("Team A=B"));
    assert_eq!(object.metadata("x"), Some("1"));
}

#[test]
fn uploads_of_one_part_and_of_many_have_the_tags_and_metadata() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = small_and_large(&world);
    attached(world.backup(&dir)).one_by_one().done();
    for key in ["page.html", "film.mp4"] {
        has_all(&memory.object(&world.bucket.name, key).unwrap());
    }
    assert_same(&world.bucket.contents(), &dir.contents());
    // They decide nothing: with others, or none, there is nothing to do.
    world.only_lists(|| world.backup(&dir).done());
    let run = world.backup(&dir).args(["--metadata", "x=2"]);
    world.only_lists(|| run.done());
    let elsewhere = world.dir("elsewhere");
    attached(world.restore(&elsewhere)).done();
    assert_same(&elsewhere.files(), &world.bucket.objects());
}

#[test]
fn they_come_from_the_environment_and_from_the_configuration_file() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    let run = world
        .backup(&dir)
        .env("S3MIRROR_TAGGING", "cost centre=a+b=c\ngröße=groß");
    run.env("S3MIRROR_METADATA", "owner=Team A=B\nx=1").done();
    has_all(&memory.object(&world.bucket.name, "a").unwrap());

    let (path, bucket) = (dir.path().display(), &world.bucket.name);
    let job = format!(
        "[jobs.a]\ncommand = \"backup\"\ndir = \"{path}\"\nbucket = \"{bucket}\"\n\
         endpoint-url = \"{}\"\nyes = true\ntrust-conditional = true\ntagging = [\"cost centre=a+b=c\", \"größe=groß\"]\n\
         metadata = [\"owner=Team A=B\", \"x=1\"]\n",
        memory.url()
    );
    std::fs::write(world.sandbox.path("job.toml"), job).unwrap();
    dir.write_now("a", "other");
    memory.clear_log();
    let run = world.s3mirror().args(["run", "a", "--config", "job.toml"]);
    run.done();
    assert_eq!(memory.count("PutObject"), 1);
    has_all(&memory.object(bucket, "a").unwrap());
}

#[test]
fn what_s3_would_refuse_is_refused_with_the_reason_before_anything_is_asked() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    let many: Vec<String> = (0..11).map(|n| format!("--tagging=n{n}=v")).collect();
    let long = format!("a={}", "v".repeat(2048));
    let wrong: [(Vec<&str>, &str); 7] = [
        (vec!["--tagging", "team"], "NAME=VALUE"),
        (vec!["--tagging", "a=b,c"], "letters, digits"),
        (vec!["--tagging", "a=1", "--tagging", "a=2"], "given twice"),
        (many.iter().map(String::as_str).collect(), "at most 10"),
        (vec!["--metadata", "x-amz-meta-owner=me"], "reserved"),
        (vec!["--metadata", "owner=é"], "RFC 2047"),
        (vec!["--metadata", &long], "at most 2048"),
    ];
    for (options, why) in wrong {
        let run = world.backup(&dir).args(&options);
        let outcome = world.no_requests(|| run.exits(2).says(why));
        let (option, _) = options[0].split_once('=').unwrap_or((options[0], ""));
        outcome.says(option).complains_in_one_line();
    }
}

#[test]
fn an_upload_is_resumed_only_under_the_tags_and_metadata_it_was_begun_with() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.dir("dir");
    dir.write("film", vec![1; 20 << 20]);
    kill_after_two_parts(&memory, attached(world.backup(&dir)));
    attached(world.backup(&dir)).one_by_one().done();
    assert_eq!(memory.count("UploadPart"), 2, "the two that were missing");
    has_all(&memory.object(&world.bucket.name, "film").unwrap());

    for (fill, other) in [(2, ["--tagging", "a=b"]), (3, ["--metadata", "owner=me"])] {
        dir.write_now("film", vec![fill; 20 << 20]);
        kill_after_two_parts(&memory, attached(world.backup(&dir)));
        world.backup(&dir).args(other).one_by_one().done();
        assert_eq!(memory.count("UploadPart"), 4, "{other:?}");
        assert_eq!(memory.count("CreateMultipartUpload"), 1);
    }
    assert_eq!(memory.open_uploads(&world.bucket.name), []);
}

#[test]
fn a_refusal_names_the_permission_and_a_server_without_tags_is_reported() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    let denied = Action::error(403, "AccessDenied");
    memory.inject(Fault::on("PutObject").always().act(denied));
    let tagged = || world.backup(&dir).args(["--tagging", "team=storage"]);
    tagged().exits(3).says("s3:PutObjectTagging");
    memory.clear_faults();

    // What it was given with the object, it does not tell.
    let unknown = Action::error(501, "NotImplemented");
    memory.inject(Fault::on("GetObjectTagging").always().act(unknown));
    tagged().done().says("ignores --tagging");
    // Once in a run, and only where tags were asked for.
    assert_eq!(memory.count("GetObjectTagging"), 1);
    memory.clear_log();
    dir.write_now("a", "2");
    world.backup(&dir).done();
    assert_eq!(memory.count("GetObjectTagging"), 0);
}
