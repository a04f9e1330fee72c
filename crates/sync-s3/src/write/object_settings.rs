//! Properties of uploaded objects beside their name and content.
//!
//! By default none: S3 and the bucket's own settings decide. Each upload carries them as
//! headers, of its PutObject or of the CreateMultipartUpload that begins it; parts need
//! none. Existing objects keep theirs.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use aws_sdk_s3::types;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sync_core::{Key, checksum::Crc64, hint, hint::Hint, setting::Setting};

/// The settings of each upload. Values are not checked: the server refuses what it
/// does not support.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectSettings {
    /// The storage class, as in `STANDARD_IA`. By default that of the server.
    pub storage_class: Option<String>,
    /// The encryption. By default that of the bucket.
    pub encryption: Option<Encryption>,
    /// A canned ACL, as in `bucket-owner-full-control`.
    pub acl: Option<String>,
    /// The `Content-Type`.
    pub content_type: ContentType,
    /// `Cache-Control`, for readers over the web, as in `max-age=3600`.
    pub cache_control: Option<String>,
    /// Tags, by their names: at most 10.
    pub tags: BTreeMap<String, String>,
    /// Metadata (`x-amz-meta-…`), by names in small letters: at most 2 KiB of ASCII.
    pub metadata: BTreeMap<String, String>,
}

/// How a server encrypts an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Encryption {
    /// With keys of S3's own (`AES256`).
    S3,
    /// With a key of KMS (`aws:kms`), by default that of AWS for S3.
    Kms(Option<String>),
    /// Twice, with a key of KMS (`aws:kms:dsse`).
    KmsTwice(Option<String>),
}

impl Encryption {
    /// Whether the key is one of KMS.
    pub(crate) fn is_by_kms(&self) -> bool {
        !matches!(self, Self::S3)
    }
}

/// Which `Content-Type` an object gets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ContentType {
    /// No header.
    #[default]
    None,
    /// That of the extension of its name, if known.
    Guess,
    /// This one.
    Fixed(String),
}

impl ObjectSettings {
    pub(crate) fn encrypted_by(&self) -> Option<types::ServerSideEncryption> {
        self.encryption.as_ref().map(|encryption| match encryption {
            Encryption::S3 => types::ServerSideEncryption::Aes256,
            Encryption::Kms(_) => types::ServerSideEncryption::AwsKms,
            Encryption::KmsTwice(_) => types::ServerSideEncryption::AwsKmsDsse,
        })
    }

    pub(crate) fn kms_key(&self) -> Option<String> {
        match self.encryption.as_ref()? {
            Encryption::S3 => None,
            Encryption::Kms(key) | Encryption::KmsTwice(key) => key.clone(),
        }
    }

    pub(crate) fn content_type_of(&self, key: &Key) -> Option<String> {
        match &self.content_type {
            ContentType::None => None,
            ContentType::Guess => mime_guess::from_path(key.as_str())
                .first_raw()
                .map(str::to_owned),
            ContentType::Fixed(kind) => Some(kind.clone()),
        }
    }

    /// The tags as the header has them: in the form of the query of a URL.
    pub(crate) fn tagging(&self) -> Option<String> {
        let pair = |(name, value): (&String, &String)| {
            [&form_encoded(name), "=", &form_encoded(value)].concat()
        };
        let pairs: Vec<_> = self.tags.iter().map(pair).collect();
        (!pairs.is_empty()).then(|| pairs.join("&"))
    }

    pub(crate) fn metadata(&self) -> Option<HashMap<String, String>> {
        (!self.metadata.is_empty()).then(|| self.metadata.clone().into_iter().collect())
    }

    /// The settings that ask for them, as a list; `None` if there are none.
    pub(crate) fn named(&self) -> Option<Hint> {
        let settings = [
            (self.storage_class.is_some(), Setting::StorageClass),
            (self.encryption.is_some(), Setting::Encryption),
            (self.acl.is_some(), Setting::Acl),
            (self.content_type != ContentType::None, Setting::ContentType),
            (self.cache_control.is_some(), Setting::CacheControl),
            (!self.tags.is_empty(), Setting::Tags),
            (!self.metadata.is_empty(), Setting::Metadata),
        ];
        settings
            .into_iter()
            .filter_map(|(is_given, setting)| is_given.then_some(Hint::from(setting)))
            .reduce(|list, setting| hint!("{}, {}", list, setting))
    }

    /// The permissions of an upload, where it needs more than usual.
    pub(crate) fn permissions(&self) -> Option<String> {
        let by_kms = self.encryption.as_ref().is_some_and(Encryption::is_by_kms);
        let mut all = vec!["s3:PutObject"];
        all.extend(self.acl.as_ref().map(|_| "s3:PutObjectAcl"));
        all.extend((!self.tags.is_empty()).then_some("s3:PutObjectTagging"));
        if by_kms {
            all.push("s3:GetObject");
            let all = listed(&all);
            return Some(format!(
                "{all}, and kms:GenerateDataKey and kms:Decrypt for the key"
            ));
        }
        (all.len() > 1).then(|| {
            format!(
                "{}, and s3:GetObject for conditional requests",
                listed(&all)
            )
        })
    }

    /// Equal for equal settings, and empty for the defaults: it shows whether an upload
    /// of the journal was begun with these settings. The text must not change from
    /// version to version without need, or pending uploads cannot be resumed.
    pub(crate) fn digest(&self) -> String {
        if *self == Self::default() {
            return String::new();
        }
        let content_type = match &self.content_type {
            ContentType::None => None,
            ContentType::Guess => Some("guess"),
            ContentType::Fixed(kind) => Some(kind.as_str()),
        };
        let encryption = self.encrypted_by();
        let fields = [
            self.storage_class.as_deref(),
            encryption.as_ref().map(types::ServerSideEncryption::as_str),
            self.kms_key().as_deref(),
            self.acl.as_deref(),
            content_type,
            self.cache_control.as_deref(),
        ]
        // None of them can contain a line feed, being headers.
        .map(|field| field.map_or("-\n".to_owned(), |field| format!("={field}\n")));
        let mut text = fields.concat();
        // Later settings have a line only where they are given.
        for (kind, pairs) in [("tag", &self.tags), ("metadata", &self.metadata)] {
            for (name, value) in pairs {
                // Writing to a string cannot fail.
                let _ = writeln!(
                    text,
                    "{kind} {}={}",
                    form_encoded(name),
                    form_encoded(value)
                );
            }
        }
        Crc64::of(text.as_bytes()).to_string()
    }
}

/// As in "a, b and c".
fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [name] => (*name).to_owned(),
        [others @ .., last] => format!("{} and {last}", others.join(", ")),
    }
}

/// `text` as a name or a value in the query of a URL.
fn form_encoded(text: &str) -> String {
    const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'_')
        .remove(b'.')
        .remove(b'~');
    utf8_percent_encode(text, ENCODED).to_string()
}

/// Adds `settings` to a PutObject or a CreateMultipartUpload.
macro_rules! with_settings {
    ($request:expr, $settings:expr, $key:expr) => {{
        let settings: &$crate::write::object_settings::ObjectSettings = $settings;
        $request
            .set_storage_class(settings.storage_class.as_deref().map(Into::into))
            .set_server_side_encryption(settings.encrypted_by())
            .set_ssekms_key_id(settings.kms_key())
            .set_acl(settings.acl.as_deref().map(Into::into))
            .set_content_type(settings.content_type_of($key))
            .set_cache_control(settings.cache_control.clone())
            .set_tagging(settings.tagging())
            .set_metadata(settings.metadata())
    }};
}

pub(crate) use with_settings;

#[cfg(test)]
mod tests {
    use super::*;

    fn some(change: impl FnOnce(&mut ObjectSettings)) -> ObjectSettings {
        let mut settings = ObjectSettings::default();
        change(&mut settings);
        settings
    }

    fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn tags_are_written_as_the_query_of_a_url() {
        assert_eq!(ObjectSettings::default().tagging(), None);
        let tagged = some(|s| s.tags = pairs(&[("cost centre", "a+b=c/d"), ("ä", ""), ("x", "1")]));
        let header = "cost%20centre=a%2Bb%3Dc%2Fd&x=1&%C3%A4=";
        assert_eq!(tagged.tagging().as_deref(), Some(header));
    }

    #[test]
    fn permissions_are_named_where_an_upload_needs_more_than_usual() {
        let of = |change: fn(&mut ObjectSettings)| some(change).permissions().unwrap_or_default();
        assert_eq!(of(|s| s.storage_class = Some("GLACIER".into())), "");
        assert_eq!(
            of(|s| s.tags = pairs(&[("a", "b")])),
            "s3:PutObject and s3:PutObjectTagging, and s3:GetObject for conditional requests"
        );
        assert_eq!(
            of(|s| {
                s.acl = Some("private".into());
                s.tags = pairs(&[("a", "b")]);
                s.encryption = Some(Encryption::Kms(None));
            }),
            "s3:PutObject, s3:PutObjectAcl, s3:PutObjectTagging and s3:GetObject, and \
             kms:GenerateDataKey and kms:Decrypt for the key"
        );
    }

    #[test]
    fn a_digest_tells_different_settings_apart() {
        let kms = |key: &str| Some(Encryption::Kms(Some(key.to_owned())));
        let fixed = |kind: &str| ContentType::Fixed(kind.to_owned());
        let all = [
            ObjectSettings::default(),
            some(|s| s.storage_class = Some("GLACIER".into())),
            some(|s| s.storage_class = Some("DEEP_ARCHIVE".into())),
            some(|s| s.encryption = Some(Encryption::S3)),
            some(|s| s.encryption = Some(Encryption::Kms(None))),
            some(|s| s.encryption = Some(Encryption::KmsTwice(None))),
            some(|s| s.encryption = kms("one")),
            some(|s| s.encryption = kms("other")),
            some(|s| s.acl = Some("private".into())),
            some(|s| s.acl = Some("public-read".into())),
            some(|s| s.cache_control = Some("private".into())),
            some(|s| s.cache_control = Some("public".into())),
            some(|s| s.content_type = ContentType::Guess),
            some(|s| s.content_type = fixed("text/plain")),
            some(|s| s.content_type = fixed("text/html")),
            some(|s| s.tags = pairs(&[("a", "b")])),
            some(|s| s.tags = pairs(&[("a", "c")])),
            some(|s| s.tags = pairs(&[("a", ""), ("b", "")])),
            some(|s| s.metadata = pairs(&[("a", "b")])),
            some(|s| s.metadata = pairs(&[("a", "b=c")])),
        ];
        let digests: std::collections::BTreeSet<_> =
            all.iter().map(ObjectSettings::digest).collect();
        assert_eq!(digests.len(), all.len());
        assert_eq!(all[0].digest(), "", "what journals without digests mean");
        // As it was written by the version that brought it.
        assert_eq!(all[1].digest(), "19de91afbbe4404d");
    }

    #[test]
    fn a_type_is_guessed_by_the_extension_and_only_if_that_is_asked_for() {
        let of = |content_type: ContentType, name: &str| {
            let settings = some(|s| s.content_type = content_type);
            settings.content_type_of(&Key::new(name).unwrap())
        };
        let guess = |name: &str| of(ContentType::Guess, name);
        assert_eq!(guess("a/b.html").as_deref(), Some("text/html"));
        assert_eq!(guess("a/B.JPG").as_deref(), Some("image/jpeg"));
        assert_eq!(guess("a.html/b"), None);
        assert_eq!(guess("a.nobody-knows"), None);
        assert_eq!(of(ContentType::None, "b.html"), None);
        let fixed = ContentType::Fixed("text/x".into());
        assert_eq!(of(fixed, "b.html").as_deref(), Some("text/x"));
    }
}
