//! What a user can do about an error or a refusal of the library, in the
//! options of the command line. The library names none of them.

use std::io;
use std::path::Path;

use anyhow::anyhow;
use s3mirror::cluster::ClusterError;
use s3mirror::{
    Error, KeyListError, PlanFileError, Refusal, RepeatedBy, SelectionError, UnfinishedRestore,
};
use sync_core::text::{printable, printable_shell_word};

use crate::output::text::moment;

/// What a plan is judged for: only options of that command can be given now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judged {
    /// It was made just now, by the command that executes it.
    New,
    /// It was saved before, with the options that decide.
    Saved,
    /// It is of the key ranges of a cluster run, which was split with the options that decide.
    Ranges,
    /// It is what is left of a cluster run at its end.
    Rest,
}

impl Judged {
    /// How to copy all the same, without deletions.
    fn without_deletions(self) -> &'static str {
        match self {
            Self::New => "copy without deletions by --no-delete",
            Self::Saved => "make the plan again with --no-delete",
            Self::Ranges => "split again with --no-delete",
            Self::Rest => "end the run without its deletions by --without-deletions",
        }
    }

    /// What comes before an option that decides what is planned.
    fn again(self) -> &'static str {
        match self {
            Self::New => "",
            Self::Saved => "make the plan again and ",
            Self::Ranges | Self::Rest => "split again and ",
        }
    }
}

/// Why a plan is refused, and what to do, in one line.
pub(crate) fn refusal(refusal: &Refusal, judged: Judged) -> String {
    format!("{refusal}; {}", what_to_do(refusal, judged))
}

fn what_to_do(refusal: &Refusal, judged: Judged) -> String {
    match refusal {
        Refusal::Guard(guard) => of_guard(guard, judged),
        Refusal::UnfinishedRestore { restore, .. } => format!(
            "{}, or give it up with --restore-abandoned, or {}",
            completion(restore),
            judged.without_deletions()
        ),
        Refusal::Overlap(overlap) => {
            let exclude = overlap.prefix.as_ref().map(|prefix| {
                let (again, prefix) = (judged.again(), printable(prefix));
                format!(" or {again}exclude it with --exclude '{prefix}',")
            });
            format!(
                "give each directory a prefix of its own,{} or, if it is backed up there no more, \
                 allow this with --allow-overlap",
                exclude.unwrap_or_default()
            )
        }
        // A refusal that this program does not know yet.
        _ => "look at the plan with `s3mirror mock`".to_owned(),
    }
}

/// How to complete a restore: a whole command only where it is the same restore. Any other
/// might delete files that exist nowhere else.
fn completion(restore: &UnfinishedRestore) -> String {
    let Some(bucket) = restore.bucket() else {
        return "complete the restore, with the same options".to_owned();
    };
    if restore.repeated_by() == RepeatedBy::ClusterRun {
        return "complete the cluster run that restores it (`s3mirror cluster status` with its run \
                directory says what is left), or complete the restore by a run with all options \
                that were given to `s3mirror cluster split`"
            .to_owned();
    }
    if restore.repeated_by() == RepeatedBy::Places
        && let Some(directory) = restore.directory().to_str()
    {
        let (directory, bucket, server) = (
            printable_shell_word(directory),
            printable_shell_word(&bucket.location()),
            bucket.endpoint_url().map(printable_shell_word),
        );
        let server = server.map_or(String::new(), |url| format!(" --endpoint-url {url}"));
        return format!(
            "complete the restore (s3mirror restore -d {directory} -b {bucket}{server})"
        );
    }
    let selection = restore.has_selection().then(|| "its selection".to_owned());
    let at = restore.at().map(|at| format!("--at {}", moment(at)));
    let known: Vec<_> = selection.into_iter().chain(at).collect();
    let known = match known.as_slice() {
        [] => String::new(),
        known => format!(" ({} among them)", known.join(" and ")),
    };
    format!(
        "complete the restore by a run with all options that it had{known}, because without them \
         it may overwrite and delete other files"
    )
}

fn of_guard(guard: &sync_core::plan::Refusal, judged: Judged) -> String {
    use sync_core::plan::Refusal::{
        ClockOffset, EmptySource, KeysTooLong, TooManyDeletions, TooManyOfList,
    };
    match guard {
        EmptySource { .. } => "check that the right place is given and mounted, or allow it with \
             --allow-empty-source"
            .to_owned(),
        TooManyDeletions { .. } | TooManyOfList { .. } => {
            let look = match judged {
                Judged::New => "look at the plan with `s3mirror mock`",
                Judged::Saved => "look at the plan with `s3mirror show`",
                Judged::Ranges | Judged::Rest => "look at the plans with `s3mirror show`",
            };
            let without = judged.without_deletions();
            format!("{look}, then raise --max-delete (a number or a percentage) or {without}")
        }
        ClockOffset(_) => {
            let set = match judged {
                Judged::New | Judged::Rest => "set the clock",
                Judged::Saved => "set the clock and make the plan again",
                Judged::Ranges => "set the clock and split again",
            };
            format!("{set}, or {}", judged.without_deletions())
        }
        KeysTooLong { .. } => {
            let again = judged.again();
            format!(
                "shorten them, or {again}raise --max-key-length up to S3's own limit of 1024 bytes or \
                 exclude them by --exclude"
            )
        }
    }
}

/// An error of the library as one of this program, with what to do.
pub(crate) fn explained(wrong: impl Into<Error>) -> anyhow::Error {
    anyhow!(error(&wrong.into()))
}

/// An error of the library, and what to do, in one line.
pub(crate) fn error(error: &Error) -> String {
    match error {
        Error::Selection(wrong) => selection(wrong),
        Error::Locked(why) => format!("refused: {why}; try again when it has ended"),
        Error::PlanFile(wrong) => plan_file(wrong),
        Error::Cluster(wrong) => cluster(wrong),
        // EMFILE also says that this user has as many instances of inotify as permitted.
        Error::Watch { error: wrong, .. }
            if wrong.raw_os_error() == Some(rustix::io::Errno::MFILE.raw_os_error()) =>
        {
            format!("{error}; see `sysctl fs.inotify.max_user_instances` and `ulimit -n`")
        }
        _ => chain(error),
    }
}

/// What is wrong with a saved plan, and what to do, in one line.
fn plan_file(error: &PlanFileError) -> String {
    match error {
        PlanFileError::NoOrigin => format!("{error}; make it again, with --plan-out"),
        PlanFileError::OfRun { path } => {
            let run = run_of(path);
            format!(
                "{error}; run `s3mirror cluster seal {run}`, then `s3mirror cluster apply {run}` and \
                 `s3mirror cluster finish {run}` (`s3mirror show` shows the plan)"
            )
        }
        PlanFileError::OtherDirectory { .. } => format!("{error} (--dir)"),
        PlanFileError::OtherBucket { .. } => format!("{error} (--bucket)"),
        PlanFileError::OtherServer {
            planned,
            configured,
        } => format!(
            "the plan is for the server {planned}, but --endpoint-url or the AWS configuration \
             names {configured}"
        ),
        _ => chain(error),
    }
}

/// The run directory that the plan of a range is in, for a command to type.
fn run_of(plan: &Path) -> String {
    let real = plan.canonicalize().ok();
    let run = real.as_deref().and_then(|plan| plan.parent()?.parent());
    let run = run.filter(|run| run.join("run.json").exists());
    run.map_or("RUN".to_owned(), |run| {
        printable_shell_word(&run.to_string_lossy())
    })
}

/// What is wrong with a run directory, and what to do, in one line.
fn cluster(error: &ClusterError) -> String {
    let what_to_do = match error {
        ClusterError::Plan(wrong) => return plan_file(wrong),
        ClusterError::UnusablePlan {
            run, path, range, ..
        } => {
            let [run, path] = [run, path].map(|path| printable_shell_word(&path.to_string_lossy()));
            return format!(
                "{error}; remove it and plan that range again: `rm {path}`, `s3mirror cluster plan {run} \
                 --shard {range}`, then `s3mirror cluster seal {run}`"
            );
        }
        ClusterError::NotSealed { path } => {
            let run = printable_shell_word(&path.to_string_lossy());
            return format!(
                "{error}; run `s3mirror cluster status {run}`, which names ranges that are not planned \
                 or have failed, `s3mirror cluster plan {run}` for those, then `s3mirror cluster \
                 seal {run}`"
            );
        }
        ClusterError::NotPlanned { path, .. } => {
            let run = printable_shell_word(&path.to_string_lossy());
            return format!(
                "{error}; run `s3mirror cluster plan {run}` (without --shard: all that are missing), \
                 then try again"
            );
        }
        ClusterError::NotEnding { run, .. } => {
            let run = printable_shell_word(&run.to_string_lossy());
            return format!(
                "{error}; end the run: `s3mirror cluster finish {run} --without-deletions`"
            );
        }
        ClusterError::Exists { .. } => "name another one with --run, or remove that run",
        ClusterError::Inside { .. } => "choose one beside it, on the same file system",
        ClusterError::Untrusted { .. } => {
            "use the one that `s3mirror cluster split` made, as the same user"
        }
        ClusterError::NotMounted { .. } => {
            "mount its file system at the same path on every machine, and try again"
        }
        ClusterError::NotSplit { .. } => {
            "name the directory that `s3mirror cluster split` made; if no split is running and it is \
             the right one, the split was interrupted: split into another one"
        }
        ClusterError::Refused { .. } => {
            "look at what the plans would do (`s3mirror show`), then run `s3mirror cluster seal` \
             again with the option that allows it, or split again with other ones"
        }
        ClusterError::NoRanges { .. } => "execute its shards by `s3mirror cluster apply`",
        ClusterError::Foreign { .. } => {
            "put it back as it was, or remove the run and run `s3mirror cluster split` again"
        }
        ClusterError::NotDone { .. } => {
            "remove that file, and `s3mirror cluster apply` executes the shard again"
        }
        ClusterError::NotInVolume { .. } => {
            "name the directory at which the volume is mounted, here as in the containers, by --mount"
        }
        ClusterError::Finished { .. } => {
            "`s3mirror cluster finish` prints its report; for what has changed since, run `s3mirror \
             cluster split` with another --run"
        }
        ClusterError::BeingEnded { .. } => {
            "if that was interrupted, run `s3mirror cluster finish` with --without-deletions"
        }
        ClusterError::NoLimit => {
            "omit --at-once and S3MIRROR_AT_ONCE; maxvCpus of the compute environment limits \
             them, one vCPU for each"
        }
        ClusterError::NotText { .. } => "rename it",
        ClusterError::OtherVersion { .. } => "use one version for all of a run",
        ClusterError::Write { error, .. } if error.kind() == io::ErrorKind::NotFound => {
            "its file system is not mounted here, or the directory above it is missing"
        }
        ClusterError::Write { .. } => "free some space there or make it writable, and try again",
        _ => return chain(error),
    };
    format!("{}; {what_to_do}", chain(error))
}

/// What is wrong with the options of the selection, in one line.
pub(crate) fn selection(error: &SelectionError) -> String {
    match error {
        SelectionError::Sizes => {
            "--min-size is larger than --max-size: no entry matches both".to_owned()
        }
        SelectionError::Times => {
            "--newer-than is not before --older-than: no entry matches both".to_owned()
        }
        SelectionError::IgnoreFile { .. } => format!("--exclude-from {error}"),
        _ => error.to_string(),
    }
}

/// What is wrong with a list of keys, in one line.
pub(crate) fn key_list(error: &KeyListError) -> String {
    match error {
        KeyListError::Lines(_) => format!(
            "{error}; each line, or with --from0 what ends with a NUL, is a path below the directory; \
             nothing was done"
        ),
        _ => error.to_string(),
    }
}

/// An error with its causes.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let why = error.to_string();
        // Some errors show their causes themselves.
        if !text.contains(&why) {
            text += ": ";
            text += &why;
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use chrono::TimeDelta;
    use s3mirror::{BucketPlace, KnownBy, Overlap, Owner};
    use sync_core::Key;

    use super::*;

    #[test]
    fn every_refusal_names_the_option_that_lifts_it() {
        use sync_core::plan::Refusal::{ClockOffset, EmptySource, KeysTooLong, TooManyDeletions};
        let owner = Owner {
            directory: PathBuf::from("/srv/home"),
            bucket: BucketPlace::new(None, "bucket", "home/"),
            known_by: KnownBy::Job("the job 'home'".to_owned()),
        };
        let overlap = Refusal::Overlap(Overlap {
            key: Key::new("home/x").unwrap(),
            owner,
            prefix: Some("home/".to_owned()),
        });
        let deletions = TooManyDeletions {
            deleted: 900,
            target: 1000,
        };
        for (refused, options) in [
            (
                Refusal::Guard(EmptySource { target: 3 }),
                &["--allow-empty-source"][..],
            ),
            (Refusal::Guard(deletions), &["--max-delete", "--no-delete"]),
            (
                Refusal::Guard(ClockOffset(TimeDelta::hours(-1))),
                &["--no-delete"],
            ),
            (
                Refusal::Guard(KeysTooLong { count: 1 }),
                &["--max-key-length"],
            ),
            (overlap, &["--exclude 'home/'", "--allow-overlap"]),
        ] {
            let told = refusal(&refused, Judged::New);
            assert!(!refused.to_string().contains("--"), "{refused}");
            for option in options {
                assert!(told.contains(option), "{option} in {told}");
            }
        }
    }

    /// `seal`, `split PLAN` and `finish` have no --no-delete: that was decided before.
    #[test]
    fn the_advice_is_for_the_command_that_refuses() {
        use sync_core::plan::Refusal::{KeysTooLong, TooManyDeletions};
        let deletions = || TooManyDeletions {
            deleted: 900,
            target: 1000,
        };
        let told = |guard, judged| refusal(&Refusal::Guard(guard), judged);
        for (judged, advice) in [
            (Judged::Saved, "or make the plan again with --no-delete"),
            (Judged::Ranges, "or split again with --no-delete"),
        ] {
            assert!(told(deletions(), judged).ends_with(advice));
            assert!(!told(deletions(), judged).contains("mock"));
        }
        let too_long = told(KeysTooLong { count: 1 }, Judged::Ranges);
        assert!(
            too_long.contains("split again and raise --max-key-length"),
            "{too_long}"
        );
    }

    #[test]
    fn an_error_is_shown_with_its_causes_once() {
        let cause = sync_core::StoreError::new(sync_core::ErrorKind::Other, "cannot list 'x'");
        let told = error(&Error::Store(cause));
        assert_eq!(told, "cannot list 'x'");
        let cause = std::io::Error::other("disk full");
        assert_eq!(
            error(&Error::ReadPlan(cause)),
            "cannot read the plan: disk full"
        );
    }
}
