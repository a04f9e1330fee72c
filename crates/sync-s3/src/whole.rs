//! Whether the answer to a listing came whole.
//!
//! The SDK takes the end of the bytes for the end of the document, so a page
//! that was cut between two entries reads as a shorter one, and what it lacks
//! as absent. HTTP notices a cut only where the length was announced, which
//! not every server or proxy does.

use aws_sdk_s3::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;

/// The end of the page is missing.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the answer was cut short")]
pub(crate) struct Cut;

/// Refuses a page that was cut.
#[derive(Debug)]
pub(crate) struct Whole;

#[dyn_dispatch_hint]
impl Intercept for Whole {
    fn name(&self) -> &'static str {
        "Whole"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let was_read = context.output_or_error().is_ok();
        let body = context.response().body().bytes().unwrap_or_default();
        if was_read && !is_closed(body) {
            return Err(Cut.into());
        }
        Ok(())
    }
}

/// Whether the root element is closed by the last tag.
fn is_closed(page: &[u8]) -> bool {
    let page = page.trim_ascii_end();
    let last = page.iter().rposition(|&byte| byte == b'<');
    let tag = last.and_then(|start| page.get(start..)).unwrap_or_default();
    tag.starts_with(b"</") && tag.trim_ascii_end().ends_with(b"ListBucketResult>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_closing_tag_ends_a_page() {
        for whole in [
            "<ListBucketResult></ListBucketResult>",
            "<ListBucketResult></ListBucketResult>\r\n",
            "<s3:ListBucketResult></s3:ListBucketResult>",
        ] {
            assert!(is_closed(whole.as_bytes()), "{whole}");
        }
        for cut in [
            "",
            "<ListBucketResult>",
            "<ListBucketResult></Contents>",
            "<ListBucketResult></ListBucketResult",
            "<ListBucketResult/>",
        ] {
            assert!(!is_closed(cut.as_bytes()), "{cut}");
        }
    }
}
