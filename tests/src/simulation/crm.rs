//! A way to HubSpot that misunderstands its answers, or asks for the wrong thing: the mistakes of [`Wrong`].

use super::wrong::Wrong;
use async_trait::async_trait;
use contact::ContactId;
use hubspot::{
    Account, Contact, ContactKey, CreateInput, CreateOutcome, Crm, DailyUsage, Ensured, Error, Group, MaySend,
    Priority, PropertyDefinition, Room, Standing, UpdateInput, UpdateOutcome,
};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

/// The mistaken way.
pub struct Distorted {
    crm: Arc<dyn Crm>,
    wrong: Wrong,
    written: Mutex<HashMap<ContactId, BTreeMap<String, String>>>,
}

impl Distorted {
    /// Makes this mistake on the way to HubSpot; one that is made elsewhere changes nothing here.
    pub fn new(crm: Arc<dyn Crm>, wrong: Wrong) -> Self {
        Self { crm, wrong, written: Mutex::default() }
    }

    fn widened(&self, mut input: UpdateInput) -> UpdateInput {
        match self.wrong {
            Wrong::AllFieldsEachTime => {
                let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
                let known = written.entry(input.id).or_default();
                known.extend(input.properties);
                input.properties = known.clone();
            }
            Wrong::UpdateWritesEmail => {
                input.properties.insert("email".to_owned(), format!("{}@line.me", input.trace.to_lowercase()));
            }
            _ => {}
        }
        input
    }

    fn believed(&self, input: &UpdateInput, outcome: UpdateOutcome) -> UpdateOutcome {
        let as_sent = || {
            let contact = Contact {
                id: input.id,
                properties: input.properties.clone(),
                archived_at_ms: None,
                created_at_ms: None,
            };
            UpdateOutcome::Updated(contact)
        };
        match (self.wrong, outcome) {
            (Wrong::Ignore207, UpdateOutcome::Missing | UpdateOutcome::Refused(_)) => as_sent(),
            (Wrong::TrustEmptyAnswer, UpdateOutcome::Unknown) => as_sent(),
            (Wrong::SkipReadBack, UpdateOutcome::Unknown) => UpdateOutcome::NotSent,
            (_, outcome) => outcome,
        }
    }
}

#[async_trait]
impl Crm for Distorted {
    async fn read_by_email(
        &self,
        emails: &[String],
        properties: &[String],
        priority: Priority,
    ) -> Result<Vec<(String, Contact)>, Error> {
        if self.wrong == Wrong::SearchOnlyIdentity {
            return Ok(Vec::new());
        }
        self.crm.read_by_email(emails, properties, priority).await
    }

    async fn read_many(
        &self,
        ids: &[ContactId],
        properties: &[String],
        priority: Priority,
    ) -> Result<Vec<(ContactId, Contact)>, Error> {
        let mut found = self.crm.read_many(ids, properties, priority).await?;
        for (asked, contact) in &mut found {
            match self.wrong {
                Wrong::IgnoreMergeId => contact.id = *asked,
                Wrong::MergedPairFlaps => contact.properties.retain(|name, _| !name.starts_with("line_user_id")),
                _ => {}
            }
        }
        Ok(found)
    }

    async fn read_archived(&self, ids: &[ContactId], priority: Priority) -> Result<Vec<(ContactId, Contact)>, Error> {
        self.crm.read_archived(ids, priority).await
    }

    async fn read_one(
        &self,
        id: ContactId,
        properties: &[String],
        priority: Priority,
    ) -> Result<Option<Contact>, Error> {
        self.crm.read_one(id, properties, priority).await
    }

    async fn search_in(
        &self,
        property: &str,
        values: &[String],
        properties: &[String],
        priority: Priority,
    ) -> Result<Vec<Contact>, Error> {
        self.crm.search_in(property, values, properties, priority).await
    }

    async fn create(
        &self,
        mut inputs: Vec<CreateInput>,
        may_send: MaySend<'_>,
        priority: Priority,
    ) -> Result<Vec<(String, CreateOutcome)>, Error> {
        for input in &mut inputs {
            match self.wrong {
                Wrong::SearchOnlyIdentity => drop(input.properties.remove("email")),
                Wrong::SyncDateAnew => {
                    let dates = input.properties.iter_mut().filter(|(name, _)| name.starts_with("line_id_sync_date"));
                    dates.for_each(|(_, value)| "1792368000001".clone_into(value));
                }
                _ => {}
            }
        }
        self.crm.create(inputs, may_send, priority).await
    }

    async fn update(
        &self,
        inputs: Vec<UpdateInput>,
        may_send: MaySend<'_>,
        priority: Priority,
    ) -> Result<Vec<(String, UpdateOutcome)>, Error> {
        let inputs: Vec<_> = inputs.into_iter().map(|input| self.widened(input)).collect();
        let outcomes = self.crm.update(inputs.clone(), may_send, priority).await?;
        let believed = |(input, (trace, outcome)): (&UpdateInput, _)| (trace, self.believed(input, outcome));
        Ok(inputs.iter().zip(outcomes).map(believed).collect())
    }

    async fn archive(&self, id: ContactId, priority: Priority) -> Result<(), Error> {
        self.crm.archive(id, priority).await
    }

    async fn gdpr_delete(&self, contact: ContactKey<'_>, priority: Priority) -> Result<(), Error> {
        self.crm.gdpr_delete(contact, priority).await
    }

    async fn ensure_group(&self, group: &Group, priority: Priority) -> Result<(), Error> {
        self.crm.ensure_group(group, priority).await
    }

    async fn ensure_properties(
        &self,
        definitions: &[PropertyDefinition],
        priority: Priority,
    ) -> Result<Vec<(String, Ensured)>, Error> {
        self.crm.ensure_properties(definitions, priority).await
    }

    async fn inspect_properties(
        &self,
        definitions: &[PropertyDefinition],
        priority: Priority,
    ) -> Result<Vec<(String, Standing)>, Error> {
        self.crm.inspect_properties(definitions, priority).await
    }

    async fn missing_scopes(&self, priority: Priority) -> Result<Vec<&'static str>, Error> {
        self.crm.missing_scopes(priority).await
    }

    async fn custom_property_room(&self, priority: Priority) -> Result<Option<Room>, Error> {
        self.crm.custom_property_room(priority).await
    }

    async fn account(&self, priority: Priority) -> Result<Account, Error> {
        self.crm.account(priority).await
    }

    async fn daily_usage(&self, priority: Priority) -> Result<Option<DailyUsage>, Error> {
        self.crm.daily_usage(priority).await
    }
}
