//! Writes the man pages and the completions for bash, zsh and fish, made from
//! the definition of the options: `cargo xtask dist` runs it.
//!
//! ```text
//! manual DIR        DIR/man/*.1, DIR/completions/…
//! ```

use std::fs;
use std::io;
use std::path::Path;

use clap_complete::Shell;

fn main() -> io::Result<()> {
    let Some(dir) = std::env::args_os().nth(1) else {
        return Err(io::Error::other("usage: manual DIR"));
    };
    write(Path::new(&dir))
}

/// Writes all of them below `dir`.
///
/// # Errors
/// When something cannot be written.
pub fn write(dir: &Path) -> io::Result<()> {
    let (man, completions) = (dir.join("man"), dir.join("completions"));
    fs::create_dir_all(&man)?;
    fs::create_dir_all(&completions)?;
    clap_mangen::generate_to(sync_cli::definition(), &man)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        let mut definition = sync_cli::definition();
        clap_complete::generate_to(shell, &mut definition, "s3mirror", &completions)?;
    }
    Ok(())
}
