//! One run of one tool: set up, measured, checked, removed.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use super::{
    check::check,
    data,
    endpoint::{Endpoint, Served},
    machine::Cores,
    tool::{Tool, give_access},
    work::{Action, Place, Work},
};
use crate::step::{self, quoted};

/// No work takes any tool so long; one that hangs must not stop the rest.
const LIMIT: Duration = Duration::from_secs(1_200);

/// What one run cost.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Trial {
    /// Seconds.
    pub(super) wall: f64,
    /// Processor seconds, of all its processes.
    pub(super) user: f64,
    pub(super) system: f64,
    /// The most memory, in bytes.
    pub(super) peak: u64,
    pub(super) served: Served,
}

impl Trial {
    pub(super) fn cpu(&self) -> f64 {
        self.user + self.system
    }

    /// The share of the time in which the endpoint was busy. Near 1 it is the
    /// endpoint that sets the pace.
    pub(super) fn busy(&self) -> f64 {
        self.served.cpu / self.wall.max(0.001)
    }
}

/// The paths of everything.
pub(super) struct Bench {
    home: PathBuf,
    memory: PathBuf,
    pub(super) cores: Cores,
    verbose: bool,
}

impl Bench {
    pub(super) fn new(home: &Path, verbose: bool) -> Result<Self> {
        let memory = Path::new("/dev/shm");
        let memory = if memory.is_dir() {
            memory.join(format!("s3mirror-bench-{}", std::process::id()))
        } else {
            println!("there is no /dev/shm: downloads go to the disk");
            home.join("scratch-memory")
        };
        fs::create_dir_all(home.join("logs"))?;
        Ok(Self {
            home: home.to_owned(),
            memory,
            cores: Cores::of_this_machine()?,
            verbose,
        })
    }

    /// Makes the files that `work` copies from.
    pub(super) fn prepare(&self, work: &Work) -> Result<()> {
        if work.action != Action::Download {
            data::made(&self.home, work.files)?;
        }
        Ok(())
    }

    /// Lets `tool` do `work` once.
    pub(super) fn run(&self, work: &Work, tool: &Tool) -> Result<Trial> {
        let dir = match (work.action, work.place) {
            (Action::Upload | Action::Compare | Action::Delete, _) => {
                data::made(&self.home, work.files)?
            }
            (Action::Download, Place::Memory) => emptied(&self.memory)?,
            (Action::Download, Place::Disk) => self.new_on_disk(work)?,
        };
        // A tool's state must not help its next run.
        emptied(&self.home.join("state"))?;
        // What earlier runs left to be written would be written during this one.
        step::output(&mut Command::new("sync"))?;
        let endpoint = Endpoint::start(work, &self.cores.endpoint, &self.home)?;
        let result = self.measure(work, tool, &dir, &endpoint);
        let served = endpoint.stop();
        let result = result.and_then(|trial| {
            let trial = Trial {
                served: served?,
                ..trial
            };
            check(work, tool, &dir, &trial)?;
            Ok(trial)
        });
        if work.action == Action::Download && !dir.starts_with(self.on_disk()) {
            fs::remove_dir_all(&dir)?;
        }
        result
    }

    /// What was restored to the disk.
    fn on_disk(&self) -> PathBuf {
        self.home.join("restored")
    }

    /// A new directory on the disk. Trees of small files stay until the end of the
    /// benchmark: ext4 does not use an inode again for minutes, and passes over each
    /// such inode for each new file, so that a run after a removal costs many times more.
    fn new_on_disk(&self, work: &Work) -> Result<PathBuf> {
        const MANY: u64 = 100;
        let parent = self.on_disk();
        if work.transfers < MANY {
            return emptied(&parent.join("few"));
        }
        let unused = (1..)
            .map(|run: u64| parent.join(run.to_string()))
            .find(|dir| !dir.exists());
        emptied(&unused.context("no name is left")?)
    }

    fn measure(&self, work: &Work, tool: &Tool, dir: &Path, endpoint: &Endpoint) -> Result<Trial> {
        let words = tool.command(work, dir, endpoint);
        if self.verbose {
            let typed: Vec<String> = words.iter().map(|word| quoted(word)).collect();
            println!("$ {}", typed.join(" "));
        }
        let name = format!("{}-{}", work.name, tool.name.replace(' ', "-"));
        let log = self.home.join("logs").join(name).with_extension("log");
        let output = File::create(&log).with_context(|| log.display().to_string())?;
        let report = self.home.join("cost");
        let mut command = Command::new(step::release_binary("bench-measure")?);
        command.arg(&report);
        if let Some(slow) = &work.slow_calls {
            command.args(slow.tracer());
        }
        command.arg(step::release_binary("bench-pin")?);
        command.arg(self.cores.of(tool.cores)).args(words);
        command.stdin(std::process::Stdio::null());
        command.stdout(output.try_clone()?).stderr(output);
        give_access(&mut command, endpoint, &self.home);
        let status = wait(command.spawn().context("cannot start bench-measure")?)?;
        ensure!(status.success(), "{status}; it said {}", last_words(&log));
        let report = fs::read_to_string(&report).context("the report of bench-measure")?;
        cost(&report)
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        // Of a run that failed.
        let _ = fs::remove_dir_all(&self.memory);
        let _ = fs::remove_dir_all(self.on_disk());
    }
}

fn wait(mut child: Child) -> Result<ExitStatus> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if start.elapsed() > LIMIT {
            child.kill()?;
            child.wait()?;
            bail!("it took more than {} s", LIMIT.as_secs());
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn emptied(dir: &Path) -> Result<PathBuf> {
    if dir.exists() {
        fs::remove_dir_all(dir).with_context(|| dir.display().to_string())?;
    }
    fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
    Ok(dir.to_owned())
}

fn last_words(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().rev().take(3).collect();
    format!("'{}'", lines.join(" / "))
}

/// Reads what `bench-measure` wrote.
pub(super) fn cost(report: &str) -> Result<Trial> {
    let mut trial = Trial::default();
    for line in report.lines() {
        let (name, value) = line.split_once(' ').context("a line of bench-measure")?;
        match name {
            "wall" => trial.wall = value.parse()?,
            "user" => trial.user = value.parse()?,
            "system" => trial.system = value.parse()?,
            "peak" => trial.peak = value.parse()?,
            other => bail!("bench-measure said '{other}'"),
        }
    }
    Ok(trial)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cost_of_a_run_is_read() -> Result<()> {
        let trial = cost("wall 1.5\nuser 1.0\nsystem 0.25\npeak 1048576\n")?;
        assert!((trial.cpu() - 1.25).abs() < 1e-9);
        assert_eq!(trial.peak, 1 << 20);
        assert!(cost("speed 9").is_err());
        Ok(())
    }
}
