//! A bad plan file, or one of another place, is reported with its line and reason;
//! nothing is done, and no request is made.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{
    Dir, Memory, World, assert_same,
    content::map,
    plans::{PlanText, apply, save},
};

/// Neither `apply` nor `show` takes the plan; each says `what` and does nothing.
#[track_caller]
fn is_refused(world: &World, dir: &Dir, plan: &Path, what: &[&str]) {
    is_not_applied(world, dir, plan, what);
    let show = world.s3mirror().arg("show").arg(plan);
    let outcome = world.no_requests(|| show.exits(1)).complains_in_one_line();
    what.iter()
        .fold(outcome, |outcome, what| outcome.says(what));
}

#[track_caller]
fn is_not_applied(world: &World, dir: &Dir, plan: &Path, what: &[&str]) {
    let (objects, tree) = (world.bucket.objects(), dir.snapshot());
    let outcome = world.no_requests(|| apply(world, plan).exits(1));
    let outcome = outcome.complains_in_one_line();
    what.iter()
        .fold(outcome, |outcome, what| outcome.says(what));
    assert_same(&world.bucket.objects(), &objects);
    assert_same(&dir.snapshot(), &tree);
}

/// An edit of a plan's lines, and what is then said.
type Edit = (fn(&mut Vec<String>), &'static [&'static str]);

#[test]
fn a_plan_that_was_cut_or_edited_is_refused_with_its_line() {
    let memory = Memory::start();
    let edits: [Edit; 10] = [
        (
            |lines| drop(lines.pop()),
            &["line 4 of the plan", "cut or edited"],
        ),
        (
            |lines| drop(lines.remove(2)),
            &["line 4 of the plan", "cut or edited"],
        ),
        (
            |lines| lines.push(lines[1].clone()),
            &["line 6 of the plan"],
        ),
        (
            |lines| lines[2].truncate(30),
            &["line 3 of the plan", "column"],
        ),
        (|lines| lines[2] = String::new(), &["line 3 of the plan"]),
        (
            |lines| lines[2] = lines[2].replace("\"size\":1,", "\"size\":2,"),
            &["line 5 of the plan", "cut or edited"],
        ),
        (
            |lines| lines[1] = lines[1].replace("\"delete\"", "\"explode\""),
            &["line 2 of the plan", "explode"],
        ),
        (
            |lines| lines[0] = lines[0].replace("_plan\":3", "_plan\":4"),
            &[
                "line 1 of the plan",
                "version 4",
                "a later version of s3mirror",
            ],
        ),
        (
            |lines| lines[0] = lines[0].replace("_plan\":3", "_plan\":1"),
            &["line 1 of the plan", "version 1", "make a new plan"],
        ),
        (|lines| drop(lines.remove(0)), &["line 1 of the plan"]),
    ];
    for (edit, what) in edits {
        let (world, dir) = World::different(&memory);
        let plan = save(&world, &["mock", "backup"], &dir);
        let mut lines = PlanText::lines(&plan);
        assert_eq!(lines.len(), 5);
        edit(&mut lines);
        PlanText::write(&plan, &lines);
        is_refused(&world, &dir, &plan, what);
    }
}

#[test]
fn what_is_no_plan_at_all_is_refused() {
    let memory = Memory::start();
    let (world, dir) = World::different(&memory);
    let other = world.tree(
        "other",
        &[("empty", ""), ("text", "hello\n"), ("json", "[1]\n")],
    );
    for name in ["empty", "text", "json"] {
        is_refused(
            &world,
            &dir,
            &other.join(name),
            &[name, "line 1 of the plan"],
        );
    }
    is_refused(&world, &dir, other.path(), &["other", "directory"]);
    is_refused(&world, &dir, &other.join("none"), &["none", "No such file"]);
    fs::write(other.join("bytes"), [0xff, 0xfe, b'\n']).unwrap();
    is_refused(&world, &dir, &other.join("bytes"), &["line 1 of the plan"]);
}

#[test]
fn a_plan_that_may_not_be_read_is_refused() {
    let memory = Memory::start();
    let (world, dir) = World::different(&memory);
    let plan = save(&world, &["mock", "backup"], &dir);
    fs::set_permissions(&plan, fs::Permissions::from_mode(0o000)).unwrap();
    let run = world.s3mirror_as_nobody().arg("apply").arg(&plan);
    let outcome = world.no_requests(|| run.arg("--yes").exits(1));
    outcome.complains_in_one_line().says("Permission denied");
}

#[test]
fn a_plan_in_another_order_is_the_same_plan() {
    let memory = Memory::start();
    let (world, dir) = World::different(&memory);
    let plan = save(&world, &["mock", "backup"], &dir);
    let mut lines = PlanText::lines(&plan);
    lines[1..].reverse();
    PlanText::write(&plan, &lines);
    apply(&world, &plan).done();
    assert_same(&world.bucket.contents(), &dir.contents());
}

/// Who edits both the header and the lines is believed, but not led outside.
#[test]
fn no_key_of_a_plan_leads_outside() {
    let memory = Memory::start();
    for (command, key, why) in [
        ("backup", "../outside", "`..` segment"),
        ("restore", "../outside", "`..` segment"),
        ("restore", "/tmp/outside", "begins with a slash"),
        ("restore", "sub/../../outside", "`..` segment"),
    ] {
        let (world, dir) = World::different(&memory);
        fs::write(world.sandbox.path("outside"), "secret").unwrap();
        let plan = save(&world, &["mock", command], &dir);
        let mut lines = PlanText::lines(&plan);
        for line in &mut lines[1..] {
            *line = line.replace("\"size\",", &format!("\"{key}\","));
        }
        PlanText::write(&plan, &lines);
        is_refused(&world, &dir, &plan, &["line 4 of the plan", why]);
        assert_eq!(fs::read(world.sandbox.path("outside")).unwrap(), b"secret");
    }
}

/// A deletion that calls itself a copy would not be counted by the guards.
#[test]
fn a_line_that_hides_what_it_does_is_refused() {
    let memory = Memory::start();
    let (world, dir) = World::different(&memory);
    let plan = save(&world, &["mock", "backup"], &dir);
    for (name, from, to) in [
        ("header", "only-in-target", "file-is-later"),
        (
            "line",
            "\"reason\":\"only-in-target\"",
            "\"reason\":\"file-is-later\"",
        ),
    ] {
        let mut lines = PlanText::lines(&plan);
        let lines_to_edit = if name == "header" { 0..1 } else { 1..5 };
        for line in &mut lines[lines_to_edit] {
            *line = line.replace(from, to);
        }
        PlanText::write(&plan, &lines);
    }
    is_refused(
        &world,
        &dir,
        &plan,
        &["line 2 of the plan", "file is later"],
    );
}

#[test]
fn a_plan_is_applied_nowhere_else() {
    let memory = Memory::start();
    let (world, dir) = World::different(&memory);
    let name = &world.bucket.name;
    let run = world.command_at(&["mock", "backup"], &dir, &format!("{name}/photos"));
    let plan = world.sandbox.path("plan");
    run.arg("--plan-out").arg(&plan).done();
    let other = world.dir("other");
    for (bucket, what) in [
        (format!("{name}/videos"), "videos"),
        (name.clone(), "photos"),
        ("another-bucket/photos".to_owned(), "another-bucket"),
    ] {
        let run = apply(&world, &plan).args(["--bucket", &bucket]);
        let outcome = world.no_requests(|| run.exits(1)).complains_in_one_line();
        outcome.says(what).says("photos").says("--bucket");
    }
    let run = apply(&world, &plan).arg("--dir").arg(other.path());
    let outcome = world.no_requests(|| run.exits(1)).complains_in_one_line();
    outcome.says("--dir").says("other");
    let run = apply(&world, &plan).env("S3MIRROR_DIR", other.path());
    world.no_requests(|| run.exits(1));
    // Another server has other objects of these names.
    for variable in ["S3MIRROR_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"] {
        let run = apply(&world, &plan).env_remove("S3MIRROR_ENDPOINT_URL");
        let run = run.env(variable, "http://127.0.0.1:9");
        let run = run.args(["--max-attempts", "1"]);
        if variable == "S3MIRROR_ENDPOINT_URL" {
            let outcome = world.no_requests(|| run.exits(1)).complains_in_one_line();
            outcome.says("http://127.0.0.1:9").says(&memory.url());
        } else {
            // The usual sources of AWS do not override the plan's server.
            run.done();
        }
    }
    // Nor is a plan for AWS one for another server, whoever names it.
    PlanText::edit_header(&plan, |header| {
        header["origin"]["endpoint_url"] = json!(null);
    });
    for variable in ["S3MIRROR_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"] {
        let run = apply(&world, &plan).env_remove("S3MIRROR_ENDPOINT_URL");
        let run = run.env(variable, memory.url());
        let outcome = world.no_requests(|| run.exits(1)).complains_in_one_line();
        outcome.says("AWS").says(&memory.url());
    }

    let mut expected = dir.contents();
    expected = expected
        .into_iter()
        .map(|(key, text)| (format!("photos/{key}"), text))
        .collect();
    expected.extend(map(&[("gone", "1"), ("same", "22"), ("size", "333")]));
    assert_same(&world.bucket.contents(), &expected);
}

#[test]
fn the_places_that_are_expected_may_be_written_in_any_way() {
    let memory = Memory::start();
    let (world, dir) = World::different(&memory);
    let plan = save(&world, &["mock", "backup"], &dir);
    let bucket = format!("s3://{}/", world.bucket.name);
    // Runs start in the directory above.
    let run = apply(&world, &plan).args(["--dir", "./dir/../dir", "--bucket", &bucket]);
    run.done();
    assert_same(&world.bucket.contents(), &dir.contents());
}

#[test]
fn a_plan_knows_its_server_and_directory_by_itself() {
    let memory = Memory::start();
    let (world, dir) = World::different(&memory);
    let plan = world.sandbox.path("plan");
    let run = world.s3mirror().args(["mock", "backup", "-d", "dir", "-b"]);
    run.arg(&world.bucket.name)
        .arg("--plan-out")
        .arg("plan")
        .done();
    // From another directory, with no word of the server.
    let run = apply(&world, &plan).env_remove("S3MIRROR_ENDPOINT_URL");
    run.env_remove("AWS_REGION")
        .in_shell("cd / && \"$@\"")
        .is(0);
    assert_same(&world.bucket.contents(), &dir.contents());
}

/// An edit of a plan's header, and what is then said.
type HeaderEdit = (fn(&mut Value), &'static str);

#[test]
fn a_header_that_does_not_say_where_is_refused() {
    let memory = Memory::start();
    let (world, dir) = World::different(&memory);
    let plan = save(&world, &["mock", "backup"], &dir);
    let lines = PlanText::lines(&plan);
    let edits: [HeaderEdit; 5] = [
        (|header| header["origin"] = json!(null), "--plan-out"),
        (
            |header| header["origin"]["directory"] = json!("dir"),
            "'dir'",
        ),
        (|header| header["origin"]["bucket"] = json!("a/b"), "bucket"),
        (|header| header["origin"]["bucket"] = json!(""), "bucket"),
        (|header| header["origin"]["prefix"] = json!("x"), "prefix"),
    ];
    for (edit, what) in edits {
        PlanText::write(&plan, &lines);
        PlanText::edit_header(&plan, edit);
        is_not_applied(&world, &dir, &plan, &["line 1 of the plan", what]);
    }
}

#[test]
fn a_plan_for_a_directory_that_is_gone_makes_no_request() {
    let memory = Memory::start();
    let (world, dir) = World::different(&memory);
    let plan = save(&world, &["mock", "backup"], &dir);
    fs::rename(dir.path(), world.sandbox.path("moved")).unwrap();
    let objects = world.bucket.objects();
    world.no_requests(|| apply(&world, &plan).exits(1).says("dir"));
    assert_same(&world.bucket.objects(), &objects);
}
