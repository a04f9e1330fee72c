//! What a tool finds in its environment: the endpoint, and nothing else that may
//! be set up on this machine.

use std::{path::Path, process::Command};

use super::Endpoint;

/// Lets `command` use `endpoint`, whichever tool it is, and nothing else that
/// may be set up on this machine. Its state goes below `home`.
pub(in crate::bench) fn give_access(command: &mut Command, endpoint: &Endpoint, home: &Path) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let configures = [
            "AWS_",
            "S3MIRROR_",
            "S3_",
            "RCLONE_",
            "JFS_",
            "SOURCE_",
            "TARGET_",
        ];
        if configures.iter().any(|prefix| text.starts_with(prefix)) {
            command.env_remove(&name);
        }
    }
    let nowhere = home.join("no-such-file");
    for variable in [
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "RCLONE_CONFIG",
    ] {
        command.env(variable, &nowhere);
    }
    command.env("XDG_STATE_HOME", home.join("state"));
    command.envs([
        ("AWS_ACCESS_KEY_ID", "bench"),
        ("AWS_SECRET_ACCESS_KEY", "bench-secret"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("RCLONE_CONFIG_BENCH_TYPE", "s3"),
        ("RCLONE_CONFIG_BENCH_PROVIDER", "Other"),
        ("RCLONE_CONFIG_BENCH_ENV_AUTH", "true"),
        ("RCLONE_CONFIG_BENCH_REGION", "us-east-1"),
        ("RCLONE_CONFIG_BENCH_ENDPOINT", &endpoint.url),
    ]);
    if let Some(ca) = &endpoint.ca {
        // The first is Go's and Rust's, the second Python's.
        command.env("SSL_CERT_FILE", ca).env("AWS_CA_BUNDLE", ca);
    }
}
