//! Directory trees, for the demo: what is in one, a copy, and how two differ.
//!
//! Written with `std` alone and on purpose not with `sync-fs`: who checks a
//! result should not ask the one that made it.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
    time::SystemTime,
};

use anyhow::{Context, Result};

/// The files below a directory by their path there. A link to a file inside
/// counts as that file, as s3mirror has it; other links, special files and
/// empty directories are not content.
pub(crate) struct Tree {
    root: PathBuf,
    files: BTreeMap<PathBuf, Meta>,
}

#[derive(Clone, Copy)]
struct Meta {
    size: u64,
    modified: SystemTime,
}

impl Tree {
    /// Reads the tree below `root`.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let root = root
            .canonicalize()
            .with_context(|| root.display().to_string())?;
        let mut tree = Self {
            root: root.clone(),
            files: BTreeMap::new(),
        };
        let mut directories = vec![root];
        while let Some(directory) = directories.pop() {
            let entries =
                fs::read_dir(&directory).with_context(|| directory.display().to_string())?;
            for entry in entries {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    directories.push(entry.path());
                } else {
                    tree.add(&entry.path())?;
                }
            }
        }
        Ok(tree)
    }

    fn add(&mut self, path: &Path) -> Result<()> {
        // A link that dangles, loops or leaves the root is not content.
        let Ok(real) = path.canonicalize() else {
            return Ok(());
        };
        let meta = fs::metadata(&real)?;
        if meta.is_file() && real.starts_with(&self.root) {
            let name = path.strip_prefix(&self.root)?.to_owned();
            self.files.insert(
                name,
                Meta {
                    size: meta.len(),
                    modified: meta.modified()?,
                },
            );
        }
        Ok(())
    }

    /// The number of files.
    pub(crate) fn len(&self) -> usize {
        self.files.len()
    }

    /// The sum of the files' sizes.
    pub(crate) fn bytes(&self) -> u64 {
        self.files.values().map(|meta| meta.size).sum()
    }

    /// The earliest and the latest modification time.
    pub(crate) fn times(&self) -> Option<(SystemTime, SystemTime)> {
        let times = || self.files.values().map(|meta| meta.modified);
        Some((times().min()?, times().max()?))
    }

    /// Every difference of names, sizes and contents, one line each.
    pub(crate) fn differences(&self, other: &Self) -> Result<Vec<String>> {
        let mut found = Vec::new();
        for (path, meta) in &self.files {
            let name = path.display();
            match other.files.get(path) {
                None => found.push(format!("{name} is missing")),
                Some(theirs) if theirs.size != meta.size => {
                    found.push(format!(
                        "{name} has {} bytes instead of {}",
                        theirs.size, meta.size
                    ));
                }
                Some(_) if !same_bytes(&self.root.join(path), &other.root.join(path))? => {
                    found.push(format!("{name} has other bytes"));
                }
                Some(_) => {}
            }
        }
        let extra = other
            .files
            .keys()
            .filter(|path| !self.files.contains_key(*path));
        found.extend(extra.map(|path| format!("{} is too much", path.display())));
        Ok(found)
    }
}

fn same_bytes(a: &Path, b: &Path) -> Result<bool> {
    const BLOCK: usize = 1 << 20;
    let (mut a, mut b) = (File::open(a)?, File::open(b)?);
    let (mut block_a, mut block_b) = (Vec::new(), Vec::new());
    loop {
        block_a.clear();
        block_b.clear();
        a.by_ref().take(BLOCK as u64).read_to_end(&mut block_a)?;
        b.by_ref().take(BLOCK as u64).read_to_end(&mut block_b)?;
        if block_a != block_b {
            return Ok(false);
        }
        if block_a.is_empty() {
            return Ok(true);
        }
    }
}

/// Copies the files below `from` to `to`, each with its modification time, but
/// neither git's own nor what was built (cargo marks such a directory by a
/// `CACHEDIR.TAG`, as <https://bford.info/cachedir/> has it), nor the directory that
/// `to` is in, whether it is marked or not.
pub(crate) fn copy_sources(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    let real = to.canonicalize()?;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        let (source, copy) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            let is_built = source.join("CACHEDIR.TAG").exists();
            let holds_copy = real.starts_with(source.canonicalize()?);
            if entry.file_name() != ".git" && !is_built && !holds_copy {
                copy_sources(&source, &copy)?;
            }
        } else if entry.file_type()?.is_file() {
            fs::copy(&source, &copy).with_context(|| source.display().to_string())?;
            let modified = fs::metadata(&source)?.modified()?;
            let copy = File::options().write(true).open(&copy)?;
            copy.set_modified(modified)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_inside_of_the_sources_does_not_hold_itself() -> Result<()> {
        let top = std::env::temp_dir().join(format!("xtask-copy-{}", std::process::id()));
        fs::create_dir_all(top.join("src"))?;
        fs::write(top.join("src/lib.rs"), "1")?;
        let copy = top.join("target/demo/sources");
        copy_sources(&top, &copy)?;
        let found = Tree::read(&copy)?;
        fs::remove_dir_all(&top)?;
        assert_eq!(found.len(), 1);
        Ok(())
    }

    #[test]
    fn every_kind_of_difference_is_found() -> Result<()> {
        let top = std::env::temp_dir().join(format!("xtask-tree-{}", std::process::id()));
        let make = |name: &str, files: &[(&str, &str)]| -> Result<Tree> {
            for (file, text) in files {
                let path = top.join(name).join(file);
                fs::create_dir_all(path.parent().context("a parent")?)?;
                fs::write(path, text)?;
            }
            Tree::read(&top.join(name))
        };
        let a = make(
            "a",
            &[
                ("same", "1"),
                ("d/gone", "2"),
                ("longer", "33"),
                ("other", "4"),
            ],
        )?;
        let b = make(
            "b",
            &[("same", "1"), ("new", "2"), ("longer", "3"), ("other", "5")],
        )?;
        assert_eq!(
            a.differences(&b)?,
            [
                "d/gone is missing",
                "longer has 1 bytes instead of 2",
                "other has other bytes",
                "new is too much"
            ]
        );
        assert_eq!(a.differences(&a)?, [""; 0]);
        fs::remove_dir_all(top)?;
        Ok(())
    }
}
