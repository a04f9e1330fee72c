//! Makes the selection from the options: reads the ignore files and, once, the
//! clock.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use chrono::{DateTime, Utc};
use globset::GlobBuilder;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use sync_core::{Criteria, Excluded, IgnoreFile, PathKind, Selection, printable};

use crate::options::{Moment, SelectionArgs, Size};

/// The selection that `args` ask for; or what is wrong with it, in one line.
pub(crate) fn selection(args: &SelectionArgs) -> Result<Selection, String> {
    let now = DateTime::<Utc>::from(SystemTime::now());
    let moment = |option: &str, moment: Option<Moment>| {
        let resolved = moment.map(|moment| moment.before(now));
        match resolved {
            Some(None) => Err(format!("{option}: that is before the calendar begins")),
            resolved => Ok(resolved.flatten()),
        }
    };
    let mut patterns = GitignoreBuilder::new("");
    let mut ignore_files = Vec::new();
    for path in &args.exclude_from {
        ignore_files.push(add_file(path, &mut patterns)?);
    }
    let criteria = Criteria {
        names: args.names.0.clone(),
        ignore_files,
        min_size: args.min_size.map(Size::bytes),
        max_size: args.max_size.map(Size::bytes),
        newer_than: moment("--newer-than", args.newer_than)?,
        older_than: moment("--older-than", args.older_than)?,
    };
    if let (Some(min), Some(max)) = (criteria.min_size, criteria.max_size)
        && min > max
    {
        return Err("--min-size is larger than --max-size: no entry is both".to_owned());
    }
    if let (Some(newer), Some(older)) = (criteria.newer_than, criteria.older_than)
        && newer >= older
    {
        return Err("--newer-than is not before --older-than: no entry is both".to_owned());
    }
    let excluded: Option<Arc<dyn Excluded>> = if criteria.ignore_files.is_empty() {
        None
    } else {
        let patterns = patterns.build().map_err(|error| error.to_string())?;
        Some(Arc::new(Patterns(patterns)))
    };
    Selection::new(criteria, excluded).map_err(|error| error.to_string())
}

/// Adds the patterns of one file, each with its line in mind.
fn add_file(path: &Path, patterns: &mut GitignoreBuilder) -> Result<IgnoreFile, String> {
    let file = path.to_string_lossy().into_owned();
    let shown = printable(&file);
    let bytes =
        std::fs::read(path).map_err(|error| format!("--exclude-from '{shown}': {error}"))?;
    let text = str::from_utf8(&bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let column = before.len()
            - before
                .iter()
                .rposition(|b| *b == b'\n')
                .map_or(0, |at| at + 1);
        format!("{shown}:{line}:{}: this is not UTF-8", column + 1)
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        add_line(line, patterns).map_err(|reason| {
            let line = printable(line);
            format!("{shown}:{}: '{line}': {reason}", number + 1)
        })?;
        lines.push(line.to_owned());
    }
    Ok(IgnoreFile { file, lines })
}

/// Adds one pattern, or says what is wrong with it.
fn add_line(line: &str, patterns: &mut GitignoreBuilder) -> Result<(), String> {
    // The builder takes a bracket that is not closed for a plain one; but it is
    // more likely a slip, and nobody would learn that nothing is excluded.
    GlobBuilder::new(line)
        .backslash_escape(true)
        .build()
        .map_err(|error| error.kind().to_string())?;
    match patterns.add_line(None, line) {
        Ok(_) => Ok(()),
        Err(ignore::Error::Glob { err, .. }) => Err(err),
        Err(error) => Err(error.to_string()),
    }
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
