//! System calls that take longer, of every tool alike: strace holds each one
//! back before it begins. The threads of a tool wait side by side, as they
//! would for a file system that is far away, or for a slower core.

/// Which calls are slow, and by how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bench) struct SlowCalls {
    /// Names as strace takes them; those with a `?` not every architecture has.
    calls: &'static [&'static [&'static str]],
    microseconds: u32,
}

/// What reads a tree.
const READING: &[&str] = &[
    "statx",
    "newfstatat",
    "getdents64",
    "openat",
    "openat2",
    "?stat",
    "?lstat",
    "?open",
];

/// What changes a tree, but for the content of files.
const CHANGING: &[&str] = &[
    "renameat2",
    "renameat",
    "linkat",
    "unlinkat",
    "mkdirat",
    "symlinkat",
    "utimensat",
    "fchmod",
    "fchmodat",
    "fchown",
    "fchownat",
    "ftruncate",
    "fallocate",
    "fsync",
    "fdatasync",
    "syncfs",
    "?creat",
    "?rename",
    "?link",
    "?unlink",
    "?mkdir",
    "?rmdir",
    "?utimes",
    "?chmod",
    "?chown",
    "?lchown",
];

/// What reading a tree takes: 1 ms, as on NFS, EFS or Lustre.
pub(super) const METADATA: SlowCalls = SlowCalls {
    calls: &[READING],
    microseconds: 1_000,
};

/// All that a restore asks of the file system but to take the content.
pub(super) const FILE_SYSTEM: SlowCalls = SlowCalls {
    calls: &[READING, CHANGING],
    microseconds: 1_000,
};

/// What a thread does for a connection: 10 ms, so that one thread is full at a
/// small part of what a core can, and several threads don't need several cores.
pub(super) const CONNECTIONS: SlowCalls = SlowCalls {
    calls: &[&["recvfrom", "recvmsg", "sendto", "sendmsg", "writev"]],
    microseconds: 10_000,
};

impl SlowCalls {
    /// The words to put before a command.
    pub(in crate::bench) fn tracer(&self) -> Vec<String> {
        let calls = self.calls.concat().join(",");
        let delay = self.microseconds;
        let (trace, inject) = (
            format!("trace={calls}"),
            format!("inject={calls}:delay_enter={delay}"),
        );
        // With -D the tool is the child, and strace none of what is measured;
        // with --seccomp-bpf only the slow calls are seen at all.
        let words = ["strace", "-D", "-f", "--seccomp-bpf", "-qq"];
        let words = words.into_iter().chain(["-o", "/dev/null"]);
        let words = words.chain(["-e", &trace, "-e", &inject]);
        words.map(str::to_owned).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_calls_that_are_seen_are_held_back() {
        let slow = SlowCalls {
            calls: &[&["openat"], &["?open"]],
            microseconds: 250,
        };
        let words = slow.tracer().join(" ");
        assert!(words.starts_with("strace -D -f "), "{words}");
        assert!(
            words.ends_with("-e trace=openat,?open -e inject=openat,?open:delay_enter=250"),
            "{words}"
        );
    }
}
