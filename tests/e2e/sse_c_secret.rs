//! A key of SSE-C is nowhere but in its file and in the headers: in no output at the highest
//! verbosity, in no plan, journal or run directory.

use std::{fs, path::Path};

use crate::interrupt::kill_after_two_parts;
use crate::support::{
    Memory, World,
    cluster::split,
    content::mebibytes,
    customer_key::{KEY, OTHER_KEY, key_file, keyed, secrets},
    plans::apply,
    run::Run,
};

fn verbose(run: Run) -> Run {
    let run = run.args(["-v", "-v", "-v"]);
    run.env("RUST_LOG", "trace,aws_sigv4=trace,aws_smithy_runtime=trace")
}

#[test]
fn the_key_is_in_no_output_and_in_no_file() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1"), ("b", "2")]);
    dir.write("film", mebibytes(20, 1));
    let secretly = |run: Run| verbose(keyed(&world, run, KEY));

    // A killed run leaves its journal, and a log.
    kill_after_two_parts(&memory, secretly(world.backup(&dir)));
    let journal = files(&world.sandbox.path("home"));
    assert!(
        journal.iter().any(|file| file.contains("/uploads/")),
        "no journal in {journal:?}"
    );
    shows_no_key(&world);
    secretly(world.backup(&dir)).done();
    secretly(world.backup(&dir))
        .args(["--json", "--log-format", "json"])
        .done();
    secretly(world.command(&["verify"], &dir))
        .arg("--read")
        .done();
    secretly(world.restore(&world.dir("elsewhere"))).done();
    let doctor = ["doctor", "--bucket", &world.bucket.name];
    secretly(world.s3mirror().args(doctor)).done();

    dir.write_now("a", "another");
    let (plan, run) = (world.sandbox.path("plan"), world.sandbox.path("run"));
    let mock = secretly(world.mock_backup(&dir));
    mock.arg("--plan-out").arg(&plan).done();
    verbose(world.s3mirror().arg("show").arg(&plan)).done();
    secretly(split(&world, &plan, &run, 2)).done();
    secretly(world.s3mirror().args(["cluster", "apply"]).arg(&run)).done();
    secretly(
        world
            .s3mirror()
            .args(["cluster", "finish", "--yes"])
            .arg(&run),
    )
    .done();
    secretly(apply(&world, &plan)).done();

    // And where the key is what is wrong.
    let wrong = |run: Run| {
        let run = verbose(keyed(&world, run, OTHER_KEY));
        secrets(KEY).iter().fold(run, |run, form| run.secret(form))
    };
    wrong(world.restore(&world.dir("third"))).exits(3);
    wrong(world.restore(&world.dir("fourth")))
        .arg("--json")
        .exits(3);
    fs::write(key_file(&world, KEY), format!("{KEY}more")).unwrap();
    let more = world.sandbox.path("key-1");
    let run = world.backup(&dir).arg("--sse-c-key-file").arg(more);
    verbose(run).secret(KEY).exits(1);
    fs::write(world.sandbox.path("key-1"), KEY).unwrap();
    shows_no_key(&world);
}

/// Looks at every file of the sandbox but those of the keys: the state directory, saved
/// plans, the run directory, and what the runs have written.
fn shows_no_key(world: &World) {
    let all = files(&world.sandbox.path(""));
    assert!(all.len() > 5, "{all:?}");
    for file in all.iter().filter(|file| !file.contains("/key-")) {
        let bytes = fs::read(file).unwrap();
        let plain = zstd::decode_all(&*bytes).unwrap_or_default();
        for form in [KEY, OTHER_KEY].iter().flat_map(|key| secrets(key)) {
            for content in [&bytes, &plain] {
                let is_there = content
                    .windows(form.len())
                    .any(|part| part == form.as_bytes());
                assert!(!is_there, "'{form}' in {file}");
            }
        }
    }
}

/// All files below a directory.
fn files(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&path));
        } else if entry.file_type().unwrap().is_file() {
            found.push(path.to_string_lossy().into_owned());
        }
    }
    found
}
