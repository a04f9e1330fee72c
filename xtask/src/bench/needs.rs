//! What a work needs that may not be there: it is skipped then, by its name.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use anyhow::Result;

use super::{
    machine::Cores,
    work::{ClientCores, Work},
};
use crate::step;

/// What this machine and this s3mirror can do.
pub(super) struct Abilities {
    has_strace: bool,
    has_two_cores: bool,
    /// The help of `s3mirror backup`.
    help: String,
}

impl Abilities {
    pub(super) fn look(cores: &Cores, s3mirror: &Path) -> Result<Self> {
        let help = step::output(Command::new(s3mirror).args(["backup", "--help"]))?;
        let mut strace = Command::new("strace");
        strace.arg("--version").stdout(Stdio::null());
        Ok(Self {
            has_strace: strace.status().is_ok_and(|status| status.success()),
            has_two_cores: cores.pair.is_some(),
            help,
        })
    }

    /// Why `work` cannot be run here.
    pub(super) fn lack_for(&self, work: &Work) -> Option<String> {
        if work.slow_calls.is_some() && !self.has_strace {
            return Some("there is no strace (Debian: apt-get install strace)".to_owned());
        }
        let on_two = |one: &ClientCores| *one == ClientCores::Two;
        if work.variations.iter().map(|one| &one.cores).any(on_two) && !self.has_two_cores {
            return Some("it takes two cores, and Linux".to_owned());
        }
        let options = work.variations.iter().flat_map(|one| one.options);
        let unknown = |option: &&&str| option.starts_with("--") && !self.knows(option);
        let option = options.into_iter().find(unknown)?;
        Some(format!("this s3mirror has no option {option}"))
    }

    fn knows(&self, option: &str) -> bool {
        let mut words = self.help.split(|c: char| c.is_whitespace() || c == ',');
        words.any(|word| word == option)
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;
    use crate::bench::{options::Options, work};

    fn lack(name: &str, abilities: &Abilities) -> Result<Option<String>> {
        let works = work::chosen(&Options::parse(&["--only", name])?)?;
        Ok(abilities.lack_for(works.first().context("a work")?))
    }

    #[test]
    fn a_work_is_skipped_for_what_it_needs_and_no_other() -> Result<()> {
        let all = || Abilities {
            has_strace: true,
            has_two_cores: true,
            help: "-y, --yes\n  --threads <N>\n --sign-payload <HOW>".to_owned(),
        };
        for name in ["same-slow-fs", "down-large-cores", "down-large-threads"] {
            assert_eq!(lack(name, &all())?, None, "{name}");
        }
        let no_strace = Abilities {
            has_strace: false,
            ..all()
        };
        let said = lack("same-slow-fs", &no_strace)?.context("skipped")?;
        assert!(said.contains("apt-get install strace"), "{said}");
        assert_eq!(lack("down-large-cores", &no_strace)?, None);
        let one_core = Abilities {
            has_two_cores: false,
            ..all()
        };
        assert!(lack("down-large-cores", &one_core)?.is_some());
        assert_eq!(lack("up-large", &one_core)?, None);
        let old = Abilities {
            help: "--threads-of-another-kind".to_owned(),
            ..all()
        };
        let said = lack("up-small-threads", &old)?.context("skipped")?;
        assert_eq!(said, "this s3mirror has no option --threads");
        Ok(())
    }
}
