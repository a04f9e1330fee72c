//! One line in the log for each request.

use std::time::Duration;

use aws_sdk_s3::config::http::{HttpRequest, HttpResponse};
use aws_sdk_s3::error::ConnectorError;

use crate::error::cause_chain::texts;
use crate::http::concurrency::Outcome;

/// A request as the log names it: by its method and its address without the
/// query. Headers and queries may hold secrets.
pub(crate) struct RequestLog(Option<String>);

impl RequestLog {
    pub(crate) fn of(request: &HttpRequest) -> Self {
        let wanted = tracing::enabled!(tracing::Level::INFO);
        Self(wanted.then(|| {
            let uri = request.uri();
            let path = uri.split(['?', '#']).next().unwrap_or_default();
            format!("{} {path}", request.method())
        }))
    }

    pub(crate) fn answered(
        &self,
        answer: &Result<HttpResponse, ConnectorError>,
        outcome: Outcome,
        took: Duration,
    ) {
        let Some(request) = &self.0 else {
            return;
        };
        let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        match (answer, outcome) {
            (Ok(answer), Outcome::Served | Outcome::BandwidthLimited) => {
                tracing::debug!(request, status = answer.status().as_u16(), ms, "answered");
            }
            (Ok(answer), _) => {
                tracing::info!(request, status = answer.status().as_u16(), ms, "refused");
            }
            (Err(error), _) => {
                let error = texts(error).join(": ");
                tracing::info!(request, error, ms, "no answer");
            }
        }
    }
}
