//! `verify` compares contents, names what differs, and changes nothing.

use std::{
    thread,
    time::{Duration, Instant},
};

use base64::Engine as _;
use s3_endpoint::{Action, Fault};

use crate::support::{
    Dir, Memory, Server, World, assert_same,
    content::mebibytes,
    docs::commands,
    faults::{puts, works_on},
    run::Run,
    times,
};

const FILES: [(&str, &str); 3] = [("a", "one"), ("sub/b", "two"), ("empty", "")];

fn verify(world: &World, dir: &Dir) -> Run {
    world.command(&["verify"], dir)
}

/// A backup of these files.
fn backed_up<'m>(server: &'m dyn Server, files: &[(&str, &str)]) -> (World<'m>, Dir) {
    let world = World::on(server);
    let dir = world.tree("dir", files);
    world.backup(&dir).done();
    (world, dir)
}

/// CRC64NVME as a header has it.
fn sum(content: &[u8]) -> String {
    let sum = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, content);
    base64::prelude::BASE64_STANDARD.encode(sum.to_be_bytes())
}

/// HEAD answers with this checksum, whatever the object's is.
fn claims(memory: &Memory, content: &'static [u8]) {
    let edit = Action::edit(move |answer| {
        let name = "x-amz-checksum-crc64nvme";
        answer.headers.insert(name, sum(content).parse().unwrap());
    });
    memory.inject(Fault::on("HeadObject").always().act(edit));
}

fn keeps_no_checksums(memory: &Memory) {
    let edit = Action::edit(|answer| {
        answer.headers.remove("x-amz-checksum-crc64nvme");
        answer.headers.remove("x-amz-checksum-type");
    });
    memory.inject(Fault::any().always().act(edit));
}

fn what_was_backed_up_is_equal_and_one_byte_is_found(server: &dyn Server) {
    let (world, dir) = backed_up(server, &FILES);
    dir.write("large", mebibytes(9, 1));
    world.backup(&dir).done();
    for how in [&[][..], &["--read"]] {
        verify(&world, &dir).args(how).done().says(": equal, in ");
    }
    let objects = world.bucket.objects();

    // The same size, and no time tells.
    dir.write("sub/b", "twp");
    let mut large = mebibytes(9, 1);
    large[7 << 20] ^= 1;
    dir.write("large", large);
    for how in [&[][..], &["--read"]] {
        let outcome = verify(&world, &dir).args(how).exits(5);
        let lines: Vec<_> = outcome.stdout.lines().collect();
        assert!(
            outcome.stdout.contains("content differs    sub/b  (3 B)\n"),
            "{outcome}"
        );
        assert!(
            outcome
                .stdout
                .contains("content differs    large  (9.00 MiB)\n"),
            "{outcome}"
        );
        assert!(
            !lines[..2].iter().any(|line| line.contains("  a  ")),
            "{outcome}"
        );
    }
    assert_same(&world.bucket.objects(), &objects);
}

fn all_differences_are_named(server: &dyn Server) {
    let (world, dir) = backed_up(server, &FILES);
    dir.write("new", "only here");
    dir.write("a", "longer");
    world.bucket.put("theirs", "only there");
    let outcome = verify(&world, &dir).exits(5);
    let mut lines: Vec<_> = outcome.stdout.lines().take(3).collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "only in bucket     theirs  (10 B)",
            "only in directory  new  (9 B)",
            "size differs       a  (file 6 B, object 3 B)",
        ],
        "{outcome}"
    );
    verify(&world, &dir).args(["--exclude", "*"]).done();
    let quiet = verify(&world, &dir).arg("-q").exits(5);
    assert_eq!((&*quiet.stdout, &*quiet.stderr), ("", ""));
}

on_all_servers! {
    what_was_backed_up_is_equal_and_one_byte_is_found
    all_differences_are_named
}

#[test]
fn a_kept_checksum_costs_one_request_and_no_bytes() {
    let memory = Memory::start();
    let (world, dir) = backed_up(&memory, &FILES);
    memory.clear_log();
    verify(&world, &dir).done();
    let mut story = memory.story();
    story.sort_unstable();
    // Two empty contents are equal.
    assert_eq!(story, ["HeadObject a 200", "HeadObject sub/b 200"]);

    memory.clear_log();
    verify(&world, &dir).arg("--read").done();
    let mut story = memory.story();
    story.sort_unstable();
    assert_eq!(story, ["GetObject a 200", "GetObject sub/b 200"]);
}

#[test]
fn a_changed_object_is_found_though_its_time_is_that_of_the_file() {
    let memory = Memory::start();
    let (world, dir) = backed_up(&memory, &FILES);
    let modified = memory.object(&world.bucket.name, "a").unwrap().modified();
    memory.put_at(&world.bucket.name, "a", "onf", modified);
    dir.touch("a", modified);
    world.backup(&dir).done();
    verify(&world, &dir).exits(5).says("content differs    a");
    // The other way round: only the times differ.
    memory.put_at(&world.bucket.name, "a", "one", times::at(times::LONG_AGO));
    dir.touch("a", chrono::Utc::now());
    verify(&world, &dir).done();
}

#[test]
fn a_kept_checksum_that_lies_is_found_by_reading() {
    let memory = Memory::start();
    let (world, dir) = backed_up(&memory, &[("a", "one")]);
    // The object rots, its checksum does not tell.
    memory.put_at(&world.bucket.name, "a", "onf", chrono::Utc::now());
    claims(&memory, b"one");
    verify(&world, &dir).done();
    verify(&world, &dir)
        .arg("--read")
        .exits(5)
        .says("content differs    a");

    // The content is right, the checksum is not.
    memory.put_at(&world.bucket.name, "a", "one", chrono::Utc::now());
    memory.clear_faults();
    claims(&memory, b"two");
    verify(&world, &dir).exits(5).says("content differs    a");
    verify(&world, &dir).arg("--read").done();
}

#[test]
fn bytes_that_do_not_fit_the_checksum_beside_them_are_damage() {
    let memory = Memory::start();
    let (world, dir) = backed_up(&memory, &[("a", "one")]);
    let rot = Fault::on("GetObject").always();
    memory.inject(rot.act(Action::FlipBit { offset: 1 }));
    let run = verify(&world, &dir).args(["--read", "--json"]);
    let outcome = run.exits(5).says("damaged: a: ");
    assert_eq!(outcome.json()[1]["what"], "damaged");
}

#[test]
fn a_killed_connection_is_no_difference() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.dir("dir");
    dir.write("a", mebibytes(6, 1));
    dir.write("b", "two");
    world.backup(&dir).done();
    keeps_no_checksums(&memory);
    memory.inject(Fault::on("HeadObject").times(2).act(Action::Reset));
    memory.inject(Fault::on("GetObject").times(3).act(Action::CutBodyAfter(2)));
    verify(&world, &dir).done().says(": equal, in ");
    // For good: it is not known.
    memory.inject(Fault::on("GetObject").always().act(Action::Reset));
    let run = verify(&world, &dir).args(["--max-attempts", "2"]);
    let outcome = run.exits(3).says("unreadable: a: ").says("unreadable: b: ");
    assert!(!outcome.stdout.contains("content differs"), "{outcome}");
}

#[test]
fn a_file_that_changes_meanwhile_has_changed() {
    let memory = Memory::start();
    let (world, dir) = backed_up(&memory, &[("a", "one"), ("b", "two"), ("c", "three")]);
    dir.write("c", "shorter");
    let writes = |file: &str| works_on(dir.join(file), |path| std::fs::write(path, "xyz").unwrap());
    memory.inject(Fault::on("HeadObject").key("a").act(writes("a")));
    memory.inject(Fault::on("HeadObject").key("a").act(writes("c")));
    let run = verify(&world, &dir).args(["--json", "--concurrency", "1"]);
    let outcome = run.exits(3);
    let lines = outcome.json();
    let mut told: Vec<_> = lines
        .iter()
        .filter(|line| line["event"] == "differs")
        .map(|line| {
            (
                line["key"].clone(),
                line["what"].clone(),
                line["certain"].clone(),
            )
        })
        .collect();
    told.sort_by_key(|(key, ..)| key.to_string());
    assert_eq!(
        told,
        [
            ("a".into(), "changed".into(), false.into()),
            ("c".into(), "changed".into(), false.into())
        ],
        "{outcome}"
    );
}

#[test]
fn an_object_that_changes_meanwhile_has_changed() {
    let memory = Memory::start();
    let (world, dir) = backed_up(&memory, &[("a", "one")]);
    for operation in ["HeadObject", "GetObject"] {
        let fault = Fault::on(operation).key("a");
        memory.inject(fault.act(puts(&world, "a", "two")));
        let how = if operation == "GetObject" {
            &["--read"][..]
        } else {
            &[]
        };
        let outcome = verify(&world, &dir).args(how).exits(3).says("changed: a: ");
        assert!(!outcome.stdout.contains("content differs"), "{outcome}");
        memory.put_at(&world.bucket.name, "a", "one", chrono::Utc::now());
    }
}

#[test]
fn a_listing_that_fails_says_nothing_of_any_entry() {
    let memory = Memory::start();
    let (world, dir) = backed_up(&memory, &FILES);
    let denied = Action::error(403, "AccessDenied");
    memory.inject(Fault::on("ListObjectsV2").always().act(denied));
    let outcome = verify(&world, &dir).exits(1).says("s3:ListBucket");
    assert_eq!(outcome.stdout, "");
    memory.clear_faults();
    memory.clear_log();
    let nowhere = world.dir("gone");
    std::fs::remove_dir(nowhere.path()).unwrap();
    verify(&world, &nowhere).exits(1).says("does not exist");
    assert_eq!(memory.log().len(), 0);
}

#[test]
fn what_cannot_be_read_is_named_and_no_difference() {
    let memory = Memory::start();
    let (world, dir) = backed_up(&memory, &[("a", "1"), ("locked/x", "2"), ("b", "3")]);
    use std::os::unix::fs::PermissionsExt;
    let bits = |name: &str, mode| {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(dir.join(name), mode).unwrap();
    };
    bits("locked", 0);
    bits("a", 0);
    let run = world
        .s3mirror_as_nobody()
        .args(["verify", "-b", &world.bucket.name]);
    let run = run.arg("-d").arg(dir.path());
    let outcome = run.exits(3);
    bits("locked", 0o755);
    let outcome = outcome.says("unreadable: a: ").says("unreadable: locked: ");
    let outcome = outcome.says("not comparable: locked/x: ");
    assert!(!outcome.stdout.contains("only in bucket"), "{outcome}");
}

#[test]
fn other_clients_checksums_are_used_and_sums_of_parts_are_not() {
    let memory = Memory::start();
    let (world, dir) = backed_up(&memory, &[("a", "one")]);
    let instead = |value: &'static str, kind: &'static str| {
        memory.clear_faults();
        let edit = Action::edit(move |answer| {
            answer.headers.remove("x-amz-checksum-crc64nvme");
            let headers = &mut answer.headers;
            headers.insert("x-amz-checksum-sha256", value.parse().unwrap());
            headers.insert("x-amz-checksum-type", kind.parse().unwrap());
        });
        memory.inject(Fault::on("HeadObject").always().act(edit));
        memory.clear_log();
    };
    // Of "one".
    instead(
        "dpLDrTVAu4A8Ags67mbNiIcSMjTqDG5xQ8Ct1z/0Me0=",
        "FULL_OBJECT",
    );
    let outcome = verify(&world, &dir).run();
    assert_eq!(memory.count("GetObject"), 0, "{outcome}");
    outcome.is(0);
    instead(
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "FULL_OBJECT",
    );
    verify(&world, &dir).exits(5);
    instead(
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=-2",
        "COMPOSITE",
    );
    verify(&world, &dir)
        .done()
        .says("equal by bytes                1");
    assert_eq!(memory.count("GetObject"), 1);
}

#[test]
fn an_archived_object_is_compared_by_its_checksum_and_cannot_be_read() {
    let memory = Memory::start();
    let (world, dir) = backed_up(&memory, &[("a", "one")]);
    memory.set_storage_class(&world.bucket.name, "a", "GLACIER");
    verify(&world, &dir).done();
    let run = verify(&world, &dir).arg("--read");
    run.exits(3).says("not comparable: a: ").says("archive");
}

#[test]
fn a_signal_ends_it_within_five_seconds() {
    let memory = Memory::start();
    let (world, dir) = backed_up(&memory, &FILES);
    let stall = Action::Stall(Duration::from_secs(60));
    memory.inject(Fault::on("HeadObject").key("a").act(stall));
    let running = verify(&world, &dir).start();
    running.wait_for(&memory, "HeadObject", 1);
    thread::sleep(Duration::from_millis(300));
    let since = Instant::now();
    running.signal("INT");
    let outcome = running.end().is(130).says("stopped before its end");
    assert!(since.elapsed() < Duration::from_secs(5), "{outcome}");
}

#[test]
fn the_summary_for_programs_counts_everything() {
    let memory = Memory::start();
    let (world, dir) = backed_up(&memory, &FILES);
    dir.write("new", "12345");
    memory.put_at(&world.bucket.name, "x//y", "1", chrono::Utc::now());
    let outcome = verify(&world, &dir).arg("--json").exits(3);
    let lines = outcome.json();
    let summary = lines.last().unwrap();
    assert_eq!(summary["event"], "verified");
    assert_eq!(summary["exit"], 3);
    assert_eq!(summary["complete"], true);
    assert_eq!(summary["equal_by_checksum"]["entries"], 2);
    assert_eq!(summary["equal_by_bytes"]["entries"], 1);
    assert_eq!(summary["only_in_directory"]["bytes"], 5);
    assert_eq!(summary["not_comparable"], 1);
    let new = lines.iter().find(|line| line["key"] == "new").unwrap();
    assert_eq!(new["what"], "only-in-directory");
    assert_eq!(new["file"]["size"], 5);
    assert!(new["object"].is_null());
}

#[test]
fn the_commands_of_its_page_do_what_it_says() {
    let memory = Memory::start();
    let world = World::on(&memory);
    memory.create_bucket("my-bucket");
    world.tree("home/photos", &[("2024/a.jpg", "a"), ("b.jpg", "b")]);
    let page = include_str!("../../docs/verify.md");
    for line in commands(page) {
        world.s3mirror().env("S3MIRROR_YES", "true").line(line);
    }
}
