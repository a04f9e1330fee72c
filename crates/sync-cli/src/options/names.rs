//! `--include` and `--exclude`: their order across both counts, which a derived
//! definition does not know.

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches};
use sync_core::select::NameRule;

/// The globs, in the order in which they were given.
#[derive(Debug, Clone, Default)]
pub(crate) struct NameRules(pub(crate) Vec<NameRule>);

const EXCLUDE: &str = "exclude";
const INCLUDE: &str = "include";

impl Args for NameRules {
    fn augment_args(command: Command) -> Command {
        let option = |name: &'static str, env: &'static str| {
            let option = Arg::new(name).long(name).env(env).hide_env(true);
            let option = option.help_heading("Selection").value_name("GLOB");
            option.action(ArgAction::Append)
        };
        command
            .arg(
                option(EXCLUDE, "S3MIRROR_EXCLUDE")
                    .help("Exclude keys that match; * matches / too, dir/ all below dir")
                    .long_help(
                        "Exclude keys that match\n\n\
                         The glob is compared with the whole key, the path below the directory \
                         or prefix. * stands for any characters, / among them; ? for one; [a-z] \
                         and {a,b} are as in a shell; dir/ stands for all below dir. Of all \
                         --exclude and --include, the last one that matches decides.",
                    ),
            )
            .arg(
                option(INCLUDE, "S3MIRROR_INCLUDE")
                    .help("Include keys that match after all; the last match decides")
                    .long_help(
                        "Include keys that match after all\n\n\
                         Where it comes before every --exclude, only such keys are taken. In the \
                         environment, S3MIRROR_INCLUDE and S3MIRROR_EXCLUDE hold one glob a line.",
                    ),
            )
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for NameRules {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let excluded = given(matches, EXCLUDE, NameRule::Exclude);
        let included = given(matches, INCLUDE, NameRule::Include);
        let from_environment = [EXCLUDE, INCLUDE]
            .iter()
            .any(|name| matches.value_source(name) == Some(ValueSource::EnvVariable));
        if from_environment && !excluded.is_empty() && !included.is_empty() {
            return Err(Error::raw(
                ErrorKind::ArgumentConflict,
                "the order of --include and --exclude counts, and it is unknown where one of \
                 them comes from the environment; give both on the command line",
            ));
        }
        let mut rules = [excluded, included].concat();
        rules.sort_by_key(|(index, _)| *index);
        Ok(Self(rules.into_iter().map(|(_, rule)| rule).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// The globs of one option with their places on the command line.
fn given(
    matches: &ArgMatches,
    name: &str,
    rule: impl Fn(String) -> NameRule,
) -> Vec<(usize, NameRule)> {
    let indices = matches.indices_of(name).into_iter().flatten();
    let values = matches.get_many::<String>(name).into_iter().flatten();
    let given = indices.zip(values);
    if matches.value_source(name) == Some(ValueSource::EnvVariable) {
        let lines = given.flat_map(|(index, text)| text.lines().map(move |line| (index, line)));
        let lines = lines.filter(|(_, line)| !line.is_empty());
        return lines
            .map(|(index, line)| (index, rule(line.to_owned())))
            .collect();
    }
    given
        .map(|(index, text)| (index, rule(text.clone())))
        .collect()
}
