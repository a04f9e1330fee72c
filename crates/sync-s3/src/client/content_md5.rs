//! `Content-MD5` for requests whose body the SDK makes: servers from before the newer
//! checksums require it of a DeleteObjects.

use aws_sdk_s3::config::http::HttpRequest;
use aws_sdk_s3::error::BoxError;

use crate::checksum;
use crate::client::amend::Amend;

/// Adds the header to a request.
#[derive(Debug)]
pub(crate) struct ContentMd5;

impl Amend for ContentMd5 {
    const NAME: &'static str = "ContentMd5";

    fn amend(&self, request: &mut HttpRequest) -> Result<(), BoxError> {
        if let Some(body) = request.body().bytes() {
            let sum = checksum::md5(body);
            request.headers_mut().try_insert("content-md5", sum)?;
        }
        Ok(())
    }
}
