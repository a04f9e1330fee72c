//! `cargo xtask demo [DIR]`: the product at work, in the commands that a user
//! would type, with what they print.
//!
//! It proves what it says: the trees are compared byte for byte by code that
//! has nothing to do with the product, and that a second run transfers nothing
//! is read off the server's own log. Everything happens under `target/demo`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    endpoint::Endpoint,
    step::{self, quoted},
    tree::{self, Tree},
};

const BUCKET: &str = "demo-bucket";

/// Backs up `dir`, or a copy of this repository's sources.
pub(crate) fn run(dir: Option<&Path>) -> Result<()> {
    step::build_binaries()?;
    let home = relative(&step::target()?.join("demo"))?;
    if home.exists() {
        fs::remove_dir_all(&home).with_context(|| home.display().to_string())?;
    }
    fs::create_dir_all(&home)?;
    let source = match dir {
        Some(dir) => dir
            .canonicalize()
            .with_context(|| dir.display().to_string())?,
        None => {
            let sources = home.join("sources");
            tree::copy_sources(Path::new("."), &sources)?;
            sources
        }
    };
    let demo = Demo {
        endpoint: Endpoint::start(&home, BUCKET)?,
        home,
        source,
    };
    demo.play()?;
    // Stays for a look when something went wrong.
    fs::remove_dir_all(&demo.home)?;
    Ok(())
}

/// `path` as one would type it at the top of the repository.
fn relative(path: &Path) -> Result<PathBuf> {
    let root = step::root()?;
    Ok(path.strip_prefix(root).unwrap_or(path).to_owned())
}

struct Demo {
    endpoint: Endpoint,
    home: PathBuf,
    source: PathBuf,
}

impl Demo {
    fn play(&self) -> Result<()> {
        let original = Tree::read(&self.source)?;
        let (files, bytes) = (original.len(), original.bytes());
        println!(
            "\n# {}: {files} files, {bytes} bytes",
            self.source.display()
        );

        println!("\n# Back it up.");
        let started = SystemTime::now();
        self.s3mirror(&["backup", "--yes"], &self.source)?;
        let ended = SystemTime::now();

        println!("\n# What would a restore into an empty directory do? A mock changes nothing.");
        let restored = self.home.join("restored");
        fs::create_dir(&restored)?;
        self.s3mirror(&["mock", "restore"], &restored)?;
        ensure!(
            Tree::read(&restored)?.len() == 0,
            "the mock restored something"
        );

        println!("\n# Restore it.");
        self.s3mirror(&["restore", "--yes"], &restored)?;
        self.compare(&original, &restored, (started, ended))?;

        println!("\n# Nothing has changed since, so a second run costs nothing but lists.");
        self.only_lists(&["backup", "--yes"], &self.source)?;
        self.only_lists(&["restore", "--yes", "--compare", "exact-times"], &restored)?;

        let differences = original.differences(&Tree::read(&self.source)?)?;
        ensure!(
            differences.is_empty(),
            "the source was changed:\n{}",
            differences.join("\n")
        );
        println!(
            "\nPASSED: {files} files, {bytes} bytes backed up and restored, identical; second runs \
             transferred nothing"
        );
        Ok(())
    }

    /// Runs the product on `dir` and the bucket, as one would type it.
    fn s3mirror(&self, arguments: &[&str], dir: &Path) -> Result<()> {
        let mut command = Command::new(relative(&step::binary("s3mirror")?)?);
        command
            .args(arguments)
            .arg("--dir")
            .arg(dir)
            .args(["--bucket", BUCKET]);
        let typed = std::iter::once(command.get_program()).chain(command.get_args());
        let typed: Vec<String> = typed.map(|word| quoted(&word.to_string_lossy())).collect();
        println!("\n$ {}", typed.join(" "));
        self.endpoint.give_access(&mut command, &self.home)?;
        let stdout = step::output(&mut command)?;
        print_shortened(&stdout);
        Ok(())
    }

    /// The same, and the server must have been asked for nothing but lists.
    fn only_lists(&self, arguments: &[&str], dir: &Path) -> Result<()> {
        let before = self.endpoint.requests()?.len();
        self.s3mirror(arguments, dir)?;
        let requests = self.endpoint.requests()?.split_off(before);
        println!("# The server was asked for: {}", requests.join(", "));
        let other = requests
            .iter()
            .find(|operation| !operation.starts_with("List"));
        if let Some(other) = other {
            bail!("a second run asked for {other}");
        }
        Ok(())
    }

    fn compare(
        &self,
        original: &Tree,
        restored: &Path,
        backup: (SystemTime, SystemTime),
    ) -> Result<()> {
        let restored = Tree::read(restored)?;
        let differences = original.differences(&restored)?;
        ensure!(
            differences.is_empty(),
            "the trees differ:\n{}",
            differences.join("\n")
        );
        println!("\n# Both trees are identical, byte for byte.");
        // A file's time is that of its object: of its upload, cut to the second.
        if let Some((first, last)) = restored.times() {
            let second = backup.0.duration_since(UNIX_EPOCH)?.as_secs();
            let earliest = UNIX_EPOCH + Duration::from_secs(second);
            ensure!(
                earliest <= first && last <= backup.1,
                "the restored files have other times than their objects"
            );
            println!("# Each restored file has the time of its object, that of its upload.");
        }
        Ok(())
    }
}

/// Prints `text`, without the middle where it is long.
fn print_shortened(text: &str) {
    const HEAD: usize = 6;
    const TAIL: usize = 10;
    let lines: Vec<&str> = text.lines().collect();
    let omitted = lines.len().saturating_sub(HEAD + TAIL);
    for (number, line) in lines.iter().enumerate() {
        if omitted > 1 && number == HEAD {
            println!("[{omitted} lines like these are omitted]");
        }
        if omitted <= 1 || !(HEAD..HEAD + omitted).contains(&number) {
            println!("{line}");
        }
    }
}
