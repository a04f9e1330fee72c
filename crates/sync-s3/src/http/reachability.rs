//! Whether the server has ever answered, and until when connections are retried.
//!
//! A failed connection is retried, since servers are restarted and networks fail
//! for a while. But what fails from the first request of a run on is mostly wrong
//! for good: a name, a port, a certificate, a proxy. Waiting for a minute helps
//! nobody then, so until the first answer connections are retried for seconds
//! only, and what waiting cannot change is reported at once.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use aws_sdk_s3::config::interceptors::InterceptorContext;
use aws_sdk_s3::config::retry::{ClassifyRetry, RetryAction};
use aws_smithy_runtime_api::client::retries::classifiers::RetryClassifierPriority;
use aws_smithy_types::retry::ErrorKind;

use crate::error::cause_chain::find;
use crate::http::silence::Silent;
use crate::http::unreachable::Unreachable;

/// How long after the first failure a connection is retried, where none has ever
/// succeeded. With a last attempt that runs into the time-out of a connection, an
/// error comes within ten seconds.
const PATIENCE: Duration = Duration::from_millis(4_500);

/// The pause between these attempts.
const PAUSE: Duration = Duration::from_secs(1);

/// What is known of the server.
#[derive(Debug, Default)]
pub(crate) struct Contact {
    answered: AtomicBool,
    failing_since: OnceLock<Instant>,
}

impl Contact {
    /// The server has answered, whatever it said.
    pub(crate) fn answered(&self) {
        self.answered.store(true, Relaxed);
    }

    pub(crate) fn has_answered(&self) -> bool {
        self.answered.load(Relaxed)
    }

    /// Whether a retry is useless where the server has never answered.
    fn is_lost(&self) -> bool {
        let since = self.failing_since.get_or_init(Instant::now);
        since.elapsed() >= PATIENCE
    }
}

/// Ends useless retries.
#[derive(Debug)]
pub(crate) struct GiveUp(pub(crate) Arc<Contact>);

impl ClassifyRetry for GiveUp {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let error = context.output_or_error().and_then(Result::err);
        let Some(error) = error.and_then(|error| error.as_connector_error()) else {
            return RetryAction::NoActionIndicated;
        };
        let is_final = find::<Unreachable>(error).is_some_and(|why| why.is_final);
        let is_silent = find::<Silent>(error).is_some();
        let may_pass = error.is_io() || error.is_timeout() || error.as_other().is_some();
        if is_final {
            RetryAction::RetryForbidden
        } else if is_silent || !may_pass || self.0.has_answered() {
            RetryAction::NoActionIndicated
        } else if self.0.is_lost() {
            RetryAction::RetryForbidden
        } else {
            // The SDK's own pauses grow beyond what there is time for.
            RetryAction::retryable_error_with_explicit_delay(ErrorKind::TransientError, PAUSE)
        }
    }

    fn name(&self) -> &'static str {
        "GiveUp"
    }

    fn priority(&self) -> RetryClassifierPriority {
        RetryClassifierPriority::run_after(RetryClassifierPriority::transient_error_classifier())
    }
}
