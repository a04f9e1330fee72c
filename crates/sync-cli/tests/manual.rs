//! The man pages and completions tell of every command and option.

// A test that cannot go on says so by a panic.
#![allow(clippy::unwrap_used, clippy::panic, unreachable_pub, dead_code)]

#[path = "../examples/manual.rs"]
mod manual;

use std::fs;
use std::process::Command;

/// Every visible command by its full name, with the long names of its options.
fn commands(command: &clap::Command, above: &str) -> Vec<(String, Vec<String>)> {
    let name = format!("{above}{}", command.get_name());
    let options = command.get_arguments().filter(|arg| !arg.is_hide_set());
    let options = options.filter_map(|arg| arg.get_long().map(str::to_owned));
    let mut found = vec![(name.clone(), options.collect())];
    let inner = command.get_subcommands();
    for inner in inner.filter(|it| !it.is_hide_set() && it.get_name() != "help") {
        found.extend(commands(inner, &format!("{name}-")));
    }
    found
}

#[test]
fn each_command_has_a_man_page_with_each_of_its_options() {
    let dir = tempfile::tempdir().unwrap();
    manual::write(dir.path()).unwrap();
    let all = commands(&sync_cli::definition(), "");
    assert!(all.iter().any(|(name, _)| name == "s3mirror-mock-backup"));
    for (name, options) in all {
        let path = dir.path().join(format!("man/{name}.1"));
        let page = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{name}.1: {e}"));
        for option in options {
            // roff takes a plain dash for a hyphen.
            let shown = format!("\\-\\-{}", option.replace('-', "\\-"));
            assert!(page.contains(&shown), "{name}.1 lacks --{option}");
        }
    }
}

#[test]
fn each_completion_knows_each_command_and_option() {
    let dir = tempfile::tempdir().unwrap();
    manual::write(dir.path()).unwrap();
    for file in ["s3mirror.bash", "_s3mirror", "s3mirror.fish"] {
        let path = dir.path().join("completions").join(file);
        let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{file}: {e}"));
        for (name, options) in commands(&sync_cli::definition(), "") {
            let command = name.rsplit('-').next().unwrap().to_owned();
            assert!(text.contains(&command), "{file} lacks {command}");
            for option in options {
                assert!(text.contains(&option), "{file} lacks --{option}");
            }
        }
    }
    let bash = dir.path().join("completions/s3mirror.bash");
    // Looks at the syntax alone.
    assert!(
        Command::new("bash")
            .arg("-n")
            .arg(bash)
            .status()
            .unwrap()
            .success()
    );
}
