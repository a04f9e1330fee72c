//! No secret ever appears, not even at the highest verbosity and not in errors.
//! (Every other test looks for them too; see `support::outcome`.)

use crate::support::{Memory, World, run::Run};

const SECRET: &str = "a-secret-that-nobody-else-uses";
const TOKEN: &str = "a-session-token-that-nobody-else-uses";

#[test]
fn no_secret_in_any_output_at_the_highest_verbosity() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    let verbose = |run: Run| run.args(["-v", "-v"]).env("RUST_LOG", "trace");

    verbose(world.backup(&dir)).done();
    verbose(world.backup(&dir)).arg("--json").done();
    verbose(world.restore(&dir)).done();
    verbose(world.mock_restore(&dir)).arg("--json").done();

    // And where they are what is wrong.
    let wrong = |run: Run| {
        let run = verbose(run)
            .env("AWS_SECRET_ACCESS_KEY", SECRET)
            .env("AWS_SESSION_TOKEN", TOKEN);
        run.secret(SECRET).secret(TOKEN)
    };
    wrong(world.backup(&dir)).exits(1);
    wrong(world.restore(&dir)).arg("--json").exits(1);
}

/// The SDK logs requests with all their headers, if it is let.
#[test]
fn no_secret_in_the_logs_whatever_is_asked_to_be_logged() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    let everything = "trace,aws_sigv4=trace,aws_smithy_runtime=trace,hyper_util=trace";
    for format in ["text", "json"] {
        for (options, filter) in [(&["-vvv"][..], ""), (&[], "trace"), (&[], everything)] {
            let run = world.backup(&dir).args(options).env("RUST_LOG", filter);
            let run = run.env("AWS_SESSION_TOKEN", TOKEN).secret(TOKEN);
            // The endpoint does not check the token; it is sent all the same.
            let outcome = run.args(["--log-format", format]).run();
            assert!(outcome.stderr.contains("sync_s3"), "no logs in {outcome}");
            assert!(
                outcome.stderr.contains("aws_"),
                "no logs of the SDK in {outcome}"
            );
            // How the value of the header begins, and how it ends.
            for part in ["AWS4-HMAC-SHA256 Credential", "Signature="] {
                assert!(!outcome.stderr.contains(part), "{part} in {outcome}");
            }
            if format == "json" {
                let lines = outcome.stderr.lines();
                let objects = lines.map(serde_json::from_str::<serde_json::Value>);
                assert!(
                    objects.into_iter().all(|object| object.is_ok()),
                    "{outcome}"
                );
            }
        }
    }
}

/// A URL may carry a password.
#[test]
fn a_password_in_the_endpoint_url_is_not_shown() {
    let memory = Memory::start();
    let world = World::on(&memory);
    let dir = world.tree("dir", &[("a", "1")]);
    let address = "http://user:pass-word-in-url@127.0.0.1:1";
    let run = world
        .backup(&dir)
        .args(["--endpoint-url", address, "--max-attempts", "1", "-vvv"]);
    let outcome = run.secret("pass-word-in-url").run();
    assert!(matches!(outcome.status.code(), Some(1 | 2)), "{outcome}");
}

#[test]
fn help_shows_no_value_of_the_environment() {
    let memory = Memory::start();
    let world = World::on(&memory);
    for command in ["backup", "restore", "cleanup", "mock"] {
        world
            .s3mirror()
            .args([command, "--help"])
            .env("S3MIRROR_PROFILE", SECRET)
            .secret(SECRET)
            .done();
    }
}
