//! The binary `s3mirror`; everything it does is in the library beside it.

use std::process::ExitCode;

fn main() -> ExitCode {
    let console = sync_cli::Console::standard();
    sync_cli::run(std::env::args_os(), console).into()
}
