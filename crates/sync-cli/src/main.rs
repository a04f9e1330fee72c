//! The binary `s3mirror`; everything it does is in the library beside it.

use std::process::ExitCode;

/// Requests are made of many small pieces: with glibc's allocator a sixth of
/// the processor time of small files goes into their allocation.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    sync_cli::save_memory();
    let console = sync_cli::Console::standard();
    sync_cli::run(std::env::args_os(), console).into()
}
