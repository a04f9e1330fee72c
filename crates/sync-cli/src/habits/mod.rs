//! Habits from other tools: places as words, in the order of a copy, are understood;
//! for what else is usual elsewhere, this says what to type here.

use std::ffi::OsString;

use clap::{Arg, Command};
use sync_core::text::{printable, printable_shell_word};
use sync_s3::without_secrets;

use crate::options::definition;

/// The places of a command line, as they were meant.
struct Meant {
    dir: Option<String>,
    bucket: Option<String>,
}

/// `args` with the names of options before a directory and a bucket that are given as
/// words: `backup DIR s3://BUCKET`, `restore s3://BUCKET DIR`. Only if the command copies
/// in that direction, and neither is given otherwise; else they stay as they are. The
/// one place of `versions` is its bucket.
pub(crate) fn with_named_places(mut args: Vec<OsString>) -> Vec<OsString> {
    if let Some((dir, bucket)) = places_as_words(&args) {
        // From the last one on, so that the other keeps its index.
        let mut names = [(dir, "-d"), (bucket, "-b")];
        names.sort_by_key(|&(at, _)| std::cmp::Reverse(at));
        for (at, name) in names {
            args.insert(at, name.into());
        }
    } else if let Some(at) = bucket_as_word(&args) {
        args.insert(at, "-b".into());
    }
    args
}

/// Where in `args` the bucket of `versions` is, if it is given as a word.
fn bucket_as_word(args: &[OsString]) -> Option<usize> {
    let words = words(args);
    let rest = words.strip_prefix(&["versions".to_owned()])?;
    if rest.iter().any(|word| names_a_place(word)) {
        return None;
    }
    match places("versions", rest)?.0.as_slice() {
        [(at, _)] => Some(args.len() - rest.len() + at),
        _ => None,
    }
}

/// Whether a word is an option that a place may follow.
fn names_a_place(word: &str) -> bool {
    match word.strip_prefix("--") {
        Some(long) => ["", "dir", "bucket"].contains(&long.split('=').next().unwrap_or(long)),
        // Short options may share one word.
        None => word.starts_with('-') && word.contains(['d', 'b']),
    }
}

/// Where in `args` the directory and the bucket are, if they are given as words.
fn places_as_words(args: &[OsString]) -> Option<(usize, usize)> {
    let words = words(args);
    let (command, rest) = command_of(&words)?;
    let before = args.len() - rest.len();
    // Nearly every command line: it ends here, before the definition is built.
    if rest.iter().any(|word| names_a_place(word)) {
        return None;
    }
    let (places, _) = places(&command, rest)?;
    let [(first, from), (second, to)] = places.as_slice() else {
        return None;
    };
    let (first, second) = (before + first, before + second);
    match (is_bucket(from), is_bucket(to)) {
        (false, true) if !command.ends_with("restore") => Some((first, second)),
        (true, false) if command.ends_with("restore") || command == "verify" => {
            Some((second, first))
        }
        _ => None,
    }
}

/// The command with two places that `words` begin with, and what follows it.
fn command_of(words: &[String]) -> Option<(String, &[String])> {
    let (first, rest) = words.split_first()?;
    match first.as_str() {
        "backup" | "restore" | "verify" | "watch" => Some((first.clone(), rest)),
        "mock" => {
            let (second, rest) = rest.split_first()?;
            let is_mirror = ["backup", "restore"].contains(&second.as_str());
            is_mirror.then(|| (format!("mock {second}"), rest))
        }
        _ => None,
    }
}

fn is_bucket(place: &str) -> bool {
    place.starts_with("s3://")
}

/// `args` without the program, as text.
fn words(args: &[OsString]) -> Vec<String> {
    let words = args.iter().skip(1);
    words
        .map(|word| word.to_string_lossy().into_owned())
        .collect()
}

/// A word of a command line, and its index.
type Word = (usize, String);

/// What to type instead of `args`, which could not be parsed.
pub(crate) fn advice(args: &[OsString]) -> Option<String> {
    let words = words(args);
    if let Some((command, rest)) = command_of(&words) {
        return of_command(&command, rest);
    }
    let (first, rest) = words.split_first()?;
    match first.as_str() {
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

/// Places without the names of their options. All options that were typed are kept: without
/// one, the command may do more.
fn of_command(command: &str, words: &[String]) -> Option<String> {
    let (places, rest) = places(command, words)?;
    let is_place = |at: &usize| places.iter().any(|(place, _)| place == at);
    let kept = (0..words.len()).filter(|at| !is_place(at));
    let kept: Vec<_> = kept.map(|at| words[at].clone()).collect();
    let places: Vec<String> = places.into_iter().map(|(_, place)| place).collect();
    let is_backup = !command.ends_with("restore");
    if let Some(advice) = against_the_order(command, &places, &kept) {
        return Some(advice);
    }
    let meant = meant(&places, is_backup, &rest);
    if places.is_empty() || places.len() > 2 {
        return None;
    }
    Some(typed(command, &meant, &kept))
}

/// A bucket and a directory in the order of a copy in the other direction: which of both
/// is meant must not be guessed.
fn against_the_order(command: &str, places: &[String], kept: &[String]) -> Option<String> {
    const TO_BUCKET: &str = "bucket equal to the directory";
    const TO_DIRECTORY: &str = "directory equal to the bucket";
    let [from, to] = places else { return None };
    let (what, other, reverse) = match (command, is_bucket(from), is_bucket(to)) {
        ("backup", true, false) => (TO_BUCKET, "restore", TO_DIRECTORY),
        ("restore", false, true) => (TO_DIRECTORY, "backup", TO_BUCKET),
        ("mock backup", true, false) => (TO_BUCKET, "mock restore", TO_DIRECTORY),
        ("mock restore", false, true) => (TO_DIRECTORY, "mock backup", TO_BUCKET),
        // A bucket is not watched.
        ("watch", true, false) => (TO_BUCKET, "restore", TO_DIRECTORY),
        _ => return None,
    };
    let verb = match command.starts_with("mock") {
        true => "shows what would make",
        false => "makes",
    };
    let [from, to] = [from, to].map(|place| printable(&without_secrets(place)));
    let kept = shown(kept);
    // Options of `watch` are not those of a restore.
    let others = if command == "watch" { "" } else { &kept };
    Some(format!(
        "'s3mirror {command} {to} {from}{kept}' {verb} the {what}, 's3mirror {other} {from} \
         {to}{others}' the {reverse}"
    ))
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
        // Of the options of other tools, only this one must not be lost.
        let is_dry = |word: &String| ["-n", "--dryrun", "--dry-run"].contains(&word.as_str());
        let kept = words.iter().any(is_dry).then(|| "-n".to_owned());
        let kept: Vec<_> = kept.into_iter().collect();
        return typed(command, &meant(&places, command == "backup", &[]), &kept);
    }
    "'s3mirror backup -d DIR -b BUCKET' makes the bucket equal to the directory, \
     's3mirror restore -d DIR -b BUCKET' the directory equal to the bucket"
        .to_owned()
}

/// Of `words`, those that are neither options of `command` nor their values, each with its
/// index; and the options. What follows an option that is not known may be its value: only
/// the option must be complained of.
fn places(command: &str, words: &[String]) -> Option<(Vec<Word>, Vec<String>)> {
    let mut definition = definition();
    definition.build();
    let mut known: &Command = &definition;
    for name in command.split(' ') {
        known = known.find_subcommand(name)?;
    }
    let (mut places, mut options) = (Vec::new(), Vec::new());
    let mut words = words.iter().enumerate().peekable();
    while let Some((at, word)) = words.next() {
        if !word.starts_with('-') {
            places.push((at, word.clone()));
            continue;
        }
        options.push(word.clone());
        let option = known.get_arguments().find(|option| is_named(option, word));
        let takes_value = option.is_none_or(|option| option.get_action().takes_values());
        if takes_value && !word.contains('=') {
            words.next_if(|(_, next)| option.is_some() || !next.starts_with('-'));
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

/// Words of a command line as they are shown behind others.
fn shown(words: &[String]) -> String {
    let shown = |word: &String| format!(" {}", printable_shell_word(&without_secrets(word)));
    words.iter().map(shown).collect()
}

fn typed(command: &str, meant: &Meant, kept: &[String]) -> String {
    let option = |name: &str, place: &Option<String>| {
        let place = place.as_deref().map(without_secrets);
        place.map_or(String::new(), |place| {
            format!(" {name} {}", printable(&place))
        })
    };
    let (dir, bucket) = (option("-d", &meant.dir), option("-b", &meant.bucket));
    let kept = shown(kept);
    format!("type 's3mirror {command}{dir}{bucket}{kept}'")
}

#[cfg(test)]
mod tests;
