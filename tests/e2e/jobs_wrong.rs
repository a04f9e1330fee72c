//! An error in a configuration is reported in one line, with file, line,
//! column and reason; exit status 2, and no request is made.

use crate::support::{Memory, World};

/// The end of a job that lacks nothing.
const PLACES: &str = "dir = 'd'\nbucket = 'my-bucket'\nyes = true\n";

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let memory = Memory::start();
    let world = World::on(&memory);
    world.tree("d", &[("a", "1")]);
    // The job begins in line 1, its own keys in line 2.
    let wrong: [(&str, &str, &[&str]); 27] = [
        ("command = 'bakcup'", "2:11", &["'bakcup'", "'backup'"]),
        ("command = 'run'", "2:11", &["not a command of a job"]),
        ("command = 'mock'", "2:11", &["mock backup"]),
        ("command = 1.5", "2:11", &["not a command of a job"]),
        ("", "1:7", &["no 'command'"]),
        ("command = 'backup", "2:18", &["string"]),
        (
            "command = 'backup'\ncommand = 'restore'",
            "3:1",
            &["duplicate"],
        ),
        (
            "command = 'backup'\nmax_delete = 5",
            "3:1",
            &["'max_delete'", "did you mean 'max-delete'"],
        ),
        (
            "command = 'cleanup'\nmax-delete = 5",
            "3:1",
            &["not an option of 'cleanup'"],
        ),
        ("command = 'backup'\nconfig = 'x'", "3:1", &["'config'"]),
        ("command = 'backup'\nhelp = true", "3:1", &["'help'"]),
        (
            "command = 'backup'\nmax-delete = 'lots'",
            "3:14",
            &["lots", "--max-delete"],
        ),
        ("command = 'backup'\nmax-delete = [5]", "3:1", &["no list"]),
        (
            "command = 'backup'\nmax-delete = true",
            "3:1",
            &["needs a value"],
        ),
        (
            "command = 'backup'\nmax-delete = { a = 1 }",
            "3:14",
            &["a table"],
        ),
        (
            "command = 'backup'\nno-delete = 'yes'",
            "3:1",
            &["true or false"],
        ),
        ("command = 'backup'\nverbose = 'x'", "3:1", &["number"]),
        (
            "command = 'backup'\ncompare = 'names'",
            "3:11",
            &["exact-times"],
        ),
        ("command = 'backup'\npart-size = '1KiB'", "3:13", &["5 MiB"]),
        (
            "command = 'backup'\nexclude = ['*.a', 'b[']",
            "3:19",
            &["'b['"],
        ),
        (
            "command = 'backup'\nexclude = ['*.a', 'a/../b']",
            "3:19",
            &["'a/../b'", "no key"],
        ),
        ("command = 'backup'\nselect = ['*.a']", "3:11", &["+ or -"]),
        (
            "command = 'backup'\nselect = ['-*.a']\nexclude = 'b'",
            "3:1",
            &["beside 'exclude'", "4:1"],
        ),
        (
            "command = 'backup'\nno-delete = true\nmax-delete = 5",
            "4:1",
            &["'no-delete'", "3:1"],
        ),
        (
            "command = 'backup'\nexclude-from = '~other/x'",
            "3:16",
            &["~/"],
        ),
        (
            "command = 'backup'\naws_secret_access_key = 'x'",
            "3:1",
            &["no secret", "profile"],
        ),
        (
            "command = 'backup'\nendpoint-url = 'http://me:pw-in-url@h'",
            "3:16",
            &["no secret"],
        ),
    ];
    for (text, place, words) in wrong {
        let config = format!("[jobs.j]\n{text}\n{PLACES}");
        world.dir("conf").write("c.toml", config);
        let run = world
            .s3mirror()
            .args(["run", "--config", "conf/c.toml", "j"]);
        let run = run.secret("pw-in-url");
        let outcome = world.no_requests(|| run.exits(2)).complains_in_one_line();
        assert!(
            outcome.stderr.contains(&format!("conf/c.toml:{place}: ")),
            "{text}\n{outcome}"
        );
        words
            .iter()
            .fold(outcome, |outcome, word| outcome.says(word));
    }
}

#[test]
fn what_is_wrong_beside_the_jobs_is_told_too() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let wrong: [(&[u8], &str, &str); 8] = [
        (b"[job.j]\ncommand = 'backup'", "1:2", "did you mean 'jobs'"),
        (b"jobs = 1", "1:1", "must be a table"),
        (b"[jobs]\nj = 1", "2:1", "must be a table"),
        (b"[jobs.'-x']\ncommand = 'backup'", "1:7", "dash"),
        (
            b"[defaults]\nexlude = 'x'\n[jobs.j]\ncommand = 'backup'",
            "2:1",
            "'exclude'",
        ),
        (
            b"[defaults]\ncommand = 'backup'\n[jobs.j]\ncommand = 'backup'",
            "2:1",
            "'command'",
        ),
        (
            b"[jobs.j]\ncommand = 'backup'\ndir = 'd'",
            "1:7",
            "--bucket",
        ),
        (b"# caf\xe9", "1:6", "UTF-8"),
    ];
    for (text, place, word) in wrong {
        world.dir("conf").write("c.toml", text);
        let run = world
            .s3mirror()
            .args(["run", "j", "--config", "conf/c.toml"]);
        let outcome = world.no_requests(|| run.exits(2)).complains_in_one_line();
        let place = format!("conf/c.toml:{place}: ");
        assert!(outcome.stderr.contains(&place), "{place} {outcome}");
        outcome.says(word);
    }
}

#[test]
fn a_job_that_is_not_there_and_a_file_that_cannot_be_read_are_named() {
    let memory = Memory::start();
    let world = World::on(&memory);
    world
        .dir("conf")
        .write("c.toml", "[jobs.photos]\ncommand = 'backup'\n");
    let run = |words: &[&str]| {
        let run = world.s3mirror().args(words);
        run.exits(2).complains_in_one_line()
    };
    run(&["run", "photo", "--config", "conf/c.toml"]).says("'photos'");
    run(&["run", "photos", "--config"]).says("--config");
    run(&["run", "--config", "conf/c.toml"]).says("which job?");
    run(&["run"]).says("which job?");
    run(&["run", "photos", "--config", "conf/none"]).says("conf/none");
    run(&["run", "photos", "--config", "conf"]).says("'conf'");
    run(&["jobs", "--config", "conf/none"]).says("conf/none");
    run(&["config", "check", "--config", "conf/none"]).says("conf/none");
    run(&["run", "photos", "--nothing", "--config=conf/c.toml"]).says("--nothing");
}

/// It is wrong all the same, and would be in force tomorrow.
#[test]
fn a_wrong_value_is_refused_also_where_an_option_comes_before_it() {
    let memory = Memory::start();
    let world = World::on(&memory);
    world.tree("conf/d", &[("a", "1")]);
    let text = format!("[jobs.j]\ncommand = 'backup'\n{PLACES}max-delete = 'lots'\n");
    world.dir("conf").write("c.toml", text);
    let run = world
        .s3mirror()
        .args(["run", "--config", "conf/c.toml", "j"]);
    let run = run.args(["--max-delete", "5"]);
    let outcome = world.no_requests(|| run.exits(2)).complains_in_one_line();
    outcome.says("conf/c.toml:6:14").says("lots");
}

/// A list in the environment and one in the file have no order.
#[test]
fn globs_of_the_environment_do_not_mix_with_those_of_the_file() {
    let memory = Memory::start();
    let world = World::on(&memory);
    world.tree("conf/d", &[("a", "1")]);
    for globs in ["exclude = 'a'", "select = ['-a']"] {
        let text = format!("[jobs.j]\ncommand = 'backup'\n{PLACES}{globs}\n");
        world.dir("conf").write("c.toml", text);
        let run = world
            .s3mirror()
            .args(["run", "j", "--config", "conf/c.toml"]);
        let run = run.env("S3MIRROR_EXCLUDE", "b");
        let outcome = world.no_requests(|| run.exits(2)).complains_in_one_line();
        outcome.says("conf/c.toml:6:1").says("S3MIRROR_EXCLUDE");
    }
}
