//! A plan is carried out: judge, ask, execute, report.

use std::time::{Duration, Instant};

use anyhow::Context;
use indicatif::HumanBytes;
use sync_core::{CLOCK_OFFSET_WARNING, Direction, Plan, Report, Versions, Withheld, execute};
use sync_fs::Kept;
use sync_s3::Versioning;

use super::outlook::{Outlook, execution};
use super::present::{changes, refuse, say_withheld};
use super::site::Site;
use crate::ending::{SoFar, bounded};
use crate::finish::Ending;
use crate::options::SyncArgs;
use crate::places::Places;
use crate::progress::{Phase, Progress};
use crate::question::{self, Answer};
use crate::stop::Stop;
use crate::text::{self, Words};
use crate::{Console, Exit};

/// A plan that is to be carried out, and what with.
pub(super) struct Job<'a> {
    pub(super) plan: &'a Plan,
    pub(super) places: &'a Places,
    pub(super) site: &'a Site,
    pub(super) args: &'a SyncArgs,
    pub(super) versions: Versions,
    pub(super) outlook: &'a Outlook,
    pub(super) ending: &'a Ending,
}

impl Job<'_> {
    /// Judges, asks, executes and reports.
    pub(super) async fn run(
        &self,
        refusals: &[String],
        stop: &Stop,
        progress: Progress,
        console: &mut Console,
    ) -> anyhow::Result<Exit> {
        let Self {
            plan, places, args, ..
        } = *self;
        if !refusals.is_empty() {
            return Ok(refuse(refusals, console));
        }
        if !confirmed(plan, args, console) {
            return Ok(Exit::Refused);
        }
        // The summary is for now, not for the end of the run.
        console.streams().show();
        let begun = Instant::now();
        progress.enter(Phase::Copying);
        let mut mark = None;
        if plan.direction() == Direction::Restore {
            mark = self.site.begin_restore(plan, places, console).await?;
            places.directory.sweep_temporaries().await;
        }
        let mut report = self.execute(stop, &progress).await?;
        progress.enter(Phase::Ending);
        if plan.direction() == Direction::Backup && !report.stopped {
            tokio::select! {
                () = settle_left_uploads(places, args, console) => {}
                () = stop.asked() => report.stopped = true,
            }
        }
        drop(progress);
        for warning in places.directory.warnings() {
            console.warning(warning);
        }
        if !args.output.quiet {
            for note in places.bucket.notes() {
                console.warning(note);
            }
        }
        let ended = Ended {
            report: &report,
            took: begun.elapsed(),
            versioning: self.outlook.versioning,
            trash: places.directory.kept(),
        };
        self.ending.carried_out(plan.counts(), &ended);
        conclude(plan, &ended, args, console);
        let exit = exit_of(plan, &report, stop);
        if exit == Exit::Done {
            let mark = mark.as_ref();
            self.site.completed(plan, places, args, mark, console).await;
        }
        Ok(exit)
    }

    async fn execute(&self, stop: &Stop, progress: &Progress) -> anyhow::Result<Report> {
        let so_far = SoFar::new(self.plan, progress, self.ending.begun());
        let options = execution(self.args, self.plan.direction(), self.versions);
        let (source, target) = (self.places.source(), self.places.target());
        let execution = execute(self.plan, source, target, &options, &so_far, stop.asked());
        bounded(execution, &so_far, stop)
            .await
            .context("cannot read the plan")
    }
}

/// Says what a killed backup had sent already, and removes from the bucket
/// what it left and nothing was made of.
async fn settle_left_uploads(places: &Places, args: &SyncArgs, console: &mut Console) {
    let spared = places.bucket.spared_bytes();
    if spared > 0 && !args.output.quiet {
        let spared = HumanBytes(spared);
        console.note(format_args!(
            "went on with uploads of an earlier run; {spared} were there already"
        ));
    }
    let left = places.bucket.abort_left_uploads().await;
    for error in &left.failed {
        console.warning(error);
    }
    if left.aborted > 0 && !args.output.quiet {
        let s = if left.aborted == 1 { "" } else { "s" };
        console.note(format_args!(
            "aborted {} unfinished upload{s} of an earlier run",
            left.aborted
        ));
    }
}

/// Whether the user wants the plan to be carried out. Nothing to do needs no
/// question.
fn confirmed(plan: &Plan, args: &SyncArgs, console: &mut Console) -> bool {
    if changes(plan.counts()) == 0 || args.safety.consent.yes {
        return true;
    }
    match question::ask(console) {
        Answer::Yes => true,
        Answer::No => {
            console.note("nothing was done");
            false
        }
        Answer::Nobody => {
            console
                .error("refused: there is no terminal to ask whether to go on; confirm with --yes");
            false
        }
    }
}

/// How an execution ended, as it is reported.
pub(crate) struct Ended<'a> {
    pub(crate) report: &'a Report,
    pub(crate) took: Duration,
    /// Of a backup that was to overwrite or delete.
    pub(crate) versioning: Option<Versioning>,
    /// What a restore has put into the trash.
    pub(crate) trash: Option<Kept>,
}

fn exit_of(plan: &Plan, report: &Report, stop: &Stop) -> Exit {
    match stop.exit() {
        Some(exit) if report.stopped => exit,
        _ if report.is_complete() && !plan.counts().incomplete() => Exit::Done,
        _ => Exit::Incomplete,
    }
}

fn conclude(plan: &Plan, ended: &Ended<'_>, args: &SyncArgs, console: &mut Console) {
    // That the source is incomplete has been said before the question.
    let why = ended.report.deletions_withheld;
    if let Some(why) = why.filter(|why| *why != Withheld::SourceIncomplete) {
        say_withheld(why, console);
    }
    if let Some(jump) = ended.report.clock_jump
        && jump.abs() > CLOCK_OFFSET_WARNING
    {
        console.warning(format_args!(
            "the server's clock or that of this machine was set by {} s during the run; objects \
             may be dated wrongly, and edits of their files missed: set the clock and run \
             with `--compare checksum`",
            jump.num_seconds()
        ));
    }
    if !args.output.json && !args.output.quiet {
        let words = Words::of(plan.direction());
        let mut report = words.report(plan.counts(), ended.report, ended.took);
        if let Some(kept) = &ended.trash {
            report += &text::trash(kept);
        }
        if let Some(versioning) = ended.versioning {
            report += &text::versioning(versioning);
        }
        console.line(report.trim_end());
    }
}
