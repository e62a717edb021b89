//! A person in HubSpot's user interface, and HubSpot's moods.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::body::{Body, merged, parsed};
use super::{Answered, Control, Refused};
use crate::hubspot::{Fault, Impossible, Portal, RecordId, Subscriber};

impl From<Impossible> for Refused {
    fn from(impossible: Impossible) -> Self {
        let status = match impossible {
            Impossible::NoSuchContact => 404,
            Impossible::AddressTaken(_) => 409,
            Impossible::Refused(_) => 400,
        };
        Self(status, impossible.to_string())
    }
}

impl Control {
    pub(super) fn hubspot(&self, method: &str, path: &[&str], body: &Body) -> Answered {
        match (method, path) {
            ("POST", ["contacts", id]) => self.edit(id, body),
            ("POST", ["contacts", id, turn @ ("delete" | "restore" | "erase")]) => self.turn(id, turn),
            ("POST", ["restore"]) => self.turn(body.needed("id")?, "restore"),
            ("POST", ["contacts"]) => {
                let id = self.portal(|portal, now_ms| portal.add(now_ms, &properties(body)?).map_err(Refused::from))?;
                Ok(json!({"id": id.to_string()}))
            }
            ("POST", ["merge"]) => {
                let (a, b) = (record(body.needed("a")?)?, record(body.needed("b")?)?);
                let into = self.portal(|portal, now_ms| portal.merge(now_ms, a, b).map_err(Refused::from))?;
                Ok(json!({"id": into.to_string()}))
            }
            ("POST", ["faults"]) => {
                let fault: Fault = body.parsed()?;
                self.portal(|portal, _| {
                    portal.inject(fault);
                    Ok(json!({}))
                })
            }
            ("DELETE", ["faults"]) => self.portal(|portal, _| {
                portal.clear_faults();
                Ok(json!({}))
            }),
            ("POST", ["token"]) => self.token(body),
            ("POST", ["scopes"]) => {
                let granted: Vec<String> = parsed(body.object()?.get("granted").cloned().unwrap_or_default())?;
                self.portal(|portal, _| {
                    portal.grant(granted);
                    Ok(json!({}))
                })
            }
            ("GET", ["settings" | "limits"]) => self.portal(|portal, _| Ok(json!(portal.settings()))),
            ("POST", ["settings" | "limits"]) => self.adjust(body),
            ("POST", ["webhooks"]) => {
                let subscriber: Subscriber = body.parsed()?;
                self.portal(|portal, _| {
                    portal.subscribe(Some(subscriber));
                    Ok(json!({}))
                })
            }
            ("DELETE", ["webhooks"]) => self.portal(|portal, _| {
                portal.subscribe(None);
                Ok(json!({}))
            }),
            ("POST", ["properties", name]) => self.property(name, body),
            ("POST", ["properties", name, "archive"]) => {
                let archived = self.portal(|portal, now_ms| Ok(portal.archive_property(now_ms, name)))?;
                if archived {
                    Ok(json!({}))
                } else {
                    Err(Refused(409, "in use, HubSpot's own, or not there".to_owned()))
                }
            }
            _ => Err(Refused::unknown("endpoint")),
        }
    }

    fn portal<T>(&self, act: impl FnOnce(&mut Portal, i64) -> Result<T, Refused>) -> Result<T, Refused> {
        self.handle.hubspot(act)
    }

    /// Edits properties; `add_email` adds an address beside the primary one.
    fn edit(&self, id: &str, body: &Body) -> Answered {
        let id = record(id)?;
        let mut properties = properties(body)?;
        let additional = properties.remove("add_email");
        self.portal(|portal, now_ms| {
            if let Some(address) = additional {
                portal.add_email(now_ms, id, &address)?;
            }
            if !properties.is_empty() {
                portal.edit(now_ms, id, &properties)?;
            }
            Ok(portal.contacts().live(id).map(|contact| contact.summary()).unwrap_or_default())
        })
    }

    fn turn(&self, id: &str, turn: &str) -> Answered {
        let id = record(id)?;
        self.portal(|portal, now_ms| {
            match turn {
                "delete" => portal.delete(now_ms, id)?,
                "restore" => portal.restore(now_ms, id)?,
                _ => portal.erase(now_ms, id)?,
            }
            Ok(json!({"id": id.to_string(), "summary": format!("{id}: {turn}")}))
        })
    }

    fn token(&self, body: &Body) -> Answered {
        let named = body.text("token");
        self.portal(|portal, now_ms| match (body.text("action"), named) {
            (Some("expire"), _) => {
                portal.expire_tokens(now_ms);
                Ok(json!({}))
            }
            (Some("renew"), Some(token)) => {
                portal.accept_token(token);
                Ok(json!({"token": token}))
            }
            (Some("renew"), None) => Ok(json!({"token": portal.issue_token()})),
            (Some("revoke"), Some(token)) => {
                portal.revoke_token(token);
                Ok(json!({}))
            }
            _ => Err(Refused(400, "action must be expire, renew, or revoke with a token".to_owned())),
        })
    }

    fn adjust(&self, body: &Body) -> Answered {
        let changes = body.object()?;
        self.portal(|portal, now_ms| {
            let settings = merged(portal.settings(), changes)?;
            portal.adjust(now_ms, |current| *current = settings);
            Ok(json!(portal.settings()))
        })
    }

    fn property(&self, name: &str, body: &Body) -> Answered {
        let in_use = body.object()?.get("in_use").and_then(Value::as_bool);
        let in_use = in_use.ok_or_else(|| Refused(400, "in_use must be true or false".to_owned()))?;
        let found = self.portal(|portal, _| Ok(portal.use_property(name, in_use)))?;
        if found { Ok(json!({})) } else { Err(Refused::unknown("property")) }
    }
}

/// The texts of the body, or of its member `properties`.
fn properties(body: &Body) -> Result<BTreeMap<String, String>, Refused> {
    let object = body.object()?;
    let object: &Map<String, Value> = object.get("properties").and_then(Value::as_object).unwrap_or(object);
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Ok(object.iter().map(|(name, value)| (name.clone(), text(value))).collect())
}

fn record(text: &str) -> Result<RecordId, Refused> {
    text.parse().map_err(|_| Refused(400, "a contact's ID is a number".to_owned()))
}
