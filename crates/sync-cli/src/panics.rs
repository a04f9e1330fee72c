//! A panic is a bug of this program, and becomes one clear error: where it
//! happened and what to do. A backtrace is shown only with `RUST_BACKTRACE`.
//!
//! The run ends with its report and a true exit status all the same. Locks are
//! the kernel's, and released with the process.

use std::any::Any;
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};

/// Where bugs are reported.
const ISSUES: &str = "please report this at the project's issue tracker";

/// Replaces the message of a panic, for all threads.
pub(crate) fn report_plainly() {
    let usual = panic::take_hook();
    let wants_backtrace = std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0");
    panic::set_hook(Box::new(move |info| {
        if wants_backtrace {
            usual(info);
        }
        // A closed stream must not cause another panic.
        let _ = writeln!(io::stderr(), "error: {}", message(info));
    }));
}

fn message(info: &PanicHookInfo<'_>) -> String {
    let place = info.location().map_or_else(
        || "an unknown place".to_owned(),
        |place| format!("{}:{}", source(place.file()), place.line()),
    );
    // It may contain names of files.
    let what = sync_core::text::printable(what(info.payload()));
    format!(
        "internal error at {place}: {what}; {ISSUES} (RUST_BACKTRACE=1 shows more; version {})",
        env!("CARGO_PKG_VERSION")
    )
}

/// A source file without the directories of the machine that built it.
fn source(file: &str) -> &str {
    file.rsplit_once("/registry/src/")
        .and_then(|(_, file)| file.split_once('/'))
        .map_or(file, |(_, file)| file)
}

/// The message of a panic.
fn what(payload: &dyn Any) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

/// Runs `work`; `None` if it panicked, which has been reported then.
pub(crate) fn catch<T>(work: impl FnOnce() -> T) -> Option<T> {
    // Nothing that the panic interrupted is used again, except counters and
    // streams, which are consistent after each of their steps.
    panic::catch_unwind(AssertUnwindSafe(work)).ok()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn a_panic_is_one_line_that_says_where() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let copy = Arc::clone(&told);
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            copy.lock().unwrap().push(message(info));
        }));
        assert!(catch(|| panic!("a\nb")).is_none());
        assert_eq!(catch(|| 7), Some(7));
        panic::set_hook(usual);
        let told = told.lock().unwrap();
        assert_eq!(told.len(), 1);
        assert!(told[0].contains("panics.rs:"), "{}", told[0]);
        assert!(told[0].contains("report"), "{}", told[0]);
        assert!(!told[0].contains('\n'), "{}", told[0]);
    }

    #[test]
    fn sources_are_named_without_the_directories_of_a_machine() {
        let file = "/home/x/.cargo/registry/src/index.crates.io-1/time-1.0/src/lib.rs";
        assert_eq!(source(file), "time-1.0/src/lib.rs");
        assert_eq!(
            source("crates/sync-cli/src/lib.rs"),
            "crates/sync-cli/src/lib.rs"
        );
    }
}
