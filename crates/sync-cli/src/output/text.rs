//! The plan and the report for people.

use std::fmt::Write as _;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, SubsecRound, Utc};
use indicatif::{HumanBytes, HumanCount};
use sync_core::{
    Direction, Entry, Key,
    entry::{SkipCause, Skipped},
    execute::{DeletionsSkipped, Report},
    listing::Side,
    plan::{ConflictCause, Counts, Header, Origin, Tally, Transfer},
    rule::Reason,
    text::{printable, printable_shell_word, printable_text},
};
use sync_fs::Kept;
use sync_s3::Versioning;

/// The moment of `--at`, as it was given: without a fraction it means the end of its second,
/// which is what plans have.
pub(crate) fn moment(at: DateTime<Utc>) -> String {
    let is_end = at.timestamp_subsec_nanos() == 999_999_999;
    let given = if is_end { at.trunc_subsecs(0) } else { at };
    given.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// The words of a direction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Words {
    direction: Direction,
}

impl Words {
    pub(crate) fn of(direction: Direction) -> Self {
        Self { direction }
    }

    pub(crate) fn command(self) -> &'static str {
        match self.direction {
            Direction::Backup => "backup",
            Direction::Restore => "restore",
        }
    }

    pub(crate) fn direction(self) -> Direction {
        self.direction
    }

    fn copy(self) -> &'static str {
        match self.direction {
            Direction::Backup => "upload",
            Direction::Restore => "download",
        }
    }

    pub(crate) fn transfer(self, transfer: &Transfer) -> String {
        let verb = self.verb(transfer);
        let Transfer { source, reason, .. } = transfer;
        format!(
            "{verb:<10} {}  ({reason}, {})",
            source.key,
            HumanBytes(source.size)
        )
    }

    /// What a transfer is called.
    pub(crate) fn verb(self, transfer: &Transfer) -> &'static str {
        match transfer.target {
            None => self.copy(),
            Some(_) => "overwrite",
        }
    }

    pub(crate) fn deletion(self, key: &Key) -> String {
        format!("{:<10} {key}  ({})", "delete", Reason::OnlyInTarget)
    }

    /// What a plan would do, and what it leaves undecided.
    pub(crate) fn summary(self, source: &str, target: &str, header: &Header) -> String {
        let counts = &header.counts;
        let mut text = format!("{} {source} -> {target}\n", self.command());
        if !header.selection.is_empty() {
            let _ = writeln!(
                text,
                "  selected by  {}",
                printable_text(&header.selection.to_string())
            );
        }
        row(&mut text, self.copy(), counts.created());
        row(&mut text, "overwrite", counts.overwritten());
        of_the_future(&mut text, counts);
        row(&mut text, "delete", counts.deleted());
        self.rest(&mut text, counts);
        text
    }

    /// What was done.
    pub(crate) fn report(self, counts: &Counts, report: &Report, took: Duration) -> String {
        let ended = match (report.is_complete() && !counts.incomplete(), report.stopped) {
            (_, true) => "stopped",
            (true, _) => "done",
            (false, _) => "incomplete",
        };
        let mut text = format!(
            "{} {ended} in {:.1} s\n",
            self.command(),
            took.as_secs_f64()
        );
        row(&mut text, &format!("{}ed", self.copy()), report.created);
        row(&mut text, "overwritten", report.overwritten);
        of_the_future(&mut text, counts);
        row(&mut text, "deleted", report.deleted);
        if report.already_done.entries > 0 {
            row(&mut text, "already done", report.already_done);
            text.push_str("    by an earlier execution of this plan\n");
        }
        self.rest(&mut text, counts);
        for (what, number, why) in [
            ("failed", report.failed, ""),
            ("not written", report.not_written, ""),
            (
                "growing",
                report.growing,
                "  (saved as they were at a moment)",
            ),
        ] {
            if number > 0 {
                let number = HumanCount(number).to_string();
                let _ = writeln!(text, "  {what:<12} {number:>12}{why}");
            }
        }
        text
    }

    fn rest(self, text: &mut String, counts: &Counts) {
        row(text, "kept", counts.kept());
        let later = counts.of(Reason::ObjectIsLater);
        if later.entries > 0 {
            let _ = writeln!(
                text,
                "    of these {} though the object is later (see --compare)",
                HumanCount(later.entries)
            );
        }
        source_skipped(text, counts);
        not_selected(text, counts);
        let skipped = counts
            .skipped_in_source
            .iter()
            .chain(&counts.skipped_in_target);
        for (cause, number) in skipped {
            let number = HumanCount(*number).to_string();
            let _ = writeln!(
                text,
                "  {:<12} {number:>12}  {}",
                "skipped",
                cause_name(*cause)
            );
        }
        for (what, number, where_) in [
            ("conflicts", counts.conflicts, ""),
            (
                "not found",
                counts.not_found.names,
                "  of the list, on either side",
            ),
        ] {
            if number > 0 {
                let number = HumanCount(number).to_string();
                let _ = writeln!(text, "  {what:<12} {number:>12}{where_}");
            }
        }
    }
}

/// What is kept because the source skipped something at its name or above it,
/// and how to change that.
fn source_skipped(text: &mut String, counts: &Counts) {
    let kept = counts.source_skipped();
    if kept.entries == 0 {
        return;
    }
    row(text, "kept: source skipped", kept);
    text.push_str(
        "    at or below a name that the source skips (-v names each); to change that, exclude the name\n    \
         by --exclude, or:\n",
    );
    let causes = counts.skipped_in_source.keys();
    for (what, what_to_do) in causes.filter_map(|cause| remedy(*cause)) {
        let _ = writeln!(text, "    {what}: {what_to_do}");
    }
}

/// What is skipped for this cause, and how to have it copied or gone.
fn remedy(cause: SkipCause) -> Option<(&'static str, &'static str)> {
    Some(match cause {
        SkipCause::Link => ("links", "see --symlinks, or remove them"),
        SkipCause::SpecialFile => ("sockets, FIFOs and devices", "remove them"),
        SkipCause::NotUtf8 => ("names that are not UTF-8", "rename them"),
        SkipCause::Unreadable => (
            "what cannot be read",
            "make it readable, or run as a user who may read it",
        ),
        SkipCause::UnmappableKey => (
            "keys that are no possible path",
            "rename or remove them in the bucket",
        ),
        SkipCause::History => ("keys of the past", "choose a moment of which more is known"),
        SkipCause::Uncompared
        | SkipCause::Placeholder
        | SkipCause::NotSelected
        | SkipCause::Directory => return None,
    })
}

/// Copies that are made because an object's time is useless.
fn of_the_future(text: &mut String, counts: &Counts) {
    let future = counts.of(Reason::ObjectInFuture);
    if future.entries > 0 {
        let _ = writeln!(
            text,
            "    of these {} because the object is dated in the future",
            HumanCount(future.entries)
        );
    }
}

fn not_selected(text: &mut String, counts: &Counts) {
    if counts.not_selected().entries > 0 || counts.excluded > 0 {
        row(text, "not selected", counts.not_selected());
    }
    if counts.excluded > 0 {
        let what = match counts.excluded {
            1 => "directory, link or the like",
            _ => "directories, links and the like",
        };
        let _ = writeln!(
            text,
            "    and, not looked at: {} {what}",
            HumanCount(counts.excluded)
        );
    }
}

fn row(text: &mut String, what: &str, tally: Tally) {
    let entries = HumanCount(tally.entries).to_string();
    let bytes = HumanBytes(tally.bytes).to_string();
    // A longer name takes space from the number, so that the columns stay aligned.
    let width = 24_usize.saturating_sub(what.len().max(12));
    let _ = writeln!(text, "  {what:<12} {entries:>width$}  {bytes:>12}");
}

/// A line about an entry that an earlier execution of the plan has copied.
pub(crate) fn already_done(entry: &Entry) -> String {
    let size = HumanBytes(entry.size);
    format!("{:<10} {}  ({size})", "done", entry.key)
}

/// A line about an entry that grew while it was copied.
pub(crate) fn growing(key: &Key) -> String {
    format!("growing    {key}  (added to while it was copied: saved as it was at a moment)")
}

/// One line about all entries that were not even tried.
pub(crate) fn not_written(entries: u64, why: &str) -> String {
    if entries == 1 {
        return format!("1 entry was not written: {why}");
    }
    let entries = HumanCount(entries);
    format!("{entries} entries were not written: {why}")
}

/// What was skipped, and why.
pub(crate) fn skip(side: Side, skipped: &Skipped) -> String {
    let why = why_skipped(side, skipped);
    format!("{}  ({why})", printable(&skipped.name))
}

/// Why it was skipped.
pub(crate) fn why_skipped(side: Side, skipped: &Skipped) -> String {
    let mut text = cause_name(skipped.cause).to_owned();
    if !skipped.detail.is_empty() {
        // Names in it are escaped already.
        let _ = write!(text, ": {}", printable_text(&skipped.detail));
    }
    let _ = write!(text, "; in the {side}");
    text
}

/// What is in the way, and why it stays.
pub(crate) fn conflict(with: &Key, why: ConflictCause) -> String {
    match why {
        ConflictCause::BothInSource => {
            format!(
                "no directory can hold both this and '{with}'; rename one of them in the bucket"
            )
        }
        ConflictCause::SameName => {
            format!("this and '{with}' are one name for the file system; rename one of them")
        }
        ConflictCause::DeletionsOff => {
            format!("'{with}' is in the way, and --no-delete keeps it")
        }
        ConflictCause::NotSelected => {
            format!("'{with}' is in the way, and stays because it is not selected")
        }
        ConflictCause::SourceSkipped => {
            format!("'{with}' is in the way, and is kept because the source skipped it")
        }
        ConflictCause::TargetSkipped => {
            format!(
                "'{with}' is in the way: a link, a special file or something that cannot be read \
                 is never removed for an entry above or below it; remove '{with}' and run again"
            )
        }
    }
}

fn cause_name(cause: SkipCause) -> &'static str {
    match cause {
        SkipCause::Placeholder => "directory placeholder",
        SkipCause::UnmappableKey => "no possible path",
        SkipCause::Link => "symbolic link",
        SkipCause::SpecialFile => "socket, FIFO or device",
        SkipCause::NotUtf8 => "name is not UTF-8",
        SkipCause::Unreadable => "cannot be read",
        SkipCause::Uncompared => "cannot be compared",
        SkipCause::History => "not known what it was",
        SkipCause::NotSelected => "not selected",
        SkipCause::Directory => "directory",
    }
}

/// Why planned deletions were or will not be made.
pub(crate) fn withheld(why: DeletionsSkipped) -> &'static str {
    match why {
        DeletionsSkipped::SourceIncomplete => "the source is incomplete",
        DeletionsSkipped::Uncompared => "some of the target cannot be read, to be compared",
        DeletionsSkipped::TransferFailed => "not every file could be copied",
        DeletionsSkipped::ClockJump => {
            "the server's clock or that of this machine was set during the run, by so much that \
             no time can be trusted"
        }
        DeletionsSkipped::Stopped => "the run was stopped",
        DeletionsSkipped::Declined => "the run was finished without them",
    }
}

/// Whether a mistake can be undone, as a line of a summary or a report.
pub(crate) fn versioning(versioning: Versioning) -> String {
    let what = match versioning {
        Versioning::On => "on: what is overwritten or deleted can be brought back",
        Versioning::Off => "off: what is overwritten or deleted cannot be brought back",
        Versioning::Suspended => {
            "suspended: what was written since cannot be brought back when it is overwritten \
             or deleted"
        }
        Versioning::Unknown => {
            "unknown: whether what is overwritten or deleted can be brought back \
             (s3:GetBucketVersioning)"
        }
    };
    format!("  {:<12} {what}\n", "versioning")
}

/// The same for programs.
pub(crate) fn versioning_word(versioning: Versioning) -> &'static str {
    match versioning {
        Versioning::On => "on",
        Versioning::Off => "off",
        Versioning::Suspended => "suspended",
        Versioning::Unknown => "unknown",
    }
}

/// How to leave the past that was restored, as the last line of a report: a whole command
/// only where it cannot concern more than what was restored.
pub(crate) fn back_to_the_present(origin: &Origin, is_of_all: bool) -> String {
    if origin.at.is_none() {
        return String::new();
    }
    if !is_of_all {
        return "back to the present: restore with the same options, but without --at and with \
                --compare exact-times\n"
            .to_owned();
    }
    let directory = printable_shell_word(&origin.directory);
    let bucket = printable_shell_word(&format!("s3://{}/{}", origin.bucket, origin.prefix));
    let server = origin.endpoint_url.as_deref().map(printable_shell_word);
    let server = server.map_or(String::new(), |url| format!(" --endpoint-url {url}"));
    format!(
        "back to the present: s3mirror restore -d {directory} -b {bucket}{server} --compare \
         exact-times\n"
    )
}

/// What was put into the trash, as a line of a report.
pub(crate) fn trash(kept: &Kept) -> String {
    let entries = HumanCount(kept.entries).to_string();
    let directory = printable(&kept.directory.to_string_lossy());
    format!("  {:<12} {entries:>12}  in {directory}\n", "trash")
}
