//! What comes from outside, by variables, options and files: it is trimmed, or
//! refused by name; it never ends in a panic, and no secret in it is shown.

use std::{fs, time::Duration};

use crate::support::{Dir, Memory, World, assert_same, content::map, run::Run};

/// What surrounds a value that `echo` or an editor made.
const AROUND: [(&str, &str); 5] = [
    ("", "\n"),
    ("", "\r\n"),
    (" ", ""),
    ("\t", " "),
    ("", "\n\n"),
];

/// What no value can hold.
const INSIDE: [&str; 4] = ["\n", "\r", "\u{1}", "\u{7f}"];

fn scene(memory: &Memory) -> (World<'_>, Dir) {
    let world = World::on(memory);
    let dir = world.tree("dir", &[("a", "1")]);
    (world, dir)
}

/// The variables that lead to a request, with values that are right here.
fn variables(world: &World) -> Vec<(&'static str, String)> {
    let (key, secret) = world.bucket.server.credentials();
    vec![
        ("AWS_ACCESS_KEY_ID", key.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", secret.to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("S3MIRROR_REGION", "us-east-1".to_owned()),
        ("S3MIRROR_ENDPOINT_URL", world.bucket.server.url()),
        ("S3MIRROR_BUCKET", world.bucket.name.clone()),
    ]
}

fn backup(world: &World, dir: &Dir) -> Run {
    let run = world.s3mirror().args(["backup", "--yes", "--dir"]);
    run.arg(dir.path())
        .env("S3MIRROR_BUCKET", &world.bucket.name)
}

#[test]
fn white_space_around_a_value_does_not_count() {
    let memory = Memory::start();
    let (world, dir) = scene(&memory);
    for (name, value) in variables(&world) {
        for (before, behind) in AROUND {
            let value = format!("{before}{value}{behind}");
            backup(&world, &dir).env(name, value).done();
        }
    }
    assert_same(&world.bucket.contents(), &map(&[("a", "1")]));
}

#[test]
fn a_value_that_cannot_travel_is_refused_with_its_source() {
    let memory = Memory::start();
    let (world, dir) = scene(&memory);
    world.no_requests(|| {
        for (name, value) in variables(&world) {
            for odd in INSIDE {
                let (begin, end) = value.split_at(3);
                let value = format!("{begin}{odd}{end}");
                let outcome = backup(&world, &dir).env(name, value).run();
                let status = outcome.status.code();
                assert!(matches!(status, Some(1 | 2)), "{outcome}");
                // An option of ours may be named instead of its variable.
                let option = name.strip_prefix("S3MIRROR_").unwrap_or(name);
                let option = option.to_lowercase().replace('_', "-");
                let named = [name, &option]
                    .iter()
                    .any(|name| outcome.stderr.contains(name));
                assert!(named, "{name} in {outcome}");
                assert_eq!(outcome.stderr.trim_end().lines().count(), 1, "{outcome}");
                assert!(
                    !outcome.stderr.contains(odd.trim_matches('\n')) || odd == "\n",
                    "{outcome}"
                );
            }
        }
    });
}

/// Those that only the SDK reads: it would panic, or ask whatever they name.
#[test]
fn a_variable_of_the_sdk_that_cannot_travel_is_refused_with_its_name() {
    let memory = Memory::start();
    let (world, dir) = scene(&memory);
    world.no_requests(|| {
        for name in [
            "AWS_CONTAINER_AUTHORIZATION_TOKEN",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "AWS_EC2_METADATA_SERVICE_ENDPOINT",
            "AWS_EXECUTION_ENV",
            "AWS_ROLE_ARN",
            "AWS_ROLE_SESSION_NAME",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            "AWS_CONFIG_FILE",
            "AWS_SHARED_CREDENTIALS_FILE",
        ] {
            for odd in INSIDE {
                let value = format!("/ge{odd}heim");
                let outcome = backup(&world, &dir).env(name, value).exits(1);
                let outcome = outcome.complains_in_one_line();
                let outcome = outcome.says(&format!("the variable {name} holds "));
                assert!(!outcome.stderr.contains("heim"), "{outcome}");
            }
        }
    });
}

#[test]
fn keys_of_files_and_programs_are_looked_at_too() {
    let memory = Memory::start();
    let (world, dir) = scene(&memory);
    let (key, secret) = world.bucket.server.credentials();
    let file = world.sandbox.path("config");
    let profile = |key: &str| {
        let json =
            format!("{{\"Version\":1,\"AccessKeyId\":\"{key}\",\"SecretAccessKey\":\"{secret}\"}}");
        fs::write(world.sandbox.path("keys.json"), json).unwrap();
        let program = format!("cat {}", world.sandbox.path("keys.json").display());
        let text = format!("[profile odd]\ncredential_process = {program}\nregion = us-east-1\n");
        fs::write(&file, text).unwrap();
        let run = backup(&world, &dir).args(["--profile", "odd"]);
        run.env("AWS_CONFIG_FILE", &file)
            .env_remove("AWS_ACCESS_KEY_ID")
    };
    profile(&format!("{key}\\n")).done();
    profile(&format!("\\t{key}")).done();
    let outcome = profile("AK\\u0001ID").exits(1);
    outcome.says("the access key of the profile 'odd' holds the control character U+0001");
}

#[test]
fn a_variable_that_is_set_and_empty_is_not_set() {
    let memory = Memory::start();
    let (world, dir) = scene(&memory);
    for name in [
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_S3",
        "AWS_PROFILE",
        "AWS_SESSION_TOKEN",
        "AWS_CA_BUNDLE",
        "AWS_CONFIG_FILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "HTTP_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
        "SSL_CERT_FILE",
        "S3MIRROR_PROFILE",
        "S3MIRROR_CA_BUNDLE",
        "S3MIRROR_STORAGE_CLASS",
        "S3MIRROR_SSE",
        "S3MIRROR_MAX_DELETE",
        "S3MIRROR_EXCLUDE",
        "S3MIRROR_EXCLUDE_FROM",
        "S3MIRROR_NO_DELETE",
        "S3MIRROR_COMPARE",
        "S3MIRROR_BWLIMIT",
        "S3MIRROR_JSON",
        "S3MIRROR_VERBOSE",
        "S3MIRROR_ON_FINISH",
        "S3MIRROR_METRICS_FILE",
        "S3MIRROR_PLAN_OUT",
    ] {
        for value in ["", " "] {
            backup(&world, &dir).env(name, value).done();
        }
    }
}

#[test]
fn an_address_is_taken_in_every_way_to_write_it() {
    let memory = Memory::start();
    let (world, dir) = scene(&memory);
    let url = world.bucket.server.url();
    let upper = url.replace("http", "HTTP");
    for address in [
        format!("{url}/"),
        format!("{url}//"),
        format!(" {url}\n"),
        upper,
    ] {
        let run = backup(&world, &dir).args(["--endpoint-url", &address]);
        run.done();
    }
}

#[test]
fn a_secret_in_a_url_is_shown_by_no_option() {
    let memory = Memory::start();
    let (world, dir) = scene(&memory);
    for url in [
        "http://u:geheim@h:1",
        "u:geheim@h:9000",
        "geheim@h",
        "http://h/?X-Amz-Signature=geheim",
        "http://h/#geheim",
    ] {
        let limit = Duration::from_secs(20);
        let run = || {
            backup(&world, &dir)
                .secret("geheim")
                .within(limit)
                .arg("-vvv")
        };
        for run in [
            run().args(["--endpoint-url", url]),
            run()
                .env("AWS_ENDPOINT_URL", url)
                .env_remove("S3MIRROR_ENDPOINT_URL"),
            run().env("S3MIRROR_ENDPOINT_URL", url),
            run().args(["--bucket", url]),
            run().args(["--bucket", &format!("s3://{url}/x")]),
            run().env("S3MIRROR_BUCKET", url),
            run().args(["--max-delete", url]),
            run().arg(url),
            run().arg(format!("--no-such-option={url}")),
        ] {
            let outcome = run.run();
            let shown = outcome.stderr.contains("geheim") || outcome.stdout.contains("geheim");
            assert!(!shown && !outcome.status.success(), "{outcome}");
        }
    }
}

#[test]
fn a_proxy_that_does_not_work_is_named_soon_and_no_proxy_is_heeded() {
    let memory = Memory::start();
    let (world, dir) = scene(&memory);
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = format!("http://u:geheim@{}", free.local_addr().unwrap());
    drop(free);
    let run = || {
        backup(&world, &dir)
            .env("HTTP_PROXY", &proxy)
            .secret("geheim")
    };
    let outcome = run().within(Duration::from_secs(15)).exits(1);
    outcome
        .says("cannot reach the proxy http://127.0.0.1:")
        .says("HTTP_PROXY");
    let address = world.bucket.server.url();
    let address = address.trim_start_matches("http://").trim_end_matches('/');
    for (name, rules) in [
        ("NO_PROXY", "*"),
        ("no_proxy", "127.0.0.1"),
        ("NO_PROXY", "127.0.0.0/8"),
        ("NO_PROXY", address),
    ] {
        run().env(name, rules).done();
    }
}

#[test]
fn who_types_the_words_of_other_tools_is_told_ours() {
    let memory = Memory::start();
    let world = World::on(&memory);
    for (words, typed) in [
        (
            &["backup", "d", "bucket"][..],
            "s3mirror backup -d d -b bucket",
        ),
        (
            &["restore", "bucket", "d"],
            "s3mirror restore -d d -b bucket",
        ),
        (
            &["backup", "s3://bucket", "d"],
            "s3mirror restore s3://bucket d",
        ),
        (
            &["restore", "d", "s3://bucket"],
            "s3mirror backup d s3://bucket",
        ),
        (
            &["sync", "d", "s3://bucket"],
            "s3mirror backup -d d -b s3://bucket",
        ),
        (&["ls", "s3://bucket"], "s3mirror mock restore"),
    ] {
        world.s3mirror().args(words).exits(2).says(typed);
    }
}
