//! What a run is said to take is what the server sees; and what it costs.

use std::{collections::BTreeMap, fs};

use serde_json::{Value, json};

use crate::support::{
    Dir, Memory, Outcome, World, assert_same,
    plans::{apply, mock, save},
    run::Run,
};

const MIB: usize = 1 << 20;

/// Parts of the smallest size, and all of the estimate as JSON.
fn estimated(run: Run) -> Run {
    run.args(["--part-size", "5MiB", "--json", "--estimate"])
}

#[track_caller]
fn estimate(outcome: &Outcome) -> Value {
    let is_estimate = |line: &Value| line["event"] == "estimate";
    let lines = outcome.json();
    let mut estimates = lines.into_iter().filter(is_estimate);
    let estimate = estimates
        .next()
        .unwrap_or_else(|| panic!("none in {outcome}"));
    assert!(estimates.next().is_none(), "two in {outcome}");
    estimate
}

/// Runs `run` and expects that its estimate is what the server has seen.
#[track_caller]
fn is_exact(memory: &Memory, run: Run) -> Value {
    memory.clear_log();
    let outcome = estimated(run).done();
    let estimate = estimate(&outcome);
    let names = [
        ("list_objects", "ListObjectsV2"),
        ("put_object", "PutObject"),
        ("create_multipart_upload", "CreateMultipartUpload"),
        ("upload_part", "UploadPart"),
        ("complete_multipart_upload", "CompleteMultipartUpload"),
        ("get_object", "GetObject"),
        ("head_object", "HeadObject"),
        ("delete_objects", "DeleteObjects"),
        ("delete_object", "DeleteObject"),
        ("get_bucket_versioning", "GetBucketVersioning"),
    ];
    let mut said: BTreeMap<String, u64> = BTreeMap::new();
    for (field, operation) in names {
        let of = |when: &str| estimate[when][field].as_u64().unwrap();
        said.insert(operation.to_owned(), of("made") + of("planned"));
    }
    said.retain(|_, count| *count > 0);
    let (mut seen, mut up, mut down) = (BTreeMap::new(), 0, 0);
    for entry in memory.log() {
        *seen.entry(entry.operation.to_owned()).or_default() += 1;
        match entry.operation {
            "PutObject" | "UploadPart" => up += entry.bytes_in,
            "GetObject" => down += entry.bytes_out,
            _ => {}
        }
    }
    assert_same(&said, &seen);
    assert_eq!(
        (
            estimate["bytes_up"].as_u64(),
            estimate["bytes_down"].as_u64()
        ),
        (Some(up), Some(down))
    );
    estimate
}

/// Files of every size that matters, as a source; what a target has beyond
/// them, and what it has of them in another version.
fn sizes() -> Vec<(&'static str, usize)> {
    vec![
        ("empty", 0),
        ("small", 10),
        ("one-part", 5 * MIB),
        ("part-and-a-byte", 5 * MIB + 1),
        ("three-parts", 11 * MIB),
    ]
}

fn write(dir: &Dir) {
    for (name, size) in sizes() {
        dir.write(name, vec![b'x'; size]);
        dir.write(format!("again/{name}"), vec![b'x'; size]);
    }
}

#[test]
fn a_backup_makes_the_requests_that_were_told() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.dir("dir");
    write(&dir);
    for (name, _) in sizes() {
        world
            .bucket
            .put(&format!("again/{name}"), "another version");
    }
    for number in 0..2_001 {
        world.bucket.put(&format!("old/{number:04}"), "12");
    }
    // Which no list of keys can carry.
    world.bucket.put("old/a\nb", "3");
    let told = is_exact(
        &memory,
        world.backup(&dir).trusting().args(["--max-delete", "100%"]),
    );
    assert_eq!(told["planned"]["delete_objects"], 3);
    assert_eq!(told["planned"]["delete_object"], 1);
    assert_eq!(told["planned"]["upload_part"], 2 * 5);
    assert_eq!(told["made"]["list_objects"], 3);
    let stored = 2 * (21 * MIB + 11) - 5 * "another version".len() - 4_003;
    assert_eq!(told["bytes_stored"], stored);
    assert_eq!(told["no_price"], "other server");
    assert_eq!(told["dollars"], Value::Null);
    assert_same(&world.bucket.contents(), &dir.contents());
    // Nothing changed: it has listed, and that is all.
    let told = is_exact(&memory, world.backup(&dir).trusting());
    assert_eq!(told["made"]["list_objects"], 1);
}

#[test]
fn a_backup_to_a_server_without_conditions_asks_before_each_write() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.dir("dir");
    write(&dir);
    world.bucket.put("again/small", "another version");
    world.bucket.put("old", "1");
    let told = is_exact(&memory, world.backup(&dir).arg("--no-conditional"));
    assert_eq!(told["planned"]["head_object"], 11);
}

#[test]
fn a_restore_makes_the_requests_that_were_told() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let from = world.dir("from");
    write(&from);
    from.write("way/file/below", "1");
    from.write("way/file/below2", "1");
    from.write("way/dir", "2");
    world.backup(&from).done();
    let dir = world.tree(
        "dir",
        &[
            ("again/small", "old"),
            ("gone", "1"),
            ("way/file", "1"),
            ("way/dir/a", "1"),
            ("way/dir/b", "1"),
        ],
    );
    let told = is_exact(&memory, world.restore(&dir));
    // One, 1, 1, 2 and 3 ranges, twice; and three small ones.
    assert_eq!(told["planned"]["get_object"], 2 * 8 + 3);
    // For the sum of what comes in parts, or waits until a blocker is removed.
    assert_eq!(told["planned"]["head_object"], 2 * 2 + 2);
    assert_eq!(told["planned"]["put_object"], 0);
    assert_same(&dir.contents(), &from.contents());
}

#[test]
fn a_saved_plan_takes_what_show_tells() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let from = world.dir("from");
    write(&from);
    world.backup(&from).done();
    let dir = world.tree("dir", &[("gone", "1"), ("again/gone", "1")]);
    let plan = save(&world, &["mock", "restore"], &dir);
    let show = world.s3mirror().arg("show").arg(&plan);
    let shown = world.no_requests(|| estimate(&show.args(["--json", "--estimate"]).done()));
    // What is to be deleted is asked for once more, by a HEAD each.
    // Those of more than 4 MiB come in parts, and each has a sum of the whole.
    assert_eq!(shown["planned"]["head_object"], 2 * 3 + 2);
    memory.clear_log();
    let applied = apply(&world, &plan).args(["--json", "--estimate"]).done();
    assert_eq!(estimate(&applied)["planned"], shown["planned"]);
    assert_eq!(
        memory.count("HeadObject") as u64,
        shown["planned"]["head_object"]
    );
    assert_eq!(
        memory.count("GetObject") as u64,
        shown["planned"]["get_object"]
    );
    assert_eq!(memory.count("ListObjectsV2"), 0);
    assert_same(&dir.contents(), &from.contents());
}

#[test]
fn comparing_contents_is_counted_as_made() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1"), ("b", "2")]);
    world.backup(&dir).trusting().done();
    world.bucket.put("b", "3");
    let told = is_exact(
        &memory,
        world
            .backup(&dir)
            .trusting()
            .args(["--compare", "checksum"]),
    );
    assert_eq!(told["made"]["head_object"], 2);
}

/// Prices of which each is easy to find again in a sum.
const PRICES: &str = r#"
name = "a friend"
put_per_1000 = 1000 # a dollar each
get_per_1000 = 10_000
storage_per_gb_month = 0
data_out_per_gb = 0
"#;

#[test]
fn prices_from_a_file_hold_for_any_server() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1"), ("b", "2")]);
    let file = |name: &str, text: &str| {
        let path = world.sandbox.path(name);
        fs::write(&path, text).unwrap();
        path
    };
    let table = json!({"name": "a friend", "put_per_1000": 1000, "get_per_1000": 10000,
        "storage_per_gb_month": 0, "data_out_per_gb": 0});
    for prices in [
        file("prices.toml", PRICES),
        file("prices.json", &table.to_string()),
    ] {
        let run = mock(&world, "backup", &dir).arg("--prices").arg(prices);
        // Two uploads and a page of a listing.
        run.done()
            .says("estimate     $3.00\n               prices of a friend\n");
    }
}

#[test]
fn a_wrong_price_is_refused_with_its_place_before_anything_is_done() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    let plan = save(&world, &["mock", "backup"], &dir);
    let cases = [
        (
            "p.toml",
            PRICES.replace("10_000", "-1"),
            "p.toml:4:16: invalid price -1",
        ),
        (
            "p.toml",
            PRICES.replace("get_", "got_"),
            "p.toml:4:1: unknown field `got_per_1000`",
        ),
        (
            "p.toml",
            PRICES.replace("\"a friend\"", "\"a friend"),
            "p.toml:2:",
        ),
        ("p.toml", String::new(), "p.toml:1:1: missing field `name`"),
        (
            "p.json",
            "{\"name\": 3}".to_owned(),
            "p.json:1:10: invalid type",
        ),
    ];
    for (name, text, why) in cases {
        fs::write(world.sandbox.path(name), text).unwrap();
        let runs = [
            world.backup(&dir),
            world.restore(&dir),
            mock(&world, "backup", &dir),
            apply(&world, &plan),
            world.s3mirror().arg("show").arg(&plan),
        ];
        for run in runs {
            let run = run.args(["--prices", name]);
            world.no_requests(|| run.exits(2).complains_in_one_line().says(why));
        }
    }
    let run = world.backup(&dir).args(["--prices", "missing"]);
    world.no_requests(|| {
        run.exits(2)
            .complains_in_one_line()
            .says("'missing': No such file")
    });
    assert!(world.bucket.objects().is_empty());
}

#[test]
fn the_estimate_is_told_where_somebody_decides() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    let told = "  requests     1 PUT\n               made already: 1 LIST\n  content      1 B up\n  \
                estimate     none: other server (see --prices)\n";
    let shows = |run: Run, status| run.exits(status).stdout.contains(told);
    assert!(shows(mock(&world, "backup", &dir), 0));
    // There is nobody to answer, but the question was to be asked.
    assert!(shows(world.command(&["backup"], &dir), 4));
    assert!(!shows(mock(&world, "backup", &dir).arg("-q"), 0));
    assert!(shows(world.backup(&dir).arg("--estimate"), 0));
    dir.write_now("a", "another");
    assert!(!world.backup(&dir).done().stdout.contains("estimate"));
}

/// Prices of two classes; those of each are easy to find again in a sum.
const CLASSES: &str = r#"
name = "a friend"
put_per_1000 = 1000
get_per_1000 = 1000
storage_per_gb_month = 0
data_out_per_gb = 0

[classes.STANDARD_IA]
put_per_1000 = 2000
get_per_1000 = 3000
storage_per_gb_month = 1024
retrieval_per_gb = 1024
min_size = 1_048_576
min_days = 30
"#;

#[test]
fn a_storage_class_is_priced_where_objects_are_written_and_where_they_are_read() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1"), ("b", "2")]);
    fs::write(world.sandbox.path("prices.toml"), CLASSES).unwrap();
    let priced = |run: Run| run.args(["--prices", "prices.toml"]);
    let class = ["--storage-class", "STANDARD_IA"];
    let run = priced(mock(&world, "backup", &dir)).args(class);
    // Two uploads and a page of a listing; 2 MiB.
    run.done()
        .says("estimate     $5.00, and $2.00 more a month for storage\n")
        .says("2 objects charged as 1.00 MiB each in STANDARD_IA\n")
        .says("each charged for 30 days at least in STANDARD_IA\n");

    world.backup(&dir).args(class).done();
    memory.put(&world.bucket.name, "plain", "3", None);
    dir.write("large", vec![1; 1 << 20]);
    world.backup(&dir).args(class).args(["--no-delete"]).done();
    let elsewhere = world.dir("elsewhere");
    let run = priced(mock(&world, "restore", &elsewhere)).args(["--json", "--estimate"]);
    let plan = run.done();
    let lines = plan.json();
    let read = |key: &str| {
        let is_read = |line: &&Value| line["source"]["key"] == key;
        lines.iter().find(is_read).unwrap()["source"]["class"].clone()
    };
    assert_eq!(read("a"), "STANDARD_IA");
    assert_eq!(read("plain"), Value::Null);
    let estimate = estimate(&plan);
    // Four objects, of which three have the class; a page of a listing.
    assert_eq!(estimate["dollars"]["requests"], 3.0 * 3.0 + 1.0 + 1.0);
    let retrieval = estimate["dollars"]["retrieval"].as_f64().unwrap();
    assert!((1.0..1.01).contains(&retrieval), "{estimate}");
    let note = "objects in STANDARD_IA by the prices of that class";
    assert_eq!(estimate["prices"]["classes"][0], note);
    // A saved plan knows the classes too.
    let plan = save(&world, &["mock", "restore"], &elsewhere);
    let run = world.s3mirror().arg("show").arg(&plan);
    priced(run).done().says("$1.00 of it for retrieval\n");
}
