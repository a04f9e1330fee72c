//! Who may ask. `s3s` verifies the signature itself; what a signature is worth
//! is decided here.

use std::sync::Arc;

use chrono::{NaiveDateTime, TimeDelta};
use http::{HeaderMap, HeaderValue};
use s3s::{
    S3Error, S3Result,
    access::{S3Access, S3AccessContext},
    auth::{S3Auth, SecretKey},
    s3_error,
};

use crate::{ACCESS_KEY, OWNER, SECRET_KEY, state::State};

/// How far a request's time may be from ours.
const MAX_SKEW: TimeDelta = TimeDelta::minutes(15);

/// Knows the one secret.
pub(crate) struct Keys;

#[async_trait::async_trait]
impl S3Auth for Keys {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        if access_key == ACCESS_KEY {
            return Ok(SECRET_KEY.into());
        }
        Err(s3_error!(
            InvalidAccessKeyId,
            "The AWS Access Key Id you provided does not exist in our records."
        ))
    }
}

/// Decides on requests whose signature is right, and on those without one.
pub(crate) struct Gate(pub(crate) Arc<State>);

#[async_trait::async_trait]
impl S3Access for Gate {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        let config = &self.0.config;
        if context.credentials().is_none() && !config.anonymous {
            return Err(s3_error!(AccessDenied, "Access Denied"));
        }
        let text = |name: &str| {
            context
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
        };
        if text("x-amz-expected-bucket-owner").is_some_and(|owner| owner != OWNER) {
            return Err(s3_error!(AccessDenied, "Access Denied"));
        }
        let pays = text("x-amz-request-payer") == Some("requester");
        if !pays
            && context
                .s3_path()
                .get_bucket_name()
                .is_some_and(|bucket| self.is_for_payers(bucket))
        {
            return Err(s3_error!(AccessDenied, "Access Denied"));
        }
        if let (Some(right), Some(signed)) = (
            &config.region,
            text("authorization").and_then(signed_region),
        ) && signed != right
        {
            return Err(wrong_region(signed, right));
        }
        if config.check_skew && text("x-amz-date").is_some_and(|date| self.is_skewed(date)) {
            return Err(s3_error!(
                RequestTimeTooSkewed,
                "The difference between the request time and the current time is too large."
            ));
        }
        Ok(())
    }
}

impl Gate {
    fn is_for_payers(&self, bucket: &str) -> bool {
        let buckets = self.0.buckets();
        buckets
            .get(bucket)
            .is_some_and(|bucket| bucket.requester_pays)
    }

    /// `s3s` compares with the system's clock, which a test may have left; so
    /// its check is switched off and this one uses the endpoint's own.
    fn is_skewed(&self, date: &str) -> bool {
        let signed =
            NaiveDateTime::parse_from_str(date, "%Y%m%dT%H%M%SZ").map(|date| date.and_utc());
        signed.is_ok_and(|signed| (self.0.clock.now() - signed).abs() > MAX_SKEW)
    }
}

/// The region in `Credential=KEY/DATE/REGION/s3/aws4_request`.
fn signed_region(authorization: &str) -> Option<&str> {
    authorization.split_once("Credential=")?.1.split('/').nth(2)
}

fn wrong_region(signed: &str, right: &str) -> S3Error {
    let mut error = s3_error!(
        AuthorizationHeaderMalformed,
        "The authorization header is malformed; the region '{signed}' is wrong; expecting '{right}'"
    );
    let mut headers = HeaderMap::new();
    if let Ok(right) = HeaderValue::from_str(right) {
        headers.insert("x-amz-bucket-region", right);
    }
    error.set_headers(headers);
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_is_in_the_credential() {
        let header = "AWS4-HMAC-SHA256 Credential=AKID/20250101/eu-west-1/s3/aws4_request, SignedHeaders=host";
        assert_eq!(signed_region(header), Some("eu-west-1"));
        assert_eq!(signed_region("nonsense"), None);
    }
}
