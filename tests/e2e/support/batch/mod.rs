//! AWS Batch, as far as the script of a run needs it: `engine.py` answers its requests, and runs
//! the jobs as the service would. They are sent by `aws.py`, or by the aws command line itself,
//! which holds them against the model of the API first.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use serde_json::Value;

use super::{Outcome, awscli, cluster::Cluster, run::program};

/// What sends the requests.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sender {
    /// A program of the tests, which sends what it is given.
    Tests,
    /// The aws command line.
    Aws,
}

/// What came of a script.
pub(crate) struct Batch {
    pub(crate) outcome: Outcome,
    /// What was registered.
    pub(crate) definitions: Vec<Value>,
    /// The jobs that were run, each with the exit status of all attempts at its tasks.
    pub(crate) jobs: Vec<Value>,
}

impl Batch {
    /// Runs `script`.
    #[track_caller]
    pub(crate) fn run(cluster: &Cluster<'_, '_>, script: &str, sender: Sender) -> Self {
        let dir = cluster.world.dir("batch");
        dir.write("script.sh", script);
        dir.write("engine.py", include_str!("engine.py"));
        let bin = dir.path().join("bin");
        fs::create_dir_all(&bin).unwrap();
        let aws = bin.join("aws");
        // A link of an earlier script; what it leads to is not ours.
        let _ = fs::remove_file(&aws);
        match sender {
            Sender::Tests => {
                fs::write(&aws, include_str!("aws.py")).unwrap();
                fs::set_permissions(&aws, fs::Permissions::from_mode(0o755)).unwrap();
            }
            Sender::Aws => symlink(awscli::program(), &aws).unwrap(),
        }
        let run = cluster.world.s3mirror();
        let run = run.env("AWS_DEFAULT_REGION", "us-east-1");
        let outcome = run.in_shell(&format!(
            "cd '{}' && exec python3 engine.py log.json '{}' '{}' script.sh",
            dir.path().display(),
            program().display(),
            bin.display(),
        ));
        let log = fs::read_to_string(dir.path().join("log.json"));
        let log = log.unwrap_or_else(|error| panic!("{error}\n{script}{outcome}"));
        let mut log: Value = serde_json::from_str(&log).unwrap();
        let mut list = |name: &str| serde_json::from_value(log[name].take()).unwrap();
        Self {
            outcome,
            definitions: list("definitions"),
            jobs: list("jobs"),
        }
    }

    /// The names of the jobs, without that of the run.
    pub(crate) fn names(&self) -> Vec<&str> {
        let of_run = self.definitions[0]["jobDefinitionName"].as_str().unwrap();
        let names = self.jobs.iter().map(|job| job["jobName"].as_str().unwrap());
        names
            .map(|name| name.strip_prefix(of_run).unwrap())
            .collect()
    }
}
