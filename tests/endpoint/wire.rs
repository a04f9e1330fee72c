//! A TCP connection that does two things which hyper cannot: end with a reset,
//! and send "100 Continue" to a client that has nothing to continue with.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// A connection.
pub(crate) struct Wire {
    stream: TcpStream,
    control: Control,
    /// What goes out before anything else.
    pending: &'static [u8],
}

/// Steers a connection while hyper has it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Control(Arc<Switches>);

#[derive(Debug, Default)]
struct Switches {
    reset: AtomicBool,
    encourage: AtomicBool,
}

impl Control {
    /// The connection will end with RST rather than FIN.
    pub(crate) fn reset(&self) {
        self.0.reset.store(true, Ordering::Relaxed);
    }

    /// "100 Continue" will go before the next answer. hyper sends it by itself
    /// unless the body is empty; S3 always does, and botocore's connection is
    /// out of step for the next request without it.
    pub(crate) fn encourage(&self) {
        self.0.encourage.store(true, Ordering::Relaxed);
    }

    fn is_reset(&self) -> bool {
        self.0.reset.load(Ordering::Relaxed)
    }
}

impl Wire {
    pub(crate) fn new(stream: TcpStream) -> (Self, Control) {
        let control = Control::default();
        (
            Self {
                stream,
                control: control.clone(),
                pending: &[],
            },
            control,
        )
    }

    fn poll_pending(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.control.0.encourage.swap(false, Ordering::Relaxed) {
            self.pending = CONTINUE;
        }
        while !self.pending.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, self.pending))?;
            self.pending = &self.pending[written..];
        }
        Poll::Ready(Ok(()))
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.control.is_reset() {
            // Without it the connection is closed all the same.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_pending(cx))?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.control.is_reset() {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_pending(cx))?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
