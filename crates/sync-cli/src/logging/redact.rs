//! Redacts what is a secret by its name, in whatever form it is logged.

use std::borrow::Cow;

/// Names that a secret follows.
const NAMES: [&str; 10] = [
    "authorization",
    "x-amz-security-token",
    "x-amz-signature",
    "signature=",
    "secret_access_key",
    "secretaccesskey",
    "session_token",
    "sessiontoken",
    "x-amz-server-side-encryption-customer-key",
    "sse_customer_key",
];

const BLOT: &str = "[not shown]";

/// `text` without secrets. Everything from the name of one to the end of its
/// line or value is removed: rather too much than too little.
pub(super) fn redacted(text: &str) -> Cow<'_, str> {
    // ASCII only, so that every byte keeps its position.
    let lower = text.to_ascii_lowercase();
    if next(&lower, 0).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    while let Some(end) = next(&lower, from) {
        out += &text[from..end];
        out += BLOT;
        // The line of an event ends only with it.
        from = text[end..]
            .find('\n')
            .map_or(text.len(), |length| end + length);
    }
    out += &text[from..];
    Cow::Owned(out)
}

/// The same for a line that is a JSON object and must stay one: another object
/// replaces it.
pub(super) fn redacted_object(text: &str) -> Cow<'_, str> {
    match next(&text.to_ascii_lowercase(), 0) {
        None => Cow::Borrowed(text),
        Some(_) => {
            Cow::Borrowed("{\"message\":\"an event is not shown, because it may hold a secret\"}\n")
        }
    }
}

/// Where the next name of a secret ends.
fn next(lower: &str, from: usize) -> Option<usize> {
    let ends = NAMES.iter().filter_map(|name| {
        let start = lower[from..].find(name)?;
        Some(from + start + name.len())
    });
    ends.min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_the_name_of_a_secret_is_not_shown() {
        let text = "GET /\nAuthorization: AWS4 Credential=a, Signature=b\nhost: c\n";
        assert_eq!(redacted(text), "GET /\nAuthorization[not shown]\nhost: c\n");
        let text = r#"headers: {"x-amz-security-token": "t", "host": "c"}"#;
        assert_eq!(
            redacted(text),
            r#"headers: {"x-amz-security-token[not shown]"#
        );
    }

    #[test]
    fn an_object_stays_an_object() {
        let text = "{\"headers\":\"x-amz-security-token: t\"}\n";
        let redacted = redacted_object(text);
        let object: serde_json::Value = serde_json::from_str(&redacted).unwrap();
        assert!(object["message"].is_string() && !redacted.contains("token"));
        assert_eq!(
            redacted_object("{\"message\":\"a page\"}"),
            "{\"message\":\"a page\"}"
        );
    }

    #[test]
    fn what_holds_no_secret_stays_as_it_is() {
        let text = "a page of 1000 keys, été\n";
        assert!(matches!(redacted(text), Cow::Borrowed(same) if same == text));
    }
}
