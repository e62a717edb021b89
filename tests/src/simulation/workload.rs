//! What happens between people and the two accounts, as ingest would bring it into the log: in what order it arrives, what
//! comes late, twice, or cannot be used.

use super::clock::BEGIN_MS;
use super::plan::Plan;
use eventlog::{NewRecord, Topic};
use sandbox::dice::Dice;
use schemas::{Codec, LineEvent, SendOutcome, SentMessage};

/// Messages of one person that are taken back, at most: the projector remembers eight.
const UNSENT_MAX: usize = 5;

/// A record on its way into the log.
pub struct Arrival {
    /// When it arrives, milliseconds after the beginning.
    pub after_ms: u64,
    /// The record.
    pub record: NewRecord,
}

/// One person with one account.
#[derive(Default)]
struct Chat {
    /// Message IDs with their times.
    messages: Vec<(String, i64)>,
    unsent: usize,
}

struct Workload {
    plan: Plan,
    dice: Dice,
    codec: Codec,
    users: Vec<String>,
    chats: Vec<Chat>,
    arrivals: Vec<Arrival>,
}

/// The users of a plan, as LINE names them.
pub fn users(plan: &Plan) -> Vec<String> {
    let mut dice = Dice::new(plan.seed, "users");
    (0..plan.users).map(|_| format!("U{}", dice.hex(32))).collect()
}

/// All arrivals of a plan in order of time.
pub fn arrivals(plan: &Plan) -> Vec<Arrival> {
    let users = users(plan);
    let chats = (0..users.len() * 2).map(|_| Chat::default()).collect();
    let dice = Dice::new(plan.seed, "workload");
    let mut workload =
        Workload { plan: plan.clone(), dice, codec: Codec::default(), users, chats, arrivals: Vec::new() };
    while workload.arrivals.len() < plan.events {
        workload.happen();
    }
    let mut arrivals = workload.arrivals;
    arrivals.sort_by_key(|arrival| arrival.after_ms);
    arrivals
}

impl Workload {
    /// Something happens at some time, and arrives a moment later, or hours.
    fn happen(&mut self) {
        let after_ms = self.dice.below(self.plan.span_ms);
        let mut at_ms = BEGIN_MS + i64::try_from(after_ms).unwrap_or(0);
        if self.dice.below(1_000) < self.plan.late {
            at_ms -= 2 * i64::try_from(self.dice.below(3 * 3_600_000)).unwrap_or(0);
        }
        // Even times are those of people, odd ones those of answers: nothing hangs on a tie between the two.
        at_ms -= at_ms.rem_euclid(2);
        let after_ms = after_ms + 20 + self.dice.below(3_000);
        match self.dice.below(100) {
            0 => self.garbage(after_ms),
            1..9 => self.answer(after_ms, at_ms + 1),
            _ => self.event(after_ms, at_ms),
        }
    }

    fn event(&mut self, after_ms: u64, at_ms: i64) {
        let who = usize::try_from(self.dice.below(self.users.len() as u64)).unwrap_or(0);
        let number = if self.dice.below(3) == 0 { 2 } else { 1 };
        let (event_type, at_ms, details) = self.details(who, number, at_ms);
        let source = match self.dice.below(60) {
            0 => format!(r#"{{"type":"group","groupId":"C1","userId":"{}"}}"#, self.users[who]),
            _ => format!(r#"{{"type":"user","userId":"{}"}}"#, self.users[who]),
        };
        let id = self.dice.ulid(at_ms);
        self.append(after_ms, &self.users[who].clone(), number, &id, event_type, at_ms, &source, &details, false);
        if self.dice.below(1_000) < self.plan.duplicated {
            let again_ms = after_ms + self.dice.below(20 * 60_000);
            self.append(again_ms, &self.users[who].clone(), number, &id, event_type, at_ms, &source, &details, true);
        }
    }

    /// The type, the time and the rest of an event's JSON.
    fn details(&mut self, who: usize, number: u32, at_ms: i64) -> (&'static str, i64, String) {
        let message = format!("{}", 1_000 + self.dice.below(1 << 40));
        let text = format!("text {} 😀", self.dice.below(30));
        let chat = &mut self.chats[who * 2 + (number as usize - 1)];
        let known = usize::try_from(self.dice.below(chat.messages.len().max(1) as u64)).unwrap_or(0);
        let old = chat.messages.get(known).cloned();
        let later = |sent_ms: i64, dice: &mut Dice| sent_ms + 2 * i64::try_from(dice.below(600_000)).unwrap_or(0);
        match self.dice.below(100) {
            0..12 => ("follow", at_ms, r#""follow":{"isUnblocked":false}"#.to_owned()),
            12..22 => ("unfollow", at_ms, String::new()),
            22..58 => {
                chat.messages.push((message.clone(), at_ms));
                ("message", at_ms, format!(r#""message":{{"id":"{message}","type":"text","text":"{text}"}}"#))
            }
            58..64 => {
                chat.messages.push((message.clone(), at_ms));
                let details =
                    format!(r#""message":{{"id":"{message}","type":"sticker","packageId":"1","stickerId":"2"}}"#);
                ("message", at_ms, details)
            }
            64..67 => ("message", at_ms, format!(r#""message":{{"id":"{message}","type":"image"}}"#)),
            67..77 => ("postback", at_ms, r#""postback":{"data":"x"}"#.to_owned()),
            77..84 => match old.filter(|_| chat.unsent < UNSENT_MAX) {
                Some((id, sent_ms)) => {
                    chat.unsent += 1;
                    ("unsend", later(sent_ms, &mut self.dice), format!(r#""unsend":{{"messageId":"{id}"}}"#))
                }
                None => ("postback", at_ms, r#""postback":{"data":"y"}"#.to_owned()),
            },
            84..91 => match old {
                Some((id, sent_ms)) => {
                    let details = format!(r#""message":{{"id":"{id}","type":"text","text":"edited {text}"}}"#);
                    ("messageEdited", later(sent_ms, &mut self.dice), details)
                }
                None => ("videoPlayComplete", at_ms, r#""videoPlayComplete":{"trackingId":"t"}"#.to_owned()),
            },
            91..93 => ("accountLink", at_ms, r#""link":{"result":"failed","nonce":"n"}"#.to_owned()),
            93..95 => ("beacon", at_ms, r#""beacon":{"hwid":"h","type":"stay"}"#.to_owned()),
            95..97 => ("beacon", at_ms, r#""beacon":{"hwid":"h","type":"enter"}"#.to_owned()),
            _ => ("inventedLater", at_ms, r#""inventedLater":{"a":[1,2]}"#.to_owned()),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of an event")]
    fn append(
        &mut self,
        after_ms: u64,
        user: &str,
        number: u32,
        id: &str,
        event_type: &str,
        at_ms: i64,
        source: &str,
        details: &str,
        redelivery: bool,
    ) {
        let comma = if details.is_empty() { "" } else { "," };
        let raw = format!(
            r#"{{"type":"{event_type}","mode":"active","timestamp":{at_ms},"source":{source},"webhookEventId":"{id}","deliveryContext":{{"isRedelivery":{redelivery}}}{comma}{details}}}"#
        );
        let event = LineEvent {
            connection: number,
            webhook_event_id: id.into(),
            event_type: event_type.into(),
            user_id: Some(user.into()),
            occurred_at_ms: at_ms,
            received_at_ms: if redelivery { at_ms } else { BEGIN_MS + i64::try_from(after_ms).unwrap_or(0) },
            redelivery,
            raw: raw.as_bytes().into(),
        };
        let value = Some(self.codec.encode(&event));
        let record = NewRecord { topic: Topic::LineEvents, key: schemas::key::line_event(user, number, id), value };
        self.arrivals.push(Arrival { after_ms, record });
    }

    /// Somebody answers, or a bulk send ends.
    fn answer(&mut self, after_ms: u64, at_ms: i64) {
        let who = usize::try_from(self.dice.below(self.users.len() as u64)).unwrap_or(0);
        let (user, command_id) = (self.users[who].clone(), self.dice.uuid());
        let outcomes = [SendOutcome::Accepted, SendOutcome::Accepted, SendOutcome::Accepted, SendOutcome::Refused];
        let sent = SentMessage {
            user_id: user.clone(),
            connection: 1 + u32::from(self.dice.chance(30)),
            command_id: command_id.clone(),
            ended_at_ms: at_ms,
            outcome: outcomes[usize::try_from(self.dice.below(4)).unwrap_or(0)],
            one_to_one: self.dice.chance(80),
            detail: None,
        };
        let record = NewRecord {
            topic: Topic::LineSent,
            key: schemas::key::sent(&user, &command_id),
            value: Some(self.codec.encode(&sent)),
        };
        self.arrivals.push(Arrival { after_ms, record });
    }

    /// A record that nobody can use.
    fn garbage(&mut self, after_ms: u64) {
        let user = self.users[0].clone();
        let key = schemas::key::line_event(&user, 1, &self.dice.hex(8));
        let value = Some(self.dice.hex(20).into_bytes());
        self.arrivals.push(Arrival { after_ms, record: NewRecord { topic: Topic::LineEvents, key, value } });
    }
}
