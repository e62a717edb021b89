//! The quick way through a body: one look at each byte both makes sure that it is JSON and finds what counts.
//!
//! It takes bodies as LINE writes them. Whatever it does not understand it leaves to the thorough way of [`super::split`], which
//! decides what is wrong with it, if anything. So all that matters here is to accept nothing that the thorough way would not, and
//! to read the same out of it.

use super::{RawEvent, Webhook};
use crate::marks::Marks;
use crate::object::text;

/// What is nested deeper is left to the thorough way. LINE nests six deep.
const DEPTH_MAX: u32 = 64;

/// Takes a body apart, unless there is something about it.
pub(super) fn split(body: &[u8]) -> Option<Webhook<'_>> {
    simdutf8::basic::from_utf8(body).ok()?;
    let mut walk = Walk { json: body, at: 0, marks: Marks::of(body) };
    let (mut destination, mut events) = (None, None);
    walk.object(|walk, key| {
        match key {
            b"destination" => destination = Some(walk.value()?),
            b"events" if events.is_none() => events = Some(walk.events()?),
            // A second list, or a name that is written with escapes and may be one of these.
            b"events" => return None,
            key if key.contains(&b'\\') => return None,
            _ => drop(walk.value()?),
        }
        Some(())
    })?;
    walk.space();
    (walk.at == body.len()).then_some(Webhook { destination: destination.and_then(text), events: events? })
}

/// The way through a JSON text. Each step passes what it is named after, and nothing that is no JSON.
struct Walk<'a> {
    json: &'a [u8],
    /// Where the next byte is.
    at: usize,
    /// What counts inside a string, from `at` on.
    marks: Marks<'a, true>,
}

impl<'a> Walk<'a> {
    fn events(&mut self) -> Option<Vec<RawEvent<'a>>> {
        let mut events = Vec::new();
        self.opening(b'[')?;
        let mut next = self.first(b']')?;
        while next {
            events.push(self.event()?);
            next = self.further(b']')?;
        }
        Some(events)
    }

    fn event(&mut self) -> Option<RawEvent<'a>> {
        if self.peek()? != b'{' {
            return self.value().map(RawEvent::unreadable);
        }
        let begin = self.at;
        let [mut event_type, mut id, mut timestamp] = [None; 3];
        let [mut user_id, mut redelivery] = [None; 2];
        self.object(|walk, key| {
            match key {
                b"type" => _ = event_type.get_or_insert(walk.value()?),
                b"webhookEventId" => _ = id.get_or_insert(walk.value()?),
                b"timestamp" => _ = timestamp.get_or_insert(walk.value()?),
                b"source" => _ = user_id.get_or_insert(walk.member(b"userId")?),
                b"deliveryContext" => _ = redelivery.get_or_insert(walk.member(b"isRedelivery")?),
                _ => _ = walk.value()?,
            }
            Some(())
        })?;
        let found = [event_type, id, timestamp, user_id.flatten(), redelivery.flatten()];
        Some(RawEvent::of(&self.json[begin..self.at], found))
    }

    /// Any value; gives its member of this name, if it is an object with such a one.
    fn member(&mut self, name: &[u8]) -> Option<Option<&'a [u8]>> {
        if self.peek()? != b'{' {
            return self.value().map(|_| None);
        }
        let mut found = None;
        self.object(|walk, key| {
            let value = walk.value()?;
            if key == name {
                found.get_or_insert(value);
            }
            Some(())
        })?;
        Some(found)
    }

    /// An object: each key goes to `visit`, which passes the value.
    #[inline]
    fn object(&mut self, mut visit: impl FnMut(&mut Self, &'a [u8]) -> Option<()>) -> Option<()> {
        self.opening(b'{')?;
        let mut next = self.first(b'}')?;
        while next {
            let key = self.key()?;
            visit(self, key)?;
            next = self.further(b'}')?;
        }
        Some(())
    }

    /// Any value; gives its text.
    fn value(&mut self) -> Option<&'a [u8]> {
        self.space();
        let begin = self.at;
        match self.peek()? {
            b'{' | b'[' => self.nested()?,
            _ => self.leaf()?,
        }
        self.json.get(begin..self.at)
    }

    /// An object or a list with all that is in it.
    fn nested(&mut self) -> Option<()> {
        // One bit for each object or list around this place, the innermost lowest: is it an object?
        let (mut objects, mut depth) = (0_u64, 0_u32);
        loop {
            // Before a value.
            let (is_object, end) = match self.peek()? {
                b'{' => (true, b'}'),
                b'[' => (false, b']'),
                _ => {
                    self.leaf()?;
                    (objects, depth) = self.after(objects, depth)?;
                    if depth == 0 {
                        return Some(());
                    }
                    continue;
                }
            };
            if depth == DEPTH_MAX {
                return None;
            }
            self.at += 1;
            (objects, depth) = (objects << 1 | u64::from(is_object), depth + 1);
            if self.first(end)? {
                if is_object {
                    self.key()?;
                }
                continue;
            }
            (objects, depth) = self.after(objects >> 1, depth - 1)?;
            if depth == 0 {
                return Some(());
            }
        }
    }

    /// What comes after a value within so many objects and lists: their ends, and what leads to the next value.
    fn after(&mut self, mut objects: u64, mut depth: u32) -> Option<(u64, u32)> {
        while depth > 0 {
            let is_object = objects & 1 == 1;
            if self.further(if is_object { b'}' } else { b']' })? {
                if is_object {
                    self.key()?;
                }
                break;
            }
            (objects, depth) = (objects >> 1, depth - 1);
        }
        Some((objects, depth))
    }

    fn opening(&mut self, mark: u8) -> Option<()> {
        (self.peek()? == mark).then(|| self.at += 1)
    }

    /// Right after an opening: is there something before the end? Passes the end.
    #[inline]
    fn first(&mut self, end: u8) -> Option<bool> {
        let is_end = self.peek()? == end;
        self.at += usize::from(is_end);
        Some(!is_end)
    }

    /// Right after a value: does another one come? Passes the comma or the end.
    #[inline]
    fn further(&mut self, end: u8) -> Option<bool> {
        let mark = self.peek()?;
        self.at += 1;
        if mark == b',' {
            self.space();
            return Some(true);
        }
        (mark == end).then_some(false)
    }

    /// A key and its colon; gives what stands between its quotation marks.
    #[inline]
    fn key(&mut self) -> Option<&'a [u8]> {
        if self.peek()? != b'"' {
            return None;
        }
        let key = self.string()?;
        self.opening(b':')?;
        self.space();
        Some(key)
    }

    /// A string, a number or a word.
    #[inline]
    fn leaf(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' => self.string().map(drop),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            _ => self.number(),
        }
    }

    /// A string whose quotation mark is next.
    #[inline]
    fn string(&mut self) -> Option<&'a [u8]> {
        let begin = self.at + 1;
        // Something that is a mark outside of strings was passed.
        if self.marks.next()? + 1 != begin {
            return None;
        }
        loop {
            let mark = self.marks.next()?;
            match self.json[mark] {
                b'"' => {
                    self.at = mark + 1;
                    return self.json.get(begin..mark);
                }
                b'\\' => self.escape(mark)?,
                _ => return None,
            }
        }
    }

    /// What the backslash at this place begins.
    #[cold]
    fn escape(&mut self, backslash: usize) -> Option<()> {
        let escaped = backslash + 1;
        match self.json.get(escaped)? {
            b'"' | b'\\' => self.marks.skip(escaped),
            b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
            b'u' => {
                let digits = self.json.get(escaped + 1..escaped + 5)?;
                digits.iter().all(u8::is_ascii_hexdigit).then_some(())?;
            }
            _ => return None,
        }
        Some(())
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.json[self.at..].starts_with(word).then(|| self.at += word.len())
    }

    fn number(&mut self) -> Option<()> {
        self.at += usize::from(self.json.get(self.at) == Some(&b'-'));
        match self.json.get(self.at)? {
            b'0' => self.at += 1,
            _ => self.digits()?,
        }
        if self.json.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.json.get(self.at) {
            self.at += 1;
            self.at += usize::from(matches!(self.json.get(self.at), Some(b'+' | b'-')));
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let count = self.json[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        (count > 0).then_some(())
    }

    /// The next byte that is no white space; it stays the next one.
    #[inline]
    fn peek(&mut self) -> Option<u8> {
        self.space();
        self.json.get(self.at).copied()
    }

    /// Passes white space. Where LINE writes the body there is none.
    #[inline(always)]
    fn space(&mut self) {
        if let Some(..=b' ') = self.json.get(self.at) {
            self.some_space();
        }
    }

    #[cold]
    fn some_space(&mut self) {
        while let Some(space @ (b' ' | b'\n' | b'\r' | b'\t')) = self.json.get(self.at) {
            if *space != b' ' {
                self.marks.skip(self.at);
            }
            self.at += 1;
        }
    }
}
