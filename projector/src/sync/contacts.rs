//! One batch of users against HubSpot: find-else-create, and update by ID. Knows HubSpot only through [`Crm`].
//!
//! Every user ends with a [`Conclusion`]; nothing is assumed that an answer does not show.

use super::Desk;
use super::answers::{Conclusion, EMAIL, Reading, connections, may_be_shared, sent};
use super::queue::Work;
use connection::{Snapshot, View};
use contact::{Action, ContactId, Field, Link, Names, Property, UserId, Values};
use hubspot::{Contact, CreateInput, CreateOutcome, Crm, Error, Priority, Refusal, UpdateInput, UpdateOutcome};
use runtime::clock::Clock;
use runtime::crash;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// For so long it holds whose a contact was read to be. A write that waits longer for its turn is not sent.
const WHOSE_HOLDS: Duration = Duration::from_secs(5);

/// Writes users to HubSpot.
pub struct Contacts {
    pub(super) crm: Arc<dyn Crm>,
    desk: Arc<Desk>,
    pub(super) view: Arc<View>,
    pub(super) names: Names,
    clock: Arc<dyn Clock>,
    /// Held by a batch from reading whose contacts are until it has written them. Two batches that share a contact would each find
    /// it as it was before the other.
    shared: Mutex<()>,
}

/// What is left to find out after a batch call.
#[derive(Default)]
struct Leftovers {
    concluded: Concluded,
    existing: Vec<(ContactId, Work)>,
    /// The answer shows the contact, but not the values.
    doubtful: Vec<(ContactId, Work)>,
    /// There was no answer.
    unknown: Vec<(ContactId, Work)>,
    /// There was no answer to the creation, or one that another contact has the address, but not which.
    uncertain: Vec<Work>,
    missing: Vec<(ContactId, Work)>,
    refused: Vec<(Work, Refusal)>,
}

impl Leftovers {
    fn conclude(&mut self, work: Work, conclusion: Conclusion) {
        match conclusion {
            Conclusion::Doubtful(id) => self.doubtful.push((id, work)),
            conclusion => self.concluded.push((work, conclusion)),
        }
    }
}

/// Each user with what is known of it after the calls.
pub type Concluded = Vec<(Work, Conclusion)>;

impl Contacts {
    /// Writes through `crm` under these property names, as long as the desk allows it.
    pub fn new(crm: Arc<dyn Crm>, desk: Arc<Desk>, view: Arc<View>, names: Names, clock: Arc<dyn Clock>) -> Self {
        Self { crm, desk, view, names, clock, shared: Mutex::default() }
    }

    /// Finds each user's contact, else creates it.
    ///
    /// # Errors
    /// When nothing was written at all: everything may be tried again.
    pub async fn create(&self, batch: Vec<Work>) -> Result<Concluded, Error> {
        let priority = priority(&batch);
        let mut concluded = Concluded::new();
        let (restored, batch) = self.find_restored(batch, priority).await?;
        concluded.extend(restored);
        let connected = self.view.snapshot();
        let (may_exist, mut new): (Vec<_>, _) = batch.into_iter().partition(|work| may_exist_unknown(work, &connected));
        if !may_exist.is_empty() {
            match self.find(may_exist.clone(), priority).await {
                Ok((found, missing)) => {
                    concluded.extend(found);
                    new.extend(missing);
                }
                Err(error) if concluded.is_empty() => return Err(error),
                Err(_) => concluded.extend(left_open(may_exist)),
            }
        }
        if new.is_empty() {
            return Ok(concluded);
        }
        match self.create_new(new, priority).await {
            Ok(created) => concluded.extend(created),
            Err((error, _)) if concluded.is_empty() => return Err(error),
            Err((_, left)) => concluded.extend(left_open(left)),
        }
        Ok(concluded)
    }

    async fn find(&self, batch: Vec<Work>, priority: Priority) -> Result<(Concluded, Vec<Work>), Error> {
        let properties = self.all_properties(&batch);
        let (mut concluded, missing) = self.find_by_email(batch, &properties, priority).await?;
        let (by_search, missing) = self.search(missing, &properties, priority).await?;
        concluded.extend(by_search);
        Ok((concluded, missing))
    }

    async fn find_by_email(
        &self,
        batch: Vec<Work>,
        properties: &[String],
        priority: Priority,
    ) -> Result<(Concluded, Vec<Work>), Error> {
        let emails: Vec<_> = batch.iter().map(|work| work.user.dummy_email()).collect();
        let found = self.crm.read_by_email(&emails, properties, priority).await?;
        let found: HashMap<UserId, Contact> = found
            .into_iter()
            .filter_map(|(email, contact)| Some((UserId::from_dummy_email(&email)?, contact)))
            .collect();
        Ok(self.conclude_found(batch, &found))
    }

    /// Catches contacts whose dummy e-mail was replaced by a person. Where HubSpot does not let us look for them by a property,
    /// that is healed first; where it cannot be healed, it holds nobody, and the creation runs into the same refusal.
    async fn search(
        &self,
        batch: Vec<Work>,
        properties: &[String],
        priority: Priority,
    ) -> Result<(Concluded, Vec<Work>), Error> {
        let (mut found, mut closed) = (HashMap::new(), BTreeSet::new());
        let numbers: BTreeSet<_> = batch.iter().flat_map(connections).collect();
        for connection in numbers {
            let property = Property { connection, field: Field::UserId };
            let name = self.names.name(property);
            let asked: Vec<_> = batch.iter().filter(|work| connections(work).contains(&connection)).collect();
            let ids: Vec<_> = asked.iter().map(|work| work.user.to_string()).collect();
            let contacts = match self.crm.search_in(&name, &ids, properties, priority).await {
                Err(Error::Rejected(_)) => {
                    closed.insert(connection);
                    continue;
                }
                contacts => contacts?,
            };
            for contact in contacts {
                let Some(user) = contact.properties.get(&name).and_then(|id| UserId::parse(id)) else { continue };
                found.entry(user).or_insert(contact);
            }
        }
        let (mut concluded, missing) = self.conclude_found(batch, &found);
        if closed.is_empty() {
            return Ok((concluded, missing));
        }
        let healed = self.heal(priority).await;
        let may_be_found = |work: &Work| {
            let names = (&connections(work) & &closed).into_iter();
            let mut names = names.map(|connection| self.names.name(Property { connection, field: Field::UserId }));
            names.any(|name| healed.may_be_used(&name))
        };
        let (again, missing) = missing.into_iter().partition(may_be_found);
        concluded.extend(left_open(again));
        Ok((concluded, missing))
    }

    fn conclude_found(&self, batch: Vec<Work>, found: &HashMap<UserId, Contact>) -> (Concluded, Vec<Work>) {
        let (mut concluded, mut missing) = (Concluded::new(), Vec::new());
        for work in batch {
            match found.get(&work.user).filter(|contact| !is_known_gone(&work, contact.id)) {
                Some(contact) => {
                    let conclusion = self.reading().read(&work, contact);
                    concluded.push((work, conclusion));
                }
                None => missing.push(work),
            }
        }
        (concluded, missing)
    }

    async fn create_new(&self, batch: Vec<Work>, priority: Priority) -> Result<Concluded, (Error, Vec<Work>)> {
        let inputs = batch.iter().map(|work| CreateInput { trace: trace(work), properties: self.new_contact(work) });
        let created = self.crm.create(inputs.collect(), &self.may_write(&batch, Instant::now()), priority).await;
        let outcomes = match created {
            Ok(outcomes) => outcomes,
            Err(error) => return Err((error, batch)),
        };
        crash::point("projector.create.answered");
        let mut outcomes: HashMap<String, CreateOutcome> = outcomes.into_iter().collect();
        let mut left = Leftovers::default();
        for work in batch {
            match outcomes.remove(&trace(&work)) {
                Some(CreateOutcome::Created(contact)) => {
                    let conclusion = self.reading().created(&work, &contact);
                    left.conclude(work, conclusion);
                }
                Some(CreateOutcome::Exists(id)) => left.existing.push((id, work)),
                Some(CreateOutcome::Refused(refusal)) => left.refused.push((work, refusal)),
                Some(CreateOutcome::Unknown) => left.uncertain.push(work),
                Some(CreateOutcome::NotSent) | None => left.conclude(work, Conclusion::Open),
            }
        }
        Ok(self.conclude(left, priority).await)
    }

    /// Updates contacts by ID.
    ///
    /// # Errors
    /// When nothing was written at all: everything may be tried again.
    pub async fn update(&self, batch: Vec<Work>) -> Result<Concluded, Error> {
        let priority = priority(&batch);
        let alone = if batch.iter().any(may_be_shared) { Some(self.shared.lock().await) } else { None };
        let (concluded, batch) = self.see_whose(batch, priority).await?;
        let seen_at = Instant::now();
        if batch.is_empty() {
            return Ok(concluded);
        }
        let input = |work: &Work| match &work.action {
            Action::Update(id, values) => {
                Some(UpdateInput { trace: trace(work), id: *id, properties: self.named(values) })
            }
            Action::Create(_) | Action::Check(_) | Action::Nothing => None,
        };
        let inputs = batch.iter().filter_map(input).collect();
        let outcomes = self.crm.update(inputs, &self.may_write(&batch, seen_at), priority).await?;
        drop(alone);
        crash::point("projector.update.answered");
        let mut outcomes: HashMap<String, UpdateOutcome> = outcomes.into_iter().collect();
        let mut left = Leftovers { concluded, ..Leftovers::default() };
        for work in batch {
            let Action::Update(id, _) = work.action else { continue };
            match outcomes.remove(&trace(&work)) {
                Some(UpdateOutcome::Updated(contact)) => {
                    let conclusion = self.reading().updated(&work, &contact);
                    left.conclude(work, conclusion);
                }
                Some(UpdateOutcome::Missing) => left.missing.push((id, work)),
                Some(UpdateOutcome::Unknown) => left.unknown.push((id, work)),
                Some(UpdateOutcome::Refused(refusal)) => left.refused.push((work, refusal)),
                Some(UpdateOutcome::NotSent) | None => left.conclude(work, Conclusion::Open),
            }
        }
        Ok(self.conclude(left, priority).await)
    }

    async fn conclude(&self, left: Leftovers, priority: Priority) -> Concluded {
        let Leftovers { mut concluded, existing, doubtful, unknown, uncertain, missing, refused } = left;
        concluded.extend(self.read_existing(existing, priority).await);
        concluded.extend(self.read_created(uncertain, priority).await);
        concluded.extend(self.read_back(doubtful, priority, true).await);
        concluded.extend(self.read_back(unknown, priority, false).await);
        concluded.extend(self.look_for_missing(missing, priority).await);
        concluded.extend(self.conclude_refused(refused, priority).await);
        concluded
    }

    /// Contacts that a creation ran into: theirs from now on, with the values they have.
    async fn read_existing(&self, existing: Vec<(ContactId, Work)>, priority: Priority) -> Concluded {
        self.read_each(existing, priority, |work, contact| self.reading().read(work, contact), |_, _| Conclusion::Open)
            .await
    }

    /// Contacts that may have been created.
    async fn read_created(&self, uncertain: Vec<Work>, priority: Priority) -> Concluded {
        if uncertain.is_empty() {
            return Concluded::new();
        }
        let properties = self.all_properties(&uncertain);
        match self.find_by_email(uncertain.clone(), &properties, priority).await {
            Ok((found, missing)) => found.into_iter().chain(left_open(missing)).collect(),
            Err(_) => left_open(uncertain).collect(),
        }
    }

    /// Contacts of which the answer did not show what was written.
    async fn read_back(&self, doubtful: Vec<(ContactId, Work)>, priority: Priority, answered: bool) -> Concluded {
        let mut gone = Vec::new();
        let shown = |work: &Work, contact: &Contact| self.reading().read_after_write(work, contact, answered);
        let mut concluded = Concluded::new();
        for (work, conclusion) in self.read_each(doubtful, priority, shown, |_, id| Conclusion::Doubtful(id)).await {
            match conclusion {
                Conclusion::Doubtful(id) => gone.push((id, work)),
                conclusion => concluded.push((work, conclusion)),
            }
        }
        concluded.extend(self.look_for_missing(gone, priority).await);
        concluded
    }

    pub(super) async fn read_each(
        &self,
        wanted: Vec<(ContactId, Work)>,
        priority: Priority,
        found: impl Fn(&Work, &Contact) -> Conclusion,
        absent: impl Fn(&Work, ContactId) -> Conclusion,
    ) -> Concluded {
        if wanted.is_empty() {
            return Concluded::new();
        }
        let ids: Vec<_> = wanted.iter().map(|(id, _)| *id).collect();
        let works: Vec<_> = wanted.iter().map(|(_, work)| work.clone()).collect();
        let Ok(contacts) = self.crm.read_many(&ids, &self.all_properties(&works), priority).await else {
            return left_open(works).collect();
        };
        let contacts: HashMap<ContactId, Contact> = contacts.into_iter().collect();
        let conclude = |(id, work): (ContactId, Work)| {
            let conclusion = contacts.get(&id).map_or_else(|| absent(&work, id), |contact| found(&work, contact));
            (work, conclusion)
        };
        wanted.into_iter().map(conclude).collect()
    }

    /// A property that an administrator removed is brought back, and everything tried again. Otherwise HubSpot's word is
    /// final: for the one property that it names, as long as its value does not change, else for the whole contact. Without the
    /// user ID a new contact would be nobody's.
    async fn conclude_refused(&self, refused: Vec<(Work, Refusal)>, priority: Priority) -> Concluded {
        let is_broken = |(_, refusal): &(Work, Refusal)| refusal.broken_property().is_some();
        let healed = if refused.iter().any(is_broken) { Some(self.heal(priority).await) } else { None };
        let (mut concluded, mut again, mut reasons) = (Concluded::new(), Vec::new(), HashMap::new());
        for (work, refusal) in refused {
            let heals = |name: &str| healed.as_ref()?.again(name, &work);
            if let Some(conclusion) = refusal.broken_property().and_then(heals) {
                concluded.push((work, conclusion));
                continue;
            }
            let is_new = matches!(work.action, Action::Create(_));
            let named = refusal.property.as_deref().and_then(|name| self.names.property(name));
            let named = named.filter(|property| sent(&work).contains_key(property));
            match named.filter(|property| !(is_new && property.field == Field::UserId)) {
                None => {
                    let conclusion = self.reading().refused(&work, &refusal.reason);
                    concluded.push((work, conclusion));
                }
                Some(property) if is_new => {
                    reasons.insert(work.user, refusal.reason);
                    again.push(without(work, property));
                }
                Some(property) => {
                    let conclusion = self.reading().settled(&work, property, &refusal.reason);
                    concluded.push((work, conclusion));
                }
            }
        }
        if !again.is_empty() {
            let created = Box::pin(self.create_new(again, priority)).await;
            let created = created.unwrap_or_else(|(_, works)| left_open(works).collect());
            let told = |(work, conclusion): (Work, Conclusion)| {
                let conclusion = conclusion.because(reasons.remove(&work.user));
                (work, conclusion)
            };
            concluded.extend(created.into_iter().map(told));
        }
        concluded
    }

    pub(super) fn reading(&self) -> Reading<'_> {
        Reading { names: &self.names, now_ms: self.clock.now_ms() }
    }

    /// Answers, by the trace, whether what is to be written for a user may be. A batch can wait long for its turn. `seen_at` is
    /// when it was read whose the contacts are.
    fn may_write(&self, batch: &[Work], seen_at: Instant) -> impl Fn(&str) -> bool + Send + Sync {
        let works: HashMap<_, _> = batch.iter().map(|work| (trace(work), work)).collect();
        let holds = move |work: &Work| !may_be_shared(work) || seen_at.elapsed() < WHOSE_HOLDS;
        move |trace| works.get(trace).is_some_and(|work| holds(work) && self.desk.may_write(work))
    }

    fn named(&self, values: &Values) -> BTreeMap<String, String> {
        values.iter().map(|(property, value)| (self.names.name(*property), value.to_string())).collect()
    }

    fn new_contact(&self, work: &Work) -> BTreeMap<String, String> {
        let mut properties = self.named(sent(work));
        properties.insert(EMAIL.to_owned(), work.user.dummy_email());
        properties
    }

    /// Our properties of every connection that knows one of these users, and what tells whose a contact is: its address, and whom
    /// it shows to all other connections.
    pub(super) fn all_properties(&self, batch: &[Work]) -> Vec<String> {
        let numbers: BTreeSet<_> = batch.iter().flat_map(connections).collect();
        let known = numbers.into_iter().flat_map(|number| self.names.of_connection(number)).map(|(_, name)| name);
        let connected = self.view.snapshot();
        let user_id = |connection| self.names.name(Property { connection, field: Field::UserId });
        let whose = connected.all().map(|connection| user_id(connection.number)).chain([EMAIL.to_owned()]);
        known.chain(whose).collect::<BTreeSet<_>>().into_iter().collect()
    }
}

/// A contact of the user can exist unknown to the log only where the connection's properties existed before it was connected, or
/// where the user had another contact before the last one, which a person may have restored: otherwise nobody but this log ever
/// wrote them, and what a lost answer left behind has the dummy e-mail, on which the creation runs into a conflict that names it.
pub fn may_exist_unknown(work: &Work, connected: &Snapshot) -> bool {
    let mut known = connections(work).into_iter().filter_map(|number| connected.by_number(number));
    matches!(work.account.link, Link::Gone { .. }) || known.any(|connection| connection.properties_existed)
}

/// Nothing was found out about these.
fn left_open(works: Vec<Work>) -> impl Iterator<Item = (Work, Conclusion)> {
    works.into_iter().map(|work| (work, Conclusion::Open))
}

/// The contact that an action is about.
pub(super) fn known(action: &Action) -> Option<ContactId> {
    match action {
        Action::Update(contact, _) | Action::Check(contact) => Some(*contact),
        Action::Create(_) | Action::Nothing => None,
    }
}

/// Names a user's input in the answer.
fn trace(work: &Work) -> String {
    work.user.to_string()
}

/// A creation without the one property whose value HubSpot refuses; that value counts as settled.
fn without(mut work: Work, property: Property) -> Work {
    if let Action::Create(values) = &mut work.action
        && let Some(value) = values.remove(&property)
    {
        work.account.values.insert(property, value);
    }
    work
}

/// Search lags behind deletions.
fn is_known_gone(work: &Work, found: ContactId) -> bool {
    matches!(work.account.link, Link::Gone { contact, .. } if contact == found)
}

pub(super) fn priority(batch: &[Work]) -> Priority {
    if batch.iter().any(|work| work.fresh) { Priority::Fresh } else { Priority::Backfill }
}
