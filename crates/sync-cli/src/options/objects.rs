//! Properties of uploaded objects.
//!
//! Values that S3 adds to from time to time (storage classes) are checked by
//! their shape only; what it has fixed (canned ACLs) by the list.

use std::str::FromStr;

use clap::{Args, ValueEnum};
use sync_s3::{ContentType, Encryption, ObjectSettings};

use super::ServerArgs;
use super::attached::{self, Lines, Metadatum, Tag, all};
use super::header_text::HeaderText;

/// Properties of each upload; existing objects keep theirs.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Objects")]
pub(crate) struct ObjectArgs {
    /// Storage class of uploads, as in STANDARD_IA [default: the server's]
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_STORAGE_CLASS",
        value_name = "CLASS"
    )]
    pub(crate) storage_class: Option<StorageClass>,
    /// Encryption of uploads by the server [default: as the bucket says]
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_SSE",
        value_enum,
        value_name = "HOW"
    )]
    pub(crate) sse: Option<Sse>,
    /// Key of KMS, by its id, ARN or alias, with --sse aws:kms or aws:kms:dsse
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_SSE_KMS_KEY_ID",
        value_name = "KEY"
    )]
    pub(crate) sse_kms_key_id: Option<HeaderText>,
    /// Canned ACL of uploads [default: none, as the bucket says]
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_ACL",
        value_enum,
        value_name = "ACL"
    )]
    pub(crate) acl: Option<CannedAcl>,
    /// Content type of uploads: none, guess (by the extension) or TYPE [default: none]
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_CONTENT_TYPE",
        value_name = "none|guess|TYPE"
    )]
    pub(crate) content_type: Option<TypeChoice>,
    /// Cache-Control of uploads, for those who read them over the web
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_CACHE_CONTROL",
        value_name = "TEXT"
    )]
    pub(crate) cache_control: Option<HeaderText>,
    /// Tag of uploads; may be given up to 10 times
    ///
    /// In the environment, S3MIRROR_TAGGING holds one a line.
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_TAGGING",
        value_name = "NAME=VALUE"
    )]
    pub(crate) tagging: Vec<Lines<Tag>>,
    /// Metadata of uploads (x-amz-meta-NAME); may be given several times
    ///
    /// In the environment, S3MIRROR_METADATA holds one a line.
    #[arg(
        long,
        hide_env = true,
        env = "S3MIRROR_METADATA",
        value_name = "NAME=VALUE"
    )]
    pub(crate) metadata: Vec<Lines<Metadatum>>,
}

impl ObjectArgs {
    pub(super) fn check(&self, server: &ServerArgs) -> Result<(), String> {
        if self.sse.is_some() && server.sse_c_key_file.is_some() {
            let wrong = "--sse and --sse-c-key-file exclude each other: an object is encrypted \
                         by one key";
            return Err(wrong.to_owned());
        }
        let by_kms = matches!(self.sse, Some(Sse::Kms | Sse::KmsTwice));
        if self.sse_kms_key_id.is_some() && !by_kms {
            let wrong = "--sse-kms-key-id needs --sse aws:kms or --sse aws:kms:dsse";
            return Err(wrong.to_owned());
        }
        attached::check(&all(&self.tagging), &all(&self.metadata))
    }
}

impl From<&ObjectArgs> for ObjectSettings {
    fn from(args: &ObjectArgs) -> Self {
        let text = |text: &Option<HeaderText>| text.as_ref().map(|text| text.0.clone());
        let key = || text(&args.sse_kms_key_id);
        Self {
            storage_class: args.storage_class.as_ref().map(|class| class.0.clone()),
            encryption: args.sse.map(|sse| match sse {
                Sse::Aes256 => Encryption::S3,
                Sse::Kms => Encryption::Kms(key()),
                Sse::KmsTwice => Encryption::KmsTwice(key()),
            }),
            acl: args
                .acl
                .and_then(|acl| Some(acl.to_possible_value()?.get_name().to_owned())),
            content_type: args
                .content_type
                .as_ref()
                .map_or(ContentType::None, |choice| choice.0.clone()),
            cache_control: text(&args.cache_control),
            tags: all(&args.tagging).iter().map(Tag::pair).collect(),
            metadata: all(&args.metadata).iter().map(Metadatum::pair).collect(),
        }
    }
}

/// `--sse`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sse {
    /// Keys of S3
    #[value(name = "AES256")]
    Aes256,
    /// A key of KMS
    #[value(name = "aws:kms")]
    Kms,
    /// A key of KMS, in two layers
    #[value(name = "aws:kms:dsse")]
    KmsTwice,
}

/// `--acl`: all canned ACLs of objects (User Guide, "Canned ACL").
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CannedAcl {
    Private,
    PublicRead,
    PublicReadWrite,
    AuthenticatedRead,
    AwsExecRead,
    BucketOwnerRead,
    BucketOwnerFullControl,
}

/// The name of a storage class. S3 adds some now and then, and other servers
/// have their own, so any name of that form is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StorageClass(String);

impl FromStr for StorageClass {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        if text.is_empty() || !text.chars().all(fits) {
            return Err("not the name of a storage class (example: STANDARD_IA)".to_owned());
        }
        let capitals = text.to_ascii_uppercase().replace('-', "_");
        if capitals != text && CLASSES.contains(&&*capitals) {
            return Err(format!("S3 writes it {capitals}"));
        }
        Ok(Self(text.to_owned()))
    }
}

/// The classes that S3 has today, only for a hint on the spelling.
const CLASSES: [&str; 10] = [
    "DEEP_ARCHIVE",
    "EXPRESS_ONEZONE",
    "GLACIER",
    "GLACIER_IR",
    "INTELLIGENT_TIERING",
    "ONEZONE_IA",
    "OUTPOSTS",
    "REDUCED_REDUNDANCY",
    "STANDARD",
    "STANDARD_IA",
];

/// `--content-type`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TypeChoice(ContentType);

impl FromStr for TypeChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self(match text {
            "none" => ContentType::None,
            "guess" => ContentType::Guess,
            _ if is_media_type(text) => ContentType::Fixed(text.parse::<HeaderText>()?.0),
            _ => {
                let wrong = "write none, guess, or a type as in text/plain or \
                             'text/html; charset=utf-8'";
                return Err(wrong.to_owned());
            }
        }))
    }
}

/// `type/subtype`, perhaps with parameters, which are not checked.
fn is_media_type(text: &str) -> bool {
    let essence = text.split(';').next().unwrap_or_default().trim_end();
    let is_token = |token: &str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || "!#$&-^_.+".contains(c);
        !token.is_empty() && token.chars().all(fits)
    };
    essence
        .split_once('/')
        .is_some_and(|(kind, rest)| is_token(kind) && is_token(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storage_class_is_checked_by_its_shape() {
        for class in ["STANDARD_IA", "GLACIER_IR", "SOON_TO_COME", "ceph-cold"] {
            assert_eq!(class.parse(), Ok(StorageClass(class.to_owned())));
        }
        for class in ["", "A B", "A;B", "É"] {
            assert!(class.parse::<StorageClass>().is_err(), "{class}");
        }
        let error = "deep-archive".parse::<StorageClass>().unwrap_err();
        assert_eq!(error, "S3 writes it DEEP_ARCHIVE");
    }

    #[test]
    fn a_content_type_is_a_word_or_a_media_type() {
        let choice = |text: &str| text.parse::<TypeChoice>().map(|choice| choice.0);
        assert_eq!(choice("none"), Ok(ContentType::None));
        assert_eq!(choice("guess"), Ok(ContentType::Guess));
        for text in ["text/plain", "image/svg+xml", "text/html; charset=utf-8"] {
            assert_eq!(choice(text), Ok(ContentType::Fixed(text.to_owned())));
        }
        for text in [
            "",
            "auto",
            "text/",
            "/plain",
            "a/b/c",
            "text /plain",
            "a/b;\n",
            "a/b;é",
        ] {
            assert!(choice(text).is_err(), "{text:?}");
        }
    }
}
