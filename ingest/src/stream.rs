//! A client's byte stream that does not wait for ever: it fails when the client is silent where it should speak.
//!
//! hyper has one timeout for the head of a request, which also ends a connection that rests between two requests. Here
//! the two differ: a head must come quickly, but a proxy may keep a connection for its next request.

use crate::Settings;
use crate::alarm::Alarm;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

/// What a connection is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Phase {
    /// The first byte of its first request.
    New,
    /// The rest of a request head.
    Head,
    /// Us: the request is being answered.
    Answer,
    /// The first byte of a further request.
    Idle,
}

/// The phase of a connection, shared by its stream and whoever answers its requests.
#[derive(Clone, Debug)]
pub(crate) struct Progress(Arc<AtomicU8>);

impl Progress {
    pub fn new() -> Self {
        Self(Arc::new(AtomicU8::new(Phase::New as u8)))
    }

    /// Enters a phase.
    pub fn enter(&self, phase: Phase) {
        self.0.store(phase as u8, Ordering::Relaxed);
    }

    /// Is nothing of a request there yet?
    fn is_at_rest(&self) -> bool {
        matches!(self.phase(), Phase::New | Phase::Idle)
    }

    fn phase(&self) -> Phase {
        const PHASES: [Phase; 4] = [Phase::New, Phase::Head, Phase::Answer, Phase::Idle];
        PHASES[usize::from(self.0.load(Ordering::Relaxed)) % PHASES.len()]
    }
}

/// The stream.
pub(crate) struct Stream {
    tcp: TcpStream,
    progress: Progress,
    header_timeout: Duration,
    idle_timeout: Duration,
    /// What is being waited for, and until when.
    waiting: Option<(Waiting, Instant)>,
    alarm: Alarm,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    ToRead(Phase),
    ToWrite,
}

impl Stream {
    pub fn new(tcp: TcpStream, progress: Progress, settings: &Settings) -> Self {
        let Settings { header_timeout, idle_timeout, .. } = *settings;
        Self { tcp, progress, header_timeout, idle_timeout, waiting: None, alarm: Alarm::default() }
    }

    /// Nothing could be done: fails once that has lasted too long.
    fn poll_wait(&mut self, cx: &mut Context<'_>, waiting: Waiting) -> Poll<io::Error> {
        let timeout = match waiting {
            // A body has a timeout of its own, and our own work is not the client's fault.
            Waiting::ToRead(Phase::Answer) => return Poll::Pending,
            Waiting::ToRead(Phase::Idle) => self.idle_timeout,
            Waiting::ToRead(Phase::New | Phase::Head) | Waiting::ToWrite => self.header_timeout,
        };
        let now = Instant::now();
        let until = match self.waiting {
            Some((same, until)) if same == waiting => until,
            _ => {
                let until = now + timeout;
                self.waiting = Some((waiting, until));
                until
            }
        };
        self.alarm.poll(cx, now, until).map(|()| io::ErrorKind::TimedOut.into())
    }

    fn wrote<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_pending() {
            return self.poll_wait(cx, Waiting::ToWrite).map(Err);
        }
        self.waiting.take_if(|(waiting, _)| *waiting == Waiting::ToWrite);
        written
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let filled = buffer.filled().len();
        let read = Pin::new(&mut this.tcp).poll_read(cx, buffer);
        if read.is_pending() {
            let phase = this.progress.phase();
            return this.poll_wait(cx, Waiting::ToRead(phase)).map(Err);
        }
        if buffer.filled().len() > filled && this.progress.is_at_rest() {
            this.progress.enter(Phase::Head);
            this.waiting = None;
        }
        read
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.tcp).poll_write(cx, bytes);
        this.wrote(cx, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.tcp).poll_write_vectored(cx, slices);
        this.wrote(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_shutdown(cx)
    }
}
