//! A run that was stopped ends in bounded time, whatever the server does.
//!
//! A stopped execution cancels what is in flight, but has to wait for some
//! requests: the abort of an upload, a completion, a deletion. A silent server
//! would delay that for minutes. So after a grace period the execution is
//! abandoned; the next run finds and aborts what stays open. What was done
//! until then has been counted, so there is a report.

use std::future::Future;
use std::io;
use std::time::Duration;

use futures::future::{BoxFuture, Shared};
use sync_core::execute::Report;

/// When the mirror is asked to stop.
pub(crate) type StopSignal = Shared<BoxFuture<'static, ()>>;

/// Five seconds are promised for the whole end of a run. A server that works
/// has answered an abort by then.
const GRACE: Duration = Duration::from_secs(3);

/// Drives `execution`, and abandons it when it continues for too long after
/// `stop`; then the report is what `partial_report` has counted.
pub(crate) async fn with_grace_period(
    execution: impl Future<Output = io::Result<Report>>,
    stop: StopSignal,
    partial_report: impl FnOnce() -> Report,
) -> io::Result<Report> {
    let too_late = async {
        stop.await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        biased;
        report = execution => report,
        () = too_late => Ok(partial_report()),
    }
}
