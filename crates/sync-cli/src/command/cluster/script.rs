//! `cluster script`: what starts all shards, printed to be read and submitted.

use s3mirror::cluster::{Script, ScriptOptions};

use super::common::{open, refuse};
use crate::options::{EngineChoice, ScriptArgs};
use crate::{Console, Exit};

pub(crate) fn run(args: &ScriptArgs, console: &mut Console) -> Exit {
    let run = match open(&args.run, console) {
        Ok(run) => run,
        Err(exit) => return exit,
    };
    let script = match args.engine {
        EngineChoice::Slurm => Script::Slurm,
        EngineChoice::Kubernetes => Script::Kubernetes,
        EngineChoice::Batch => Script::Batch,
        EngineChoice::Parallel => Script::Parallel,
    };
    let options = ScriptOptions {
        at_once: args.at_once.max(1),
        program: "s3mirror".to_owned(),
        options: args.options.clone(),
        image: args.image.clone(),
        volume: args.volume.clone(),
        mount: args.mount.clone(),
        queue: args.queue.clone(),
    };
    let text = match run.script(script, &options) {
        Ok(text) => text,
        Err(error) => return refuse(error, console),
    };
    console.data(|out| out.write_all(text.as_bytes()));
    Exit::Done
}
