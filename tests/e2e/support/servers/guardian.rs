//! Ends the processes of a server with the test program, however that ends, and
//! removes their data.
//!
//! All processes of a server are in one process group. A shell reads their
//! numbers from its standard input, whose other end the test program holds: the
//! kernel closes that even after SIGKILL. Then the shell kills the group, and
//! those that have left it for a session of their own (the servers of Swift do),
//! and removes the directory.

use std::{
    fs::{self, File},
    io::Write,
    net::{TcpListener, TcpStream},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use crate::support::wait::{LIMIT, poll};

/// The longest that a server may take to listen, or one step of its
/// installation. Idle machines need a tenth of it.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is killed may take a moment to be gone, and until then create files; a
/// container may have nobody to reap it, so the wait is bounded.
const SCRIPT: &str = r#"
    dir=$1 group=$2 started=
    while read -r pid; do started="$started $pid"; done
    kill -s KILL -- "-$group"
    for pid in $started; do
        # Another process may have this number by now.
        if grep -qaF "$dir" "/proc/$pid/cmdline"; then
            kill -s KILL "$pid" "-$pid"
        fi
    done 2>/dev/null
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        rm -rf "$dir" && ! kill -s 0 -- "-$group" 2>/dev/null && break
        sleep 0.2
    done
    rm -rf "$dir"
"#;

/// Where one server runs.
pub(crate) struct Guardian {
    dir: PathBuf,
    /// Their standard input is what both wait for.
    shell: Child,
    first: Child,
}

impl Guardian {
    /// An empty directory for the server `name` below `place`, and a process
    /// group that ends with this program.
    pub(crate) fn new(name: &str, place: &Path) -> Self {
        let dir = tempfile::Builder::new()
            .prefix(&format!("s3mirror-{name}-"))
            .tempdir_in(place)
            .unwrap()
            .keep();
        // The first process of the group, which does nothing but last.
        let first = waiting(&mut Command::new("cat"));
        let mut shell = Command::new("sh");
        shell.args(["-c", SCRIPT, "sh"]).arg(&dir);
        let shell = waiting(shell.arg(first.id().to_string()));
        Self { dir, shell, first }
    }

    /// The process group of the server.
    fn group(&self) -> i32 {
        self.first.id().try_into().unwrap()
    }

    /// The directory, which is removed at the end.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// A path in the directory, as text.
    pub(crate) fn path(&self, name: &str) -> String {
        self.dir.join(name).into_os_string().into_string().unwrap()
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.dir.join(name), content).unwrap();
    }

    pub(crate) fn mkdir(&self, name: &str) {
        fs::create_dir_all(self.dir.join(name)).unwrap();
    }

    /// Runs a step of the installation to its end, and returns what it said.
    pub(crate) fn run(&self, name: &str, command: &mut Command) -> Result<String, String> {
        let mut process = self.spawn(name, command)?;
        let status = poll(PATIENCE, || process.child.try_wait().unwrap());
        match status {
            Some(status) if status.success() => Ok(process.said()),
            Some(status) => Err(format!("{name}: {status}\n{}", process.said())),
            None => {
                let _ = process.child.kill();
                Err(format!("{name} does not end:\n{}", process.said()))
            }
        }
    }

    /// Starts a process of the server, which then lives no longer than this
    /// program. Its arguments must name the directory, or something in it, if it
    /// leaves its process group.
    pub(crate) fn start(&self, name: &str, command: &mut Command) -> Result<Process, String> {
        let process = self.spawn(name, command)?;
        // Here it is in the group yet, or has just left it.
        let mut told = self.shell.stdin.as_ref().unwrap();
        writeln!(told, "{}", process.child.id()).unwrap();
        Ok(process)
    }

    /// Starts a process in the group. What it says is written to a file of its
    /// name.
    fn spawn(&self, name: &str, command: &mut Command) -> Result<Process, String> {
        let log = self.dir.join(name).with_extension("log");
        let file = File::options().create(true).append(true).open(&log);
        let file = file.unwrap();
        command.stdin(Stdio::null());
        command.stdout(file.try_clone().unwrap()).stderr(file);
        // The child holds the guardian's pipe until it has joined the group.
        let spawned = command.process_group(self.group()).spawn();
        let child = spawned.map_err(|error| {
            let program = command.get_program().to_string_lossy();
            format!("cannot start {program}: {error}")
        })?;
        Ok(Process { child, log })
    }
}

impl Drop for Guardian {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
        let _ = self.first.wait();
    }
}

/// Starts a process that waits for the end of its standard input, in a group of
/// its own: an interrupt from the terminal must not end it before its work.
fn waiting(command: &mut Command) -> Child {
    command.stdin(Stdio::piped()).stdout(Stdio::null());
    command.process_group(0).spawn().unwrap()
}

/// A process of a server.
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Waits until it listens at `port`.
    pub(crate) fn listens(&mut self, port: u16) -> Result<(), String> {
        let result = poll(PATIENCE, || {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Some(Ok(()));
            }
            let status = self.child.try_wait().unwrap()?;
            Some(Err(format!("it ended ({status}):\n{}", self.said())))
        });
        result.unwrap_or_else(|| Err(format!("it does not listen:\n{}", self.said())))
    }

    /// Ends it by SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The end of what it has written to its standard streams.
    fn said(&self) -> String {
        let said = fs::read(&self.log).unwrap_or_default();
        let end = said.len().saturating_sub(4096);
        String::from_utf8_lossy(&said[end..]).into_owned()
    }
}

/// Ports that are free now. Somebody else may take one before its use.
pub(crate) fn free_ports<const N: usize>() -> [u16; N] {
    let listeners: [TcpListener; N] =
        std::array::from_fn(|_| TcpListener::bind(("127.0.0.1", 0)).unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

/// The first of `count` consecutive ports that are free now.
pub(crate) fn free_range(count: u16) -> u16 {
    loop {
        let [first] = free_ports();
        let Some(last) = first.checked_add(count) else {
            continue;
        };
        let taken: Result<Vec<_>, _> = (first..last)
            .map(|port| TcpListener::bind(("127.0.0.1", port)))
            .collect();
        if taken.is_ok() {
            return first;
        }
    }
}

/// The two roles of the test below are distinguished by this variable, which names
/// a file for what the killed program has made.
const KILLED: &str = "S3MIRROR_TEST_KILLED_GUARDIAN";

#[test]
fn a_killed_test_program_leaves_neither_processes_nor_data() {
    if let Some(file) = std::env::var_os(KILLED) {
        let guardian = Guardian::new("killed", &std::env::temp_dir());
        let mut command = Command::new("sh");
        // A server of two processes, which ignores what it can.
        command.args(["-c", "trap '' TERM INT HUP; sleep 600 & sleep 600"]);
        let process = guardian.start("server", &mut command).unwrap();
        // And one that leaves the group, with a child there.
        let mut leaving = Command::new("setsid");
        leaving
            .args(["sh", "-c", "sleep 600 & wait"])
            .arg(guardian.dir());
        let left = guardian.start("left", &mut leaving).unwrap();
        let left = left.child.id();
        poll(LIMIT, || is_alive(&left.to_string()).then_some(())).unwrap();
        let made = format!("{} {left} {}", guardian.group(), guardian.dir.display());
        let part = Path::new(&file).with_extension("part");
        fs::write(&part, made).unwrap();
        fs::rename(part, file).unwrap();
        let _ = { process }.child.wait();
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("made");
    let name =
        "support::servers::guardian::a_killed_test_program_leaves_neither_processes_nor_data";
    let mut program = Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact"])
        .env(KILLED, &file)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let made = poll(LIMIT, || fs::read_to_string(&file).ok()).unwrap();
    let (group, rest) = made.split_once(' ').unwrap();
    let (left, dir) = rest.split_once(' ').unwrap();
    let dir = Path::new(dir);
    assert!(is_alive(group) && is_alive(left) && dir.is_dir(), "{made}");
    program.kill().unwrap();
    program.wait().unwrap();
    let is_gone = || (!is_alive(group) && !is_alive(left) && !dir.exists()).then_some(());
    poll(LIMIT, is_gone).expect("neither processes nor data are left");
}

/// Whether a process of the group runs; what only waits to be reaped does not.
#[cfg(test)]
fn is_alive(group: &str) -> bool {
    let all = fs::read_dir("/proc").unwrap().flatten();
    let mut all = all.filter_map(|process| fs::read_to_string(process.path().join("stat")).ok());
    all.any(|stat| {
        // Behind the name, which may hold anything: state, parent, group.
        let (_, rest) = stat.rsplit_once(") ").unwrap();
        let words: Vec<_> = rest.split(' ').take(3).collect();
        words[0] != "Z" && words[2] == group
    })
}
