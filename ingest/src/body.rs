//! Reads a request body, no larger and no slower than allowed.

use crate::alarm::Alarm;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Body;
use std::pin::pin;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// A body over the limit is read on and thrown away up to this many times the limit, so that the refusal reaches
/// clients that listen only after they have sent everything.
const SPILL: u64 = 16;

/// A body of at most so many bytes takes no room: what all of them take, the number of connections bounds.
const SMALL: u64 = 16 * 1024;

/// Why there is no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It has more bytes than allowed.
    TooLarge,
    /// It did not arrive in time.
    TooSlow,
    /// Other bodies had all the room until its time was over.
    NoRoom,
    /// The client broke off, or sent no proper HTTP.
    Broken,
}

/// A body, with what it has of the room for bodies that nobody has verified yet.
pub(crate) type Whole<'r> = (Bytes, Option<SemaphorePermit<'r>>);

/// The whole body. A body that came in one piece, as LINE's do, is not copied.
///
/// `room` has a permit for each byte.
pub(crate) async fn read<'r>(
    body: impl Body<Data = Bytes> + Unpin,
    bytes_max: usize,
    room: &'r Semaphore,
    until: Instant,
    alarm: &Alarm,
) -> Result<Whole<'r>, Refused> {
    let collected = pin!(collect(body, bytes_max, room, until, alarm));
    alarm.limit(until, collected).await.unwrap_or(Err(Refused::TooSlow))
}

async fn collect<'r>(
    mut body: impl Body<Data = Bytes> + Unpin,
    bytes_max: usize,
    room: &'r Semaphore,
    until: Instant,
    alarm: &Alarm,
) -> Result<Whole<'r>, Refused> {
    let (kept_max, read_max) = (bytes_max as u64, bytes_max as u64 * SPILL);
    let announced = body.size_hint();
    if announced.lower() > read_max {
        return Err(Refused::TooLarge);
    }
    let (mut first, mut rest, mut taken) = (Bytes::new(), BytesMut::new(), None);
    let mut read: u64 = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Refused::Broken)?.into_data() else { continue };
        read += data.len() as u64;
        if read > read_max {
            break;
        }
        if read.max(announced.lower()) > kept_max {
            (first, rest, taken) = Default::default();
            continue;
        }
        if read > SMALL && taken.is_none() {
            let whole = announced.upper().unwrap_or(kept_max).min(kept_max) as u32;
            // In memory of its own, because it is seldom needed. It is not asked for bit by bit: bodies that each wait for the
            // rest of their room would all wait for ever.
            let mut turn = Box::pin(room.acquire_many(whole));
            let turn = alarm.limit(until, turn.as_mut()).await.ok_or(Refused::NoRoom)?;
            taken = Some(turn.expect("it is never closed"));
            rest.reserve(whole as usize);
        }
        if first.is_empty() {
            first = data;
        } else {
            if rest.is_empty() {
                rest.extend_from_slice(&first);
            }
            rest.extend_from_slice(&data);
        }
    }
    if read > kept_max {
        return Err(Refused::TooLarge);
    }
    Ok((if rest.is_empty() { first } else { rest.freeze() }, taken))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use http_body_util::Full;
    use hyper::body::Frame;
    use std::convert::Infallible;
    use std::future::poll_fn;
    use std::pin::Pin;
    use std::task::{Context, Poll};
    use std::time::Duration;
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

    const MAX: usize = 1024 * 1024;
    const LARGE: usize = SMALL as usize + 1;
    const IN_TIME: Duration = Duration::from_secs(5);

    /// A body that does not say how long it will be.
    struct Chunked(UnboundedReceiver<Bytes>);

    impl Body for Chunked {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            self.0.poll_recv(cx).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
        }
    }

    fn bytes(count: usize) -> Bytes {
        vec![b'x'; count].into()
    }

    /// Reads a body, and gives what has come of it and what of the room is left then.
    async fn read_in(room: &Semaphore, body: impl Body<Data = Bytes> + Unpin) -> (Result<usize, Refused>, usize) {
        let whole = read(body, MAX, room, Instant::now() + IN_TIME, &Alarm::default()).await;
        (whole.as_ref().map(|(body, _)| body.len()).map_err(|refused| *refused), room.available_permits())
    }

    async fn still_waits(mut reading: Pin<&mut impl Future>) -> bool {
        poll_fn(|cx| Poll::Ready(reading.as_mut().poll(cx).is_pending())).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_large_body_has_room_while_somebody_needs_it_and_a_small_one_takes_none() {
        let room = Semaphore::new(MAX);
        assert_eq!(read_in(&room, Full::new(bytes(LARGE - 1))).await, (Ok(LARGE - 1), MAX));
        assert_eq!(read_in(&room, Full::new(bytes(LARGE))).await, (Ok(LARGE), MAX - LARGE));
        assert_eq!(room.available_permits(), MAX, "it is given back");
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_of_unknown_length_takes_room_for_the_longest_one_once_it_is_large() {
        let room = Semaphore::new(MAX);
        for (pieces, left) in [([1, LARGE - 2], MAX), ([LARGE - 1, 1], 0)] {
            let (send, body) = unbounded_channel();
            pieces.iter().for_each(|piece| send.send(bytes(*piece)).unwrap());
            drop(send);
            assert_eq!(read_in(&room, Chunked(body)).await, (Ok(pieces.iter().sum()), left));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_large_body_waits_for_room_until_its_time_is_over() {
        let room = Semaphore::new(MAX);
        let others = room.acquire_many(MAX as u32).await.unwrap();
        assert_eq!(read_in(&room, Full::new(bytes(LARGE))).await, (Err(Refused::NoRoom), 0));
        assert_eq!(read_in(&room, Full::new(bytes(LARGE - 1))).await.0, Ok(LARGE - 1), "a small one needs none");

        let mut waiting = pin!(read_in(&room, Full::new(bytes(LARGE))));
        assert!(still_waits(waiting.as_mut()).await);
        drop(others);
        assert_eq!(waiting.await, (Ok(LARGE), MAX - LARGE));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_is_too_large_gives_its_room_back_before_it_ends() {
        let room = Semaphore::new(MAX);
        let (send, body) = unbounded_channel();
        let mut reading = pin!(read_in(&room, Chunked(body)));
        for (piece, left) in [(LARGE, 0), (MAX, MAX)] {
            send.send(bytes(piece)).unwrap();
            assert!(still_waits(reading.as_mut()).await);
            assert_eq!(room.available_permits(), left);
        }
        drop(send);
        assert_eq!(reading.await.0, Err(Refused::TooLarge));
    }
}
