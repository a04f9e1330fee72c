//! A panic in a run is one clear line and a true exit status, nothing is deleted
//! after it, and the next run goes its way.
//!
//! The product has no way to provoke one. So this program runs it as `main` does,
//! but with a standard output that panics, once, when it is given a certain text.

// A test that cannot go on says so by a panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Output};

use s3_endpoint::{ACCESS_KEY, Config, Endpoint, SECRET_KEY};
use sync_cli::Console;

/// Set where this program is to be the product: its arguments, a line each.
const ARGUMENTS: &str = "PANICS_ARGUMENTS";

/// At which text its output panics.
const AT: &str = "PANICS_AT";

const BUCKET: &str = "the-bucket";

struct Panicking {
    at: Option<String>,
}

impl Write for Panicking {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        if self.at.as_ref().is_some_and(|at| text.contains(at)) {
            self.at = None;
            panic!("the output\nbroke");
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// No test: the process that the tests start.
#[test]
fn the_product() {
    let Ok(arguments) = env::var(ARGUMENTS) else {
        return;
    };
    let output = Panicking {
        at: env::var(AT).ok(),
    };
    let console = Console::new(
        Box::new(output),
        Box::new(io::stderr()),
        Box::new(io::empty()),
        false,
    );
    let exit = sync_cli::run(arguments.lines().map(OsString::from), console);
    std::process::exit(exit.code().into());
}

struct Scene {
    top: tempfile::TempDir,
    server: Endpoint,
}

impl Scene {
    fn new() -> Self {
        let server = Endpoint::start(Config::with_bucket(BUCKET)).unwrap();
        server.put(BUCKET, "gone", "1", None);
        let top = tempfile::tempdir().unwrap();
        fs::create_dir(top.path().join("dir")).unwrap();
        // Enough to be written before the end.
        let name = "long-name".repeat(8);
        for number in 0..300 {
            let file = top.path().join(format!("dir/{name}-{number}"));
            fs::write(file, "x").unwrap();
        }
        Self { top, server }
    }

    fn keys(&self) -> BTreeSet<String> {
        let keys = self.server.objects(BUCKET).into_keys();
        keys.collect()
    }

    /// A run of `words` whose output panics at `at`.
    fn run(&self, words: &[&str], at: Option<&str>, backtrace: Option<&str>) -> Output {
        let dir = self.top.path().join("dir");
        let url = self.server.url();
        let mut arguments = vec!["s3mirror"];
        arguments.extend(words);
        arguments.extend(["--dir", path(&dir), "--bucket", BUCKET]);
        arguments.extend(["--endpoint-url", &url, "--concurrency", "2"]);
        let mut command = Command::new(env::current_exe().unwrap());
        command
            .args(["--exact", "the_product", "--nocapture"])
            .env_clear()
            .env("PATH", env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.top.path())
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
            .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
            .env(ARGUMENTS, arguments.join("\n"));
        for (name, value) in [(AT, at), ("RUST_BACKTRACE", backtrace)] {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        command.output().unwrap()
    }
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn before_anything_is_done_it_is_one_line_and_status_1() {
    let scene = Scene::new();
    let output = scene.run(&["mock", "backup"], Some("long-name"), None);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let [line] = &said.lines().collect::<Vec<_>>()[..] else {
        panic!("{said}")
    };
    for part in [
        "error: internal error at ",
        "tests/panics.rs:",
        "the output\\nbroke",
        "report this",
        env!("CARGO_PKG_VERSION"),
    ] {
        assert!(line.contains(part), "{part} in {line}");
    }
    for part in ["panicked", "backtrace:", "stack"] {
        assert!(!line.contains(part), "{part} in {line}");
    }
}

#[test]
fn midway_the_run_ends_with_status_3_and_its_report_and_deletes_nothing() {
    let scene = Scene::new();
    let backup = &["backup", "--yes", "--json", "--max-delete", "9"];
    let output = scene.run(backup, Some("\"transferred\""), None);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines.len(), 2, "{said}");
    assert!(lines[0].starts_with("error: internal error at "), "{said}");
    assert!(
        lines[1].contains("broken off by an internal error"),
        "{said}"
    );
    let keys = scene.keys();
    assert!(keys.contains("gone") && keys.len() > 1, "{keys:?}");
    // Its locks are free, and nothing of it is in the way.
    let output = scene.run(backup, None, None);
    assert_eq!(output.status.code(), Some(0), "{}", self::said(&output));
    let keys = scene.keys();
    assert!(!keys.contains("gone") && keys.len() == 300, "{keys:?}");
}

#[test]
fn a_backtrace_is_shown_to_who_asks_for_it() {
    let scene = Scene::new();
    for (asked, is_shown) in [("1", true), ("0", false)] {
        let output = scene.run(&["mock", "backup"], Some("long-name"), Some(asked));
        let said = said(&output);
        assert_eq!(said.contains("panicked at"), is_shown, "{said}");
        assert!(said.contains("error: internal error at "), "{said}");
        assert_eq!(output.status.code(), Some(1), "{said}");
    }
}
