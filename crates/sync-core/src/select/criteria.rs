//! By what is selected, as plain data: a saved plan carries it, so that a
//! reader knows what the plan does not speak of.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use crate::key_list::KeyListSummary;
use crate::setting::Setting;
use crate::text::printable_text;

/// By what a [`Selection`](crate::select::Selection) selects; by default, nothing is
/// left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Criteria {
    /// Globs over the key, of which the last one that matches decides. If none
    /// does, the key is selected, unless the first rule is an `Include`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<NameRule>,
    /// Ignore files. What they exclude is excluded, whatever `names` say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignore_files: Vec<IgnoreFile>,
    /// The smallest size, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_size: Option<u64>,
    /// The largest size, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_size: Option<u64>,
    /// Modified at this time or after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newer_than: Option<DateTime<Utc>>,
    /// Modified before this time. So `newer_than` and `older_than` of one time
    /// leave out each entry once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub older_than: Option<DateTime<Utc>>,
    /// The list of keys beside which nothing is selected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<KeyListSummary>,
}

/// A glob over the key, and what it says of the keys that match.
///
/// `*` stands for any characters, `/` among them; `?` for one byte, which is a
/// character of ASCII; `[a-z]` (of ASCII) and `{a,b}` are as in a shell; a
/// backslash takes a character as it is. A glob that ends with a slash stands
/// for everything below.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NameRule {
    /// They are selected.
    Include(String),
    /// They are not.
    Exclude(String),
}

/// An ignore file, as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IgnoreFile {
    /// Where it was.
    pub file: String,
    /// Its lines, without those that say nothing.
    pub lines: Vec<String>,
}

impl Criteria {
    /// Whether they leave nothing out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
            && self.ignore_files.is_empty()
            && self.min_size.is_none()
            && self.max_size.is_none()
            && self.newer_than.is_none()
            && self.older_than.is_none()
            && self.keys.is_none()
    }

    /// Whether size and time of an entry are selected.
    pub(crate) fn fits(&self, size: u64, modified: DateTime<Utc>) -> bool {
        self.min_size.is_none_or(|min| size >= min)
            && self.max_size.is_none_or(|max| size <= max)
            && self.newer_than.is_none_or(|from| modified >= from)
            && self.older_than.is_none_or(|to| modified < to)
    }
}

/// As the settings that they come from.
impl fmt::Display for Criteria {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.names.iter().map(ToString::to_string);
        let files = self.ignore_files.iter();
        let files = files.map(|file| quoted(Setting::ExcludeFrom, &file.file));
        let sizes = [
            (Setting::MinSize, self.min_size),
            (Setting::MaxSize, self.max_size),
        ];
        let sizes = sizes
            .into_iter()
            .filter_map(|(setting, size)| Some(format!("{setting} {}B", size?)));
        let times = [
            (Setting::NewerThan, self.newer_than),
            (Setting::OlderThan, self.older_than),
        ];
        let times = times.into_iter().filter_map(|(setting, time)| {
            let time = time?.to_rfc3339_opts(SecondsFormat::AutoSi, true);
            Some(format!("{setting} {time}"))
        });
        let keys = self.keys.iter().map(|keys| {
            let count = |count: u64, one: &str, many: &str| match count {
                1 => format!("1 {one}"),
                count => format!("{count} {many}"),
            };
            let listed = count(keys.keys, "key", "keys");
            let below = count(keys.directories, "directory", "directories");
            format!("{} ({listed}, {below})", Setting::Keys)
        });
        let all = keys.chain(names).chain(files).chain(sizes).chain(times);
        let all: Vec<String> = all.collect();
        f.write_str(&all.join(" "))
    }
}

impl fmt::Display for NameRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&match self {
            Self::Include(glob) => quoted(Setting::Include, glob),
            Self::Exclude(glob) => quoted(Setting::Exclude, glob),
        })
    }
}

fn quoted(setting: Setting, value: &str) -> String {
    // As a shell reads it: a backslash stays single.
    let value = printable_text(value).replace('\'', r"'\''");
    format!("{setting} '{value}'")
}
