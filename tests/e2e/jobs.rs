//! A job of the configuration file runs as if its options had been typed; what
//! is typed comes before the environment, and that before the file.

use crate::support::{Dir, Memory, World, assert_same, content::map, run::Run};

/// `config.toml` of the user, with `DIR` and `BUCKET` filled in.
fn configure(world: &World, dir: &Dir, text: &str) {
    let text = text.replace("DIR", &dir.path().to_string_lossy());
    let text = text.replace("BUCKET", &world.bucket.name);
    world
        .dir("home/.config/s3mirror")
        .write("config.toml", text);
}

fn run(world: &World, words: &[&str]) -> Run {
    world.s3mirror().arg("run").args(words)
}

const JOB: &str = "[jobs.up]\ncommand = 'backup'\ndir = 'DIR'\nbucket = 'BUCKET'\nyes = true\n";

#[test]
fn a_job_runs_as_if_its_options_had_been_typed() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1"), ("b.tmp", "2"), ("keep.tmp", "3")]);
    let more = "select = ['-*.tmp', '+keep.tmp']\nmax-delete = '10%'\nverbose = 1\n";
    let back = "[jobs.back]\ncommand = 'mock restore'\ndir = 'DIR'\nbucket = 'BUCKET'\n";
    configure(&world, &dir, &format!("{JOB}{more}{back}check = true\n"));
    run(&world, &["up"]).done().says("keep.tmp");
    let expected = map(&[("a", "1"), ("keep.tmp", "3")]);
    assert_same(&world.bucket.contents(), &expected);
    run(&world, &["back"]).exits(5).says("b.tmp");
}

#[test]
fn the_order_of_the_globs_is_that_of_the_file() {
    for (globs, expected) in [
        (
            "exclude = ['*.tmp']\ninclude = 'k.tmp'",
            vec![("a", "1"), ("k.tmp", "2")],
        ),
        ("include = 'k.tmp'\nexclude = ['*.tmp']", vec![]),
        (
            "select = ['-*', '+*.tmp', '-k*', '+k.tmp']",
            vec![("k.tmp", "2")],
        ),
        // Those for all jobs come before those of the job.
        (
            "include = 'k.tmp'\n[defaults]\nexclude = '*.tmp'",
            vec![("a", "1"), ("k.tmp", "2")],
        ),
    ] {
        let memory = Memory::start();
        let world = World::on(&memory);
        let dir = world.tree("dir", &[("a", "1"), ("k.tmp", "2")]);
        configure(&world, &dir, &format!("{JOB}{globs}\n"));
        run(&world, &["up"]).done();
        assert_same(&world.bucket.contents(), &map(&expected));
    }
}

#[test]
fn options_come_before_the_environment_and_that_before_the_file() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    configure(
        &world,
        &dir,
        &format!("[defaults]\nmax-delete = 1\n{JOB}max-delete = 2\n"),
    );
    let check = |options: &[&str], variable: Option<&str>| {
        let check = world.s3mirror().args(["config", "check", "--json", "up"]);
        let check = check.args(options);
        let check = match variable {
            Some(value) => check.env("S3MIRROR_MAX_DELETE", value),
            None => check,
        };
        let lines = check.done().json();
        let in_force = lines
            .into_iter()
            .filter(|line| line["option"] == "max-delete" && line["overridden_by"].is_null());
        let found: Vec<_> = in_force.collect();
        assert_eq!(found.len(), 1, "{found:?}");
        let text = |name: &str| found[0][name].as_str().unwrap_or_default().to_owned();
        (text("value"), text("source"), text("place"))
    };
    let is = |found: (String, String, String), value: &str, source: &str, place: &str| {
        assert_eq!((found.0.as_str(), found.1.as_str()), (value, source));
        assert!(found.2.ends_with(place), "{}", found.2);
    };
    is(check(&[], None), "2", "file", "config.toml:8:14");
    is(
        check(&[], Some("3")),
        "3",
        "environment",
        "S3MIRROR_MAX_DELETE",
    );
    is(check(&["--max-delete", "4"], Some("3")), "4", "option", "");
}

/// And what really happens is what `config check` says.
#[test]
fn a_limit_of_the_file_holds_until_another_is_typed() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    for key in ["a", "b", "c"] {
        world.bucket.put(key, "1");
    }
    configure(&world, &dir, &format!("{JOB}max-delete = 1\n"));
    run(&world, &["up"]).exits(4).says("--max-delete");
    // An option that cannot be combined with it replaces it.
    run(&world, &["up", "--no-delete"]).done();
    assert_eq!(world.bucket.objects().len(), 3);
    let lax = run(&world, &["up"]).env("S3MIRROR_MAX_DELETE", "5");
    lax.done();
    assert_same(&world.bucket.contents(), &dir.contents());
}

/// A switch that is off puts nothing aside; clap takes it for a contradiction.
#[test]
fn a_switch_that_is_off_in_the_environment_lifts_no_limit_of_the_file() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    world.bucket.put("b", "1");
    configure(&world, &dir, &format!("{JOB}max-delete = 0\n"));
    for off in ["false", "no", "0"] {
        let run = run(&world, &["up"]).env("S3MIRROR_NO_DELETE", off);
        world.no_requests(|| run.exits(2).says("--max-delete"));
    }
}

#[test]
fn an_exclusion_that_is_typed_is_added_to_those_of_the_file() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree(
        "dir",
        &[("a", "1"), ("b.tmp", "2"), ("c.bak", "3"), ("d.x", "4")],
    );
    configure(
        &world,
        &dir,
        &format!("[defaults]\nexclude = '*.x'\n{JOB}exclude = '*.tmp'\n"),
    );
    run(&world, &["up", "--exclude", "*.bak"]).done();
    assert_same(&world.bucket.contents(), &map(&[("a", "1")]));
}

#[test]
fn a_switch_of_the_file_can_be_taken_back() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    configure(&world, &dir, JOB);
    run(&world, &["up"])
        .env("S3MIRROR_YES", "false")
        .exits(4)
        .says("--yes");
    // In a job, what is false takes back what is true for all.
    let job = JOB.replace("yes = true", "yes = false");
    configure(&world, &dir, &format!("[defaults]\nyes = true\n{job}"));
    run(&world, &["up"]).exits(4).says("--yes");
    assert!(world.bucket.objects().is_empty());
}

#[test]
fn paths_are_relative_to_the_file_and_home_is_known() {
    let memory = Memory::start();
    let world = World::on(&memory);
    world.tree("conf/tree", &[("a", "1")]);
    world.tree("home/tree", &[("b", "2")]);
    world.tree("tree", &[("wrong", "3")]);
    let config = world.dir("conf");
    for (dir, expected) in [("tree", ("a", "1")), ("~/tree", ("b", "2"))] {
        let text = JOB
            .replace("DIR", dir)
            .replace("BUCKET", &world.bucket.name);
        config.write("c.toml", text);
        let file = config.join("c.toml");
        let before = world.s3mirror().arg("run").arg("--config").arg(&file);
        before.arg("up").done();
        assert_same(&world.bucket.contents(), &map(&[expected]));
        // The same behind the job.
        run(&world, &["up", "--config"]).arg(&file).done();
    }
}

#[test]
fn a_list_of_a_job_may_be_the_standard_input() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1"), ("b", "2")]);
    configure(&world, &dir, &format!("{JOB}files-from = '-'\n"));
    run(&world, &["up"]).stdin("b\n").done();
    assert_same(&world.bucket.contents(), &map(&[("b", "2")]));
    let check = world.s3mirror().args(["config", "check"]).done();
    let row = check.stdout.lines().find(|row| row.contains("files-from"));
    assert_eq!(row.unwrap().split_whitespace().nth(1), Some("-"), "{check}");
}

#[test]
fn the_first_file_that_is_there_counts() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    let named = |name: &str| format!("[jobs.{name}]\ncommand = 'backup'\n");
    let listed = |run: Run| run.arg("jobs").done().stdout;
    let system = || {
        world
            .s3mirror()
            .env("XDG_CONFIG_DIRS", world.sandbox.path("xdg"))
    };
    let nothing = system().arg("jobs").exits(2).complains_in_one_line();
    nothing
        .says("xdg/s3mirror/config.toml")
        .says(".config/s3mirror");
    world
        .dir("xdg/s3mirror")
        .write("config.toml", named("system"));
    assert!(listed(system()).contains("system"));
    configure(&world, &dir, &named("own"));
    assert!(listed(system()).contains("own"));
    world.dir("other").write("c.toml", named("chosen"));
    // One that is there and cannot be read was meant.
    let home = world.dir("home/.config/s3mirror");
    home.remove("config.toml");
    home.mkdir("config.toml");
    system().arg("jobs").exits(2).says("cannot read");
    let chosen = system().env("S3MIRROR_CONFIG", world.sandbox.path("other/c.toml"));
    assert!(listed(chosen).contains("chosen"));
}

/// It may come from the environment or the command line, where it is allowed.
#[test]
fn the_check_shows_no_password() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    configure(&world, &dir, JOB);
    let url = "http://me:pass-word-in-url@127.0.0.1:1";
    let check = || {
        let check = world.s3mirror().args(["config", "check", "up"]);
        check.secret("pass-word-in-url")
    };
    // A run with it would be refused.
    let by_variable = check().env("S3MIRROR_ENDPOINT_URL", url);
    by_variable.exits(2).says("***");
    check().args(["--endpoint-url", url]).exits(2).says("***");
}

#[test]
fn jobs_are_listed_with_their_places() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    let tidy = "[jobs.tidy]\ncommand = 'cleanup'\ndir = '/srv'\n";
    configure(&world, &dir, &format!("{JOB}{tidy}"));
    let list = || world.s3mirror().arg("jobs");
    let bucket = &world.bucket.name;
    let outcome = world.no_requests(|| list().done());
    let lines: Vec<Vec<_>> = outcome
        .stdout
        .lines()
        .map(|l| l.split_whitespace().collect())
        .collect();
    assert_eq!(
        lines[1],
        ["up", "backup", dir.path().to_str().unwrap(), bucket]
    );
    assert_eq!(lines[2], ["tidy", "cleanup", "/srv", "-"]);
    let mut lines = list().arg("--json").done().json();
    assert_eq!(lines.remove(0)["event"], "begin");
    assert_eq!(
        (&lines[0]["event"], &lines[0]["job"]),
        (&"job".into(), &"up".into())
    );
    assert_eq!(lines[0]["bucket"], bucket.as_str());
}

#[test]
fn help_behind_a_job_is_that_of_its_command() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    configure(&world, &dir, JOB);
    run(&world, &["up", "--help"])
        .done()
        .says("--max-delete")
        .says("run up");
    run(&world, &["--help"]).done().says("[jobs.photos]");
}

#[test]
fn a_mistake_in_another_job_does_not_stop_a_run_but_the_check() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    configure(
        &world,
        &dir,
        &format!("{JOB}[jobs.new]\ncommand = 'backup'\ndri = 'x'\n"),
    );
    run(&world, &["up"]).done();
    let check = world.s3mirror().args(["config", "check"]).exits(2);
    check
        .says("config.toml:8:1")
        .says("'dir'")
        .says("up: backup");
}
