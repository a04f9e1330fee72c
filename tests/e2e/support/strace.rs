//! strace: what the binary asks of the system, and what it is answered.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::run::Run;

/// A call as the log has it. Calls of several threads overlap, so each has a
/// place where it begins and one where it ends, in lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) arguments: String,
    /// Empty if it never came.
    pub(crate) result: String,
    pub(crate) begun: usize,
    pub(crate) ended: usize,
}

/// The same run under strace, which writes its log to `log`. Strings and the
/// paths of handles are in it whole.
pub(crate) fn traced(run: Run, options: &[&str], log: &Path) -> Run {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-y", "-qq", "-s", "4096", "--seccomp-bpf", "-o"]);
    strace.arg(log).args(options).arg("--");
    run.under(strace)
}

/// The calls in a log, in the order in which they began.
pub(crate) fn calls(log: &Path) -> Vec<Call> {
    read(&String::from_utf8_lossy(&fs::read(log).unwrap()))
}

fn read(log: &str) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    // By thread, the call that it waits for.
    let mut open = BTreeMap::new();
    for (line, text) in log.lines().enumerate() {
        let Some((thread, text)) = text.split_once(' ') else {
            continue;
        };
        let text = text.trim_start();
        if let Some(rest) = text.strip_prefix("<... ") {
            let index = open.remove(thread).unwrap_or_else(|| panic!("{text}"));
            let (_, rest) = rest.split_once(" resumed>").unwrap();
            finish(&mut calls[index], rest, line);
        } else if let Some((name, rest)) = text.split_once('(')
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        {
            let mut call = Call {
                name: name.to_owned(),
                arguments: String::new(),
                result: String::new(),
                begun: line,
                ended: usize::MAX,
            };
            if let Some(half) = rest.strip_suffix(" <unfinished ...>") {
                half.clone_into(&mut call.arguments);
                open.insert(thread, calls.len());
            } else {
                finish(&mut call, rest, line);
            }
            calls.push(call);
        }
    }
    calls
}

/// Adds what a line says of the end of a call, as in `…) = 0`.
fn finish(call: &mut Call, rest: &str, line: usize) {
    let (arguments, result) = rest.rsplit_once(" = ").unwrap();
    call.arguments += arguments.trim_end().strip_suffix(')').unwrap();
    result.clone_into(&mut call.result);
    call.ended = line;
}

impl Call {
    pub(crate) fn succeeded(&self) -> bool {
        !self.result.is_empty() && !self.result.starts_with('-')
    }

    /// Whether the answer is ours and not the system's.
    pub(crate) fn was_injected(&self) -> bool {
        self.result.ends_with("(INJECTED)")
    }

    /// The paths of its handles, as in `9</tmp/a>`.
    pub(crate) fn handles(&self) -> Vec<PathBuf> {
        let after = self.arguments.split('<').skip(1);
        after
            .filter_map(|text| Some(text.split_once('>')?.0.into()))
            .collect()
    }

    /// Its strings. No name in these tests has a quote or a backslash.
    pub(crate) fn strings(&self) -> Vec<&str> {
        self.arguments.split('"').skip(1).step_by(2).collect()
    }

    /// The paths that it names by a handle and a string each.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        let (handles, strings) = (self.handles(), self.strings());
        handles
            .iter()
            .zip(strings)
            .map(|(handle, name)| handle.join(name))
            .collect()
    }

    /// Whether it had ended before `other` began.
    pub(crate) fn is_before(&self, other: &Self) -> bool {
        self.ended < other.begun
    }
}

#[test]
fn calls_that_overlap_are_told_apart() {
    let calls = read(
        "12 fsync(9</d/.tmp> <unfinished ...>\n\
         7  renameat2(8</d>, \".a\", 8</d>, \"b\", RENAME_NOREPLACE) = 0\n\
         12 <... fsync resumed>)             = -1 EIO (Input/output error) (INJECTED)\n\
         7 +++ exited with 0 +++\n",
    );
    let [sync, rename] = &calls[..] else {
        panic!("{calls:?}")
    };
    assert_eq!((sync.begun, sync.ended, rename.begun), (0, 2, 1));
    assert!(sync.was_injected() && !sync.succeeded() && rename.succeeded());
    assert_eq!(sync.handles(), [Path::new("/d/.tmp")]);
    assert_eq!(rename.paths(), [Path::new("/d/.a"), Path::new("/d/b")]);
    assert!(!sync.is_before(rename) && !rename.is_before(sync));
}
