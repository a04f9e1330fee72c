//! One run of the binary: what it is given, and what came of it.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::Write,
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        process::ExitStatusExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use super::{
    Memory, Outcome, Sandbox, binary,
    wait::{self, poll},
};

/// Far beyond what most runs here take; reached only when something hangs.
const TIMEOUT: Duration = Duration::from_secs(120);

/// A user with no rights; permission bits stop nothing for root.
const NOBODY: [&str; 4] = ["--reuid=65534", "--regid=65534", "--clear-groups", "--"];

/// A run of s3mirror that is being prepared. Its environment is empty but for
/// what is needed, its standard input closed.
pub(crate) struct Run {
    command: Command,
    stdin: Option<String>,
    /// Where standard output goes instead of into a file.
    output: Option<Stdio>,
    /// The same for standard error.
    complaints: Option<Stdio>,
    /// Where both streams are written: files, so nobody has to read them
    /// while the program runs.
    stdout: PathBuf,
    stderr: PathBuf,
    secrets: Vec<String>,
    /// The longest that it may take.
    limit: Duration,
}

impl Run {
    pub(crate) fn new(sandbox: &Sandbox) -> Self {
        Self::with(sandbox, Command::new(binary::s3mirror()))
    }

    /// An example of the library instead of the program.
    pub(crate) fn of_example(sandbox: &Sandbox, name: &str) -> Self {
        Self::with(sandbox, Command::new(binary::example(name)))
    }

    /// As a user with no rights where we are root; else as ourselves.
    pub(crate) fn as_nobody(sandbox: &Sandbox) -> Self {
        // The owner of what we created is who we are.
        if fs::metadata(sandbox.path("home")).unwrap().uid() != 0 {
            return Self::new(sandbox);
        }
        // The repository may be where that user cannot go.
        let copy = sandbox.path("s3mirror");
        let copied = Command::new("cp")
            .arg(binary::s3mirror())
            .arg(&copy)
            .status();
        assert!(copied.unwrap().success());
        let home = sandbox.dir("home-of-nobody");
        for path in [&sandbox.path(""), &sandbox.path("home"), home.path(), &copy] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
        }
        let mut command = Command::new("setpriv");
        command.args(NOBODY).arg(copy);
        Self::with(sandbox, command).env("HOME", home.path())
    }

    fn with(sandbox: &Sandbox, mut command: Command) -> Self {
        static RUNS: AtomicU32 = AtomicU32::new(0);
        let number = RUNS.fetch_add(1, Ordering::Relaxed);
        command.env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", sandbox.path("home"));
        command.env("RUST_BACKTRACE", "1");
        // Nothing here may ask a cloud machine's own address for credentials.
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        command.current_dir(sandbox.path(""));
        Self {
            command,
            stdin: None,
            output: None,
            complaints: None,
            stdout: sandbox.path(&format!("home/stdout-{number}")),
            stderr: sandbox.path(&format!("home/stderr-{number}")),
            secrets: Vec::new(),
            limit: TIMEOUT,
        }
    }

    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    pub(crate) fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.command.args(arguments);
        self
    }

    /// One request at a time, so their order is certain; and parts of the
    /// smallest size, so a small file has several.
    pub(crate) fn one_by_one(self) -> Self {
        self.args(["--concurrency", "1", "--part-size", "5MiB"])
    }

    /// Without trials of conditions, so that the requests are those that a run
    /// makes at AWS.
    pub(crate) fn trusting(self) -> Self {
        self.arg("--trust-conditional")
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn env_remove(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// What the program finds on its standard input, before its end.
    pub(crate) fn stdin(mut self, text: &str) -> Self {
        self.stdin = Some(text.to_owned());
        self
    }

    /// Standard output goes here, and is read by whoever holds the other end.
    pub(crate) fn writing_to(mut self, output: impl Into<Stdio>) -> Self {
        self.output = Some(output.into());
        self
    }

    /// The same for standard error.
    pub(crate) fn complaining_to(mut self, output: impl Into<Stdio>) -> Self {
        self.complaints = Some(output.into());
        self
    }

    /// What must not appear in any output.
    pub(crate) fn secret(mut self, text: &str) -> Self {
        self.secrets.push(text.to_owned());
        self
    }

    /// It may take longer than others, but no longer than this.
    pub(crate) fn within(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// Runs it and expects exit status 0.
    #[track_caller]
    pub(crate) fn done(self) -> Outcome {
        self.exits(0)
    }

    /// Runs it and expects this exit status.
    #[track_caller]
    pub(crate) fn exits(self, status: i32) -> Outcome {
        self.run().is(status)
    }

    #[track_caller]
    pub(crate) fn run(self) -> Outcome {
        self.start().end()
    }

    /// Starts it, for what happens while it runs.
    #[track_caller]
    pub(crate) fn start(mut self) -> Running {
        let file = |path: &Path| {
            let file = File::create(path).unwrap();
            // The program may run as somebody else.
            fs::set_permissions(path, fs::Permissions::from_mode(0o666)).unwrap();
            file
        };
        self.command
            .stdout(file(&self.stdout))
            .stderr(file(&self.stderr));
        if let Some(output) = self.output.take() {
            self.command.stdout(output);
        }
        if let Some(complaints) = self.complaints.take() {
            self.command.stderr(complaints);
        }
        let stdin = if self.stdin.is_some() {
            Stdio::piped()
        } else {
            Stdio::null()
        };
        let spawned = self.command.stdin(stdin).spawn();
        let mut child = spawned.unwrap_or_else(|error| {
            let program = self.command.get_program().to_string_lossy();
            panic!("cannot start {program}: {error}")
        });
        if let (Some(text), Some(mut pipe)) = (&self.stdin, child.stdin.take()) {
            // A program that doesn't read closes the pipe; that is its right.
            let _ = pipe.write_all(text.as_bytes());
        }
        Running {
            run: self,
            child,
            since: Instant::now(),
        }
    }

    /// Runs `script` in a shell, in which `"$@"` is this run.
    #[track_caller]
    pub(crate) fn in_shell(self, script: &str) -> Outcome {
        let mut shell = Command::new("sh");
        shell.args(["-c", script, "sh"]);
        self.under(shell).run()
    }

    /// With SIGHUP as a terminal leaves it, though the tests may have been
    /// started so that they ignore it, as by `nohup`.
    pub(crate) fn heeding_hangups(self) -> Self {
        let mut env = Command::new("env");
        env.arg("--default-signal=HUP");
        self.under(env)
    }

    /// The same run by another program, which is given its words at the end.
    pub(crate) fn under(self, mut command: Command) -> Self {
        command
            .arg(self.command.get_program())
            .args(self.command.get_args())
            .env_clear();
        for (name, value) in self.command.get_envs() {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        command.current_dir(self.command.get_current_dir().unwrap());
        Self { command, ..self }
    }
}

/// A run that has started; killed if the test ends before it does.
pub(crate) struct Running {
    run: Run,
    child: Child,
    since: Instant,
}

impl Running {
    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Sends it a signal, as in `INT`.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("sh")
            .args(["-c", "kill -s \"$1\" \"$2\"", "sh", name, &pid])
            .status();
        assert!(status.unwrap().success());
        if name == "STOP" {
            self.wait_until_stopped();
        }
    }

    /// Waits until no thread of it runs any more: on a busy machine, some go on for a moment after
    /// the signal. One that is held in the kernel is not waited for longer than ten seconds.
    fn wait_until_stopped(&self) {
        let tasks = format!("/proc/{}/task", self.child.id());
        let is_stopped = |stat: String| {
            // The name of the thread, which may hold anything, ends with the last parenthesis.
            let state = stat.rsplit_once(") ").map(|(_, rest)| rest);
            state.is_some_and(|state| state.starts_with(['T', 'Z', 'X']))
        };
        let all_are = || {
            let mut tasks = fs::read_dir(&tasks).into_iter().flatten().flatten();
            tasks.all(|task| fs::read_to_string(task.path().join("stat")).is_ok_and(is_stopped))
        };
        poll(Duration::from_secs(10), || all_are().then_some(()));
    }

    /// Ends it by SIGKILL, unless it has ended before; says which.
    pub(crate) fn kill(mut self) -> bool {
        let killed = self.child.try_wait().unwrap().is_none();
        self.child.kill().unwrap();
        killed && self.child.wait().unwrap().signal() == Some(9)
    }

    /// Waits until the server has been asked for `operation` so many times.
    #[track_caller]
    pub(crate) fn wait_for(&self, memory: &Memory, operation: &str, times: usize) {
        let result = memory.wait_for(operation, times, self.patience());
        result.unwrap_or_else(|requests| panic!("{requests}{}", self.so_far()));
    }

    /// Waits until something is the case that it brings about.
    #[track_caller]
    pub(crate) fn wait_until(&self, memory: &Memory, what: &str, is_so: impl Fn() -> bool) {
        let limit = self.patience();
        if poll(limit, || is_so().then_some(())).is_none() {
            let requests = memory.transcript();
            panic!("not in {limit:?}: {what}\n{requests}{}", self.so_far());
        }
    }

    /// How long it is waited for what it does.
    fn patience(&self) -> Duration {
        wait::LIMIT.min(self.run.limit)
    }

    /// What it has written until now.
    fn so_far(&self) -> String {
        let streams = [&self.run.stdout, &self.run.stderr].map(|path| read(path));
        format!(
            "--- stdout\n{}\n--- stderr\n{}\n---",
            streams[0], streams[1]
        )
    }

    /// Waits for its end, however it comes; whether that was by itself.
    pub(crate) fn wait(mut self) -> bool {
        self.child.wait().unwrap().signal().is_none()
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn end(mut self) -> Outcome {
        let left = self.run.limit.saturating_sub(self.since.elapsed());
        let Some(status) = poll(left, || self.child.try_wait().unwrap()) else {
            let _ = self.child.kill();
            let status = self.child.wait().unwrap();
            let outcome = self.outcome(status);
            panic!("killed after {} s: {outcome}", outcome.took.as_secs());
        };
        let outcome = self.outcome(status);
        outcome.is_decent(&self.run.secrets);
        outcome
    }

    fn outcome(&self, status: ExitStatus) -> Outcome {
        let command = &self.run.command;
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        Outcome {
            command: words.map(|word| word.to_string_lossy() + " ").collect(),
            status,
            stdout: read(&self.run.stdout),
            stderr: read(&self.run.stderr),
            took: self.since.elapsed(),
        }
    }
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned()
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The path of the binary, for those who run it in their own way.
pub(crate) fn program() -> &'static Path {
    binary::s3mirror()
}

/// What is printed when something is waited for in vain.
#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::support::World;

    #[test]
    fn what_never_happens_fails_with_the_requests_and_the_output() {
        let memory = Memory::start();
        let world = World::on(&memory);
        let dir = world.tree("dir", &[("a", "1")]);
        let short = Duration::from_millis(100);
        let running = world.backup(&dir).within(short).start();
        let is_done = || running.so_far().contains("backup done in").then_some(());
        poll(wait::LIMIT, is_done).unwrap();
        let requests = said_by(|| running.wait_for(&memory, "PutObject", 9));
        let flight = said_by(|| running.wait_until(&memory, "it flies", || false));
        for (said, what) in [(requests, "9 PutObject"), (flight, "it flies")] {
            for part in [what, "100ms", "PutObject a -> 200", "backup done in"] {
                assert!(said.contains(part), "'{part}' in {said}");
            }
        }
    }

    /// The message of the panic.
    fn said_by(work: impl FnOnce()) -> String {
        let panic = catch_unwind(AssertUnwindSafe(work)).unwrap_err();
        panic.downcast_ref::<String>().unwrap().clone()
    }
}
