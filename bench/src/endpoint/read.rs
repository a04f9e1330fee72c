//! GetObject and HeadObject.

use std::ops::Range;

use http::{HeaderMap, HeaderValue, Response, StatusCode, header};

use super::{
    reply::{Reply, empty, error},
    state::{Object, State},
    target::Target,
};

pub(super) fn object(
    state: &mut State,
    target: &Target,
    asked: &HeaderMap,
    with_content: bool,
) -> Response<Reply> {
    let Some(object) = state.objects.get(target.key.as_str()) else {
        return error(StatusCode::NOT_FOUND, "NoSuchKey");
    };
    if !object.is_wanted(asked) {
        return error(StatusCode::PRECONDITION_FAILED, "PreconditionFailed");
    }
    let whole = 0..object.size;
    let range = match asked.get(header::RANGE) {
        None => None,
        Some(text) => match parse(text.to_str().unwrap_or_default(), object.size) {
            Some(range) => Some(range),
            None => return error(StatusCode::RANGE_NOT_SATISFIABLE, "InvalidRange"),
        },
    };
    let mut response = match (with_content, object.content) {
        (false, _) => empty(StatusCode::OK),
        (true, Some(content)) => {
            let rest = range.clone().unwrap_or(whole.clone());
            state.tally.sent += rest.end - rest.start;
            Response::new(Reply::Content { content, rest })
        }
        // What was uploaded is not kept; no work reads it back.
        (true, None) => return error(StatusCode::NOT_IMPLEMENTED, "NotImplemented"),
    };
    if range.is_some() {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    describe(response.headers_mut(), object, asked, range.as_ref());
    response
}

fn describe(
    headers: &mut HeaderMap,
    object: &Object,
    asked: &HeaderMap,
    range: Option<&Range<u64>>,
) {
    let mut put = |name, text: &str| {
        if let Ok(value) = HeaderValue::from_str(text) {
            headers.insert(name, value);
        }
    };
    let len = range.map_or(object.size, |range| range.end - range.start);
    put(header::CONTENT_LENGTH, &len.to_string());
    put(header::ETAG, &object.etag);
    put(header::LAST_MODIFIED, &object.modified.http);
    put(header::CONTENT_TYPE, "binary/octet-stream");
    put(header::ACCEPT_RANGES, "bytes");
    if let Some(Range { start, end }) = range {
        let text = format!("bytes {start}-{}/{}", end.saturating_sub(1), object.size);
        put(header::CONTENT_RANGE, &text);
    }
    headers.extend(object.metadata.iter().cloned());
    // The sum is that of the whole, and S3 gives it with the whole only.
    if range.is_none() && asked.contains_key("x-amz-checksum-mode") {
        headers.extend(object.checksum.iter().cloned());
    }
}

/// `bytes=0-9`, `bytes=5-`, `bytes=-5`.
fn parse(text: &str, size: u64) -> Option<Range<u64>> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let range = match (first, last) {
        ("", last) => size.saturating_sub(last.parse().ok()?)..size,
        (first, "") => first.parse().ok()?..size,
        (first, last) => first.parse().ok()?..last.parse::<u64>().ok()?.saturating_add(1).min(size),
    };
    (range.start < range.end).then_some(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        assert_eq!(parse("bytes=0-9", 100), Some(0..10));
        assert_eq!(parse("bytes=90-200", 100), Some(90..100));
        assert_eq!(parse("bytes=5-", 100), Some(5..100));
        assert_eq!(parse("bytes=-5", 100), Some(95..100));
        assert_eq!(parse("bytes=100-", 100), None);
        assert_eq!(parse("0-9", 100), None);
    }
}
