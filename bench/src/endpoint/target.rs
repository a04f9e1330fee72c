//! What a request is about: bucket, key and query, path style only.

use std::borrow::Cow;

use http::Uri;
use percent_encoding::percent_decode_str;

pub(super) struct Target {
    pub(super) bucket: String,
    pub(super) key: String,
    query: Vec<(String, String)>,
}

impl Target {
    pub(super) fn of(uri: &Uri) -> Self {
        let path = uri.path().trim_start_matches('/');
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        let pairs = uri.query().unwrap_or_default().split('&');
        let query = pairs.filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        });
        Self {
            bucket: decoded(bucket),
            key: decoded(key),
            query: query.collect(),
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.query(name).is_some()
    }

    pub(super) fn query(&self, name: &str) -> Option<&str> {
        let pair = self.query.iter().find(|pair| pair.0 == name);
        pair.map(|pair| pair.1.as_str())
    }
}

fn decoded(text: &str) -> String {
    // Only some clients write a space as a plus, and no name here has either.
    let text: Cow<'_, str> = percent_decode_str(text).decode_utf8_lossy();
    text.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_key_and_query_are_told_apart() {
        let uri = Uri::from_static("/bench/d0/f%20x?uploads&prefix=a%2Fb");
        let target = Target::of(&uri);
        assert_eq!(target.bucket, "bench");
        assert_eq!(target.key, "d0/f x");
        assert_eq!(target.query("prefix"), Some("a/b"));
        assert!(target.has("uploads") && !target.has("delete"));
        assert_eq!(Target::of(&Uri::from_static("/bench")).key, "");
    }
}
