//! `verify`: compares the contents of both places and changes nothing.

use std::io;
use std::time::Instant;

use anyhow::Context;
use futures::StreamExt;
use s3mirror::Verifier;
use sync_core::verify::{Evidence, Survey, Verified};

use super::not_opened::not_opened;
use super::sync::say_if_empty;
use crate::options::VerifyArgs;
use crate::output::{
    not_found,
    nothing::nothing,
    verified::{self, Outcome},
};
use crate::progress::Counting;
use crate::signals::Stop;
use crate::{Console, Exit, hints};

pub(super) async fn run(args: &VerifyArgs, console: &mut Console) -> anyhow::Result<Exit> {
    let Some(options) = console.ok_or_report(args.mirror_options()) else {
        return Ok(Exit::Usage);
    };
    let at = options.bucket.at;
    let is_listed = options.selection.keys.is_some();
    say_if_empty(&options, console);
    let evidence = if args.how.read {
        Evidence::Bytes
    } else {
        Evidence::StoredChecksum
    };
    let stop = Stop::listen().context("cannot listen for signals")?;
    let begun = Instant::now();
    let verifier = match Verifier::open(options, evidence).await {
        Ok(verifier) => verifier,
        Err(error) => return not_opened(error, console),
    };
    let counting = Counting::begin(console, "listing both places");
    let counting = counting.context("cannot show the progress")?;
    let survey = verifier.survey().await.map_err(hints::explained)?;
    let mut work = Work {
        survey: &survey,
        counting,
        found: Verified::default(),
    };
    for note in verifier.past_notes() {
        console.warning(note);
    }
    // The directory is not in the state that a backup should copy.
    if let Some(restore) = verifier.unfinished_restores().first() {
        console.warning(restore);
    }
    let is_whole = work
        .compare(&verifier, &stop, console)
        .await
        .context("cannot read the listing")?;
    let Work {
        counting, found, ..
    } = work;
    drop(counting);
    if is_whole && !is_listed {
        warn_of_nothing(&found, &survey, &verifier, console);
    }
    let exit = match exit_of(&found, is_whole, &stop) {
        Exit::Done if survey.finds_nothing_listed => Exit::Failed,
        exit => exit,
    };
    tell_not_found(&survey, exit, console);
    let outcome = Outcome {
        exit,
        at,
        is_whole,
        took: begun.elapsed(),
        places: verifier.locations(),
    };
    verified::report(&found, &survey, &outcome, console);
    Ok(outcome.exit)
}

/// Warns where there was nothing to compare.
fn warn_of_nothing(found: &Verified, survey: &Survey, verifier: &Verifier, console: &mut Console) {
    if *found == Verified::default() && survey.skipped == 0 {
        let (directory, bucket) = verifier.locations();
        console.warning(nothing(&directory, &bucket, survey.not_selected));
    }
}

/// Reports what neither side has of the list of keys.
fn tell_not_found(survey: &Survey, exit: Exit, console: &mut Console) {
    if exit == Exit::Failed {
        console.error(not_found::all(&survey.not_found));
    } else if !survey.not_found.is_empty() {
        console.reporter().note(not_found::some(&survey.not_found));
    }
}

struct Work<'a> {
    survey: &'a Survey,
    counting: Counting,
    found: Verified,
}

impl Work<'_> {
    /// Reports and counts every finding, up to a signal or an error after which
    /// nothing more can be read; returns whether the end was reached.
    async fn compare(
        &mut self,
        verifier: &Verifier,
        stop: &Stop,
        console: &mut Console,
    ) -> io::Result<bool> {
        let mut asked = Box::pin(stop.asked());
        let mut findings = verifier.compare(self.survey)?;
        self.counting.expect("comparing", self.survey.both.entries);
        loop {
            let finding = tokio::select! {
                biased;
                () = &mut asked => return Ok(false),
                finding = findings.next() => finding,
            };
            let Some(finding) = finding.transpose()? else {
                return Ok(true);
            };
            self.found.add(&finding);
            if finding.file.is_some() && finding.object.is_some() {
                self.counting.count();
            }
            verified::tell(&finding, console);
            let unknown = finding.verdict.unknown();
            if unknown.is_some_and(|error| error.kind().stops_run()) {
                return Ok(false);
            }
        }
    }
}

/// What could not be compared comes before what differs: somebody has to look
/// at it in any case.
fn exit_of(found: &Verified, is_whole: bool, stop: &Stop) -> Exit {
    match stop.exit() {
        Some(exit) if !is_whole => exit,
        _ if !is_whole || found.unknown() > 0 => Exit::Incomplete,
        _ if found.different() > 0 => Exit::Different,
        _ => Exit::Done,
    }
}
