//! Reads a request body, no larger and no slower than allowed.

use crate::alarm::Alarm;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use std::pin::pin;
use tokio::time::Instant;

/// A body over the limit is read on and thrown away up to this many times the limit, so that the refusal reaches
/// clients that listen only after they have sent everything.
const SPILL: u64 = 16;

/// Why there is no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It has more bytes than allowed.
    TooLarge,
    /// It did not arrive in time.
    TooSlow,
    /// The client broke off, or sent no proper HTTP.
    Broken,
}

/// The whole body. A body that came in one piece, as LINE's do, is not copied.
pub(crate) async fn read(body: Incoming, bytes_max: usize, until: Instant, alarm: &Alarm) -> Result<Bytes, Refused> {
    let collected = pin!(collect(body, bytes_max));
    alarm.limit(until, collected).await.unwrap_or(Err(Refused::TooSlow))
}

async fn collect(mut body: Incoming, bytes_max: usize) -> Result<Bytes, Refused> {
    let (kept_max, read_max) = (bytes_max as u64, bytes_max as u64 * SPILL);
    if body.size_hint().lower() > read_max {
        return Err(Refused::TooLarge);
    }
    let (mut first, mut rest) = (Bytes::new(), BytesMut::new());
    let mut read: u64 = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Refused::Broken)?.into_data() else { continue };
        read += data.len() as u64;
        if read > read_max {
            break;
        }
        if read > kept_max {
            (first, rest) = Default::default();
        } else if first.is_empty() {
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
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}
