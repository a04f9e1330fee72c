//! A cluster of Slurm on this machine: several `slurmd` under one `slurmctld`, which
//! end with the test.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
    time::Duration,
};

use super::{
    run::Run,
    servers::{Guardian, free_range, guardian::Process},
    wait::{LIMIT, poll},
};

/// How long jobs may take: a busy machine needs some of it, idle ones a tenth.
const PATIENCE: Duration = Duration::from_secs(180);

pub(crate) struct Slurm {
    guardian: Guardian,
    /// Each node's daemon.
    nodes: Vec<Process>,
}

impl Slurm {
    /// Starts it, with so many nodes of one processor.
    #[track_caller]
    pub(crate) fn start(nodes: u16) -> Self {
        let guardian = Guardian::new("slurm", &std::env::temp_dir());
        // munge takes no directory that others may not enter.
        open(&guardian, "");
        for name in ["munge", "state", "log"] {
            guardian.mkdir(name);
            open(&guardian, name);
        }
        let host = said(Command::new("hostname").arg("-s"));
        let user = said(Command::new("id").arg("-un"));
        guardian.write("slurm.conf", conf(&guardian, &host, &user, nodes));
        let mut slurm = Self {
            guardian,
            nodes: Vec::new(),
        };
        slurm.munge();
        slurm.daemon("slurmctld", "slurmctld", &["-D", "-f"]);
        for node in 1..=nodes {
            slurm.guardian.mkdir(&format!("spool-n{node}"));
            let name = format!("n{node}");
            let process = slurm.daemon(&name, "slurmd", &["-D", "-N", &name, "-f"]);
            slurm.nodes.push(process);
        }
        let idle = || {
            let mut sinfo = slurm.command("sinfo");
            let idle = said(sinfo.args(["-h", "-N", "-t", "idle", "-o", "%N"]));
            (idle.lines().count() == usize::from(nodes)).then_some(())
        };
        poll(LIMIT, idle).expect("all nodes are idle");
        slurm
    }

    fn munge(&self) {
        // 1,024 bytes that nobody knows.
        let key = self.guardian.dir().join("munge/key");
        let seed = fs::File::open("/dev/urandom").unwrap();
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut std::io::Read::take(seed, 1024), &mut bytes).unwrap();
        fs::write(&key, bytes).unwrap();
        fs::set_permissions(&key, Permissions::from_mode(0o400)).unwrap();
        let mut munged = Command::new("munged");
        munged.args(["--foreground", "--force"]);
        for (option, name) in [
            ("key-file", "key"),
            ("socket", "socket"),
            ("pid-file", "pid"),
            ("log-file", "log"),
            ("seed-file", "seed"),
        ] {
            munged.arg(format!(
                "--{option}={}",
                self.path(&format!("munge/{name}"))
            ));
        }
        self.guardian.start("munged", &mut munged).unwrap();
        let socket = self.guardian.dir().join("munge/socket");
        poll(LIMIT, || socket.exists().then_some(())).expect("munge listens");
    }

    fn daemon(&self, name: &str, program: &str, arguments: &[&str]) -> Process {
        let mut command = self.command(program);
        command.args(arguments).arg(self.path("slurm.conf"));
        self.guardian.start(name, &mut command).unwrap()
    }

    fn path(&self, name: &str) -> String {
        self.guardian.path(name)
    }

    /// A command of Slurm.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("SLURM_CONF", self.path("slurm.conf"));
        command
    }

    /// A run that submits jobs.
    pub(crate) fn submits(&self, run: Run) -> Run {
        run.env("SLURM_CONF", self.path("slurm.conf"))
    }

    /// Runs `scontrol`, and returns what it says.
    pub(crate) fn control(&self, words: &[&str]) -> String {
        said(self.command("scontrol").args(words))
    }

    /// Waits until no job is left in the queue.
    #[track_caller]
    pub(crate) fn waits(&self) {
        let queue = || said(self.command("squeue").arg("-h"));
        let is_empty = || queue().is_empty().then_some(());
        assert!(poll(PATIENCE, is_empty).is_some(), "{}", queue());
    }

    /// Starts requeued tasks at once, which otherwise wait for two minutes; until
    /// `is_so`.
    #[track_caller]
    pub(crate) fn hurries_until(&self, is_so: impl Fn() -> bool) {
        let hurry = || {
            let mut squeue = self.command("squeue");
            let pending = said(squeue.args(["-h", "-r", "-t", "PD", "-o", "%i %r"]));
            for job in pending.lines().filter(|line| line.contains("BeginTime")) {
                let job = job.split(' ').next().unwrap_or_default();
                self.control(&["update", &format!("JobId={job}"), "StartTime=now"]);
            }
            is_so().then_some(())
        };
        assert!(
            poll(PATIENCE, hurry).is_some(),
            "{}",
            self.control(&["show", "job"])
        );
    }

    /// The node, from 0, on which a task runs.
    pub(crate) fn node_of(&self, task: &str) -> usize {
        let mut squeue = self.command("squeue");
        let node = said(squeue.args(["-h", "-j", task, "-o", "%N"]));
        node.trim_start_matches('n').parse::<usize>().unwrap() - 1
    }

    /// Kills the daemon of a node; what it has started goes on.
    pub(crate) fn loses(&mut self, node: usize) {
        self.nodes[node].kill();
    }
}

impl Drop for Slurm {
    fn drop(&mut self) {
        // What they have started is not in the guardian's group.
        let mut scancel = self.command("scancel");
        let _ = scancel.args(["--signal=KILL", "--full", "--me"]).status();
        let _ = self.command("scancel").arg("--me").status();
    }
}

fn open(guardian: &Guardian, name: &str) {
    let path = guardian.dir().join(name);
    fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
}

/// What a command says, without the end of its line.
fn said(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| {
        let program = command.get_program().to_string_lossy();
        panic!("cannot start {program} (Debian: slurm-wlm, munge): {error}")
    });
    String::from_utf8_lossy(&output.stdout)
        .trim_end()
        .to_owned()
}

fn conf(guardian: &Guardian, host: &str, user: &str, nodes: u16) -> String {
    let dir = guardian.dir().display();
    let port = free_range(nodes + 1);
    let (first, last) = (port + 1, port + nodes);
    format!(
        "ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={dir}/munge/socket
CredType=cred/munge
SlurmctldPort={port}
StateSaveLocation={dir}/state
SlurmdSpoolDir={dir}/spool-%n
SlurmctldPidFile={dir}/slurmctld.pid
SlurmdPidFile={dir}/slurmd-%n.pid
SlurmctldLogFile={dir}/log/slurmctld.log
SlurmdLogFile={dir}/log/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,batch_sched_delay=0,bf_interval=1,sched_min_interval=0
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
ReturnToService=2
MailProg=/bin/true
SlurmdTimeout=10
KillWait=5
NodeName=n[1-{nodes}] NodeHostname={host} NodeAddr=127.0.0.1 Port=[{first}-{last}] CPUs=1 RealMemory=500
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"
    )
}
