//! The in-memory S3 server of this repository, as a process of its own.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::step;

/// What the server prints before it serves: where it is, and who may use it.
const EXPORTS: [&str; 4] = [
    "AWS_ENDPOINT_URL",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_REGION",
];

/// A running server, stopped when dropped.
pub(crate) struct Endpoint {
    process: Child,
    exports: Vec<(String, String)>,
    log: PathBuf,
}

impl Endpoint {
    /// Starts a server with one empty bucket; its log goes below `home`.
    pub(crate) fn start(home: &Path, bucket: &str) -> Result<Self> {
        let program = step::binary("s3-endpoint")?;
        let log = home.join("requests.jsonl");
        println!("\n# An S3 server in memory, with an empty bucket.");
        println!(
            "\n$ s3-endpoint --bucket {bucket} --log {} &",
            log.display()
        );
        let process = Command::new(&program)
            .args(["--bucket", bucket, "--log"])
            .arg(&log)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let mut endpoint = Self {
            process,
            exports: Vec::new(),
            log,
        };
        endpoint.read_exports()?;
        Ok(endpoint)
    }

    fn read_exports(&mut self) -> Result<()> {
        let stdout = self.process.stdout.take().context("no standard output")?;
        for line in BufReader::new(stdout).lines().take(EXPORTS.len()) {
            let line = line?;
            println!("{line}");
            let pair = line
                .strip_prefix("export ")
                .and_then(|pair| pair.split_once('='));
            let (name, value) = pair.with_context(|| format!("not an export: '{line}'"))?;
            self.exports.push((name.to_owned(), value.to_owned()));
        }
        for wanted in EXPORTS {
            if !self.exports.iter().any(|(name, _)| name == wanted) {
                bail!("the endpoint did not start: it did not print {wanted}");
            }
        }
        Ok(())
    }

    /// Lets `command` use this server, and nothing else that may be set up on
    /// this machine. Its state goes below `home`.
    ///
    /// # Errors
    /// If the current directory is unknown.
    pub(crate) fn give_access(&self, command: &mut Command, home: &Path) -> Result<()> {
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("AWS_") || text.starts_with("S3MIRROR_") {
                command.env_remove(&name);
            }
        }
        for variable in ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"] {
            command.env(variable, home.join("no-such-file"));
        }
        // A relative directory in these is ignored.
        let home = std::path::absolute(home)?;
        command.env("HOME", &home);
        command.env("XDG_STATE_HOME", home.join("state"));
        command.envs(self.exports.iter().map(|(name, value)| (name, value)));
        Ok(())
    }

    /// What a program needs to use this server, as variables of its environment.
    pub(crate) fn exports(&self) -> &[(String, String)] {
        &self.exports
    }

    /// The operations that clients asked for so far. A request is logged when
    /// its answer is out, which the client may notice first; so it waits until the
    /// log no longer grows.
    pub(crate) fn requests(&self) -> Result<Vec<String>> {
        let mut requests = self.logged()?;
        loop {
            thread::sleep(Duration::from_millis(100));
            let later = self.logged()?;
            if later.len() == requests.len() {
                return Ok(requests);
            }
            requests = later;
        }
    }

    fn logged(&self) -> Result<Vec<String>> {
        let log = fs::read_to_string(&self.log).with_context(|| self.log.display().to_string())?;
        // One JSON object a line; a parser for one field would be a dependency.
        let operation = |line: &str| {
            let (_, rest) = line.split_once("\"operation\":\"")?;
            Some(rest.split_once('"')?.0.to_owned())
        };
        let lines = log
            .lines()
            .map(|line| operation(line).context("a line of the log"));
        lines.collect()
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        // It keeps nothing that an orderly end would save.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
