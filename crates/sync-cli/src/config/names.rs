//! Unknown names, and secrets, which do not belong in the file.

use sync_s3::{Location, without_secrets};

/// The nearest of `known`, as part of a sentence, if one is near.
pub(super) fn suggestion<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let near = known
        .into_iter()
        .map(|other| (strsim::normalized_damerau_levenshtein(name, other), other))
        .filter(|(likeness, _)| *likeness > 0.6)
        .max_by(|(one, _), (other, _)| one.total_cmp(other));
    near.map_or_else(String::new, |(_, other)| {
        format!("; did you mean '{other}'?")
    })
}

/// Whether `key` looks like the name of a secret.
pub(super) fn is_secret(key: &str) -> bool {
    let key = key.to_lowercase().replace(['-', '_'], "");
    let words = ["secret", "accesskey", "password", "token", "credential"];
    words.iter().any(|word| key.contains(word))
}

/// What to do instead.
pub(super) const NO_SECRETS: &str = "no secret belongs in this file; credentials come from the \
     usual AWS sources (environment, ~/.aws, SSO, roles), and 'profile' names one of them";

/// Whether `url` has a password in it, as in `http://user:password@host`.
pub(super) fn has_password(url: &str) -> bool {
    let Some((_, rest)) = url.split_once("://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.contains('@')
}

/// `value` of an option as it may be shown.
pub(super) fn shown_value(option: &str, value: &str) -> String {
    match option {
        "endpoint-url" => without_secrets(value),
        "bucket" if value.parse::<Location>().is_err() => without_secrets(value),
        _ => without_password(value),
    }
}

/// `value` without such a password.
fn without_password(value: &str) -> String {
    match value.split_once("://") {
        Some((scheme, rest)) if has_password(value) => {
            let host = rest.split_once('@').map_or(rest, |(_, host)| host);
            format!("{scheme}://***@{host}")
        }
        _ => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_near_name_is_suggested() {
        let known = ["max-delete", "exclude", "exclude-from"];
        assert_eq!(
            suggestion("max_delete", known),
            "; did you mean 'max-delete'?"
        );
        assert_eq!(suggestion("exlude", known), "; did you mean 'exclude'?");
        let known_too = ["durability", "dir"];
        assert_eq!(suggestion("dri", known_too), "; did you mean 'dir'?");
        assert_eq!(suggestion("colour", known), "");
    }

    #[test]
    fn secrets_are_known_by_their_names_and_in_urls() {
        for key in ["aws_secret_access_key", "SecretKey", "session-token"] {
            assert!(is_secret(key), "{key}");
        }
        assert!(!is_secret("max-key-length"));
        assert!(has_password("http://user:pass@host/x"));
        assert!(!has_password("http://host/a@b"));
        assert_eq!(without_password("http://u:p@host/x"), "http://***@host/x");
        assert_eq!(without_password("s3://b/p@q"), "s3://b/p@q");
    }
}
