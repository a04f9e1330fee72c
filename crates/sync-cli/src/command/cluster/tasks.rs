//! Which task of a run a process executes, by its options or by what a scheduler says.

use s3mirror::cluster::Engine;

use crate::options::{ShardChoice, TaskArgs};
use crate::{Console, Exit};

/// A task, and the job of the scheduler that has started this process for it.
type Chosen = (usize, Option<String>);

/// The task to execute; none for all that are not done. Or the exit status, if the options or
/// the environment name none, which is reported.
pub(super) fn chosen(args: &TaskArgs, console: &mut Console) -> Result<Option<Chosen>, Exit> {
    by_environment(args).map_err(|wrong| {
        console.error(wrong);
        Exit::Usage
    })
}

fn by_environment(args: &TaskArgs) -> Result<Option<Chosen>, String> {
    let variable = |name: &str| std::env::var(name).ok();
    match args.shard {
        None => Ok(None),
        Some(ShardChoice::Number(number)) => {
            let job = Engine::find(variable).ok();
            let job = job.and_then(|(engine, _)| variable(engine.job));
            Ok(Some((number, job)))
        }
        Some(ShardChoice::Auto) => {
            let (engine, number) = Engine::find(variable)
                .map_err(|error| format!("--shard auto: {error}; name a shard with --shard I"))?;
            Ok(Some((number, variable(engine.job))))
        }
    }
}
