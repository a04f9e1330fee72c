//! From the socket to the service and back: the log, the clock and the faults
//! are applied here, to every request alike.

use std::{convert::Infallible, io, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use http::{Request, Response, header};
use hyper::{
    body::{Body as _, Incoming},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use s3s::{
    Body,
    config::{S3Config, StaticConfigProvider},
    service::{S3Service, S3ServiceBuilder},
};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::{
    access::{Gate, Keys},
    action::Action,
    answer::{as_written, complete, edit, instead},
    faults::{FailKeys, Faults},
    intake::{Intake, RawBody},
    log::{Log, Record},
    outlet::{Broken, Outlet},
    route::Target,
    service::Service,
    state::State,
    wire::{Control, Wire},
};

/// Connections that may wait to be accepted; clients open many at once.
const BACKLOG: u32 = 4096;

/// All that a request needs.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) state: Arc<State>,
    pub(crate) faults: Faults,
    pub(crate) log: Arc<Log>,
    s3: S3Service,
}

impl Server {
    pub(crate) fn new(state: Arc<State>, log: Log) -> Self {
        let mut config = S3Config::default();
        // Our own check replaces that of s3s, which knows the system's clock
        // only. It has no switch, but a limit of 136 years.
        config.presigned_url_max_skew_time_secs = u32::MAX;
        let mut builder = S3ServiceBuilder::new(Service(Arc::clone(&state)));
        builder.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config))));
        builder.set_auth(Keys);
        builder.set_access(Gate(Arc::clone(&state)));
        Self {
            state,
            faults: Faults::default(),
            log: Arc::new(log),
            s3: builder.build(),
        }
    }

    /// Accepts connections for ever.
    pub(crate) async fn serve(self: Arc<Self>, listener: TcpListener) -> Infallible {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => drop(tokio::spawn(Arc::clone(&self).connection(stream))),
                // Out of file descriptors, most likely: some will come back.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    }

    async fn connection(self: Arc<Self>, stream: TcpStream) {
        // Only latency is lost without it.
        let _ = stream.set_nodelay(true);
        let (wire, control) = Wire::new(stream);
        // Boxed, or else the compiler cannot tell that the future is `Send`.
        let service = service_fn(|request| -> BoxFuture<'static, _> {
            Box::pin(Arc::clone(&self).request(request, control.clone()))
        });
        // How a connection ends is the client's affair.
        let _ = Builder::new(TokioExecutor::new())
            .http1_only()
            .serve_connection(TokioIo::new(wire), service)
            .await;
    }

    async fn request(
        self: Arc<Self>,
        request: Request<Incoming>,
        control: Control,
    ) -> Result<Response<Outlet>, Broken> {
        let target = Target::of(&request);
        if request.headers().contains_key(header::EXPECT) && request.body().is_end_stream() {
            control.encourage();
        }
        let actions = self.faults.strike(&target);
        let mut record = self.log.begin(&request, &target);
        record.entry.faults = actions.iter().map(Action::name).collect();
        self.before(&actions).await;

        let result = self.perform(request, &target, &actions, &record).await;
        let answer = result.inspect_err(|_| control.reset())?;
        Ok(self.finish(answer, record, &actions))
    }

    /// What happens before the request is looked at.
    async fn before(&self, actions: &[Action]) {
        if !self.state.config.latency.is_zero() {
            tokio::time::sleep(self.state.config.latency).await;
        }
        for action in actions {
            match action {
                Action::Stall(time) => tokio::time::sleep(*time).await,
                Action::Run(run) => run(&self.state),
                _ => {}
            }
        }
    }

    /// An error here resets the connection.
    async fn perform(
        &self,
        request: Request<Incoming>,
        target: &Target,
        actions: &[Action],
        record: &Record,
    ) -> Result<Response<Body>, Broken> {
        if actions.iter().any(|action| matches!(action, Action::Reset)) {
            return Err(Broken::new("reset by an injected fault"));
        }
        // Only this operation needs its body as it was sent.
        let raw = (target.operation == "DeleteObjects").then(RawBody::default);
        // A client that waits for "100 Continue" has not sent its body, and
        // reading it would ask for it.
        let waits = request.headers().contains_key(header::EXPECT);
        let (mut parts, body) = request.into_parts();
        let body = Intake::new(body, Arc::clone(&record.received), actions, raw.clone());
        if let Some(raw) = raw {
            parts.extensions.insert(raw);
        }
        parts.extensions.insert(FailKeys::of(actions));

        let answer = match instead(actions) {
            Some(answer) => answer,
            None => {
                let request = Request::from_parts(parts, Body::http_body(body.clone()));
                as_written(self.s3.call(request).await.map_err(Broken::new)?)
            }
        };
        if !waits {
            body.drain().await;
        }
        if actions
            .iter()
            .any(|action| matches!(action, Action::LoseAnswer))
        {
            return Err(Broken::new("its answer is lost by an injected fault"));
        }
        Ok(edit(answer, actions).await)
    }

    fn finish(
        &self,
        answer: Response<Body>,
        mut record: Record,
        actions: &[Action],
    ) -> Response<Outlet> {
        let (mut parts, body) = answer.into_parts();
        complete(&mut parts.headers, &self.state, record.entry.id);
        record.answered(parts.status.as_u16());
        Response::from_parts(parts, Outlet::new(body, record, actions))
    }
}

/// Listens on loopback.
pub(crate) fn listen(port: u16) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    // A server that is started again on its port need not wait a minute.
    socket.set_reuseaddr(true)?;
    socket.bind(([127, 0, 0, 1], port).into())?;
    socket.listen(BACKLOG)
}
