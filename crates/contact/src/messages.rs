//! The newest inbound messages of one friend, with what was edited or taken back.
//!
//! Any message may be taken back later, and the notice may come before the message. To give the same answer in any order,
//! the newest [`REMEMBERED`] messages are kept whether or not they were taken back, and a notice is kept until every
//! remembered message is newer than it: then its message cannot come back into the window.

use crate::{MessageId, Moment};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Messages remembered per friend. Someone who takes back this many of the newest messages in a row is shown with no last
/// response at all, rather than with an older one.
pub const REMEMBERED: usize = 8;

/// The window of newest messages.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Messages {
    /// Ascending by moment and message ID, without duplicates, at most [`REMEMBERED`].
    newest: VecDeque<Message>,
    /// Ascending by message ID.
    notices: Vec<Notice>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Message {
    at: Moment,
    id: MessageId,
    /// Empty once taken back: nothing of an unsent message is kept.
    text: Box<str>,
}

/// What became of one message, known or still to come.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Notice {
    message: MessageId,
    unsent: Option<Moment>,
    edited: Option<Edit>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Edit {
    at: Moment,
    text: Box<str>,
}

impl Messages {
    /// A message was received.
    pub fn receive(&mut self, at: Moment, id: MessageId, text: Box<str>) {
        if self.is_before_window(at, &id) {
            return;
        }
        let text = if self.takes_back(&id, at) { Box::default() } else { text };
        match self.search(at, &id) {
            Ok(known) => {
                let known = &mut self.newest[known];
                if known.text < text {
                    known.text = text;
                }
            }
            Err(mut place) => {
                if self.newest.len() == REMEMBERED {
                    self.newest.pop_front();
                    place = place.saturating_sub(1);
                }
                self.newest.insert(place, Message { at, id, text });
                self.forget_settled_notices();
            }
        }
    }

    /// A message was taken back.
    pub fn unsend(&mut self, at: Moment, id: &MessageId) {
        self.note(at, id, |notice| {
            notice.unsent = notice.unsent.max(Some(at));
            if let Some(edit) = notice.edited.as_mut().filter(|edit| Some(edit.at) <= notice.unsent) {
                edit.text = "".into();
            }
        });
        for message in self.newest.iter_mut().filter(|message| message.id == *id && message.at.time_ms <= at.time_ms) {
            message.text = "".into();
        }
    }

    /// A message got a new text; of several edits the newest holds.
    pub fn edit(&mut self, at: Moment, id: MessageId, text: Box<str>) {
        self.note(at, &id, |notice| {
            let text = if Some(at) <= notice.unsent { Box::default() } else { text };
            notice.edited = notice.edited.take().max(Some(Edit { at, text }));
        });
    }

    /// The newest message that was not taken back: when it was sent, and its text as it reads now.
    pub fn newest(&self) -> Option<(Moment, &str)> {
        let message = self.newest.iter().rev().find(|message| !self.takes_back(&message.id, message.at))?;
        let edit = self.notice(&message.id).and_then(|notice| notice.edited.as_ref());
        let edit = edit.filter(|edit| edit.at.time_ms >= message.at.time_ms);
        Some((message.at, edit.map_or(&*message.text, |edit| &*edit.text)))
    }

    /// Bytes of memory that they own, about.
    pub fn weight(&self) -> usize {
        let texts = self.newest.iter().map(|message| &message.text);
        let edits = self.notices.iter().filter_map(|notice| notice.edited.as_ref()).map(|edit| &edit.text);
        let texts = texts.chain(edits).map(|text| text.len()).fold(0, usize::saturating_add);
        texts
            .saturating_add(self.newest.len().saturating_mul(size_of::<Message>()))
            .saturating_add(size_of_val(&*self.notices))
    }

    /// See [`crate::User::touch`].
    pub fn touch(&self) -> usize {
        let firsts = self.newest.iter().filter_map(|message| message.text.as_bytes().first());
        firsts.map(|byte| usize::from(*byte)).sum()
    }

    /// Where the message is, or where it belongs: nearly always at the end, for which no other one is looked at.
    fn search(&self, at: Moment, id: &MessageId) -> Result<usize, usize> {
        let order = |known: &Message| (known.at, &known.id).cmp(&(at, id));
        match self.newest.back() {
            Some(last) if order(last).is_ge() => self.newest.binary_search_by(order),
            _ => Err(self.newest.len()),
        }
    }

    fn is_before_window(&self, at: Moment, id: &MessageId) -> bool {
        self.newest.len() == REMEMBERED && (at, id) < (self.newest[0].at, &self.newest[0].id)
    }

    fn notice(&self, id: &MessageId) -> Option<&Notice> {
        let place = self.notices.binary_search_by(|notice| notice.message.cmp(id)).ok()?;
        Some(&self.notices[place])
    }

    fn takes_back(&self, id: &MessageId, sent: Moment) -> bool {
        let unsent = self.notice(id).and_then(|notice| notice.unsent);
        unsent.is_some_and(|unsent| unsent.time_ms >= sent.time_ms)
    }

    fn note(&mut self, at: Moment, id: &MessageId, change: impl FnOnce(&mut Notice)) {
        if self.is_settled(at) {
            return;
        }
        let place = match self.notices.binary_search_by(|notice| notice.message.cmp(id)) {
            Ok(place) => place,
            Err(place) => {
                self.notices.insert(place, Notice { message: id.clone(), unsent: None, edited: None });
                place
            }
        };
        change(&mut self.notices[place]);
    }

    /// A notice from before the whole window speaks of a message that is out of it for good.
    fn is_settled(&self, at: Moment) -> bool {
        self.newest.len() == REMEMBERED && at.time_ms < self.newest[0].at.time_ms
    }

    fn forget_settled_notices(&mut self) {
        if self.newest.len() < REMEMBERED {
            return;
        }
        let oldest_ms = self.newest[0].at.time_ms;
        self.notices.retain_mut(|notice| {
            notice.unsent = notice.unsent.filter(|at| at.time_ms >= oldest_ms);
            notice.edited = notice.edited.take().filter(|edit| edit.at.time_ms >= oldest_ms);
            notice.unsent.is_some() || notice.edited.is_some()
        });
    }
}

/// Prints no text.
impl std::fmt::Debug for Messages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Messages({} remembered, {} notices)", self.newest.len(), self.notices.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EventId;

    fn at(time_ms: i64) -> Moment {
        Moment { time_ms, id: EventId(0) }
    }

    #[test]
    fn what_can_no_longer_matter_is_forgotten() {
        let mut messages = Messages::default();
        for time_ms in 0..1_000 {
            let id = MessageId::from(&*time_ms.to_string());
            messages.receive(at(time_ms), id.clone(), "text".into());
            messages.edit(at(time_ms), id.clone(), "edited".into());
            messages.unsend(at(time_ms), &id);
            messages.unsend(at(0), &"long ago".into());
            assert!(messages.newest.len() <= REMEMBERED);
            assert!(messages.notices.len() <= REMEMBERED + 1);
        }
    }

    #[test]
    fn debug_output_holds_no_text() {
        let mut messages = Messages::default();
        messages.receive(at(1), "a".into(), "secret".into());
        messages.edit(at(2), "b".into(), "secret".into());
        assert_eq!(format!("{messages:?}"), "Messages(1 remembered, 1 notices)");
    }
}
