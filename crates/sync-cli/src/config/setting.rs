//! One key of a job as rows with words of the command line, as its option is
//! defined.

use std::any::TypeId;
use std::path::{Path, PathBuf};

use clap::builder::{OsStr, Resettable};
use clap::{Arg, ArgAction, Command};
use sync_core::text::printable;
use toml::Spanned;

use super::definition::{adds_up, independent, takes_values};
use super::file::{Entry, Value};
use super::job::{Job, Row, Source};
use super::names::{NO_SECRETS, has_password, shown_value};
use crate::usage;

impl Job<'_> {
    /// The rows of an `entry` that sets `options`: one, or two for `select`.
    pub(super) fn rows_of(&self, entry: &Entry, options: &[&Arg]) -> Result<Vec<Row>, String> {
        let [option] = options else {
            return self.select(entry);
        };
        let long = option.get_long().unwrap_or_default();
        let wrong = |what: &str| Err(self.file.located(&entry.key, &format!("'{long}' {what}")));
        let is_count = matches!(option.get_action(), ArgAction::Count);
        let values = match (&entry.value, takes_values(option)) {
            (Value::Switch(on), false) => return Ok(vec![self.switch(entry, *on)]),
            (Value::One(number), false) if is_count => {
                return match number.get_ref().parse::<u8>() {
                    Ok(0) => Ok(vec![self.switch(entry, false)]),
                    Ok(times) => Ok(vec![self.switch(entry, true); times.into()]),
                    Err(_) => wrong("must be a number from 0 to 255"),
                };
            }
            (_, false) => return wrong("must be true or false"),
            (Value::Switch(_), true) => {
                let names = option.get_value_names().unwrap_or_default();
                let name = names.first().map_or("VALUE", |name| name.as_str());
                return wrong(&format!("needs a value, {name}"));
            }
            (Value::One(value), true) => std::slice::from_ref(value),
            (Value::Many(values), true) if adds_up(option) => values.as_slice(),
            (Value::Many(_), true) => return wrong("takes one value, no list"),
        };
        let row = |value: &Spanned<String>| {
            let row = self.row(long, value, &self.value(option, value)?);
            let word = row.word.as_deref().unwrap_or_default();
            accepted(option, word).map_err(|reason| self.file.located(value, &reason))?;
            Ok(row)
        };
        values.iter().map(row).collect()
    }

    /// The rows of `select`, a list of globs with `+` or `-` before each: the
    /// order of --include and --exclude counts, and a table has a key only once.
    fn select(&self, entry: &Entry) -> Result<Vec<Row>, String> {
        let Value::Many(globs) = &entry.value else {
            let what = "'select' must be a list of globs, each after + or -, as in \
                        [\"-*.tmp\", \"+a.tmp\"]";
            return Err(self.file.located(&entry.key, what));
        };
        let row = |text: &Spanned<String>| match text.get_ref().split_at_checked(1) {
            Some(("+", glob)) if !glob.is_empty() => Ok(self.row("include", text, glob)),
            Some(("-", glob)) if !glob.is_empty() => Ok(self.row("exclude", text, glob)),
            _ => {
                let glob = printable(text.get_ref());
                let what = format!("invalid '{glob}' in 'select': write + or - and then a glob");
                Err(self.file.located(text, &what))
            }
        };
        globs.iter().map(row).collect()
    }

    fn row(&self, option: &str, at: &Spanned<String>, value: &str) -> Row {
        Row {
            option: option.to_owned(),
            value: shown_value(option, value),
            source: Source::File(self.file.place(at)),
            overridden_by: None,
            word: Some(format!("--{option}={value}")),
        }
    }

    fn switch(&self, entry: &Entry, on: bool) -> Row {
        let key = entry.key.get_ref();
        Row {
            word: on.then(|| format!("--{key}")),
            ..self.row(key, &entry.key, &on.to_string())
        }
    }

    /// `text` as the value of `option`: a path is relative to the file.
    fn value(&self, option: &Arg, text: &Spanned<String>) -> Result<String, String> {
        let wrong = |what: &str| self.file.located(text, what);
        let value = text.get_ref();
        if has_password(value) {
            return Err(wrong(NO_SECRETS));
        }
        let is_path = option.get_value_parser().type_id() == TypeId::of::<PathBuf>();
        if !is_path || value.is_empty() || is_standard_input(option, value) {
            return Ok(value.clone());
        }
        let path = match value.strip_prefix('~') {
            None => self.file.directory().join(value),
            Some(rest) if rest.is_empty() || rest.starts_with('/') => {
                let home = std::env::var_os("HOME").filter(|home| !home.is_empty());
                let home = home.ok_or_else(|| wrong("'~' is unknown: HOME is not set"))?;
                Path::new(&home).join(rest.trim_start_matches('/'))
            }
            Some(_) => {
                return Err(wrong(
                    "of '~', only '~/' is supported; write the whole path",
                ));
            }
        };
        let path = path.into_os_string().into_string();
        path.map_err(|_| wrong("the path of the file's directory is not UTF-8"))
    }
}

/// Whether `value` is no file for `option`.
fn is_standard_input(option: &Arg, value: &str) -> bool {
    value == "-" && option.get_long() == Some("files-from")
}

/// Lets clap parse `word` alone, so that the place of an error is known, also
/// where another value overrides it.
fn accepted(option: &Arg, word: &str) -> Result<(), String> {
    let option = independent(option.clone()).env(Resettable::<OsStr>::Reset);
    let parser = Command::new("s3mirror").no_binary_name(true).arg(option);
    let parsed = parser.try_get_matches_from([word]);
    parsed.map_err(|error| usage::reason(&error.to_string(), &[word.into()]))?;
    Ok(())
}
