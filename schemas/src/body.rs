//! The body of the one record that a rebuild reads by the million, and that each webhook writes, without the general codec.
//!
//! It knows one released version of one schema by heart, takes and refuses the same bytes as the general decoder does, gives
//! the same record, and writes the same bytes: laws of the codec's tests say so.

use crate::catalog::Kind;
use crate::record::LineEvent;
use std::borrow::Cow;

/// The version of `LineEvent` that is read and written here, as a place among the released ones.
pub(crate) const LINE_EVENT_VERSION: usize = 0;

const _: () =
    assert!(Kind::LineEvent.versions().len() == LINE_EVENT_VERSION + 1, "the newest version is what is written");

/// Reads the body of a `LineEvent` of version 1. `None` if these bytes are not one, or more than one.
pub(crate) fn line_event(bytes: &[u8]) -> Option<LineEvent<'_>> {
    let mut body = Body(bytes);
    let event = LineEvent {
        connection: u32::try_from(body.long()?).ok()?,
        webhook_event_id: Cow::Borrowed(body.string()?),
        event_type: Cow::Borrowed(body.string()?),
        user_id: match body.long()? {
            0 => None,
            1 => Some(Cow::Borrowed(body.string()?)),
            _ => return None,
        },
        occurred_at_ms: body.long()?,
        received_at_ms: body.long()?,
        redelivery: body.boolean()?,
        raw: Cow::Borrowed(body.bytes()?),
    };
    body.0.is_empty().then_some(event)
}

/// Writes the body of a `LineEvent` of version 1.
pub(crate) fn write_line_event(event: &LineEvent<'_>, to: &mut Vec<u8>) {
    write_long(to, event.connection.into());
    write_bytes(to, event.webhook_event_id.as_bytes());
    write_bytes(to, event.event_type.as_bytes());
    match &event.user_id {
        None => write_long(to, 0),
        Some(user) => {
            write_long(to, 1);
            write_bytes(to, user.as_bytes());
        }
    }
    write_long(to, event.occurred_at_ms);
    write_long(to, event.received_at_ms);
    to.push(event.redelivery.into());
    write_bytes(to, &event.raw);
}

/// Writes a number as [`Body::long`] reads it.
fn write_long(to: &mut Vec<u8>, number: i64) {
    let mut bits = ((number << 1) ^ (number >> 63)).cast_unsigned();
    while bits >= 0x80 {
        to.push(bits.to_le_bytes()[0] | 0x80);
        bits >>= 7;
    }
    to.push(bits.to_le_bytes()[0]);
}

fn write_bytes(to: &mut Vec<u8>, bytes: &[u8]) {
    write_long(to, i64::try_from(bytes.len()).expect("no memory holds more"));
    to.extend_from_slice(bytes);
}

/// What of a body is still to be read.
struct Body<'a>(&'a [u8]);

impl<'a> Body<'a> {
    /// A number in zigzag form, seven bits a byte, the lowest first; ten bytes at the most.
    #[inline]
    fn long(&mut self) -> Option<i64> {
        let mut bits = 0;
        for (place, byte) in self.0.iter().take(10).enumerate() {
            bits |= u64::from(byte & 0x7F) << (7 * place);
            if *byte < 0x80 {
                // Of the tenth byte only one bit has a place in the number.
                if place == 9 && *byte > 1 {
                    return None;
                }
                self.0 = &self.0[place + 1..];
                return Some((bits >> 1).cast_signed() ^ -(bits & 1).cast_signed());
            }
        }
        None
    }

    #[inline]
    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.long()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    #[inline]
    fn string(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    #[inline]
    fn boolean(&mut self) -> Option<bool> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        match byte {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}
