//! The tags of objects: `x-amz-tagging` of uploads, and GetObjectTagging.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use s3s::{
    S3Result,
    dto::{GetObjectTaggingInput, GetObjectTaggingOutput, Tag},
};

use crate::{error::bad_request, state::State};

/// Most tags of an object.
const MOST: usize = 10;

/// The tags that a header holds, in the form of the query of a URL.
pub(crate) fn parse(header: Option<&str>) -> S3Result<BTreeMap<String, String>> {
    let mut tags = BTreeMap::new();
    for pair in header.unwrap_or_default().split('&') {
        if pair.is_empty() {
            continue;
        }
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let decode = |text: &str| {
            let spaced = text.replace('+', " ");
            percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
        };
        if tags.insert(decode(name), decode(value)).is_some() {
            return Err(bad_request(
                "InvalidTag",
                "Cannot provide multiple Tags with the same key",
            ));
        }
    }
    if tags.len() > MOST {
        return Err(bad_request(
            "BadRequest",
            "Object tags cannot be greater than 10",
        ));
    }
    Ok(tags)
}

impl State {
    pub(crate) fn object_tagging(
        &self,
        input: &GetObjectTaggingInput,
    ) -> S3Result<GetObjectTaggingOutput> {
        let object = self.existing(&input.bucket, &input.key)?;
        let tags = object.extra.as_ref().map(|extra| extra.tags.clone());
        let tag = |(key, value)| Tag {
            key: Some(key),
            value: Some(value),
        };
        Ok(GetObjectTaggingOutput {
            tag_set: tags.unwrap_or_default().into_iter().map(tag).collect(),
            ..GetObjectTaggingOutput::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_as_a_query() {
        let tags = parse(Some("a=1&cost%20centre=x%2By&b+c=&d")).unwrap();
        let pairs: Vec<_> = tags.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let expected = [("a", "1"), ("b c", ""), ("cost centre", "x+y"), ("d", "")];
        assert_eq!(pairs, expected);
        assert!(parse(None).unwrap().is_empty());
        assert!(parse(Some("a=1&a=2")).is_err());
        let eleven: Vec<_> = (0..11).map(|n| format!("n{n}=v")).collect();
        assert!(parse(Some(&eleven.join("&"))).is_err());
    }
}
