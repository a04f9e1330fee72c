//! Paths as bytes: segments joined by slashes, relative to the root.

/// A path's directory (empty for the root) and its last segment.
pub(crate) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|&b| b == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (b"", path),
    }
}

/// The segments of `path`, each with where it begins.
pub(crate) fn segments(path: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut start = 0;
    path.split(|&b| b == b'/')
        .map(move |segment| {
            let at = start;
            start += segment.len() + 1;
            (at, segment)
        })
        .filter(|(_, segment)| !segment.is_empty())
}

/// Whether `path` is `ancestor` or below it.
pub(crate) fn is_within(path: &[u8], ancestor: &[u8]) -> bool {
    ancestor.is_empty()
        || path
            .strip_prefix(ancestor)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_know_where_they_begin() {
        let found: Vec<_> = segments(b"a/bc//d/").collect();
        assert_eq!(found, [(0, &b"a"[..]), (2, b"bc"), (6, b"d")]);
        assert_eq!(segments(b"").count(), 0);
        assert_eq!(split(b"a/b/c"), (&b"a/b"[..], &b"c"[..]));
        assert_eq!(split(b"c"), (&b""[..], &b"c"[..]));
    }
}
