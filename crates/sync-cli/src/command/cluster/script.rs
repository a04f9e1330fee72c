//! `cluster script`: what starts all shards, printed to be read and submitted.

use s3mirror::cluster::{ClusterError, ClusterRun, RangeRun, Script, ScriptOptions};

use sync_core::plan::MaxDelete;

use super::common::{refuse, wants_trash};
use super::script_options;
use crate::options::{EngineChoice, ScriptArgs};
use crate::{Console, Exit};

pub(crate) fn run(args: &ScriptArgs, console: &mut Console) -> Exit {
    let run = match ClusterRun::open(&args.run) {
        Ok(run) => Ok(run),
        Err(ClusterError::NotSealed { .. }) => match RangeRun::open(&args.run) {
            Ok(run) => Err(run),
            Err(error) => return refuse(error, console),
        },
        Err(error) => return refuse(error, console),
    };
    let direction = match &run {
        Ok(sealed) => sealed.direction(),
        Err(ranges) => ranges.direction(),
    };
    if let Some(exit) = wants_trash(&args.trash, direction, console) {
        return exit;
    }
    let phases = match &run {
        Ok(_) => &["apply", "finish"][..],
        Err(_) => &["plan", "seal", "apply", "finish"],
    };
    if run.is_ok() && args.max_delete.is_some() {
        console.note(
            "--max-delete has no effect in this script: deletions were judged when the plan was \
             split or the plans were sealed",
        );
    }
    let checked = script_options::of_phases(&args.options, phases, direction);
    let Some(of_phases) = console.ok_or_report(checked) else {
        return Exit::Usage;
    };
    let script = match args.engine {
        EngineChoice::Slurm => Script::Slurm,
        EngineChoice::Kubernetes => Script::Kubernetes,
        EngineChoice::Batch => Script::Batch,
        EngineChoice::Parallel => Script::Parallel,
    };
    let options = ScriptOptions {
        at_once: args.at_once,
        program: "s3mirror".to_owned(),
        options: of_phases,
        max_delete: args.max_delete.and_then(shown),
        image: args.image.clone(),
        volume: args.volume.clone(),
        mount: args.mount.clone(),
        queue: args.queue.clone(),
        role: args.role.clone(),
    };
    let text = match run {
        Ok(sealed) => sealed.script(script, &options),
        Err(ranges) => ranges.script(script, &options),
    };
    let text = match text {
        Ok(text) => text,
        Err(error) => return refuse(error, console),
    };
    console.data(|out| out.write_all(text.as_bytes()));
    Exit::Done
}

/// A limit as it is typed; none for the default.
fn shown(most: MaxDelete) -> Option<String> {
    match most {
        MaxDelete::Half => None,
        MaxDelete::Entries(most) => Some(most.to_string()),
        MaxDelete::Percent(most) => Some(format!("{most}%")),
    }
}
