//! Looking in: contacts, history, statistics, time.

use serde_json::{Value, json};

use super::body::Body;
use super::{Answered, Control, Refused, number};
use crate::fields::Fields;
use crate::hubspot::Contact;

/// Contacts of one answer, when the request names no limit.
const PAGE: u64 = 1_000;

impl Control {
    pub(super) fn watch(&self, method: &str, path: &[&str], query: &Fields, body: &Body) -> Answered {
        match (method, path) {
            ("GET", ["status"]) => Ok(json!({"now_ms": self.handle.now_ms(), "sandbox": self.announcement})),
            ("GET", ["clock"]) => Ok(json!({"now_ms": self.handle.now_ms()})),
            ("POST", ["clock"]) => self.advance(body),
            ("GET", ["contacts"]) => self.contacts(query),
            ("POST", ["contacts"]) => self.hubspot("POST", &["contacts"], body),
            ("GET", ["contacts", id]) => self.contact(id),
            ("GET", ["stats"]) => Ok(self.stats()),
            ("GET", ["history"]) => self.history(query),
            _ => Err(Refused::unknown("endpoint")),
        }
    }

    fn advance(&self, body: &Body) -> Answered {
        let by_ms =
            body.object()?.get("advance_ms").and_then(Value::as_u64).and_then(|by_ms| u32::try_from(by_ms).ok());
        self.handle.advance(by_ms.ok_or_else(|| Refused(400, "advance_ms must be a number below 2^32".to_owned()))?);
        Ok(json!({"now_ms": self.handle.now_ms()}))
    }

    fn contacts(&self, query: &Fields) -> Answered {
        let limit = usize::try_from(number(query, "limit")?.unwrap_or(PAGE)).unwrap_or(usize::MAX);
        let after = number(query, "after")?.unwrap_or_default();
        let archived = query.get("archived").map(|text| text == "true");
        let wanted = |contact: &&std::sync::Arc<Contact>| {
            archived.is_none_or(|archived| contact.archived_ms.is_some() == archived)
        };
        let contacts: Vec<Value> = self.handle.hubspot(|portal, _| {
            portal
                .contacts()
                .from(after.saturating_add(1))
                .filter(wanted)
                .take(limit)
                .map(|each| each.summary())
                .collect()
        });
        Ok(json!({"contacts": contacts}))
    }

    fn contact(&self, id: &str) -> Answered {
        self.handle.hubspot(|portal, _| {
            let by_id =
                id.parse().ok().and_then(|id| portal.contacts().resolve(id).or_else(|| portal.contacts().get(id)));
            let by_email = || portal.contacts().by_email(id).and_then(|id| portal.contacts().live(id));
            by_id.or_else(by_email).map(|contact| contact.summary()).ok_or_else(|| Refused::unknown("contact"))
        })
    }

    fn stats(&self) -> Value {
        let hubspot = self.handle.hubspot(|portal, now_ms| portal.summary(now_ms));
        let line = self.handle.line(|platform, _| {
            json!({"calls": platform.calls(), "calls_total": platform.calls().total(), "sent": platform.sent().len(),
                   "facts": platform.history().total()})
        });
        json!({"now_ms": self.handle.now_ms(), "hubspot": hubspot, "line": line})
    }

    /// Facts of both platforms by time, each from the number the query names on.
    fn history(&self, query: &Fields) -> Answered {
        let service = query.get("service");
        let limit = usize::try_from(number(query, "limit")?.unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
        let (hubspot_since, line_since) =
            (number(query, "hubspot_since")?.unwrap_or_default(), number(query, "line_since")?.unwrap_or_default());
        let mut facts: Vec<(i64, Value)> = Vec::new();
        if service.is_none_or(|service| service == "hubspot") {
            facts.extend(self.handle.hubspot(|portal, _| {
                portal
                    .history()
                    .since(hubspot_since)
                    .take(limit)
                    .map(|entry| (entry.at_ms, told("hubspot", entry)))
                    .collect::<Vec<_>>()
            }));
        }
        if service.is_none_or(|service| service == "line") {
            facts.extend(self.handle.line(|platform, _| {
                platform
                    .history()
                    .since(line_since)
                    .take(limit)
                    .map(|entry| (entry.at_ms, told("line", entry)))
                    .collect::<Vec<_>>()
            }));
        }
        facts.sort_by_key(|(at_ms, _)| *at_ms);
        facts.truncate(limit);
        Ok(json!({"history": facts.into_iter().map(|(_, fact)| fact).collect::<Vec<_>>()}))
    }
}

fn told(service: &str, entry: &impl serde::Serialize) -> Value {
    let mut fact = serde_json::to_value(entry).unwrap_or_default();
    fact["service"] = json!(service);
    fact
}
