//! Every command of the documents runs: the `sh` fences of each page, in order,
//! in a home of their own, against a server that has the bucket `my-bucket`.
//!
//! What a page takes for granted (a directory with files) is in it as a
//! comment, `<!-- sh … -->`, which no reader sees. Questions are answered
//! beforehand. What cannot run here is in fences of other names.

use std::{fs, path::PathBuf};

use crate::support::{Memory, World, run};

/// These have tests of their own.
const ELSEWHERE: [&str; 8] = [
    "doctor.md",
    "machines.md",
    "prices.md",
    "s3-options.md",
    "the-past.md",
    "trash.md",
    "verify.md",
    "watching.md",
];

/// The top of the repository.
pub(crate) fn top() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The pages of `docs`, and the README.
pub(crate) fn pages() -> Vec<PathBuf> {
    let entries = fs::read_dir(top().join("docs")).unwrap();
    let pages = entries.map(|entry| entry.unwrap().path());
    let pages = pages.filter(|path| path.extension().is_some_and(|it| it == "md"));
    let mut pages: Vec<_> = pages.chain([top().join("README.md")]).collect();
    pages.retain(|path| !ELSEWHERE.iter().any(|page| path.ends_with(page)));
    pages.sort();
    pages
}

/// The commands of a page: each fence, and each hidden preparation.
fn scripts(page: &str) -> Vec<String> {
    let mut scripts = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let end = match line.trim() {
            "```sh" => "```",
            "<!-- sh" => "-->",
            _ => continue,
        };
        let script = lines.by_ref().take_while(|line| line.trim() != end);
        scripts.push(script.collect::<Vec<_>>().join("\n"));
    }
    scripts
}

#[test]
fn every_command_of_the_documents_runs() {
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        let memory = Memory::start();
        memory.create_bucket("my-bucket");
        let world = World::on(&memory);
        let programs = run::program().parent().unwrap();
        for script in scripts(&text) {
            let path = std::env::var("PATH").unwrap_or_default();
            let run = world.s3mirror().env("S3MIRROR_YES", "true");
            let run = run.env("PATH", format!("{}:{path}", programs.display()));
            let outcome = run.in_shell(&format!("set -e; cd; {script}"));
            let status = outcome.status.code();
            assert_eq!(status, Some(0), "{}:\n{script}{outcome}", page.display());
        }
    }
}

#[test]
fn every_link_of_the_documents_leads_to_a_file() {
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1) {
            let link = link.split([')', '#']).next().unwrap();
            if link.is_empty() || link.contains("://") {
                continue;
            }
            let target = page.parent().unwrap().join(link);
            assert!(target.exists(), "{}: {link}", page.display());
        }
    }
}

/// What a page shows as said by the program, in the tables of messages and of
/// reasons.
fn quoted(page: &str) -> Vec<String> {
    let mut quoted = Vec::new();
    let mut in_table = false;
    for line in page.lines() {
        in_table = line.starts_with("| the message has")
            || line.starts_with("| the reason")
            || (in_table && line.starts_with('|'));
        let cell = line.split('|').nth(1).unwrap_or_default();
        if in_table {
            let parts = cell.split('`').skip(1).step_by(2);
            quoted.extend(parts.map(str::to_owned));
        }
    }
    quoted
}

/// The sources, with texts that go over several lines in one.
fn sources() -> String {
    let mut text = String::new();
    let mut directories = vec![top().join("crates")];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("tests") {
                directories.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                text.push_str(&fs::read_to_string(path).unwrap());
            }
        }
    }
    let mut joined = String::new();
    for part in text.split("\\\n") {
        joined.push_str(if joined.is_empty() {
            part
        } else {
            part.trim_start()
        });
    }
    joined
}

/// The message as a hint of the library has it: with `{}` for each option.
fn template(message: &str) -> String {
    let words = message.split(' ').map(|word| {
        let name = word.trim_end_matches([',', ';', ':', '?']);
        match name.strip_prefix("--") {
            Some(_) => word.replace(name, "{}"),
            None => word.to_owned(),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn every_message_that_the_documents_quote_is_one_of_the_program() {
    let sources = sources();
    let mut seen = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for message in quoted(&text) {
            assert!(
                sources.contains(&message) || sources.contains(&template(&message)),
                "{}: '{message}'",
                page.display()
            );
            seen += 1;
        }
    }
    assert!(seen > 30, "{seen} messages");
}
