//! ListObjects, both versions.
//!
//! The names come from a layout and need no escaping, so nothing is escaped;
//! a continuation token is the last name.

use std::{fmt::Write as _, ops::Bound};

use http::Response;

use super::{
    reply::{Reply, xml},
    state::{Object, State},
    target::Target,
};

const PAGE: usize = 1_000;

/// What one entry takes in XML, about.
const ROW: usize = 330;

pub(super) fn page(state: &State, target: &Target) -> Response<Reply> {
    let asked = target.query("max-keys").and_then(|text| text.parse().ok());
    let most = asked.unwrap_or(PAGE).min(PAGE);
    let mut page = Page {
        prefix: target.query("prefix").unwrap_or_default(),
        delimiter: target.query("delimiter").filter(|text| !text.is_empty()),
        most,
        left: most,
        rows: String::with_capacity(PAGE * ROW),
        count: 0,
        last: None,
        truncated: false,
    };
    let from = ["continuation-token", "start-after", "marker"];
    let from = from.iter().find_map(|name| target.query(name));
    page.fill(state, from.unwrap_or_default());
    xml(page.finish(target))
}

struct Page<'a> {
    prefix: &'a str,
    delimiter: Option<&'a str>,
    /// The most entries.
    most: usize,
    /// Room for so many more.
    left: usize,
    rows: String,
    count: usize,
    /// The last name on the page, a key or a common prefix.
    last: Option<String>,
    truncated: bool,
}

impl Page<'_> {
    fn fill(&mut self, state: &State, from: &str) {
        let mut start = self.begin(from);
        while let Some(bound) = start.take() {
            let range = (as_str(&bound), Bound::Unbounded);
            for (key, object) in state.objects.range::<str, _>(range) {
                if !key.starts_with(self.prefix) {
                    return;
                }
                if self.left == 0 {
                    self.truncated = true;
                    return;
                }
                self.left -= 1;
                self.count += 1;
                if let Some(common) = self.common(key) {
                    let row = "<CommonPrefixes><Prefix>";
                    // Writing to a string cannot fail.
                    let _ = write!(self.rows, "{row}{common}</Prefix></CommonPrefixes>");
                    start = Some(Bound::Included(beyond(common)));
                    self.last = Some(common.to_owned());
                    break;
                }
                self.object(key, object);
                if self.left == 0 {
                    self.last = Some(key.as_ref().to_owned());
                }
            }
        }
    }

    /// Where the page begins. After a common prefix, all of it is skipped.
    fn begin(&self, from: &str) -> Option<Bound<String>> {
        let seen = |delimiter: &str| from.ends_with(delimiter);
        Some(if from < self.prefix {
            Bound::Included(self.prefix.to_owned())
        } else if self.delimiter.is_some_and(seen) {
            Bound::Included(beyond(from))
        } else {
            Bound::Excluded(from.to_owned())
        })
    }

    fn common<'k>(&self, key: &'k str) -> Option<&'k str> {
        let delimiter = self.delimiter?;
        let rest = key.get(self.prefix.len()..)?;
        let end = self.prefix.len() + rest.find(delimiter)? + delimiter.len();
        key.get(..end)
    }

    fn object(&mut self, key: &str, object: &Object) {
        let Object { size, etag, .. } = object;
        let modified = &object.modified.iso;
        let etag = etag.trim_matches('"');
        let _ = write!(
            self.rows,
            "<Contents><Key>{key}</Key><LastModified>{modified}</LastModified>\
             <ETag>&quot;{etag}&quot;</ETag><ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm>\
             <ChecksumType>FULL_OBJECT</ChecksumType><Size>{size}</Size>\
             <StorageClass>STANDARD</StorageClass></Contents>"
        );
    }

    fn finish(self, target: &Target) -> String {
        let mut text = String::with_capacity(self.rows.len() + 600);
        let (bucket, prefix, most) = (&target.bucket, self.prefix, self.most);
        let truncated = self.truncated;
        let _ = write!(
            text,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
             <Name>{bucket}</Name><Prefix>{prefix}</Prefix><MaxKeys>{most}</MaxKeys>\
             <IsTruncated>{truncated}</IsTruncated>"
        );
        let second = target.query("list-type") == Some("2");
        if second {
            let _ = write!(text, "<KeyCount>{}</KeyCount>", self.count);
        }
        if let Some(delimiter) = self.delimiter {
            let _ = write!(text, "<Delimiter>{delimiter}</Delimiter>");
        }
        if target.query("encoding-type") == Some("url") {
            text.push_str("<EncodingType>url</EncodingType>");
        }
        if let Some(last) = self.last.filter(|_| truncated) {
            let tag = if second {
                "NextContinuationToken"
            } else {
                "NextMarker"
            };
            let _ = write!(text, "<{tag}>{last}</{tag}>");
        }
        text.push_str(&self.rows);
        text.push_str("</ListBucketResult>");
        text
    }
}

/// After everything that begins with `prefix`. Names are ASCII.
fn beyond(prefix: &str) -> String {
    format!("{prefix}\u{7f}")
}

fn as_str(bound: &Bound<String>) -> Bound<&str> {
    match bound {
        Bound::Included(text) => Bound::Included(text),
        Bound::Excluded(text) => Bound::Excluded(text),
        Bound::Unbounded => Bound::Unbounded,
    }
}

#[cfg(test)]
mod tests {
    use http::Uri;

    use super::*;

    fn listed(uri: &str) -> String {
        let state = State::seeded("2500x3".parse().ok());
        let target = Target::of(&uri.parse::<Uri>().unwrap());
        match page(&state, &target).into_body() {
            Reply::Text(Some(text)) => String::from_utf8_lossy(&text).into_owned(),
            _ => String::new(),
        }
    }

    fn between<'t>(text: &'t str, open: &str) -> Option<&'t str> {
        text.split_once(open)?.1.split_once('<').map(|pair| pair.0)
    }

    #[test]
    fn pages_follow_one_another_to_the_end() {
        let mut keys = 0;
        let mut token = String::new();
        for page in 0..3 {
            let text = listed(&format!("/b?list-type=2&continuation-token={token}"));
            keys += text.matches("<Key>").count();
            match between(&text, "<NextContinuationToken>") {
                Some(next) => next.clone_into(&mut token),
                None => assert_eq!(page, 2),
            }
        }
        assert_eq!(keys, 2_500);
    }

    #[test]
    fn a_delimiter_rolls_up_and_a_prefix_narrows() {
        let text = listed("/b?list-type=2&delimiter=%2F&prefix=");
        assert_eq!(text.matches("<CommonPrefixes>").count(), 3);
        assert_eq!(text.matches("<Key>").count(), 0);
        let text = listed("/b?delimiter=%2F&prefix=d00002%2F");
        assert_eq!(text.matches("<Key>").count(), 500);
        assert!(text.contains("<IsTruncated>false"), "{text}");
        let text = listed("/b?delimiter=%2F&max-keys=1&marker=d00000%2F");
        assert!(text.contains("<CommonPrefixes><Prefix>d00001/<"), "{text}");
        assert_eq!(between(&text, "<NextMarker>"), Some("d00001/"));
        // Who compares it with what was asked for would not trust the page.
        assert_eq!(between(&text, "<MaxKeys>"), Some("1"));
    }

    #[test]
    fn a_page_that_ends_with_the_bucket_is_the_last() {
        let text = listed("/b?list-type=2&start-after=d00001/f00001499");
        assert_eq!(text.matches("<Key>").count(), 1_000);
        assert!(text.contains("<IsTruncated>false"), "{text}");
    }
}
