//! One key of a job as words of the command line, as its option is defined.

use std::any::TypeId;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, Command};
use sync_core::text::printable;

use super::definition::{adds_up, takes_values};
use super::file::{Entry, File, Scalar, Value};
use super::names::{NO_SECRETS, has_password};
use super::place::Place;
use crate::usage;

/// A word for the command line.
#[derive(Debug, Clone)]
pub(super) struct Word {
    pub(super) text: String,
    /// The long name of the option, without dashes.
    pub(super) option: String,
    /// The value, as it is in force.
    pub(super) value: String,
    pub(super) at: Place,
}

/// The words of an `entry` that sets `option`; none for a switch that is off.
///
/// `parser` takes each word alone, so that what is wrong with it is known
/// with its place.
pub(super) fn words(
    option: &Arg,
    entry: &Entry,
    file: &File,
    parser: &Command,
) -> Result<Vec<Word>, String> {
    let long = option.get_long().unwrap_or_default();
    let wrong = |what: String| file.located(entry.at, &format!("'{long}' {what}"));
    let texts = match (&entry.value, takes_values(option)) {
        (Value::Switch(on), false) => {
            let times = usize::from(*on);
            return Ok(flags(long, entry.at, times));
        }
        (Value::One(number), false) if matches!(option.get_action(), ArgAction::Count) => {
            let times = number.text.parse::<u8>();
            let times = times.map_err(|_| wrong("is a number from 0 to 255".to_owned()))?;
            return Ok(flags(long, entry.at, times.into()));
        }
        (_, false) => return Err(wrong("is true or false".to_owned())),
        (Value::Switch(_), true) => {
            let name = option.get_value_names().and_then(|names| names.first());
            let name = name.map_or("value", |name| name.as_str());
            return Err(wrong(format!("needs a value, {name}")));
        }
        (Value::One(one), true) => std::slice::from_ref(one),
        (Value::Many(many), true) if adds_up(option) => many.as_slice(),
        (Value::Many(_), true) => return Err(wrong("takes one value, no list".to_owned())),
    };
    let word = |scalar: &Scalar| {
        let value = value(option, scalar, file)?;
        let word = Word {
            text: format!("--{long}={value}"),
            option: long.to_owned(),
            value,
            at: scalar.at,
        };
        accepted(&word, parser).map_err(|reason| file.located(word.at, &reason))?;
        Ok(word)
    };
    texts.iter().map(word).collect()
}

/// The words of `select`, a list of globs with `+` or `-` before each: the order
/// of --include and --exclude counts, and a key can stand in a table only once.
pub(super) fn select(entry: &Entry, file: &File) -> Result<Vec<Word>, String> {
    let Value::Many(globs) = &entry.value else {
        let what = "'select' is a list of globs, each after + or -, as in [\"-*.tmp\", \"+a.tmp\"]";
        return Err(file.located(entry.at, what));
    };
    let word = |scalar: &Scalar| {
        let (option, glob) = match scalar.text.split_at_checked(1) {
            Some(("+", glob)) => ("include", glob),
            Some(("-", glob)) => ("exclude", glob),
            _ => {
                let glob = printable(&scalar.text);
                let what = format!("'{glob}': a glob of 'select' comes after + or -");
                return Err(file.located(scalar.at, &what));
            }
        };
        if glob.is_empty() {
            let what = format!("there is no glob after the {}", scalar.text);
            return Err(file.located(scalar.at, &what));
        }
        Ok(Word {
            text: format!("--{option}={glob}"),
            option: option.to_owned(),
            value: glob.to_owned(),
            at: scalar.at,
        })
    };
    globs.iter().map(word).collect()
}

fn flags(long: &str, at: Place, times: usize) -> Vec<Word> {
    let word = Word {
        text: format!("--{long}"),
        option: long.to_owned(),
        value: "true".to_owned(),
        at,
    };
    vec![word; times]
}

/// The value as the option takes it: a path is relative to the file.
fn value(option: &Arg, scalar: &Scalar, file: &File) -> Result<String, String> {
    let text = &scalar.text;
    let wrong = |what: &str| file.located(scalar.at, what);
    if has_password(text) {
        return Err(wrong(NO_SECRETS));
    }
    if option.get_value_parser().type_id() != TypeId::of::<PathBuf>() || text.is_empty() {
        return Ok(text.clone());
    }
    let path = match text.strip_prefix('~') {
        None => file.directory().join(text),
        Some(rest) if rest.is_empty() || rest.starts_with('/') => {
            let home = std::env::var_os("HOME").filter(|home| !home.is_empty());
            let home = home.ok_or_else(|| wrong("'~' is unknown: HOME is not set"))?;
            Path::new(&home).join(rest.trim_start_matches('/'))
        }
        Some(_) => return Err(wrong("of '~', only '~/' is known; write the whole path")),
    };
    let path = path.into_os_string().into_string();
    path.map_err(|_| wrong("the directory of this path has a name that is not UTF-8"))
}

/// What the option's own parser says of `word`.
fn accepted(word: &Word, parser: &Command) -> Result<(), String> {
    let line = [parser.get_name(), &word.text];
    let parsed = parser.clone().try_get_matches_from(line);
    parsed.map_err(|error| usage::reason(&error.to_string(), &[word.text.clone().into()]))?;
    Ok(())
}
