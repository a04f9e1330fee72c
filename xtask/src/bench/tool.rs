//! The command line of each tool: its defaults but for what it must be
//! told, where the server is and that nobody watches.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use super::{
    endpoint::Endpoint,
    work::{Action, Compared, Scheme, Work},
};

/// The bucket of every workload.
const BUCKET: &str = "bench";

/// A program that can run the workloads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tool {
    pub(super) name: &'static str,
    kind: Kind,
    program: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    S3mirror,
    /// With `--sign-payload never`.
    S3mirrorUnsigned,
    Aws,
    S5cmd,
    Rclone,
    S3sync,
    /// The floors.
    Sdk,
    Http,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::S3mirror => "s3mirror",
            Self::S3mirrorUnsigned => "s3mirror unsigned",
            Self::Aws => "aws",
            Self::S5cmd => "s5cmd",
            Self::Rclone => "rclone",
            Self::S3sync => "s3sync",
            Self::Sdk => "SDK alone",
            Self::Http => "HTTP alone",
        }
    }
}

/// What a tool is measured against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Ours,
    Peer,
    Floor,
}

/// The role of the tool `name`.
pub(super) fn role(name: &str) -> Role {
    if name.starts_with(Kind::S3mirror.name()) {
        Role::Ours
    } else if name.ends_with(" alone") {
        Role::Floor
    } else {
        Role::Peer
    }
}

impl Tool {
    pub(super) fn new(kind: Kind, program: &Path) -> Self {
        Self {
            name: kind.name(),
            kind,
            program: program.to_owned(),
        }
    }

    /// Whether the tool has a way of its own for `work`.
    pub(super) fn takes(&self, work: &Work) -> bool {
        match self.kind {
            Kind::S3mirrorUnsigned => work.name == "up-large",
            // Minutes, and s5cmd some gigabytes, for nothing that the work
            // without the delay does not tell.
            Kind::Aws | Kind::S5cmd => work.name != "same-many-50ms",
            // What they can do for a comparison is to read the listing; where
            // time is compared, they would not be a floor: they read one page
            // after the other.
            Kind::Sdk | Kind::Http => {
                work.compared == Compared::Cpu
                    && (work.action != Action::Compare || work.transfers == 0)
            }
            _ => true,
        }
    }

    /// The program and its arguments for `work` between `dir` and `endpoint`.
    pub(super) fn command(&self, work: &Work, dir: &Path, endpoint: &Endpoint) -> Vec<String> {
        let program = self.program.display().to_string();
        let dir = dir.display().to_string();
        let url = endpoint.url.as_str();
        let down = work.action == Action::Download;
        let s3 = format!("s3://{BUCKET}");
        let between = |from: &str, to: &str| -> Vec<String> {
            let pair = if down { [to, from] } else { [from, to] };
            pair.map(str::to_owned).to_vec()
        };
        let words: Vec<String> = match self.kind {
            Kind::S3mirror | Kind::S3mirrorUnsigned => {
                let mut words = strings(&[if down { "restore" } else { "backup" }, "--yes"]);
                if self.kind == Kind::S3mirrorUnsigned {
                    words.extend(strings(&["--sign-payload", "never"]));
                }
                words.extend(strings(&["--endpoint-url", url, "--dir", &dir]));
                words.extend(strings(&["--bucket", BUCKET]));
                words
            }
            Kind::Aws => {
                let words = ["s3", "sync", "--no-progress", "--endpoint-url", url];
                [strings(&words), between(&dir, &s3)].concat()
            }
            Kind::S5cmd => {
                // What it copies down it wants as a pattern.
                let s3 = if down { format!("{s3}/*") } else { s3 + "/" };
                let words = strings(&["--endpoint-url", url, "sync"]);
                [words, between(&format!("{dir}/"), &s3)].concat()
            }
            Kind::Rclone => {
                let mut words = strings(&["sync"]);
                if work.action == Action::Compare {
                    // As its documentation advises for S3; without, it sends a
                    // HEAD for every file to learn its time.
                    words.extend(strings(&["--update", "--use-server-modtime"]));
                }
                words.extend(between(&dir, &format!("bench:{BUCKET}")));
                words
            }
            Kind::S3sync => {
                let side = if down { "source" } else { "target" };
                let mut words = Vec::new();
                for (option, value) in [
                    ("endpoint-url", url),
                    ("access-key", "bench"),
                    ("secret-access-key", "bench-secret"),
                    ("region", "us-east-1"),
                ] {
                    words.extend([format!("--{side}-{option}"), value.to_owned()]);
                }
                words.push(format!("--{side}-force-path-style"));
                words.push("--show-no-progress".to_owned());
                words.extend(between(&dir, &s3));
                words
            }
            Kind::Sdk | Kind::Http => {
                let client = if self.kind == Kind::Sdk {
                    "sdk"
                } else {
                    "http"
                };
                let action = match work.action {
                    Action::Upload => "put",
                    Action::Download => "get",
                    Action::Compare => "list",
                };
                let mut words = strings(&[client, action, &work.files, url]);
                if work.scheme == Scheme::Https {
                    words.push("--unsigned".to_owned());
                }
                if let Some(ca) = &endpoint.ca {
                    words.extend(["--ca".to_owned(), ca.display().to_string()]);
                }
                words
            }
        };
        std::iter::once(program).chain(words).collect()
    }
}

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

/// Lets `command` use `endpoint`, whichever tool it is, and nothing else that
/// may be set up on this machine. Its state goes below `home`.
pub(super) fn give_access(command: &mut Command, endpoint: &Endpoint, home: &Path) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let configures = ["AWS_", "S3MIRROR_", "S3_", "RCLONE_", "SOURCE_", "TARGET_"];
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_tool_is_measured_against_follows_from_its_name() {
        assert_eq!(role(Kind::S3mirrorUnsigned.name()), Role::Ours);
        assert_eq!(role(Kind::S3sync.name()), Role::Peer);
        assert_eq!(role(Kind::Sdk.name()), Role::Floor);
        assert_eq!(role(Kind::Http.name()), Role::Floor);
    }
}
