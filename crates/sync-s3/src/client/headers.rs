//! Headers of every request, whatever it is for: that we pay for it, and the owner
//! that the bucket must have.
//!
//! Added beneath the operations, so that none can be forgotten. Without either
//! option this is not part of the client.

use aws_sdk_s3::config::http::HttpRequest;
use aws_sdk_s3::error::BoxError;

use crate::client::amend::Amend;
use crate::options::Payer;

/// The headers of every request.
#[derive(Debug)]
pub(crate) struct ExtraHeaders(Vec<(&'static str, String)>);

impl ExtraHeaders {
    /// `None` if there is nothing to add.
    pub(crate) fn of(payer: Payer, owner: Option<&str>) -> Option<Self> {
        let payer = match payer {
            Payer::Owner => None,
            Payer::Requester => Some(("x-amz-request-payer", "requester".to_owned())),
        };
        let owner = owner.map(|owner| ("x-amz-expected-bucket-owner", owner.to_owned()));
        let headers: Vec<_> = payer.into_iter().chain(owner).collect();
        (!headers.is_empty()).then_some(Self(headers))
    }
}

impl Amend for ExtraHeaders {
    const NAME: &'static str = "ExtraHeaders";

    fn amend(&self, request: &mut HttpRequest) -> Result<(), BoxError> {
        let headers = request.headers_mut();
        for (name, value) in &self.0 {
            headers.try_insert(*name, value.clone())?;
        }
        Ok(())
    }
}
