//! Where s3mirror keeps its state on this machine: the first of several
//! directories that can be used.
//!
//! A job under systemd, in a container or as `nobody` often has no home. So the
//! candidates end with a private directory below the one for temporary files.
//! Where none can be used, a run keeps no state and warns about it. State of
//! earlier runs is read from all of them, because cron and a shell may choose
//! differently.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use sync_core::{setting::Setting, text::printable};

use super::private::{self, Trust};

/// The state directory.
#[derive(Debug)]
pub(crate) struct StateDir {
    candidates: Vec<Candidate>,
    chosen: OnceLock<Chosen>,
}

/// Where it may be.
#[derive(Debug)]
struct Candidate {
    path: PathBuf,
    /// What must exist already: a home is never created.
    needs: Option<PathBuf>,
    trust: Trust,
    /// Named explicitly, so that there is a warning if it cannot be used.
    is_named: bool,
}

#[derive(Debug)]
struct Chosen {
    path: Option<PathBuf>,
    warning: Option<String>,
}

impl StateDir {
    /// The directory that `named` (an option) or the environment names.
    /// Nothing is made yet.
    pub(crate) fn find(named: Option<&Path>) -> Self {
        let variable = |name: &str| std::env::var_os(name);
        Self::among(candidates(
            named,
            variable,
            private::user(),
            &std::env::temp_dir(),
        ))
    }

    /// `path` only, whatever the user who runs the tests has elsewhere.
    #[cfg(test)]
    pub(crate) fn only(path: &Path) -> Self {
        Self::among(vec![Candidate {
            path: path.to_owned(),
            needs: None,
            trust: Trust::Own,
            is_named: true,
        }])
    }

    fn among(candidates: Vec<Candidate>) -> Self {
        Self {
            candidates,
            chosen: OnceLock::new(),
        }
    }

    /// The directory, created by the first call; none if none can be used.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.chosen().path.as_deref()
    }

    /// The warning about the choice, if there is one. Creates the directory.
    pub(crate) fn warning(&self) -> Option<&str> {
        self.chosen().warning.as_deref()
    }

    /// `kind` in the directory, made with the permissions `mode`.
    pub(crate) fn make(&self, kind: &str, mode: u32) -> Option<io::Result<PathBuf>> {
        let path = self.path()?.join(kind);
        Some(private::make_directory(&path, mode, Trust::Own).map(|()| path))
    }

    /// `kind` in each of the directories that has it: state of earlier runs may
    /// be there.
    pub(crate) fn existing(&self, kind: &str) -> Vec<PathBuf> {
        let is_ours = |candidate: &&Candidate| {
            private::check_directory(&candidate.path, candidate.trust).is_ok()
        };
        let found = self.candidates.iter().filter(is_ours);
        let kinds = found.map(|candidate| candidate.path.join(kind));
        kinds
            .filter(|path| private::check_directory(path, Trust::Own).is_ok())
            .collect()
    }

    fn chosen(&self) -> &Chosen {
        self.chosen.get_or_init(|| {
            let mut refused = Vec::new();
            for candidate in &self.candidates {
                match candidate.prepare() {
                    Ok(()) => {
                        let named = refused.iter().find(|(named, _)| *named);
                        let used = printable(&candidate.path.to_string_lossy());
                        return Chosen {
                            path: Some(candidate.path.clone()),
                            warning: named.map(|(_, why)| format!("{why}; '{used}' is used")),
                        };
                    }
                    Err(error) => {
                        let shown = printable(&candidate.path.to_string_lossy());
                        let why = format!("cannot use the state directory '{shown}': {error}");
                        refused.push((candidate.is_named, why));
                    }
                }
            }
            let (_, why) = refused.swap_remove(0);
            Chosen {
                path: None,
                warning: Some(format!(
                    "{why}; this run keeps no state: what it leaves unfinished when it is \
                     killed is not known to the next one (name a directory with {})",
                    Setting::StateDir
                )),
            }
        })
    }
}

impl Candidate {
    fn prepare(&self) -> io::Result<()> {
        if let Some(needed) = self.needs.as_deref().filter(|needed| !needed.is_dir()) {
            let shown = printable(&needed.to_string_lossy());
            return Err(io::Error::other(format!("'{shown}' is not a directory")));
        }
        if let Some(parent) = self.path.parent() {
            fs::create_dir_all(parent)?;
        }
        private::make_directory(&self.path, 0o700, self.trust)?;
        private::is_writable(&self.path)
    }
}

/// All places where it may be, the first of which counts.
fn candidates(
    named: Option<&Path>,
    variable: impl Fn(&str) -> Option<OsString>,
    user: u32,
    temporary: &Path,
) -> Vec<Candidate> {
    let path = |name: &str| {
        let value = variable(name).filter(|value| !value.is_empty());
        // The specification of XDG says to ignore what is relative.
        value.map(PathBuf::from).filter(|path| path.is_absolute())
    };
    let mut all = Vec::new();
    let mut add = |path: PathBuf, needs: Option<PathBuf>, trust, is_named| {
        all.push(Candidate {
            path,
            needs,
            trust,
            is_named,
        });
    };
    if let Some(named) = named {
        let absolute = std::path::absolute(named).unwrap_or_else(|_| named.to_owned());
        add(absolute, None, Trust::Named, true);
    }
    if let Some(home) = path("XDG_STATE_HOME") {
        add(home.join("s3mirror"), None, Trust::Own, true);
    }
    if let Some(home) = path("HOME") {
        add(
            home.join(".local/state/s3mirror"),
            Some(home),
            Trust::Own,
            false,
        );
    }
    // systemd makes this one for the unit; several are separated by colons.
    if let Some(first) = path("STATE_DIRECTORY").and_then(|all| {
        let first = all.to_str()?.split(':').next()?;
        Some(PathBuf::from(first))
    }) {
        add(first.clone(), Some(first), Trust::Named, false);
    }
    let run_time = path("XDG_RUNTIME_DIR").unwrap_or_else(|| format!("/run/user/{user}").into());
    add(run_time.join("s3mirror"), Some(run_time), Trust::Own, false);
    let last = temporary.join(format!("s3mirror-{user}"));
    add(last, Some(temporary.to_owned()), Trust::Own, false);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(named: Option<&str>, variables: &[(&str, &str)]) -> Vec<String> {
        let lookup = |name: &str| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| OsString::from(value))
        };
        let all = candidates(named.map(Path::new), lookup, 7, Path::new("/tmp"));
        let shown = all.iter().map(|it| it.path.display().to_string());
        shown.collect()
    }

    #[test]
    fn what_is_named_comes_first_and_a_private_directory_last() {
        assert_eq!(
            paths(None, &[]),
            ["/run/user/7/s3mirror", "/tmp/s3mirror-7"]
        );
        assert_eq!(
            paths(
                Some("/s"),
                &[
                    ("XDG_STATE_HOME", "/x"),
                    ("HOME", "/h"),
                    ("STATE_DIRECTORY", "/var/lib/a:/var/lib/b"),
                    ("XDG_RUNTIME_DIR", "/r"),
                ]
            ),
            [
                "/s",
                "/x/s3mirror",
                "/h/.local/state/s3mirror",
                "/var/lib/a",
                "/r/s3mirror",
                "/tmp/s3mirror-7"
            ]
        );
        let relative = [
            ("XDG_STATE_HOME", "x"),
            ("HOME", ""),
            ("XDG_RUNTIME_DIR", ""),
        ];
        assert_eq!(paths(None, &relative), paths(None, &[]));
    }

    fn candidate(path: PathBuf, is_named: bool) -> Candidate {
        Candidate {
            needs: path.parent().map(Path::to_owned),
            path,
            trust: Trust::Own,
            is_named,
        }
    }

    #[test]
    fn the_first_that_can_be_used_is_used_and_a_named_one_that_cannot_is_told() {
        let top = tempfile::tempdir().unwrap();
        fs::write(top.path().join("file"), "").unwrap();
        let bad = || top.path().join("file");
        let state = StateDir::among(vec![
            candidate(bad(), false),
            candidate(top.path().join("missing/x"), false),
            candidate(top.path().join("good"), false),
        ]);
        assert_eq!(state.path(), Some(&*top.path().join("good")));
        assert_eq!(state.warning(), None);
        assert!(!top.path().join("missing").exists(), "no home is made");

        let state = StateDir::among(vec![
            candidate(bad(), true),
            candidate(top.path().join("good"), false),
        ]);
        assert!(state.warning().unwrap().contains("good' is used"));

        let state = StateDir::among(vec![candidate(bad(), false)]);
        assert_eq!(state.path(), None);
        assert!(state.warning().unwrap().contains("with state_dir"));
    }
}
