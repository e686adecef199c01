//! A connection whose first bytes have a deadline: what opens one and says nothing keeps no place.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// The bytes of an HTTP/2 preface.
pub const PREFACE_BYTES: usize = 24;

/// Ends with an error when it has not read so many bytes in time.
pub struct Prompt<S> {
    inner: S,
    first: Option<(Pin<Box<Sleep>>, usize)>,
}

impl<S> Prompt<S> {
    /// The deadline begins now.
    pub fn new(inner: S, within: Duration, bytes: usize) -> Self {
        Self {
            inner,
            first: Some((Box::pin(sleep(within)), bytes)),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Prompt<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some((late, _)) = &mut self.first
            && late.as_mut().poll(context).is_ready()
        {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(context, buffer);
        if let Some((_, missing)) = &mut self.first {
            *missing = missing.saturating_sub(buffer.filled().len() - before);
            if *missing == 0 {
                self.first = None;
            }
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Prompt<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
