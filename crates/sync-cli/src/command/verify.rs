//! `verify`: compares the contents of both places and changes nothing.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use futures::StreamExt;
use sync_core::{Direction, Proof, Store, Survey, Verified, VerifyOptions, survey};
use sync_fs::{FsOptions, FsStore};
use sync_s3::{S3Options, S3Store};

use super::site::warn_of_unfinished;
use crate::options::VerifyArgs;
use crate::places::s3_options;
use crate::progress::Counting;
use crate::selection::selection;
use crate::spools::TemporaryFiles;
use crate::state::StateDir;
use crate::stop::Stop;
use crate::verified::{self, Ending};
use crate::{Console, Exit};

pub(super) async fn run(args: &VerifyArgs, console: &mut Console) -> anyhow::Result<Exit> {
    let Some(selection) = console.understood(selection(&args.selection)) else {
        return Ok(Exit::Usage);
    };
    let selection = Arc::new(selection);
    let options = VerifyOptions {
        proof: if args.how.read {
            Proof::Bytes
        } else {
            Proof::Kept
        },
        selection: Arc::clone(&selection),
        concurrency: args.speed.most_requests(),
        memory: args.speed.max_memory(Direction::Restore),
        part_size: args.speed.part_size(Direction::Restore),
        ..VerifyOptions::default()
    };
    let stop = Stop::listen().context("cannot listen for signals")?;
    let begun = Instant::now();
    let files = FsOptions {
        symlinks: args.how.symlinks.into(),
        // Whoever cannot read a file will notice.
        check_access: false,
        measure: true,
        ignore_inode: args.how.identity.ignore_inode,
        ignore_ctime: args.how.identity.ignore_ctime,
        ..FsOptions::default()
    };
    let directory = FsStore::open(&args.places.dir, files)?.selecting(Arc::clone(&selection));
    let bucket = S3Options {
        selection,
        ..s3_options(&args.places.bucket, &args.server, &args.speed)
    };
    let bucket = S3Store::connect(bucket).await?;

    let counting = Counting::begin(console, &args.output, "listing both places");
    let counting = counting.context("cannot watch the comparison")?;
    let survey = survey(&directory, &bucket, &options, Arc::new(TemporaryFiles)).await?;
    let mut work = Work {
        survey: &survey,
        args,
        counting,
        found: Verified::default(),
    };
    let state = StateDir::find(args.state.state_dir.as_deref());
    let below = directory.unfinished_restores();
    warn_of_unfinished(&args.places.dir, &state, &below, console);
    let is_whole = work
        .compare(&directory, &bucket, &options, &stop, console)
        .await
        .context("cannot read what was listed")?;
    let Work {
        counting, found, ..
    } = work;
    drop(counting);
    let ending = Ending {
        exit: exit_of(&found, is_whole, &stop),
        is_whole,
        took: begun.elapsed(),
        places: (directory.location(), bucket.location()),
    };
    verified::report(&found, &survey, &ending, &args.output, console);
    Ok(ending.exit)
}

struct Work<'a> {
    survey: &'a Survey,
    args: &'a VerifyArgs,
    counting: Counting,
    found: Verified,
}

impl Work<'_> {
    /// Tells and counts every finding, up to a signal or an error after which
    /// nothing further could be read; whether the end was reached.
    async fn compare(
        &mut self,
        directory: &FsStore,
        bucket: &S3Store,
        options: &VerifyOptions,
        stop: &Stop,
        console: &mut Console,
    ) -> io::Result<bool> {
        let mut asked = Box::pin(stop.asked());
        let mut findings = self.survey.compare(directory, bucket, options)?;
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
            verified::tell(&finding, &self.args.output, console);
            let unknown = finding.verdict.unknown();
            if unknown.is_some_and(|error| error.kind().stops_run()) {
                return Ok(false);
            }
        }
    }
}

/// What is not known comes before what differs: equal or not, somebody has to
/// look after it.
fn exit_of(found: &Verified, is_whole: bool, stop: &Stop) -> Exit {
    match stop.exit() {
        Some(exit) if !is_whole => exit,
        _ if !is_whole || found.unknown() > 0 => Exit::Incomplete,
        _ if found.different() > 0 => Exit::Different,
        _ => Exit::Done,
    }
}
