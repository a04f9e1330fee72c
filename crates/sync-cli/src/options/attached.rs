//! `--tagging` and `--metadata`: names and values that are attached to each upload,
//! checked by S3's limits before anything is asked (User Guide, "Categorizing your
//! objects using tags" and "Working with object metadata").

use std::collections::BTreeSet;
use std::str::FromStr;

use super::header_text::HeaderText;

/// Most tags of an object.
const MOST_TAGS: usize = 10;
/// Longest name and value of a tag, in units of UTF-16, by which S3 counts.
const LONGEST_TAG: usize = 128;
const LONGEST_TAG_VALUE: usize = 256;
/// Most bytes of all names and values of an object's metadata.
const MOST_METADATA: usize = 2 << 10;

/// `--tagging`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tag {
    name: String,
    value: String,
}

/// `--metadata`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Metadatum {
    /// In small letters, as S3 keeps it.
    name: String,
    value: String,
}

impl Tag {
    pub(super) fn pair(&self) -> (String, String) {
        (self.name.clone(), self.value.clone())
    }
}

impl Metadatum {
    pub(super) fn pair(&self) -> (String, String) {
        (self.name.clone(), self.value.clone())
    }
}

/// What one value names: in the environment several, one a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lines<T>(Vec<T>);

impl<T: FromStr<Err = String>> FromStr for Lines<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // A block of lines ends with a line feed, and may have empty lines.
        let is_block = text.contains('\n');
        let lines = text.split('\n').map(|line| line.trim_end_matches('\r'));
        let lines = lines.filter(|line| !(is_block && line.trim().is_empty()));
        let named = |why| match is_block {
            true => format!("one of its lines: {why}"),
            false => why,
        };
        let parsed = lines.map(|line| line.parse().map_err(named));
        parsed.collect::<Result<_, _>>().map(Self)
    }
}

/// What all values name.
pub(super) fn all<T: Clone>(values: &[Lines<T>]) -> Vec<T> {
    let values = values.iter().flat_map(|lines| &lines.0);
    values.cloned().collect()
}

impl FromStr for Tag {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = split(text)?;
        let len = |text: &str| text.encode_utf16().count();
        let fits = |c: char| c.is_alphanumeric() || " +-=._:/@".contains(c);
        let why = if name.is_empty() {
            "the name before '=' is empty"
        } else if len(name) > LONGEST_TAG {
            "the name of a tag has at most 128 characters"
        } else if len(value) > LONGEST_TAG_VALUE {
            "the value of a tag has at most 256 characters"
        } else if !name.chars().chain(value.chars()).all(fits) {
            "a tag consists of letters, digits, spaces and + - = . _ : / @"
        } else if name
            .get(..4)
            .is_some_and(|head| head.eq_ignore_ascii_case("aws:"))
        {
            "names that begin with aws: are reserved"
        } else {
            let (name, value) = (name.to_owned(), value.to_owned());
            return Ok(Self { name, value });
        };
        Err(why.to_owned())
    }
}

impl FromStr for Metadatum {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = split(text)?;
        let name = name.to_ascii_lowercase();
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if name.is_empty() || !name.chars().all(fits) {
            return Err(
                "a name consists of letters, digits and - _ . (it becomes the header \
                        x-amz-meta-NAME)"
                    .to_owned(),
            );
        }
        if name.starts_with("x-amz-") {
            return Err("names that begin with x-amz- are reserved: leave that out".to_owned());
        }
        if !value.is_ascii() {
            return Err(
                "a value that is not ASCII must be encoded as RFC 2047 says, as in \
                        =?UTF-8?Q?caf=C3=A9?="
                    .to_owned(),
            );
        }
        let value = value.parse::<HeaderText>()?.0;
        Ok(Self { name, value })
    }
}

/// The name and the value, of which only the value may contain an equals sign.
fn split(text: &str) -> Result<(&str, &str), String> {
    let missing = || "write NAME=VALUE".to_owned();
    text.split_once('=').ok_or_else(missing)
}

/// What is wrong with all of them together, in one line.
pub(super) fn check(tags: &[Tag], metadata: &[Metadatum]) -> Result<(), String> {
    if tags.len() > MOST_TAGS {
        let given = tags.len();
        return Err(format!(
            "--tagging: {given} tags, but S3 takes at most {MOST_TAGS}"
        ));
    }
    unique("--tagging", tags.iter().map(|tag| &tag.name))?;
    unique("--metadata", metadata.iter().map(|one| &one.name))?;
    let bytes = |one: &Metadatum| one.name.len() + one.value.len();
    let all: usize = metadata.iter().map(bytes).sum();
    if all > MOST_METADATA {
        return Err(format!(
            "--metadata: names and values have {all} bytes together, but S3 takes at most \
             {MOST_METADATA}"
        ));
    }
    Ok(())
}

fn unique<'a>(option: &str, names: impl Iterator<Item = &'a String>) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(format!("{option}: the name '{name}' is given twice"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_checked_by_the_limits_of_s3() {
        let tag = |text: &str| text.parse::<Tag>().map(|tag| tag.pair());
        let pair = |name: &str, value: &str| Ok((name.to_owned(), value.to_owned()));
        assert_eq!(tag("project=x"), pair("project", "x"));
        assert_eq!(tag("Kosten stelle=a+b=c"), pair("Kosten stelle", "a+b=c"));
        assert_eq!(tag("größe=élevé"), pair("größe", "élevé"));
        assert_eq!(tag("empty="), pair("empty", ""));
        assert!(tag(&format!("{}={}", "n".repeat(128), "v".repeat(256))).is_ok());
        for (text, why) in [
            ("project", "NAME=VALUE"),
            ("=x", "is empty"),
            ("aws:owner=x", "reserved"),
            ("AWS:owner=x", "reserved"),
            ("a,b=x", "letters, digits"),
            ("a=x&y", "letters, digits"),
            ("a=x\ny", "letters, digits"),
            (&format!("{}=", "n".repeat(129)), "at most 128"),
            // Two units of UTF-16 each.
            (&format!("{}=", "𝔸".repeat(65)), "at most 128"),
            (&format!("n={}", "v".repeat(257)), "at most 256"),
        ] {
            let error = tag(text).unwrap_err();
            assert!(error.contains(why), "{text:?}: {error}");
        }
    }

    #[test]
    fn empty_lines_of_a_block_name_nothing() {
        let names = |text: &str| {
            let lines = text.parse::<Lines<Tag>>();
            lines.map(|lines| {
                lines
                    .0
                    .iter()
                    .map(|tag| tag.name.clone())
                    .collect::<Vec<_>>()
            })
        };
        for text in ["a=1\nb=2", "a=1\nb=2\n", "\na=1\r\n\n  \nb=2\r\n"] {
            assert_eq!(names(text).unwrap(), ["a", "b"], "{text:?}");
        }
        assert!(names("").is_err(), "no block");
        assert!(names("a=1\nb\n").unwrap_err().contains("NAME=VALUE"));
    }

    #[test]
    fn metadata_are_headers_with_names_in_small_letters() {
        let one = |text: &str| text.parse::<Metadatum>().map(|one| one.pair());
        let pair = |name: &str, value: &str| Ok((name.to_owned(), value.to_owned()));
        assert_eq!(one("Owner=Team A=B"), pair("owner", "Team A=B"));
        assert_eq!(one("a.b_c-d=1"), pair("a.b_c-d", "1"));
        let encoded = "=?UTF-8?Q?caf=C3=A9?=";
        assert_eq!(one(&format!("x={encoded}")), pair("x", encoded));
        for (text, why) in [
            ("owner", "NAME=VALUE"),
            ("=x", "letters, digits"),
            ("a b=x", "letters, digits"),
            ("a:b=x", "letters, digits"),
            ("é=x", "letters, digits"),
            ("x-amz-meta-owner=x", "reserved"),
            ("X-Amz-Key=x", "reserved"),
            ("a=é", "RFC 2047"),
            ("a=", "empty"),
            ("a= x", "space"),
            ("a=x\ny", "one line"),
        ] {
            let error = one(text).unwrap_err();
            assert!(error.contains(why), "{text:?}: {error}");
        }
    }

    #[test]
    fn too_many_are_refused_and_names_that_are_given_twice() {
        let tags = |count: usize| -> Vec<Tag> {
            let tag = |n| format!("n{n}=v").parse().unwrap();
            (0..count).map(tag).collect()
        };
        let metadata = |texts: &[String]| -> Vec<Metadatum> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        assert_eq!(check(&tags(10), &[]), Ok(()));
        assert!(check(&tags(11), &[]).unwrap_err().contains("at most 10"));
        let twice = [tags(1), tags(1)].concat();
        assert!(
            check(&twice, &[])
                .unwrap_err()
                .contains("'n0' is given twice")
        );
        let twice = metadata(&["Owner=a".to_owned(), "owner=b".to_owned()]);
        let error = check(&[], &twice).unwrap_err();
        assert!(error.contains("'owner' is given twice"), "{error}");
        let sized = |bytes: usize| metadata(&[format!("a={}", "v".repeat(bytes - 1))]);
        assert_eq!(check(&[], &sized(2048)), Ok(()));
        let error = check(&[], &sized(2049)).unwrap_err();
        assert!(error.contains("2049 bytes together"), "{error}");
    }
}
