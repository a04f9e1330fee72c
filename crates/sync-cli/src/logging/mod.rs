//! Logs for the analysis of a run: `-v`, `RUST_LOG`.
//!
//! Without these there is no subscriber, and an event costs one comparison. Logs
//! go to standard error, between whatever else is written there.
//!
//! The SDK and what is below it log requests with all their headers, and those
//! hold secrets: a session token, the signature. The SDK of today redacts them
//! itself, but does not promise to. So code of others is never logged below
//! `debug`, whatever `RUST_LOG` says, the targets that show what is signed are
//! not logged at all, and what still looks like a secret is redacted.

mod redact;

use std::io;

use tracing::level_filters::LevelFilter;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::filter::{EnvFilter, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use sync_core::json::escape_json;

use crate::options::{LogFormat, OutputArgs};
use crate::output::Streams;

/// Our own crates.
const OURS: [&str; 4] = ["s3mirror", "sync_cli", "sync_fs", "sync_s3"];

/// Of others: those that log whole requests, or what is signed.
const HEADERS: [&str; 3] = ["aws_sigv4", "aws_runtime::auth", "hyper::proto"];

/// Starts logging, if that is wanted. An invalid `RUST_LOG` is an error.
pub(crate) fn begin(output: &OutputArgs, streams: &Streams) -> Result<(), String> {
    let Some(filter) = filter(output)? else {
        return Ok(());
    };
    // A program that embeds this crate may have its own.
    let _ = subscriber(filter, output.log_format, streams).try_init();
    Ok(())
}

fn subscriber(
    filter: EnvFilter,
    format: LogFormat,
    streams: &Streams,
) -> impl Subscriber + Send + Sync + use<> {
    let streams = streams.clone();
    let layer = tracing_subscriber::fmt::layer().with_writer(Writer { streams, format });
    let layer = match format {
        LogFormat::Text => layer.with_ansi(false).boxed(),
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
    };
    let logs = layer
        .with_filter(filter)
        .with_filter(filter_fn(may_be_heard));
    tracing_subscriber::registry().with(logs)
}

/// The filter that is wanted, if any.
fn filter(output: &OutputArgs) -> Result<Option<EnvFilter>, String> {
    let asked = std::env::var("RUST_LOG")
        .ok()
        .filter(|text| !text.trim().is_empty());
    let directives = match (asked, output.verbose) {
        (Some(asked), _) => asked,
        (None, 0) => return Ok(None),
        (None, 1) => ours("info"),
        (None, 2) => ours("debug"),
        (None, _) => format!("debug,{}", ours("trace")),
    };
    let wrong = |error| format!("invalid RUST_LOG: {error}");
    EnvFilter::try_new(directives).map(Some).map_err(wrong)
}

fn ours(level: &str) -> String {
    OURS.map(|name| format!("{name}={level}")).join(",")
}

fn may_be_heard(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    if OURS.iter().any(|name| is_of(target, name)) {
        return true;
    }
    let shows_headers = HEADERS.iter().any(|name| is_of(target, name));
    !shows_headers && *metadata.level() <= LevelFilter::DEBUG
}

fn is_of(target: &str, name: &str) -> bool {
    let rest = target.strip_prefix(name);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Standard error, shared with everybody else.
struct Writer {
    streams: Streams,
    format: LogFormat,
}

/// One event, which is written whole.
struct Event<'a> {
    to: &'a Writer,
    text: Vec<u8>,
}

impl<'a> MakeWriter<'a> for Writer {
    type Writer = Event<'a>;

    fn make_writer(&'a self) -> Event<'a> {
        Event {
            to: self,
            text: Vec::new(),
        }
    }
}

impl io::Write for Event<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Event<'_> {
    fn drop(&mut self) {
        let text = String::from_utf8_lossy(&self.text);
        let text = match self.to.format {
            LogFormat::Text => redact::redacted(&text),
            LogFormat::Json => redact::redacted_object(&text),
        };
        let text = match self.to.format {
            LogFormat::Text => text,
            LogFormat::Json => escape_json(&text),
        };
        self.to.streams.note_raw(text);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Said(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Said {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is logged of `events` when everything is asked for.
    fn logged(format: LogFormat, events: impl FnOnce()) -> String {
        let said = Said::default();
        let streams = Streams::new(Box::new(io::sink()), Box::new(said.clone()));
        let filter = EnvFilter::new("trace");
        tracing::subscriber::with_default(subscriber(filter, format, &streams), events);
        let said = said.0.lock().unwrap().clone();
        String::from_utf8(said).unwrap()
    }

    #[test]
    fn others_are_not_heard_below_debug_and_signing_not_at_all() {
        let text = logged(LogFormat::Text, || {
            tracing::trace!(target: "aws_smithy_runtime::client", "one");
            tracing::debug!(target: "aws_smithy_runtime::client", "two");
            tracing::error!(target: "aws_sigv4::http_request::sign", "three");
            tracing::trace!(target: "sync_s3::transport", "four");
        });
        let heard: Vec<_> = text.lines().map(|line| line.rsplit(' ').next()).collect();
        assert_eq!(heard, [Some("two"), Some("four")], "{text}");
    }

    #[test]
    fn a_header_that_somebody_logs_is_not_shown_in_either_form() {
        for format in [LogFormat::Text, LogFormat::Json] {
            let text = logged(format, || {
                let header = "Authorization: AWS4-HMAC-SHA256 Signature=abcdef";
                tracing::debug!(target: "aws_smithy_runtime::client", header, "sent");
            });
            assert!(text.ends_with('\n') && !text.contains("abcdef"), "{text}");
        }
    }

    #[test]
    fn a_target_is_of_a_crate_by_whole_names() {
        assert!(is_of("aws_sigv4::http_request::sign", "aws_sigv4"));
        assert!(is_of("sync_s3", "sync_s3"));
        assert!(!is_of("sync_s3_other", "sync_s3"));
    }
}
