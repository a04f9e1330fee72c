//! The past of a bucket on servers that keep versions: a history of 200 keys, restored at
//! moments between its changes, and compared with what the aws command line lists.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{SecondsFormat, Utc};

use super::{freely, is_quiet, the_second_passes};
use crate::support::{
    Content, Dir, Server, World, assert_same,
    run::Run,
    servers::{Keeping, RealServer},
};

on_real_servers! {
    a_bucket_is_restored_as_it_was
}

const KEYS: usize = 200;

fn key(number: usize) -> String {
    match number % 4 {
        0 => format!("k{number:03}"),
        1 => format!("d/k{number:03}"),
        // Some servers lose the first of two such keys where a page ends between them.
        2 => format!("d/k{:03}-1", number - 1),
        _ => format!("d{}/e/ä {number:03}", number % 8),
    }
}

fn a_bucket_is_restored_as_it_was(server: &RealServer) {
    let world = World::on(server);
    let bucket = &world.bucket.name;
    if !server.limits().versions {
        assert!(server.set(bucket, Keeping::Versions).is_err());
        return;
    }
    server.set(bucket, Keeping::Versions).unwrap();
    let mut now = BTreeMap::new();
    let mut moments = Vec::new();
    for round in 0..3 {
        the_second_passes();
        for number in 0..KEYS {
            let key = key(number);
            match (number * 7 + round * 5) % 11 {
                0..2 if round > 0 => {
                    server.delete(bucket, &key);
                    now.remove(&key);
                }
                2..6 if round > 0 => {}
                // Of one size, so that only the times tell two versions apart.
                _ => {
                    let content = format!("{round}-{number:03}");
                    server.put(bucket, &key, content.as_bytes());
                    now.insert(key, Content::from(content));
                }
            }
        }
        the_second_passes();
        let moment = Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true);
        moments.push((moment, now.clone()));
    }
    lists_what_aws_lists(&world);
    if !server.limits().tells_versioning {
        for (number, (moment, expected)) in moments.iter().enumerate() {
            let dir = world.tree(&format!("dir{number}"), &[("kept", "1")]);
            restore(&world, &dir, moment)
                .exits(3)
                .says("nothing is deleted");
            dir.remove("kept");
            assert_same(&dir.contents(), expected);
        }
        return;
    }
    let dir = world.dir("dir");
    for at in [0, 2, 1, 0] {
        let (moment, expected) = &moments[at];
        restore(&world, &dir, moment).done();
        assert_same(&dir.contents(), expected);
        is_quiet(restore(&world, &dir, moment));
    }
}

fn restore(world: &World, dir: &Dir, moment: &str) -> Run {
    freely(world.restore(dir)).args(["--at", moment])
}

/// Compares keys, ids and sizes of all versions and markers.
fn lists_what_aws_lists(world: &World) {
    let bucket = &world.bucket.name;
    let aws = world.aws();
    let json = aws.run(&[
        "s3api",
        "list-object-versions",
        "--bucket",
        bucket,
        "--output",
        "json",
    ]);
    let all: serde_json::Value = serde_json::from_str(&json).unwrap();
    let line = |it: &serde_json::Value| {
        let text = |name: &str| it[name].as_str().unwrap_or("null").to_owned();
        (text("Key"), text("VersionId"), it["Size"].as_u64())
    };
    let of = |kind: &str| all[kind].as_array().cloned().unwrap_or_default();
    let versions = of("Versions").into_iter().chain(of("DeleteMarkers"));
    let expected: BTreeSet<_> = versions.map(|it| line(&it)).collect();
    let run = world.s3mirror().args(["versions", "--json", "-b", bucket]);
    let listed = run.done().json().into_iter();
    let listed = listed.filter(|it| it["event"] == "version").map(|it| {
        let text = |name: &str| it[name].as_str().unwrap().to_owned();
        (text("key"), text("version_id"), it["size"].as_u64())
    });
    let listed: BTreeSet<_> = listed.collect();
    assert!(expected.len() > KEYS, "{} versions", expected.len());
    assert_eq!(listed, expected);
}
