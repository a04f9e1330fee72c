//! Habits from other tools, and what to type here instead.

use std::ffi::OsString;

use clap::{Arg, Command};
use sync_core::text::printable;
use sync_s3::without_secrets;

use crate::options::definition;

/// The places of a command line, as they were meant.
struct Meant {
    dir: Option<String>,
    bucket: Option<String>,
}

/// What to type instead of `args`, which could not be parsed.
pub(crate) fn advice(args: &[OsString]) -> Option<String> {
    let words: Vec<String> = args
        .iter()
        .skip(1)
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let (first, rest) = words.split_first()?;
    match first.as_str() {
        "backup" | "restore" | "verify" => of_command(first, rest),
        "mock" => {
            let (second, rest) = rest.split_first()?;
            let is_sync = ["backup", "restore"].contains(&second.as_str());
            is_sync.then(|| of_command(&format!("mock {second}"), rest))?
        }
        "sync" | "cp" | "copy" | "mirror" | "mv" | "push" | "pull" | "upload" | "download" => {
            Some(of_copy(first, rest))
        }
        "ls" | "list" => Some(
            "to see what a restore would fetch, type 's3mirror mock restore -d DIR -b BUCKET'; \
             to list a bucket, use 'aws s3 ls'"
                .to_owned(),
        ),
        "diff" | "compare" | "check" => {
            Some("to compare both places, type 's3mirror verify -d DIR -b BUCKET'".to_owned())
        }
        _ => None,
    }
}

/// Places without the names of their options.
fn of_command(command: &str, words: &[String]) -> Option<String> {
    let (places, rest) = places(command, words)?;
    let is_backup = !command.ends_with("restore");
    let meant = meant(&places, is_backup, &rest);
    if places.is_empty() || places.len() > 2 {
        return None;
    }
    Some(typed(command, &meant))
}

fn of_copy(word: &str, words: &[String]) -> String {
    let places: Vec<&String> = words.iter().filter(|word| !word.starts_with('-')).collect();
    let command = match places.as_slice() {
        [from, _] if from.starts_with("s3://") => "restore",
        [_, to] if to.starts_with("s3://") => "backup",
        _ if ["pull", "download"].contains(&word) => "restore",
        _ => "",
    };
    if let ([one, other], false) = (places.as_slice(), command.is_empty()) {
        let places = [(*one).clone(), (*other).clone()];
        return typed(command, &meant(&places, command == "backup", &[]));
    }
    "'s3mirror backup -d DIR -b BUCKET' makes the bucket equal to the directory, \
     's3mirror restore -d DIR -b BUCKET' the directory equal to the bucket"
        .to_owned()
}

/// Of `words`, those that are neither options of `command` nor their values;
/// and the options.
fn places(command: &str, words: &[String]) -> Option<(Vec<String>, Vec<String>)> {
    let mut definition = definition();
    definition.build();
    let mut known: &Command = &definition;
    for name in command.split(' ') {
        known = known.find_subcommand(name)?;
    }
    let (mut places, mut options) = (Vec::new(), Vec::new());
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if !word.starts_with('-') {
            places.push(word.clone());
            continue;
        }
        options.push(word.clone());
        let option = known.get_arguments().find(|option| is_named(option, word));
        let takes_value = option.is_some_and(|option| option.get_action().takes_values());
        if takes_value && !word.contains('=') {
            words.next();
        }
    }
    Some((places, options))
}

fn is_named(option: &Arg, word: &str) -> bool {
    match word.strip_prefix("--") {
        Some(long) => option.get_long() == Some(long),
        None => option
            .get_short()
            .is_some_and(|short| word == format!("-{short}")),
    }
}

fn meant(places: &[String], is_backup: bool, options: &[String]) -> Meant {
    let is_given = |names: [&str; 2]| {
        let starts = |option: &String| names.iter().any(|name| option.starts_with(name));
        options.iter().any(starts)
    };
    let has_dir = is_given(["-d", "--dir"]);
    let is_bucket = |place: &String| place.starts_with("s3://");
    let (dir, bucket) = match places {
        [one] if is_bucket(one) || has_dir => (None, Some(one)),
        [one] => (Some(one), None),
        [one, other] if is_bucket(one) && !is_bucket(other) => (Some(other), Some(one)),
        [one, other] if is_bucket(other) || is_backup => (Some(one), Some(other)),
        [one, other] => (Some(other), Some(one)),
        _ => (None, None),
    };
    let dir = dir
        .cloned()
        .or_else(|| (!has_dir).then(|| "DIR".to_owned()));
    let has_bucket = is_given(["-b", "--bucket"]);
    let bucket = bucket.cloned();
    let bucket = bucket.or_else(|| (!has_bucket).then(|| "BUCKET".to_owned()));
    Meant { dir, bucket }
}

fn typed(command: &str, meant: &Meant) -> String {
    let option = |name: &str, place: &Option<String>| {
        let place = place.as_deref().map(without_secrets);
        place.map_or(String::new(), |place| {
            format!(" {name} {}", printable(&place))
        })
    };
    let (dir, bucket) = (option("-d", &meant.dir), option("-b", &meant.bucket));
    format!("type 's3mirror {command}{dir}{bucket}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(line: &str) -> String {
        let args: Vec<_> = line.split(' ').map(OsString::from).collect();
        advice(&args).unwrap_or_default()
    }

    #[test]
    fn who_knows_other_tools_is_told_what_to_type() {
        for (line, typed) in [
            ("backup d s3://bucket", "backup -d d -b s3://bucket"),
            ("backup d bucket", "backup -d d -b bucket"),
            ("backup s3://bucket d", "backup -d d -b s3://bucket"),
            ("backup -y d s3://bucket", "backup -d d -b s3://bucket"),
            (
                "backup --region x d s3://bucket",
                "backup -d d -b s3://bucket",
            ),
            ("backup -d d s3://bucket", "backup -b s3://bucket"),
            ("backup d -b bucket", "backup -d d"),
            ("backup d", "backup -d d -b BUCKET"),
            ("restore s3://bucket d", "restore -d d -b s3://bucket"),
            ("restore bucket d", "restore -d d -b bucket"),
            ("mock backup d s3://b", "mock backup -d d -b s3://b"),
            ("verify d s3://b", "verify -d d -b s3://b"),
            ("sync d s3://b/x", "backup -d d -b s3://b/x"),
            ("sync s3://b/x d", "restore -d d -b s3://b/x"),
            ("cp --recursive d s3://b", "backup -d d -b s3://b"),
        ] {
            let expected = format!("type 's3mirror {typed}'");
            assert_eq!(said(&format!("s3mirror {line}")), expected, "{line}");
        }
        for (line, part) in [
            ("sync", "backup -d DIR -b BUCKET"),
            ("sync a b", "restore -d DIR -b BUCKET"),
            ("ls s3://b", "mock restore"),
            ("diff a b", "verify"),
        ] {
            let said = said(&format!("s3mirror {line}"));
            assert!(said.contains(part), "{line}: {said}");
        }
        for line in [
            "",
            "cleanup d",
            "backup",
            "backup a b c",
            "frobnicate",
            "mock",
        ] {
            assert_eq!(said(&format!("s3mirror {line}")), "", "{line}");
        }
        assert!(!said("s3mirror backup d s3://u:geheim@b").contains("geheim"));
    }
}
