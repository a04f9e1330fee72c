//! How soon the allocator gives memory back to the system.
//!
//! mimalloc keeps what was freed for a second. In a second a run fills all the memory of a
//! small container with buffers that nobody uses any more, and is killed for it.

use std::env;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// How many milliseconds mimalloc keeps freed memory. It is read once, from the
/// environment, before `main`.
const PURGE_DELAY: &str = "MIMALLOC_PURGE_DELAY";

/// Begins this process anew, with freed memory given back at once, where memory is
/// limited. It costs some 5 % of the processor time, so it is not done elsewhere.
///
/// Returns where that is not needed, was done, or cannot be done: then the run takes more
/// memory.
pub fn save_memory() {
    let is_set = env::var_os(PURGE_DELAY).is_some();
    if is_set || !s3mirror::machine::memory::is_little() {
        return;
    }
    let mut args = env::args_os();
    if let (Ok(program), Some(name)) = (env::current_exe(), args.next()) {
        let mut again = Command::new(program);
        // It returns only if it failed.
        let _ = again.arg0(name).args(args).env(PURGE_DELAY, "0").exec();
    }
}
