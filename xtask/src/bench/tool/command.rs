//! The command line of each tool: its defaults but for what it must be told,
//! where the server is, whether to delete and that nobody watches.

use std::path::Path;

use super::{Endpoint, Kind};
use crate::bench::work::{Action, Scheme, Work};

/// The bucket of every workload.
const BUCKET: &str = "bench";

pub(super) fn arguments(
    kind: Kind,
    options: &[&str],
    work: &Work,
    dir: &Path,
    endpoint: &Endpoint,
) -> Vec<String> {
    let dir = dir.display().to_string();
    let url = endpoint.url.as_str();
    match kind {
        Kind::S3mirror => s3mirror(options, work, &dir, url),
        Kind::Aws => aws(work, &dir, url),
        Kind::S5cmd => s5cmd(work, &dir, url),
        Kind::Rclone => rclone(work, &dir),
        Kind::S3sync => s3sync(work, &dir, url),
        Kind::Juicefs => juicefs(work, &dir, url),
        Kind::Sdk => floor("sdk", work, endpoint),
        Kind::Http => floor("http", work, endpoint),
    }
}

fn s3mirror(options: &[&str], work: &Work, dir: &str, url: &str) -> Vec<String> {
    let command = if is_down(work) { "restore" } else { "backup" };
    let mut words = strings(&[command, "--yes"]);
    if work.action == Action::Delete {
        // Without, it refuses to delete more than half of a bucket.
        words.extend(strings(&["--max-delete", "100%"]));
    }
    words.extend(strings(options));
    words.extend(strings(&["--endpoint-url", url, "--dir", dir]));
    words.extend(strings(&["--bucket", BUCKET]));
    words
}

fn aws(work: &Work, dir: &str, url: &str) -> Vec<String> {
    let mut words = strings(&["s3", "sync", "--no-progress", "--endpoint-url", url]);
    words.extend(if_it_deletes(work, "--delete"));
    words.extend(between(work, dir, &s3_url()));
    words
}

fn s5cmd(work: &Work, dir: &str, url: &str) -> Vec<String> {
    // What it copies down it wants as a pattern.
    let end = if is_down(work) { "/*" } else { "/" };
    let mut words = strings(&["--endpoint-url", url, "sync"]);
    words.extend(if_it_deletes(work, "--delete"));
    words.extend(between(work, &format!("{dir}/"), &(s3_url() + end)));
    words
}

fn rclone(work: &Work, dir: &str) -> Vec<String> {
    let mut words = strings(&["sync"]);
    if matches!(work.action, Action::Compare | Action::Delete) {
        // As its documentation advises for S3; without, it sends a HEAD for
        // every file to learn its time.
        words.extend(strings(&["--update", "--use-server-modtime"]));
    }
    words.extend(between(work, dir, &format!("bench:{BUCKET}")));
    words
}

fn s3sync(work: &Work, dir: &str, url: &str) -> Vec<String> {
    let side = if is_down(work) { "source" } else { "target" };
    let mut words = Vec::new();
    for (option, value) in [
        ("endpoint-url", url),
        ("access-key", "bench"),
        ("secret-access-key", "bench-secret"),
        ("region", "us-east-1"),
    ] {
        words.extend([format!("--{side}-{option}"), value.to_owned()]);
    }
    words.push(format!("--{side}-force-path-style"));
    words.push("--show-no-progress".to_owned());
    words.extend(if_it_deletes(work, "--delete"));
    words.extend(between(work, dir, &s3_url()));
    words
}

/// `juicefs sync` between a directory and a bucket; no file system of its own.
fn juicefs(work: &Work, dir: &str, url: &str) -> Vec<String> {
    let (_, server) = url.split_once("://").unwrap_or(("", url));
    let mut words = strings(&["sync"]);
    if work.scheme == Scheme::Http {
        words.push("--no-https".to_owned());
    }
    words.extend(if_it_deletes(work, "--delete-dst"));
    let bucket = format!("s3://bench:bench-secret@{server}/{BUCKET}/");
    words.extend(between(work, &format!("{dir}/"), &bucket));
    words
}

fn floor(client: &str, work: &Work, endpoint: &Endpoint) -> Vec<String> {
    let action = match work.action {
        Action::Upload => "put",
        Action::Download => "get",
        Action::Compare | Action::Delete => "list",
    };
    let mut words = strings(&[client, action, &work.files.to_string(), &endpoint.url]);
    if work.scheme == Scheme::Https {
        words.push("--unsigned".to_owned());
    }
    if let Some(ca) = &endpoint.ca {
        words.extend(["--ca".to_owned(), ca.display().to_string()]);
    }
    words
}

fn is_down(work: &Work) -> bool {
    work.action == Action::Download
}

fn s3_url() -> String {
    format!("s3://{BUCKET}")
}

/// From where to where.
fn between(work: &Work, dir: &str, bucket: &str) -> [String; 2] {
    let pair = if is_down(work) {
        [bucket, dir]
    } else {
        [dir, bucket]
    };
    pair.map(str::to_owned)
}

fn if_it_deletes(work: &Work, option: &str) -> Option<String> {
    (work.action == Action::Delete).then(|| option.to_owned())
}

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use anyhow::{Context as _, Result};

    use super::*;
    use crate::bench::{options::Options, work};

    fn work_named(name: &str) -> Result<Work> {
        let works = work::chosen(&Options::parse(&["--only", name])?)?;
        works.into_iter().next().context("a work")
    }

    #[test]
    fn only_where_deletions_are_the_work_they_are_asked_for() -> Result<()> {
        let (delete, up) = (work_named("delete-300ms")?, work_named("up-small")?);
        let url = "http://127.0.0.1:9";
        for (command, option) in [
            (aws as fn(&Work, &str, &str) -> Vec<String>, "--delete"),
            (s5cmd, "--delete"),
            (s3sync, "--delete"),
            (juicefs, "--delete-dst"),
        ] {
            let has = |work| command(work, "/dir", url).iter().any(|word| word == option);
            assert!(has(&delete) && !has(&up), "{:?}", command(&up, "/dir", url));
        }
        assert!(s3mirror(&[], &delete, "/dir", url).contains(&"--max-delete".to_owned()));
        assert!(!s3mirror(&[], &up, "/dir", url).contains(&"--max-delete".to_owned()));
        Ok(())
    }

    #[test]
    fn juicefs_has_the_bucket_and_the_keys_in_the_url() -> Result<()> {
        let words = juicefs(&work_named("down-large")?, "/dir", "http://127.0.0.1:9");
        assert_eq!(
            words[words.len() - 2..],
            ["s3://bench:bench-secret@127.0.0.1:9/bench/", "/dir/"]
        );
        assert!(words.contains(&"--no-https".to_owned()));
        let words = juicefs(
            &work_named("up-large-https")?,
            "/dir",
            "https://127.0.0.1:9",
        );
        assert!(!words.contains(&"--no-https".to_owned()));
        Ok(())
    }
}
