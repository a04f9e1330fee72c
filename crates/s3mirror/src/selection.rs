//! Which entries a mirror concerns, and the selection that is made of that: the
//! ignore files are read, and their patterns checked line by line.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use globset::GlobBuilder;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use sync_core::{
    KeyList, Selection,
    key::KeyError,
    select::{
        Criteria, Excluded, GlobError, IgnoreFile, NameRule, PathKind, check_segments, no_key,
    },
    text::printable,
};

/// What is selected; by default everything. Size and time are those of the
/// source where it has the key.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct SelectionOptions {
    /// Globs that include or exclude names; the last one that matches counts.
    pub names: Vec<NameRule>,
    /// Files in gitignore form. What they exclude is not included again by
    /// `names`.
    pub ignore_files: Vec<PathBuf>,
    /// Smaller entries are excluded; in bytes.
    pub min_size: Option<u64>,
    /// Larger entries are excluded; in bytes.
    pub max_size: Option<u64>,
    /// Entries that were modified before are excluded.
    pub newer_than: Option<DateTime<Utc>>,
    /// Entries that were modified since are excluded.
    pub older_than: Option<DateTime<Utc>>,
    /// The keys that the mirror is restricted to: no others are looked at. By default all.
    pub keys: Option<KeyList>,
    /// A selection that was read before: all else is not looked at.
    pub(crate) read: Option<Criteria>,
}

/// What is wrong with a selection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SelectionError {
    /// No entry is large enough and small enough.
    #[error("the minimum size is larger than the maximum size: no entry matches both")]
    Sizes,
    /// No entry is new enough and old enough.
    #[error("the earliest time is not before the latest time: no entry matches both")]
    Times,
    /// An ignore file cannot be read.
    #[error("'{path}': {error}", path = shown(path))]
    IgnoreFile {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A line of an ignore file is invalid.
    #[error("{path}:{line}{}: {reason}", column.map(|at| format!(":{at}")).unwrap_or_default(), path = shown(path))]
    IgnoreLine {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The column in bytes, counted from 1, where it is known.
        column: Option<usize>,
        /// Why.
        reason: String,
    },
    /// The patterns of the ignore files cannot be compiled.
    #[error("invalid patterns in the ignore files: {0}")]
    IgnoreFiles(String),
    /// A glob is invalid.
    #[error(transparent)]
    Glob(#[from] GlobError),
}

impl SelectionError {
    /// Whether it is about the ignore files, which other programs may write, and not about
    /// the options themselves.
    #[must_use]
    pub fn is_of_files(&self) -> bool {
        match self {
            Self::IgnoreFile { .. } | Self::IgnoreLine { .. } | Self::IgnoreFiles(_) => true,
            Self::Sizes | Self::Times | Self::Glob(_) => false,
        }
    }
}

fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy())
}

impl SelectionOptions {
    /// Excludes what `glob` matches.
    pub fn exclude(&mut self, glob: impl Into<String>) {
        self.names.push(NameRule::Exclude(glob.into()));
    }

    /// Includes what `glob` matches, although an earlier one excludes it.
    pub fn include(&mut self, glob: impl Into<String>) {
        self.names.push(NameRule::Include(glob.into()));
    }

    /// The selection. The ignore files are read now.
    ///
    /// # Errors
    /// [`SelectionError`]
    pub fn read(&self) -> Result<Selection, SelectionError> {
        if let Some(criteria) = &self.read {
            return of(criteria.clone());
        }
        let mut patterns = GitignoreBuilder::new("");
        let mut ignore_files = Vec::new();
        for path in &self.ignore_files {
            ignore_files.push(add_file(path, &mut patterns)?);
        }
        if let (Some(min), Some(max)) = (self.min_size, self.max_size)
            && min > max
        {
            return Err(SelectionError::Sizes);
        }
        if let (Some(newer), Some(older)) = (self.newer_than, self.older_than)
            && newer >= older
        {
            return Err(SelectionError::Times);
        }
        let excluded = excluded_by(&ignore_files, &patterns)?;
        let criteria = Criteria {
            names: self.names.clone(),
            ignore_files,
            min_size: self.min_size,
            max_size: self.max_size,
            newer_than: self.newer_than,
            older_than: self.older_than,
            keys: None,
        };
        let selection = Selection::new(criteria, excluded)?;
        Ok(match &self.keys {
            Some(keys) => selection.only(keys.clone()),
            None => selection,
        })
    }
}

/// The selection that was read when `criteria` were.
fn of(criteria: Criteria) -> Result<Selection, SelectionError> {
    let mut patterns = GitignoreBuilder::new("");
    for file in &criteria.ignore_files {
        for (number, line) in file.lines.iter().enumerate() {
            add_line(line, &mut patterns).map_err(|reason| SelectionError::IgnoreLine {
                path: PathBuf::from(&file.file),
                line: number + 1,
                column: None,
                reason,
            })?;
        }
    }
    let excluded = excluded_by(&criteria.ignore_files, &patterns)?;
    Ok(Selection::new(criteria, excluded)?)
}

/// What the patterns of these files exclude.
fn excluded_by(
    files: &[IgnoreFile],
    patterns: &GitignoreBuilder,
) -> Result<Option<Arc<dyn Excluded>>, SelectionError> {
    if files.is_empty() {
        return Ok(None);
    }
    let built = patterns.build();
    let built = built.map_err(|error| SelectionError::IgnoreFiles(error.to_string()))?;
    Ok(Some(Arc::new(Patterns(built))))
}

/// Adds the patterns of one file; the error of an invalid one has its line.
fn add_file(path: &Path, patterns: &mut GitignoreBuilder) -> Result<IgnoreFile, SelectionError> {
    let path = path.to_owned();
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) => return Err(SelectionError::IgnoreFile { path, error }),
    };
    let text = match str::from_utf8(&bytes) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
        Err(error) => {
            let (line, column) = place(&bytes, error.valid_up_to());
            return Err(SelectionError::IgnoreLine {
                path,
                line,
                column: Some(column),
                reason: "this is not UTF-8".to_owned(),
            });
        }
    };
    let mut lines = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        if let Err(reason) = add_line(line, patterns) {
            return Err(SelectionError::IgnoreLine {
                path,
                line: number + 1,
                column: None,
                reason: format!("'{}': {reason}", printable(line)),
            });
        }
        lines.push(line.to_owned());
    }
    Ok(IgnoreFile {
        file: path.to_string_lossy().into_owned(),
        lines,
    })
}

/// The line and the column of the byte at `offset`, counted from 1.
fn place(bytes: &[u8], offset: usize) -> (usize, usize) {
    let before = &bytes[..offset];
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let start = before.iter().rposition(|byte| *byte == b'\n');
    (line, offset - start.map_or(0, |at| at + 1) + 1)
}

/// Adds one pattern, or returns what is wrong with it.
fn add_line(line: &str, patterns: &mut GitignoreBuilder) -> Result<(), String> {
    // The builder treats a bracket that is not closed as a plain one; but it is
    // more likely a mistake, and nobody would notice that nothing is excluded.
    GlobBuilder::new(line)
        .backslash_escape(true)
        .build()
        .map_err(|error| error.kind().to_string())?;
    let line = rooted(line);
    check_names(&line)?;
    match patterns.add_line(None, &line) {
        Ok(_) => Ok(()),
        Err(ignore::Error::Glob { err, .. }) => Err(err),
        Err(error) => Err(error.to_string()),
    }
}

/// A pattern without `./` before its path, which means as little as in a list of keys: then
/// it is the path from the root.
fn rooted(line: &str) -> Cow<'_, str> {
    let (sign, path) = match line.strip_prefix('!') {
        Some(path) => ("!", path),
        None => ("", line),
    };
    match path.strip_prefix("./") {
        Some(path) => format!("{sign}/{path}").into(),
        None => line.into(),
    }
}

/// Checks that some name may match a pattern.
fn check_names(line: &str) -> Result<(), String> {
    let is_escaped = line.starts_with("\\!") || line.starts_with("\\#");
    let path = if is_escaped {
        &line[1..]
    } else {
        let path = line.strip_prefix('!').unwrap_or(line);
        path.strip_prefix('/').unwrap_or(path)
    };
    let path = if path.ends_with("\\ ") {
        path
    } else {
        path.trim_end()
    };
    let path = path.strip_suffix('/').unwrap_or(path);
    check_segments(path).map_err(|why| match why {
        // One slash before a pattern stands for the root.
        KeyError::LeadingSlash => no_key(KeyError::EmptySegment),
        KeyError::TrailingSlash if path.ends_with('/') => no_key(KeyError::EmptySegment),
        why => no_key(why),
    })
}

/// All ignore files together, as one.
#[derive(Debug)]
struct Patterns(Gitignore);

impl Excluded for Patterns {
    fn excludes(&self, path: &str, kind: PathKind) -> bool {
        let is_directory = kind == PathKind::Directory;
        self.0.matched(path, is_directory).is_ignore()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(lines: &str) -> Result<Selection, SelectionError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), lines).unwrap();
        let options = SelectionOptions {
            ignore_files: vec![file.path().to_owned()],
            ..SelectionOptions::default()
        };
        options.read()
    }

    #[test]
    fn a_line_that_no_name_matches_is_named() {
        for (line, reason) in [
            ("cache//", "it has an empty segment"),
            ("//cache", "it has an empty segment"),
            ("a/../cache/", "it has a `.` or `..` segment"),
            ("!../x", "it has a `.` or `..` segment"),
            ("cache/./", "it has a `.` or `..` segment"),
            ("././x", "it has a `.` or `..` segment"),
            ("..", "it has a `.` or `..` segment"),
            ("{a/,b/}", "an alternative ends with a slash"),
            ("./", "it is empty"),
            ("/", "it is empty"),
        ] {
            let error = with(&format!("# notes\n\n{line}  \n")).unwrap_err();
            let said = format!(":3: '{line}  ': {reason}");
            assert!(error.to_string().contains(&said), "{error}");
        }
    }

    #[test]
    fn a_dot_and_a_slash_before_a_pattern_stand_for_the_root() {
        let selection = with("./cache/\n./*.log\n!./keep.log\n.x/\n\\!a\n**/b/\n/c/ \n").unwrap();
        for name in ["cache/a", "a.log", ".x/a", "a/.x/a", "!a", "a/b/c", "c/a"] {
            assert!(!selection.selects(name), "{name}");
        }
        for name in ["cache", "a/cache/a", "keep.log", "d/a.log", "c"] {
            assert!(selection.selects(name), "{name}");
        }
    }
}
