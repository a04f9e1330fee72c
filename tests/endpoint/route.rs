//! Which operation a request is, read off its method, path and query.
//!
//! `s3s` finds out for itself, but too late for the log and the faults, and
//! not at all for requests that it refuses.

use http::{Method, Request};
use percent_encoding::percent_decode_str;

/// What a request is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// S3's name, or `Other`.
    pub(crate) operation: &'static str,
    pub(crate) bucket: Option<String>,
    pub(crate) key: Option<String>,
    /// As it was sent.
    pub(crate) query: String,
}

/// Parts of buckets and objects that this endpoint doesn't have.
const SUBRESOURCES: [&str; 12] = [
    "accelerate",
    "acl",
    "attributes",
    "cors",
    "encryption",
    "legal-hold",
    "logging",
    "notification",
    "object-lock",
    "policy",
    "restore",
    "retention",
];

impl Target {
    pub(crate) fn of<B>(request: &Request<B>) -> Self {
        let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let path = request.uri().path();
        // Only the slash before the bucket is dropped: keys may begin with one.
        let path = path.strip_prefix('/').unwrap_or(path);
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        let (bucket, key) = (Some(decode(bucket)), Some(decode(key)));
        let (bucket, key) = (
            bucket.filter(|bucket| !bucket.is_empty()),
            key.filter(|key| !key.is_empty()),
        );
        let query = request.uri().query().unwrap_or_default();
        let has = |name: &str| {
            query
                .split('&')
                .any(|pair| pair.split('=').next() == Some(name))
        };
        let copies = request.headers().contains_key("x-amz-copy-source");
        let operation = if SUBRESOURCES.into_iter().any(has) {
            "Other"
        } else if bucket.is_none() {
            if request.method() == Method::GET {
                "ListBuckets"
            } else {
                "Other"
            }
        } else if key.is_none() {
            on_bucket(request.method(), has)
        } else {
            on_object(request.method(), has, copies)
        };
        Self {
            operation,
            bucket,
            key,
            query: query.to_owned(),
        }
    }
}

fn on_bucket(method: &Method, has: impl Fn(&str) -> bool) -> &'static str {
    match *method {
        Method::GET if has("versioning") => "GetBucketVersioning",
        Method::PUT if has("versioning") => "PutBucketVersioning",
        _ if has("tagging") => "Other",
        Method::GET if has("lifecycle") => "GetBucketLifecycleConfiguration",
        Method::GET if has("versions") => "ListObjectVersions",
        _ if has("versioning") || has("lifecycle") || has("versions") => "Other",
        Method::GET if has("location") => "GetBucketLocation",
        Method::GET if has("uploads") => "ListMultipartUploads",
        Method::GET if has("list-type") => "ListObjectsV2",
        Method::GET => "ListObjects",
        Method::HEAD => "HeadBucket",
        Method::PUT => "CreateBucket",
        Method::DELETE => "DeleteBucket",
        Method::POST if has("delete") => "DeleteObjects",
        _ => "Other",
    }
}

fn on_object(method: &Method, has: impl Fn(&str) -> bool, copies: bool) -> &'static str {
    let upload = has("uploadId");
    match *method {
        Method::GET if has("tagging") => "GetObjectTagging",
        _ if has("tagging") => "Other",
        Method::GET if upload => "ListParts",
        Method::GET => "GetObject",
        Method::HEAD => "HeadObject",
        Method::PUT if upload && copies => "UploadPartCopy",
        Method::PUT if upload => "UploadPart",
        Method::PUT if copies => "CopyObject",
        Method::PUT => "PutObject",
        Method::DELETE if upload => "AbortMultipartUpload",
        Method::DELETE => "DeleteObject",
        Method::POST if has("uploads") => "CreateMultipartUpload",
        Method::POST if upload => "CompleteMultipartUpload",
        _ => "Other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(method: &str, uri: &str) -> (&'static str, String) {
        let target = Target::of(&Request::builder().method(method).uri(uri).body(()).unwrap());
        let place = [target.bucket, target.key]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" ");
        (target.operation, place)
    }

    #[test]
    fn operations_are_told_apart() {
        for (method, uri, operation, place) in [
            ("GET", "/", "ListBuckets", ""),
            ("GET", "/b?list-type=2&prefix=x", "ListObjectsV2", "b"),
            ("GET", "/b/?list-type=2", "ListObjectsV2", "b"),
            ("GET", "/b", "ListObjects", "b"),
            ("GET", "/b?versions", "ListObjectVersions", "b"),
            (
                "GET",
                "/b?lifecycle",
                "GetBucketLifecycleConfiguration",
                "b",
            ),
            ("GET", "/b?versioning", "GetBucketVersioning", "b"),
            ("PUT", "/b?versioning", "PutBucketVersioning", "b"),
            ("POST", "/b?delete", "DeleteObjects", "b"),
            ("GET", "/b/k?x-id=GetObject", "GetObject", "b k"),
            ("GET", "/b//k", "GetObject", "b /k"),
            ("GET", "/b/a//k%2F%01%C3%A9", "GetObject", "b a//k/\u{1}é"),
            ("PUT", "/b/../x?x-id=PutObject", "PutObject", "b ../x"),
            ("POST", "/b/k?uploads", "CreateMultipartUpload", "b k"),
            ("PUT", "/b/k?partNumber=1&uploadId=u", "UploadPart", "b k"),
            ("POST", "/b/k?uploadId=u", "CompleteMultipartUpload", "b k"),
            ("DELETE", "/b/k?uploadId=u", "AbortMultipartUpload", "b k"),
            ("DELETE", "/b/k", "DeleteObject", "b k"),
            ("GET", "/b/k?tagging", "GetObjectTagging", "b k"),
            ("PUT", "/b/k?tagging", "Other", "b k"),
            ("GET", "/b?tagging", "Other", "b"),
        ] {
            assert_eq!(
                target(method, uri),
                (operation, place.to_owned()),
                "{method} {uri}"
            );
        }
    }
}
