//! Reads the file: tables of keys and values, each with its place. What they
//! mean is told by the options (`setting`).

use std::path::{Path, PathBuf};

use sync_core::text::printable;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::find::{find, shown};
use super::names::suggestion;
use super::place::Place;

/// The configuration.
#[derive(Debug)]
pub(crate) struct File {
    path: PathBuf,
    defaults: Vec<Entry>,
    jobs: Vec<JobTable>,
}

/// `[jobs.NAME]`
#[derive(Debug)]
pub(super) struct JobTable {
    pub(super) name: String,
    pub(super) at: Place,
    /// In the order of the file.
    pub(super) entries: Vec<Entry>,
}

/// A key and what it is set to.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) at: Place,
    pub(super) value: Value,
}

/// What a key can be set to.
#[derive(Debug)]
pub(super) enum Value {
    Switch(bool),
    /// A text, a number or a time.
    One(Scalar),
    Many(Vec<Scalar>),
}

#[derive(Debug)]
pub(super) struct Scalar {
    pub(super) text: String,
    pub(super) at: Place,
}

impl File {
    /// Reads the file that is `chosen`, or the first that is there.
    pub(crate) fn read(chosen: Option<PathBuf>) -> Result<Self, String> {
        let (path, bytes) = find(chosen)?;
        Self::parse(path, &bytes)
    }

    fn parse(path: PathBuf, bytes: &[u8]) -> Result<Self, String> {
        let at = |offset| Place::of(offset, bytes);
        let located = |place: Place, what: &str| format!("{}:{place}: {what}", shown(&path));
        let text = str::from_utf8(bytes)
            .map_err(|error| located(at(error.valid_up_to()), "this is not UTF-8"))?;
        let document = DeTable::parse(text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            let reason = error.message().lines().collect::<Vec<_>>().join(", ");
            located(at(offset), &reason)
        })?;
        let (mut defaults, mut jobs) = (Vec::new(), Vec::new());
        let reader = Reader { text };
        for (key, value) in in_order(document.get_ref()) {
            let place = at(key.span().start);
            let wrong = |(place, what): (Place, String)| located(place, &what);
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("defaults", DeValue::Table(table)) => {
                    defaults = reader.entries(table).map_err(wrong)?;
                }
                ("jobs", DeValue::Table(table)) => jobs = reader.jobs(table).map_err(wrong)?,
                (key @ ("defaults" | "jobs"), _) => {
                    return Err(located(place, &format!("'{key}' must be a table")));
                }
                (key, _) => {
                    let near = suggestion(key, ["defaults", "jobs"]);
                    let known = "there are only [defaults] and [jobs.NAME]";
                    let key = printable(key);
                    return Err(located(place, &format!("unknown '{key}': {known}{near}")));
                }
            }
        }
        Ok(Self {
            path,
            defaults,
            jobs,
        })
    }

    /// Where it is, for people.
    pub(crate) fn shown(&self) -> String {
        shown(&self.path)
    }

    /// The directory to which its paths are relative.
    pub(super) fn directory(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    /// The names of its jobs, in the order of the file.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.jobs.iter().map(|job| job.name.as_str())
    }

    /// The table of one of its jobs.
    pub(super) fn table(&self, name: &str) -> Result<&JobTable, String> {
        let found = self.jobs.iter().find(|job| job.name == name);
        found.ok_or_else(|| {
            let (file, near) = (self.shown(), suggestion(name, self.names()));
            let name = printable(name);
            format!("{file} has no job '{name}'{near} ('s3mirror jobs' lists them)")
        })
    }

    pub(super) fn defaults(&self) -> &[Entry] {
        &self.defaults
    }

    /// A place in this file, for people.
    pub(super) fn place(&self, place: Place) -> String {
        format!("{}:{place}", self.shown())
    }

    /// `what`, said of a place in this file.
    pub(super) fn located(&self, place: Place, what: &str) -> String {
        format!("{}: {what}", self.place(place))
    }
}

type Wrong = (Place, String);

/// Turns the parser's values into ours.
struct Reader<'t> {
    text: &'t str,
}

impl Reader<'_> {
    fn at<T>(&self, spanned: &Spanned<T>) -> Place {
        Place::of(spanned.span().start, self.text.as_bytes())
    }

    fn jobs(&self, table: &DeTable<'_>) -> Result<Vec<JobTable>, Wrong> {
        let job = |(name, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
            let (name, at): (&std::borrow::Cow<'_, str>, _) = (name.get_ref(), self.at(name));
            let DeValue::Table(table) = value.get_ref() else {
                let what = format!("the job '{}' must be a table", printable(name));
                return Err((at, what));
            };
            if name.is_empty() || name.starts_with('-') || name.chars().any(char::is_control) {
                let what = "a job's name must not be empty or begin with a dash".to_owned();
                return Err((at, what));
            }
            Ok(JobTable {
                name: name.to_string(),
                at,
                entries: self.entries(table)?,
            })
        };
        in_order(table).into_iter().map(job).collect()
    }

    fn entries(&self, table: &DeTable<'_>) -> Result<Vec<Entry>, Wrong> {
        let entry = |(key, value): (&Spanned<std::borrow::Cow<'_, str>>, _)| {
            Ok(Entry {
                key: key.get_ref().to_string(),
                at: self.at(key),
                value: self.value(value)?,
            })
        };
        in_order(table).into_iter().map(entry).collect()
    }

    fn value(&self, value: &Spanned<DeValue<'_>>) -> Result<Value, Wrong> {
        Ok(match value.get_ref() {
            DeValue::Boolean(on) => Value::Switch(*on),
            DeValue::Array(array) => {
                let scalars = array.iter().map(|value| self.scalar(value));
                Value::Many(scalars.collect::<Result<_, _>>()?)
            }
            _ => Value::One(self.scalar(value)?),
        })
    }

    fn scalar(&self, value: &Spanned<DeValue<'_>>) -> Result<Scalar, Wrong> {
        let at = self.at(value);
        let text = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) if number.radix() == 10 => number.as_str().to_owned(),
            DeValue::Float(number) => number.as_str().to_owned(),
            DeValue::Datetime(time) => time.to_string(),
            DeValue::Integer(_) => return Err((at, "numbers are written in decimal".to_owned())),
            other => {
                let what = match other {
                    DeValue::Boolean(_) => "true or false",
                    DeValue::Array(_) => "a list",
                    _ => "a table",
                };
                return Err((at, format!("{what} cannot stand here")));
            }
        };
        Ok(Scalar { text, at })
    }
}

/// The entries of a table in the order of the file; the map has its own.
fn in_order<'t, 'i>(
    table: &'t DeTable<'i>,
) -> Vec<(
    &'t Spanned<std::borrow::Cow<'i, str>>,
    &'t Spanned<DeValue<'i>>,
)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}
