//! Directories to copy from, and whether what was copied is right.

use std::{
    fs::{self, File},
    io::{BufWriter, Read, Write},
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, ensure};

use crate::{
    content::{Content, SPARSE_BELOW},
    layout::Layout,
};

/// 2024-01-01: before [`UPLOADED`], so nothing has changed.
const MODIFIED: Duration = Duration::from_secs(1_704_067_200);

/// 2025-01-01: when the objects were written that the endpoint begins with.
pub const UPLOADED: Duration = Duration::from_secs(1_735_689_600);

/// 2025-06-01: the time of files that have changed since.
const CHANGED: Duration = Duration::from_secs(1_748_736_000);

/// Makes the files of `layout` below `dir`.
pub fn make(layout: Layout, dir: &Path) -> Result<()> {
    for (index, key, size) in layout.files() {
        let path = dir.join(key);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let modified = if layout.is_changed(index) {
            CHANGED
        } else {
            MODIFIED
        };
        write(&path, Content { index, size }, UNIX_EPOCH + modified)
            .with_context(|| path.display().to_string())?;
    }
    Ok(())
}

fn write(path: &Path, content: Content, modified: SystemTime) -> Result<()> {
    let mut file = File::create(path)?;
    if content.size < SPARSE_BELOW {
        file.set_len(content.size)?;
    } else {
        let mut file = BufWriter::new(&mut file);
        for piece in content.pieces(0..content.size) {
            file.write_all(&piece)?;
        }
        file.flush()?;
    }
    file.set_modified(modified)?;
    Ok(())
}

/// Fails unless `dir` holds exactly the files of `layout`, byte for byte.
pub fn check(layout: Layout, dir: &Path) -> Result<()> {
    let mut block = vec![0; 1 << 20];
    for (index, key, size) in layout.files() {
        let path = dir.join(&key);
        compare(&path, Content { index, size }, &mut block)
            .with_context(|| format!("'{key}' is not what the endpoint serves"))?;
    }
    let count = count(dir)?;
    ensure!(
        count == layout.count,
        "there are {count} files instead of {}",
        layout.count
    );
    Ok(())
}

fn compare(path: &Path, content: Content, block: &mut [u8]) -> Result<()> {
    let mut file = File::open(path)?;
    let mut at = 0;
    loop {
        let read = file.read(block)?;
        if read == 0 {
            break;
        }
        let end = at + read as u64;
        ensure!(end <= content.size, "it is too long");
        let mut got = &block[..read];
        for piece in content.pieces(at..end) {
            let (here, rest) = got.split_at(piece.len());
            ensure!(here == piece, "it differs after {at} bytes");
            got = rest;
        }
        at = end;
    }
    ensure!(at == content.size, "it has {at} of {} bytes", content.size);
    Ok(())
}

/// Files below `dir`.
fn count(dir: &Path) -> Result<u64> {
    let mut files = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        files += if entry.file_type()?.is_dir() {
            count(&entry.path())?
        } else {
            1
        };
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_is_right_and_what_was_changed_is_not() -> Result<()> {
        let dir = std::env::temp_dir().join(format!("bench-data-{}", std::process::id()));
        for layout in ["20x5~7", "3x5000"] {
            let layout: Layout = layout.parse()?;
            make(layout, &dir)?;
            check(layout, &dir)?;
            let first = dir.join(layout.key(1));
            let bytes = fs::read(&first)?;
            fs::write(&first, vec![1; bytes.len()])?;
            assert!(check(layout, &dir).is_err());
            fs::write(&first, &bytes)?;
            fs::write(dir.join("other"), "")?;
            assert!(check(layout, &dir).is_err());
            fs::remove_dir_all(&dir)?;
        }
        Ok(())
    }
}
