//! Which task of a run a process executes, by its options or by what a scheduler says.

use s3mirror::cluster::Engine;

use crate::options::{ShardChoice, TaskArgs};

/// The task to execute, and the job of the scheduler; none for all that are not done.
pub(super) fn chosen(args: &TaskArgs) -> Result<Option<(usize, Option<String>)>, String> {
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
