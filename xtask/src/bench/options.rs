//! What can be said after `cargo xtask bench`.

use anyhow::{Context, Result, bail};

/// The options, for the help of xtask.
pub(crate) const USAGE: &str = "\
  bench        s3mirror, its peers and the floors on the same work; medians in
               target/bench. Options:
                 --quick            smaller works, two rounds; for development
                 --only WORK,…      these works (--list names them)
                 --tools TOOL,…     these tools; s3mirror with its variations
                 --rounds N         runs of each tool a work (3)
                 --json             print the figures as JSON, too
                 --publish          draw the charts into docs/bench
                 --verbose          show every command line
                 --list             name the works";

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) quick: bool,
    pub(super) json: bool,
    pub(super) publish: bool,
    pub(super) verbose: bool,
    pub(super) list: bool,
    pub(super) rounds: u32,
    only: Vec<String>,
    tools: Vec<String>,
}

impl Options {
    pub(super) fn parse(arguments: &[&str]) -> Result<Self> {
        let mut options = Self {
            quick: arguments.contains(&"--quick"),
            json: false,
            publish: false,
            verbose: false,
            list: false,
            rounds: 3,
            only: Vec::new(),
            tools: Vec::new(),
        };
        if options.quick {
            options.rounds = 2;
        }
        let mut words = arguments.iter();
        while let Some(&word) = words.next() {
            let mut value = || {
                words
                    .next()
                    .with_context(|| format!("{word} needs a value"))
            };
            match word {
                "--quick" => {}
                "--json" => options.json = true,
                "--publish" => options.publish = true,
                "--verbose" => options.verbose = true,
                "--list" => options.list = true,
                "--rounds" => options.rounds = value()?.parse().context("--rounds")?,
                "--only" => options.only = names(value()?),
                "--tools" => options.tools = names(value()?),
                other => bail!("no such option: '{other}'\n{USAGE}"),
            }
        }
        if options.rounds == 0 {
            bail!("--rounds must be at least 1");
        }
        Ok(options)
    }

    /// What the results are kept as, so that a part does not replace the whole.
    pub(super) fn name(&self) -> &'static str {
        match (self.only.is_empty() && self.tools.is_empty(), self.quick) {
            (true, false) => "full",
            (true, true) => "quick",
            (false, _) => "part",
        }
    }

    /// The works that were named.
    pub(super) fn only(&self) -> &[String] {
        &self.only
    }

    /// Whether the tool `name` is to run: it was named, or what it is a
    /// variation of.
    pub(super) fn wants(&self, name: &str) -> bool {
        let names = |wanted: &String| {
            let rest = name.strip_prefix(wanted.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        };
        self.tools.is_empty() || self.tools.iter().any(names)
    }
}

fn names(list: &str) -> Vec<String> {
    list.split(',').map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_in_any_order() -> Result<()> {
        let options = Options::parse(&["--only", "a,b", "--quick", "--rounds", "5"])?;
        assert_eq!(options.only(), ["a", "b"]);
        assert!(options.quick && options.rounds == 5);
        assert!(options.wants("aws"));
        assert_eq!(options.name(), "part");
        assert_eq!(Options::parse(&["--quick"])?.name(), "quick");
        let options = Options::parse(&["--tools", "s3mirror"])?;
        assert!(options.wants("s3mirror") && !options.wants("aws"));
        assert!(options.wants("s3mirror unsigned") && !options.wants("s3mirrored"));
        Ok(())
    }

    #[test]
    fn what_is_no_option_is_refused() {
        for words in [&["--fast"][..], &["--only"], &["--rounds", "0"], &["quick"]] {
            assert!(Options::parse(words).is_err(), "{words:?}");
        }
    }
}
