//! From the socket to the answer and back.

use std::{cell::RefCell, convert::Infallible, rc::Rc, time::Duration};

use http::{HeaderValue, Request, Response, header};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

use super::{answer, reply::Reply, state::State};

/// Read at most so much at once. Small reads would be what a large upload is
/// slowed down by; larger ones fall out of the processor's cache.
const READ_BUFFER: usize = 256 * 1024;

pub(super) struct Server {
    state: RefCell<State>,
    latency: Duration,
}

impl Server {
    pub(super) fn new(state: State, latency: Duration) -> Self {
        Self {
            state: RefCell::new(state),
            latency,
        }
    }

    /// Accepts connections for ever.
    pub(super) async fn accept(self: Rc<Self>, listener: TcpListener, tls: Option<TlsAcceptor>) {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                // Out of file descriptors, most likely: some will come back.
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            };
            // Only latency is lost without it.
            let _ = stream.set_nodelay(true);
            self.state.borrow_mut().tally.connections += 1;
            let (server, tls) = (Rc::clone(&self), tls.clone());
            tokio::task::spawn_local(async move {
                match tls {
                    None => server.connection(stream).await,
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            server.connection(stream).await;
                        }
                    }
                }
            });
        }
    }

    async fn connection(self: Rc<Self>, stream: impl AsyncRead + AsyncWrite + Unpin) {
        let service = service_fn(|request| Rc::clone(&self).request(request));
        // How a connection ends is the client's affair.
        let _ = http1::Builder::new()
            .max_buf_size(READ_BUFFER)
            .serve_connection(TokioIo::new(stream), service)
            .await;
    }

    async fn request(
        self: Rc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Reply>, Infallible> {
        let mut response = answer::answer(&self.state, request).await;
        // It stands for AWS, and cuts the times of objects to the second as AWS does.
        let name = HeaderValue::from_static("AmazonS3");
        response.headers_mut().insert(header::SERVER, name);
        if response.status().is_client_error() || response.status().is_server_error() {
            self.state.borrow_mut().tally.refused += 1;
        }
        if !self.latency.is_zero() {
            tokio::time::sleep(self.latency).await;
        }
        Ok(response)
    }

    /// What was asked for so far, and what the bucket holds.
    pub(super) fn report(&self) -> String {
        let state = self.state.borrow();
        let objects = state.objects.len();
        format!("{}objects {objects}\n", state.tally)
    }
}
