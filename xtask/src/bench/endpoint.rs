//! The endpoint of one run, as a process of its own.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

use anyhow::{Context, Result, ensure};

use super::work::{Action, Scheme, Work};
use crate::step;

/// A running endpoint, stopped when dropped.
pub(super) struct Endpoint {
    process: Child,
    said: BufReader<ChildStdout>,
    pub(super) url: String,
    /// The certificate to trust.
    pub(super) ca: Option<PathBuf>,
}

/// What a tool asked of the endpoint, and what that took.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Served {
    /// Requests by kind.
    pub(super) requests: BTreeMap<String, u64>,
    /// Requests that were answered with an error.
    pub(super) refused: u64,
    /// Objects written; a request that was refused writes none.
    pub(super) stored: u64,
    pub(super) connections: u64,
    /// Bytes of content.
    pub(super) received: u64,
    pub(super) sent: u64,
    /// Objects in the bucket at the end.
    pub(super) objects: u64,
    /// Processor seconds of the endpoint.
    pub(super) cpu: f64,
    /// The most memory of the endpoint, in bytes.
    pub(super) peak: u64,
}

impl Endpoint {
    /// Starts an endpoint whose bucket holds what `work` begins with.
    pub(super) fn start(work: &Work, cores: &str, home: &Path) -> Result<Self> {
        let program = step::release_binary("bench-endpoint")?;
        let mut command = Command::new(&program);
        command.args(["--cores", cores]);
        let seed = match work.action {
            Action::Download => Some(work.files),
            Action::Upload | Action::Compare | Action::Delete => work.bucket,
        };
        if let Some(seed) = seed {
            command.args(["--seed", &seed.to_string()]);
        }
        command.args(["--latency", &work.latency.to_string()]);
        let ca = (work.scheme == Scheme::Https).then(|| home.join("authority.pem"));
        if let Some(ca) = &ca {
            command.arg("--tls").arg(ca);
        }
        Self::spawn(command, ca)
    }

    /// Starts an endpoint by `command`; `ca` is the certificate to trust.
    pub(super) fn spawn(mut command: Command, ca: Option<PathBuf>) -> Result<Self> {
        let program = command.get_program().to_owned();
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", Path::new(&program).display()))?;
        let stdout = process.stdout.take().context("no standard output")?;
        let mut endpoint = Self {
            process,
            said: BufReader::new(stdout),
            url: String::new(),
            ca,
        };
        endpoint.said.read_line(&mut endpoint.url)?;
        endpoint.url.truncate(endpoint.url.trim_end().len());
        ensure!(!endpoint.url.is_empty(), "the endpoint did not start");
        Ok(endpoint)
    }

    /// Stops it; what it has to tell.
    pub(super) fn stop(mut self) -> Result<Served> {
        drop(self.process.stdin.take());
        let mut text = String::new();
        self.said.read_to_string(&mut text)?;
        Served::parse(&text)
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        // It keeps nothing that an orderly end would save.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Served {
    fn parse(text: &str) -> Result<Self> {
        let mut served = Self::default();
        for line in text.lines() {
            let (name, value) = line.split_once(' ').context("a line of the endpoint")?;
            let number = || {
                let number = value.parse::<u64>();
                number.with_context(|| format!("the endpoint said '{line}'"))
            };
            match name {
                "refused" => served.refused = number()?,
                "stored" => served.stored = number()?,
                "connections" => served.connections = number()?,
                "received" => served.received = number()?,
                "sent" => served.sent = number()?,
                "objects" => served.objects = number()?,
                "cpu" => served.cpu = value.parse()?,
                "peak" => served.peak = number()?,
                kind => {
                    served.requests.insert(kind.to_owned(), number()?);
                }
            }
        }
        Ok(served)
    }

    /// How many requests of `kind` there were.
    pub(super) fn count(&self, kind: &str) -> u64 {
        self.requests.get(kind).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_endpoint_says_is_read() -> Result<()> {
        let served = Served::parse(
            "LIST 10\nPUT 2\nrefused 1\nstored 2\nreceived 8192\ncpu 0.25\npeak 4096\n",
        )?;
        assert_eq!((served.count("LIST"), served.count("GET")), (10, 0));
        assert_eq!(
            (served.refused, served.stored, served.received),
            (1, 2, 8192)
        );
        assert_eq!((served.peak, served.count("peak")), (4096, 0));
        assert!(served.cpu > 0.2);
        assert!(Served::parse("LIST many").is_err());
        Ok(())
    }
}
