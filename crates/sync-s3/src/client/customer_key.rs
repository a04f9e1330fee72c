//! The key by which the server encrypts objects, and that it does not keep (SSE-C): read
//! from its file, and sent with every request that S3 takes it for.
//!
//! It is nowhere else: not in the options, which hold the path, nor in any text, plan or
//! journal. [`Debug`](fmt::Debug) shows none of it.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

use aws_sdk_s3::config::interceptors::{
    BeforeDeserializationInterceptorContextMut, BeforeTransmitInterceptorContextMut,
};
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sync_core::checksum::{Algorithm, Digest};
use sync_core::{ErrorKind, Result, StoreError, hint, setting::Setting, text::printable};

use crate::checksum;
use crate::client::endpoint::Endpoint;

/// Bytes of a key for AES-256.
const KEY: usize = 32;

/// More than any form of a key has; what is longer is none.
const LONGEST: u64 = 256;

/// Permissions that nobody but the owner may have: all of others, and to write of the
/// group. A group may read, as it has to where Kubernetes mounts a secret.
const OPEN: u32 = 0o027;

/// The operations that take the key (User Guide, "Using server-side encryption with
/// customer-provided keys"; ListParts and CompleteMultipartUpload, because uploads have
/// checksums).
const KEYED: [&str; 7] = [
    "CompleteMultipartUpload",
    "CreateMultipartUpload",
    "GetObject",
    "HeadObject",
    "ListParts",
    "PutObject",
    "UploadPart",
];

const ALGORITHM_HEADER: &str = "x-amz-server-side-encryption-customer-algorithm";
const KEY_HEADER: &str = "x-amz-server-side-encryption-customer-key";
const MD5_HEADER: &str = "x-amz-server-side-encryption-customer-key-md5";

/// Why there is no key in a file, and what to do:
const NO_KEY: (&str, &str) = (
    "it does not hold a key of 256 bits: 32 bytes, or their base64 or hexadecimal digits",
    "make one with `head -c 32 /dev/urandom`",
);

/// it holds as many bytes as a key has, all of them text.
const TEXT: (&str, &str) = (
    "it holds 32 characters of text, which may be a passphrase or a part of a key; expected are 32 \
     random bytes, 44 characters of base64 or 64 hexadecimal digits",
    "make a key with `head -c 32 /dev/urandom`; if these characters are a key that is in use, give \
     their base64",
);

/// A key of 256 bits. Cheap to clone.
#[derive(Clone)]
pub(crate) struct CustomerKey(Arc<[u8; KEY]>);

impl fmt::Debug for CustomerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CustomerKey(***)")
    }
}

impl CustomerKey {
    /// Reads the key in `file`, which is to be sent to `endpoint`.
    ///
    /// # Errors
    /// A connection or a file that others can read, and a file that holds no key.
    pub(crate) fn find(file: &Path, endpoint: &Endpoint) -> Result<Self> {
        check_connection(endpoint)?;
        Self::read(file)
    }

    fn read(file: &Path) -> Result<Self> {
        let refused = |why: String| {
            let shown = printable(&file.to_string_lossy());
            let message = format!("cannot use '{shown}', the file of {}", Setting::CustomerKey);
            StoreError::new(ErrorKind::Other, message).with_source(why)
        };
        let bytes = content(file).map_err(|error| refused(error.to_string()))?;
        let key = parse(&bytes).ok_or_else(|| {
            let (why, advice) = if bytes.len() == KEY { TEXT } else { NO_KEY };
            refused(why.to_owned()).with_hint(advice)
        })?;
        Ok(Self(Arc::new(key)))
    }

    /// What the journal keeps of an upload that was begun with this key and `settings`: it
    /// differs for each upload and each key, and nothing of the key can be told from it.
    pub(crate) fn mark(&self, settings: &str, upload_id: &str) -> String {
        // 64 bits of a SHA-256 that covers the identifier, which the server chose: not even
        // whether two uploads have the same key shows.
        let text = [
            &b"s3mirror SSE-C\n"[..],
            settings.as_bytes(),
            b"\n",
            upload_id.as_bytes(),
            b"\n",
            &self.0[..],
        ];
        let sum = Digest::of(Algorithm::Sha256, &text.concat());
        let digits = sum.bytes().iter().take(8).map(|byte| format!("{byte:02x}"));
        digits.collect()
    }
}

/// Refuses a connection on which others can read the key. AWS refuses it itself, but only
/// once the key has been sent.
fn check_connection(endpoint: &Endpoint) -> Result<()> {
    let url = endpoint.url.as_deref().unwrap_or_default();
    if !endpoint.is_plain_http() || is_loopback(url) && endpoint.proxy.is_none() {
        return Ok(());
    }
    let message = format!(
        "the key of {} is not sent to '{}', because the connection is not encrypted",
        Setting::CustomerKey,
        printable(url)
    );
    let advice = hint!("use an {} that begins with https://", Setting::EndpointUrl);
    Err(StoreError::new(ErrorKind::Other, message).with_hint(advice))
}

/// Whether the server at `url` is on this machine.
fn is_loopback(url: &str) -> bool {
    let Ok(url) = url.parse::<http::Uri>() else {
        return false;
    };
    let host = url.host().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let is_local = |address: IpAddr| address.is_loopback();
    host.eq_ignore_ascii_case("localhost") || address.parse().is_ok_and(is_local)
}

/// The bytes of a regular file that others cannot read.
fn content(file: &Path) -> io::Result<Vec<u8>> {
    // Before it is opened: to open a pipe may take for ever.
    if !fs::metadata(file)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let open = File::open(file)?;
    let mode = open.metadata()?.mode() & 0o777;
    if mode & OPEN != 0 {
        return Err(io::Error::other(format!(
            "others can read or change it (mode {mode:03o}); protect it with chmod 600"
        )));
    }
    let mut bytes = Vec::new();
    open.take(LONGEST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A key in one of its forms: 32 bytes as they are, else base64 or hexadecimal digits with
/// or without an end of line. Random bytes are hardly ever all text.
fn parse(bytes: &[u8]) -> Option<[u8; KEY]> {
    if let Ok(key) = bytes.try_into() {
        return (!is_text(bytes)).then_some(key);
    }
    let text = std::str::from_utf8(bytes)
        .ok()?
        .trim_end_matches(['\r', '\n']);
    if text.len() == 2 * KEY {
        return of_hexadecimal(text);
    }
    STANDARD.decode(text).ok()?.try_into().ok()
}

fn is_text(bytes: &[u8]) -> bool {
    let is_printable = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
    bytes.iter().all(is_printable)
}

fn of_hexadecimal(text: &str) -> Option<[u8; KEY]> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let mut key = [0; KEY];
    for (byte, pair) in key.iter_mut().zip(text.as_bytes().chunks(2)) {
        let [high, low] = *pair else { return None };
        *byte = u8::try_from(digit(high)? << 4 | digit(low)?).ok()?;
    }
    Some(key)
}

/// Whether a request carries the key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Keyed {
    /// If there is one.
    #[default]
    Yes,
    /// For an object that is not encrypted by it: the server refuses a key then.
    No,
}

#[dyn_dispatch_hint]
impl Intercept for CustomerKey {
    fn name(&self) -> &'static str {
        "CustomerKey"
    }

    fn modify_before_retry_loop(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        state: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let operation = state.load::<Metadata>().map(Metadata::name);
        if operation.is_some_and(|name| KEYED.contains(&name)) {
            let headers = context.request_mut().headers_mut();
            headers.try_insert(ALGORITHM_HEADER, "AES256")?;
            headers.try_insert(KEY_HEADER, STANDARD.encode(&self.0[..]))?;
            headers.try_insert(MD5_HEADER, checksum::md5(&self.0[..]))?;
        }
        Ok(())
    }

    /// SeaweedFS repeats the MD5 of the key in its answers, which the SDK does not accept.
    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let headers = context.response_mut().headers_mut();
        if headers.get_all(MD5_HEADER).nth(1).is_some()
            && let Some(first) = headers.get(MD5_HEADER).map(str::to_owned)
        {
            headers.try_insert(MD5_HEADER, first)?;
        }
        Ok(())
    }
}

#[dyn_dispatch_hint]
impl Intercept for Keyed {
    fn name(&self) -> &'static str {
        "Keyed"
    }

    /// After the key was added, and before the request is signed.
    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if *self == Self::No {
            let headers = context.request_mut().headers_mut();
            for name in [ALGORITHM_HEADER, KEY_HEADER, MD5_HEADER] {
                headers.remove(name);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const RAW: [u8; KEY] = *b"\x00\x01\x02\x03 a key of thirty-two bytes.\xff";

    fn endpoint(url: Option<&str>) -> Endpoint {
        Endpoint {
            url: url.map(str::to_owned),
            profile: None,
            owner: None,
            proxy: None,
            is_anonymous: false,
        }
    }

    #[test]
    fn a_key_is_read_in_each_of_its_forms() {
        let hex: String = RAW.iter().map(|byte| format!("{byte:02x}")).collect();
        let base64 = STANDARD.encode(RAW);
        assert_eq!(parse(&RAW), Some(RAW));
        for text in [&hex, &hex.to_uppercase(), &base64] {
            for end in ["", "\n", "\r\n"] {
                assert_eq!(
                    parse(format!("{text}{end}").as_bytes()),
                    Some(RAW),
                    "{text}"
                );
            }
        }
        for wrong in [
            &b""[..],
            b"\n",
            &RAW[1..],
            &[&RAW[..], &b"\n"[..]].concat(),
            &hex.as_bytes()[1..],
            hex.replace('0', "g").as_bytes(),
            &[0xff; 64],
            &[b'a'; 256],
            b"a passphrase of 32 characters it",
            b"a passphrase of 31 characters.\r\n",
            &hex.as_bytes()[..KEY],
            &base64.as_bytes()[..KEY],
        ] {
            assert_eq!(parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn nothing_shows_the_key() {
        let key = CustomerKey(Arc::new([b'k'; KEY]));
        assert_eq!(format!("{key:?}"), "CustomerKey(***)");
        let mark = key.mark("", "upload-1");
        assert_eq!(mark.len(), 16);
        assert_eq!(mark, key.mark("", "upload-1"));
        let other = CustomerKey(Arc::new([b'l'; KEY]));
        for another in [
            other.mark("", "upload-1"),
            key.mark("", "upload-2"),
            key.mark("19de91afbbe4404d", "upload-1"),
        ] {
            assert_ne!(mark, another);
        }
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_and_one_that_holds_no_key() {
        let top = std::env::temp_dir().join(format!("s3mirror-key-{}", std::process::id()));
        fs::create_dir_all(&top).unwrap();
        let file = top.join("key");
        fs::write(&file, RAW).unwrap();
        for (mode, is_accepted) in [
            (0o600, true),
            (0o400, true),
            (0o440, true),
            (0o640, true),
            (0o644, false),
            (0o604, false),
            (0o660, false),
            (0o601, false),
        ] {
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            let read = CustomerKey::read(&file);
            assert_eq!(read.is_ok(), is_accepted, "{mode:o}: {read:?}");
        }
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&file, "geheim").unwrap();
        for wrong in [&file, &top, &top.join("missing")] {
            let error = CustomerKey::read(wrong).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("geheim"), "{error}");
        }
        fs::write(&file, "geheim geheim geheim geheim gehe").unwrap();
        let error = CustomerKey::read(&file).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("geheim"), "{error}");
        for part in ["32 characters of text", "give their base64"] {
            assert!(error.to_string().contains(part), "{error}");
        }
        fs::remove_dir_all(&top).unwrap();
    }

    #[test]
    fn only_connections_that_nobody_else_reads_carry_the_key() {
        for url in [
            None,
            Some("https://s3.example.com"),
            Some("http://127.0.0.1:9000"),
            Some("http://127.1.2.3/path/"),
            Some("http://[::1]:9000"),
            Some("http://localhost:9000"),
        ] {
            assert!(check_connection(&endpoint(url)).is_ok(), "{url:?}");
        }
        for url in [
            "http://s3.amazonaws.com",
            "http://10.0.0.1:9000",
            "http://[2001:db8::1]:9000",
            "http://localhost.example.com",
            "http://127.0.0.1.example.com",
            "HTTP://minio",
        ] {
            assert!(check_connection(&endpoint(Some(url))).is_err(), "{url}");
        }
    }
}
