//! Entity tags: parsed once, compared by their value and not by their form.
//!
//! The same object has the tag `"0123"` in one answer and `0123`, `W/"0123"` or
//! `"0123-gzip"` in another: servers omit the quotes, and proxies that compress weaken
//! the tag or append to it (RFC 9110, "ETag"; the suffixes are those of Apache's
//! mod_deflate and mod_brotli, and of Jetty). S3 promises that the tag stands for the
//! stored bytes, so these are all one version. An empty tag is no tag.

use sync_core::{Entry, entry::Revision};

/// The suffixes that proxies append to the tag of a body that they compress.
const CODINGS: [&str; 7] = [
    "--gzip", "-gzip", ";gzip", ":gzip", "-br", "-zstd", "-deflate",
];

/// The text between the quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ETag<'a>(&'a str);

impl<'a> ETag<'a> {
    /// Parses a header or an element; `None` if it is empty.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let text = text.trim();
        let text = text
            .strip_prefix("W/")
            .or_else(|| text.strip_prefix("w/"))
            .unwrap_or(text);
        let opaque = text
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
            .unwrap_or(text);
        (!opaque.is_empty()).then_some(Self(opaque))
    }

    /// The tag of an entry of a bucket.
    pub(crate) fn of(entry: &'a Entry) -> Option<Self> {
        Self::parse(entry.revision.as_ref()?.as_str())
    }

    /// The normalised form, in which tags of one version are equal: strong, in quotes,
    /// without the suffix of a coding, hexadecimal digits in small letters.
    pub(crate) fn revision(self) -> Revision {
        let stored = self.stored();
        let text = if sum_of(stored).is_some() {
            format!("\"{}\"", stored.to_ascii_lowercase())
        } else {
            format!("\"{stored}\"")
        };
        Revision::new(text)
    }

    /// The form for a condition: RFC 9110 compares the tags of `If-Match` strongly, so a
    /// weak tag would never match.
    pub(crate) fn quoted(self) -> String {
        format!("\"{}\"", self.0)
    }

    /// The text without quotes.
    pub(crate) fn bare(self) -> &'a str {
        self.0
    }

    /// The MD5 that the tag may be: it has 32 hexadecimal digits.
    pub(crate) fn md5(self) -> Option<[u8; 16]> {
        match sum_of(self.stored())? {
            (digits, None) => unhex(digits),
            (_, Some(_)) => None,
        }
    }

    /// Without the suffix of a coding.
    fn stored(self) -> &'a str {
        CODINGS
            .iter()
            .find_map(|coding| self.0.strip_suffix(coding))
            .filter(|stored| !stored.is_empty())
            .unwrap_or(self.0)
    }
}

/// 32 hexadecimal digits, and after a dash the number of parts, if there is one.
fn sum_of(text: &str) -> Option<(&str, Option<&str>)> {
    let (digits, parts) = match text.split_once('-') {
        Some((digits, parts)) => (digits, Some(parts)),
        None => (text, None),
    };
    let is_sum = digits.len() == 32
        && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        && parts.is_none_or(|n| !n.is_empty() && n.bytes().all(|byte| byte.is_ascii_digit()));
    is_sum.then_some((digits, parts))
}

fn unhex(digits: &str) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digits.get(index * 2..index * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MD5: &str = "5d41402abc4b2a76b9719d911017c592";

    fn revision(text: &str) -> Option<String> {
        ETag::parse(text).map(|tag| tag.revision().as_str().to_owned())
    }

    #[test]
    fn tags_of_one_version_are_equal_in_all_forms() {
        let plain = format!("\"{MD5}\"");
        for text in [
            MD5.to_owned(),
            format!("W/\"{MD5}\""),
            format!("w/{MD5}"),
            format!("\"{MD5}-gzip\""),
            format!("W/\"{MD5}--gzip\""),
            format!("\"{MD5}-br\""),
            format!("\"{}\"", MD5.to_ascii_uppercase()),
            format!(" \"{MD5}\" "),
        ] {
            assert_eq!(revision(&text).as_ref(), Some(&plain), "{text}");
        }
        let parts = format!("\"{MD5}-12\"");
        assert_eq!(revision(&format!("W/{parts}")), Some(parts.clone()));
        assert_eq!(revision(&parts.to_ascii_uppercase()), Some(parts));
    }

    #[test]
    fn tags_of_different_versions_stay_different() {
        // Only hexadecimal digits are case-insensitive.
        assert_ne!(revision("\"AbC\""), revision("\"abc\""));
        assert_ne!(revision(MD5), revision(&format!("{MD5}-2")));
        assert_ne!(revision("a-gzip"), revision("b-gzip"));
        assert_eq!(revision("\"-gzip\"").as_deref(), Some("\"-gzip\""));
    }

    #[test]
    fn an_empty_tag_is_no_tag() {
        for text in ["", "\"\"", "W/\"\"", " "] {
            assert_eq!(ETag::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn only_a_sum_of_one_piece_is_an_md5() {
        let md5 = |text: &str| ETag::parse(text).and_then(ETag::md5);
        assert_eq!(md5(MD5).map(|sum| sum[0]), Some(0x5d));
        assert_eq!(md5(&format!("\"{MD5}-gzip\"")), md5(MD5));
        for text in [
            format!("\"{MD5}-2\""),
            "opaque".to_owned(),
            "é".repeat(16),
            "+".repeat(32),
        ] {
            assert_eq!(md5(&text), None, "{text}");
        }
    }
}
