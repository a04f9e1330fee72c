//! The aws command line: the S3 client that most people know, and not ours.

use std::{ffi::OsString, process::Command};

use super::{Sandbox, server::Bucket};

/// Where it is.
pub(crate) fn program() -> OsString {
    std::env::var_os("S3MIRROR_TEST_AWS").expect(
        "S3MIRROR_TEST_AWS must name the aws command line; `cargo xtask test` installs it and \
         runs this test",
    )
}

/// The aws command line, for the server of `bucket`.
pub(crate) struct AwsCli<'w> {
    sandbox: &'w Sandbox,
    bucket: &'w Bucket<'w>,
}

impl<'w> AwsCli<'w> {
    pub(crate) fn new(sandbox: &'w Sandbox, bucket: &'w Bucket<'w>) -> Self {
        Self { sandbox, bucket }
    }

    /// The bucket's address, with `key`.
    pub(crate) fn address(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.bucket.name)
    }

    /// Runs it, expects success and returns what it printed.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        let (key, secret) = self.bucket.server.credentials();
        let mut command = Command::new(program());
        command
            .args(["--endpoint-url", &self.bucket.server.url()])
            .args(arguments);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.sandbox.path("home"));
        command
            .env("AWS_ACCESS_KEY_ID", key)
            .env("AWS_SECRET_ACCESS_KEY", secret);
        command
            .env("AWS_DEFAULT_REGION", self.bucket.server.region())
            .env("AWS_EC2_METADATA_DISABLED", "true");
        // Else it sends sums behind its bodies, which some servers take for content.
        command.env("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required");
        // Else it waits for `100 Continue` before an empty body, and now and
        // then for a minute.
        command.env("BOTO_EXPERIMENTAL__NO_EMPTY_CONTINUE", "true");
        let output = command.output().unwrap();
        let (stdout, stderr) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        assert!(
            output.status.success(),
            "aws {arguments:?}: {}\n{stdout}{stderr}",
            output.status
        );
        stdout.into_owned()
    }
}
