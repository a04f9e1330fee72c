//! `watch`: a backup whenever the directory changes, until a signal ends it.

mod observer;
mod report;
mod status;
mod undone;

use std::pin::pin;
use std::sync::Arc;

use anyhow::Context;
use s3mirror::MirrorBuilder;
use s3mirror::watch::{Cycle, Outcome, Watch, Work};
use tokio::signal::unix::{SignalKind, signal};

use super::manner::{Jobs, Manner, Mode};
use super::sync;
use crate::metrics::MetricsFile;
use crate::options::{PriceArgs, WatchArgs};
use crate::output::view::View;
use crate::progress::{Events, Progress};
use crate::service::Service;
use crate::signals::Stop;
use crate::{Console, Exit, hints};
use observer::CycleObserver;
use report::Teller;
use status::Status;

pub(super) async fn run(args: &WatchArgs, console: &mut Console) -> anyhow::Result<Exit> {
    let Some(options) = console.ok_or_report(args.mirror_options()) else {
        return Ok(Exit::Usage);
    };
    if !args.safety.consent.guards.yes {
        console.error("refused: a watch overwrites and deletes without asking; confirm with --yes");
        return Ok(Exit::Refused);
    }
    let stop = Stop::listen().context("cannot listen for signals")?;
    let mut asked = signal(SignalKind::user_defined1()).context("cannot listen for signals")?;
    let metrics = args.metrics.metrics_file.as_deref();
    let metrics = metrics.map(|path| MetricsFile::look(path, Some(&args.places.dir)));
    let metrics = metrics.transpose()?;
    let mut status = Status::new(args)?;
    let watch = Watch::start(options, args.watch_options()).map_err(hints::explained)?;
    let mut watch = watch.stop_on(stop.asked());
    let mut service = Service::find();
    let mut stopped = pin!(stop.asked());
    let mut has_compared = false;
    let mut teller = Teller::new(args);
    service.status("looking at all directories");
    status.save(console);
    let exit = loop {
        let work = tokio::select! {
            biased;
            () = &mut stopped => break Ok(stop.exit().unwrap_or(Exit::Done)),
            _ = asked.recv() => {
                console.streams().note_at_once(status.text(&watch.state()));
                continue;
            }
            () = service.live() => continue,
            work = watch.next() => work,
        };
        if status.cycles() == 0 {
            service.ready();
        }
        status.begin(&watch.state());
        service.status(&status.text(&watch.state()));
        status.save(console);
        let cycle = cycle(&mut watch, work, args, &mut service, console).await;
        if !has_compared
            && cycle.outcome.is_hopeless()
            && let Outcome::Failed(error) = cycle.outcome
        {
            break Err(hints::explained(error));
        }
        let (state, undone) = (watch.state(), watch.undone());
        let line = teller.line(&cycle, &state);
        teller.tell(&cycle, &state, &undone, &line, console);
        status.end(&cycle, line, teller.errors(&cycle, &undone), &state);
        service.status(&status.text(&watch.state()));
        status.save(console);
        let report = metrics.as_ref().map(|file| file.write(&status.report()));
        if let Some(Err(error)) = report {
            console.warning(format_args!("{error:#}"));
        }
        has_compared |= cycle.outcome.has_compared();
    };
    service.stopping();
    status.stop(&watch.state());
    status.save(console);
    exit
}

/// Runs a cycle, while the watchdog is told that this process is alive.
async fn cycle(
    watch: &mut Watch,
    work: Work,
    args: &WatchArgs,
    service: &mut Service,
    console: &Console,
) -> Cycle {
    let price = PriceArgs::default();
    let manner = Manner {
        mode: Mode::Act,
        view: View::List,
        price: &price,
        yes: true,
        jobs: Jobs {
            file: args.config.as_deref(),
            profile: args.server.profile.as_deref(),
        },
    };
    let mut progress = None;
    let open = |builder: MirrorBuilder| {
        let watched = Progress::begin(builder.progress(), console, Events::Wanted);
        let builder = match watched.map(Arc::new) {
            Ok(watched) => {
                progress = Some(Arc::clone(&watched));
                builder.observer(Arc::new(CycleObserver(watched)))
            }
            // Progress is shown by a thread; without one the work is done all the same.
            Err(_) => builder,
        };
        sync::open(builder, &manner)
    };
    let cycle = {
        let mut running = pin!(watch.run(work, open));
        tokio::select! {
            cycle = &mut running => cycle,
            () = service.live() => running.await,
        }
    };
    if let Some(progress) = progress {
        progress.end();
    }
    cycle
}
