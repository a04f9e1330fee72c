//! Blots out what is a secret by its name, in whatever form it is logged.

use std::borrow::Cow;

/// Names that a secret follows.
const NAMES: [&str; 8] = [
    "authorization",
    "x-amz-security-token",
    "x-amz-signature",
    "signature=",
    "secret_access_key",
    "secretaccesskey",
    "session_token",
    "sessiontoken",
];

const BLOT: &str = "[not shown]";

/// `text` without secrets. From the name of one to the end of its line or value
/// nothing is left: rather too much than too little.
pub(super) fn blotted(text: &str) -> Cow<'_, str> {
    // Of ASCII letters only, so that every byte stays where it is.
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

/// The same for a line that is an object of JSON and has to stay one: nothing of
/// it is left but that there was something.
pub(super) fn blotted_object(text: &str) -> Cow<'_, str> {
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
        assert_eq!(blotted(text), "GET /\nAuthorization[not shown]\nhost: c\n");
        let text = r#"headers: {"x-amz-security-token": "t", "host": "c"}"#;
        assert_eq!(
            blotted(text),
            r#"headers: {"x-amz-security-token[not shown]"#
        );
    }

    #[test]
    fn an_object_stays_an_object() {
        let text = "{\"headers\":\"x-amz-security-token: t\"}\n";
        let blotted = blotted_object(text);
        let object: serde_json::Value = serde_json::from_str(&blotted).unwrap();
        assert!(object["message"].is_string() && !blotted.contains("token"));
        assert_eq!(
            blotted_object("{\"message\":\"a page\"}"),
            "{\"message\":\"a page\"}"
        );
    }

    #[test]
    fn what_holds_no_secret_stays_as_it_is() {
        let text = "a page of 1000 keys, été\n";
        assert!(matches!(blotted(text), Cow::Borrowed(same) if same == text));
    }
}
