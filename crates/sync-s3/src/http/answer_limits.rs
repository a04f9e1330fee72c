//! How long the body of an answer may be.
//!
//! All answers except content are buffered in memory until they are parsed, so each
//! kind has a bound that no honest server reaches, whatever it announces. Content
//! has none here: its reader knows the size that it must have (`read`).

/// A short answer or an error, in bytes. Those of S3 have less than 2 KiB; some
/// servers send a page of HTML.
pub(crate) const SHORT: u64 = 1 << 20;

/// An answer about up to 1,000 keys or parts.
const LIST: u64 = 16 << 20;

/// For each key that a page of a listing may have: 1,024 bytes, each of them
/// escaped by six characters, and its other elements.
const KEY: u64 = 8 << 10;

/// For the elements about the page itself.
const PAGE: u64 = 64 << 10;

/// The keys of a page where the request names no number.
const KEYS: u64 = 1000;

/// The body of an answer is longer than any such answer can be.
#[derive(Debug, thiserror::Error)]
#[error("the answer is longer than {0} bytes")]
pub(crate) struct TooLong(pub(crate) u64);

/// The most bytes that the answer to a request may have; `None` for content.
pub(crate) fn most_of_answer(method: &str, uri: &str) -> Option<u64> {
    let (_, query) = uri.split_once('?').unwrap_or((uri, ""));
    let parameter = |name: &str| {
        query.split('&').find_map(|pair| {
            let (found, value) = pair.split_once('=').unwrap_or((pair, ""));
            (found == name).then_some(value)
        })
    };
    let has = |name| parameter(name).is_some();
    match method {
        "GET" if parameter("x-id") == Some("GetObject") => None,
        "GET" if has("list-type") || has("max-keys") => {
            let keys = parameter("max-keys").and_then(|keys| keys.parse().ok());
            let keys = keys.unwrap_or(KEYS).min(KEYS);
            Some(PAGE + keys * KEY)
        }
        "GET" if has("uploadId") || has("uploads") || has("versions") => Some(LIST),
        "POST" if has("delete") => Some(LIST),
        _ => Some(SHORT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_answer_has_its_bound() {
        for (method, uri, most) in [
            ("GET", "http://h/b/k?x-id=GetObject", None),
            ("GET", "http://h/b/k?versionId=1&x-id=GetObject", None),
            ("GET", "http://h/b?list-type=2&max-keys=1", Some(PAGE + KEY)),
            (
                "GET",
                "http://h/b?list-type=2&max-keys=99999999",
                Some(PAGE + 1000 * KEY),
            ),
            ("GET", "http://h/b/?list-type=2", Some(PAGE + 1000 * KEY)),
            ("GET", "http://h/b/k?uploadId=1&x-id=ListParts", Some(LIST)),
            ("POST", "http://h/b?delete", Some(LIST)),
            ("POST", "http://h/b/k?uploads", Some(SHORT)),
            ("PUT", "http://h/b/k?x-id=PutObject", Some(SHORT)),
            ("GET", "http://h/b?versioning", Some(SHORT)),
        ] {
            assert_eq!(most_of_answer(method, uri), most, "{method} {uri}");
        }
    }
}
