//! A request for a page of versions, its answer parsed by us, and whether the page
//! answers the request.

use aws_sdk_s3::operation::list_object_versions::{
    ListObjectVersionsError, ListObjectVersionsOutput,
};
use aws_sdk_s3::types::EncodingType;
use aws_smithy_runtime_api::client::interceptors::context::{Error, Output};

use crate::bucket::Bucket;
use crate::error::Failure;
use crate::list::page_check::{
    check_most, contradiction, is_echo, is_name_of, other_request, unasked_prefixes,
};
use crate::list::slot::Slot;
use crate::list::versions::page_xml::{Document, document};

/// A page that is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Request<'a> {
    pub(crate) prefix: &'a str,
    /// The key and the version after which the page begins; without a version, after all of
    /// that key.
    pub(crate) after: Option<&'a (String, String)>,
    /// What ends the names of directories, of each of which only the name is asked for.
    pub(crate) delimiter: Option<&'a str>,
    pub(crate) max_keys: i32,
}

impl Request<'_> {
    /// Sends it, and checks that the page answers it.
    pub(crate) async fn send(&self, bucket: &Bucket) -> Result<Document, Failure> {
        let slot = Slot::new(
            document,
            || Output::erase(ListObjectVersionsOutput::builder().build()),
            |metadata| Error::erase(ListObjectVersionsError::generic(metadata)),
        );
        let name = bucket.location.bucket();
        let (key, id) = self.markers();
        bucket
            .client
            .list_object_versions()
            .bucket(name)
            .set_prefix(Some(self.prefix.to_owned()).filter(|prefix| !prefix.is_empty()))
            .set_delimiter(self.delimiter.map(str::to_owned))
            .set_key_marker(Some(key.to_owned()).filter(|key| !key.is_empty()))
            .set_version_id_marker(Some(id.to_owned()).filter(|id| !id.is_empty()))
            .encoding_type(EncodingType::Url)
            .max_keys(self.max_keys)
            .customize()
            .interceptor(slot.clone())
            .send()
            .await?;
        let page = slot.take()?;
        self.check(&page, name)?;
        Ok(page)
    }

    /// Refuses a page that contradicts the request or itself.
    fn check(&self, page: &Document, bucket: &str) -> Result<(), Failure> {
        if let Some(name) = page.bucket.as_deref().filter(|it| !is_name_of(it, bucket)) {
            return Err(other_request("Name", name, bucket));
        }
        let (key, id) = self.markers();
        let echoes = [
            ("Prefix", &page.prefix, self.prefix),
            ("KeyMarker", &page.key_marker, key),
            ("VersionIdMarker", &page.version_id_marker, id),
        ];
        for (what, echoed, asked) in echoes {
            let Some(echoed) = echoed else { continue };
            if !is_echo(echoed, asked, page.is_encoded) {
                return Err(other_request(what, echoed, asked));
            }
        }
        if !page.prefixes.is_empty() && self.delimiter.is_none() {
            return Err(unasked_prefixes());
        }
        let asked = (self.max_keys, "versions");
        check_most(page.max_keys, asked, page.lines.len() + page.prefixes.len())?;
        self.check_end(page)
    }

    fn markers(&self) -> (&str, &str) {
        match self.after {
            Some((key, id)) => (key, id),
            None => ("", ""),
        }
    }

    /// Compares the elements that tell whether more follows. Both markers are needed: with
    /// the key alone, some servers go on after all versions of that key, others begin with
    /// its first one again. Only a directory has no version.
    fn check_end(&self, page: &Document) -> Result<(), Failure> {
        let (key, id) = (&page.next_key_marker, &page.next_version_id_marker);
        let is_complete = key.is_some() && (id.is_some() || self.delimiter.is_some());
        let has_next = key.is_some() || id.is_some();
        match page.is_truncated {
            Some(true) if !is_complete => Err(contradiction(
                "IsTruncated is true, but NextKeyMarker or NextVersionIdMarker is missing",
            )),
            None if has_next => Err(contradiction(
                "it has a NextKeyMarker or NextVersionIdMarker, but IsTruncated is missing",
            )),
            Some(false) if has_next => Err(contradiction(
                "it has a NextKeyMarker or NextVersionIdMarker, but IsTruncated is false",
            )),
            _ => Ok(()),
        }
    }
}
