//! HubSpot as a table in memory, with the faults that matter to the projector. Every change can be waited for.

use async_trait::async_trait;
use contact::ContactId;
use hubspot::{
    Account, Contact, ContactKey, CreateInput, CreateOutcome, Crm, DailyUsage, Ensured, Error, Group, MaySend,
    Priority, PropertyDefinition, Refusal, Room, Standing, UpdateInput, UpdateOutcome,
};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::sync::watch;

/// A contact in the table.
#[derive(Clone, Debug, Default)]
pub struct Row {
    pub properties: BTreeMap<String, String>,
    pub archived_at_ms: Option<i64>,
    pub merged_into: Option<ContactId>,
}

/// What goes wrong with the next write.
#[derive(Clone, Debug)]
pub enum Fault {
    /// It is done, but the answer is lost.
    AnswerLost,
    /// It is not done, and nobody knows.
    RequestLost,
    /// Nothing is done.
    Fails(Error),
    /// It is done, and the answer shows nothing of it.
    ShowsNothing,
    /// Nothing is done, and the answer looks well.
    Pretends,
}

#[derive(Default)]
struct Table {
    rows: BTreeMap<u64, Row>,
    faults: VecDeque<Fault>,
    refusals: Vec<(String, Refusal)>,
    /// The refusals hold for one write.
    refused_once: bool,
    missing_properties: Vec<String>,
    /// Of the missing ones those that cannot be brought back.
    lost_properties: Vec<String>,
    ensured: usize,
    calls: BTreeMap<&'static str, usize>,
    next_id: u64,
}

/// The double.
pub struct TableCrm {
    table: Mutex<Table>,
    changed: watch::Sender<u64>,
    /// Writes wait meanwhile, as they do for the request budget.
    held: watch::Sender<bool>,
    waiting: AtomicUsize,
    pub panics: AtomicBool,
}

impl Default for TableCrm {
    fn default() -> Self {
        let table = Mutex::new(Table { next_id: 100, ..Table::default() });
        Self {
            table,
            changed: watch::Sender::new(0),
            held: watch::Sender::new(false),
            waiting: AtomicUsize::new(0),
            panics: AtomicBool::new(false),
        }
    }
}

impl TableCrm {
    fn with<T>(&self, change: impl FnOnce(&mut Table) -> T) -> T {
        let answer = change(&mut self.table.lock().unwrap());
        self.changed.send_modify(|count| *count += 1);
        answer
    }

    /// Waits until the table fulfils a condition, and fails the test after 20 seconds.
    pub async fn until<T>(&self, what: &str, mut check: impl FnMut(&BTreeMap<u64, Row>) -> Option<T>) -> T {
        let mut changes = self.changed.subscribe();
        let wait = async {
            loop {
                changes.borrow_and_update();
                if let Some(found) = check(&self.table.lock().unwrap().rows) {
                    return found;
                }
                changes.changed().await.unwrap();
            }
        };
        let found = tokio::time::timeout(std::time::Duration::from_secs(20), wait).await;
        found.unwrap_or_else(|_| panic!("never came true: {what}; the table holds {:#?}", self.rows()))
    }

    pub fn rows(&self) -> BTreeMap<u64, Row> {
        self.table.lock().unwrap().rows.clone()
    }

    pub fn live(&self) -> Vec<Row> {
        self.rows().into_values().filter(|row| row.archived_at_ms.is_none() && row.merged_into.is_none()).collect()
    }

    /// Calls that write contacts.
    pub fn writes(&self) -> usize {
        self.calls("create") + self.calls("update")
    }

    pub fn calls(&self, name: &'static str) -> usize {
        self.table.lock().unwrap().calls.get(name).copied().unwrap_or(0)
    }

    /// Waits until a call was made so often.
    pub async fn until_calls(&self, name: &'static str, at_least: usize) {
        let mut changes = self.changed.subscribe();
        let wait = changes.wait_for(|_| self.calls(name) >= at_least);
        tokio::time::timeout(std::time::Duration::from_secs(20), wait).await.unwrap().unwrap();
    }

    /// Whether writes wait for their turn.
    pub fn hold_writes(&self, held: bool) {
        self.held.send_replace(held);
    }

    /// Writes that came to wait for their turn so far.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    /// Waits until there are so many.
    pub async fn until_waiting(&self, at_least: usize) {
        self.until("writes wait for their turn", |_| (self.waiting() >= at_least).then_some(())).await;
    }

    async fn wait_for_turn(&self) {
        assert!(!self.panics.load(Ordering::SeqCst), "as the test wants it");
        self.waiting.fetch_add(1, Ordering::SeqCst);
        self.changed.send_modify(|count| *count += 1);
        self.held.subscribe().wait_for(|held| !held).await.unwrap();
    }

    pub fn ensured(&self) -> usize {
        self.table.lock().unwrap().ensured
    }

    /// The next writes end like this, in order.
    pub fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        self.with(|table| table.faults.extend(faults));
    }

    /// Writes that carry this value are refused, naming `property` where given.
    pub fn refuse(&self, value: &str, code: &str, property: Option<&str>) {
        let refusal = Refusal {
            reason: format!("{code} in the double"),
            code: Some(code.to_owned()),
            property: property.map(str::to_owned),
        };
        self.with(|table| table.refusals.push((value.to_owned(), refusal)));
    }

    /// The next write that carries this value is refused, naming `property`.
    pub fn refuse_once(&self, value: &str, code: &str, property: &str) {
        self.refuse(value, code, Some(property));
        self.with(|table| table.refused_once = true);
    }

    /// An administrator removes a property.
    pub fn remove_property(&self, name: &str) {
        self.with(|table| table.missing_properties.push(name.to_owned()));
    }

    /// An administrator put something else in the place of a property.
    pub fn lose_property(&self, name: &str) {
        self.remove_property(name);
        self.with(|table| table.lost_properties.push(name.to_owned()));
    }

    pub fn insert(&self, properties: &[(&str, &str)]) -> u64 {
        let properties = properties.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.with(|table| {
            table.next_id += 1;
            table.rows.insert(table.next_id, Row { properties, ..Row::default() });
            table.next_id
        })
    }

    pub fn delete(&self, id: u64, at_ms: i64) {
        self.with(|table| table.rows.get_mut(&id).unwrap().archived_at_ms = Some(at_ms));
    }

    /// A person brings a contact back from the recycle bin.
    pub fn restore(&self, id: u64) {
        self.with(|table| table.rows.get_mut(&id).unwrap().archived_at_ms = None);
    }

    pub fn edit(&self, id: u64, name: &str, value: &str) {
        self.with(|table| table.rows.get_mut(&id).unwrap().properties.insert(name.to_owned(), value.to_owned()));
    }

    /// Merges `loser` into `winner`: a third record, the winner's values first.
    pub fn merge(&self, winner: u64, loser: u64) -> u64 {
        self.with(|table| {
            let mut properties = table.rows[&loser].properties.clone();
            properties.extend(table.rows[&winner].properties.clone());
            table.next_id += 1;
            let id = table.next_id;
            for old in [winner, loser] {
                table.rows.get_mut(&old).unwrap().merged_into = Some(ContactId(id));
            }
            table.rows.insert(id, Row { properties, ..Row::default() });
            id
        })
    }
}

impl Table {
    fn count(&mut self, call: &'static str) {
        *self.calls.entry(call).or_default() += 1;
    }

    /// The ID that an ID leads to, following merges.
    fn id_now(&self, id: ContactId) -> ContactId {
        self.rows.get(&id.0).and_then(|row| row.merged_into).map_or(id, |into| self.id_now(into))
    }

    fn resolve(&self, id: ContactId) -> Option<(ContactId, &Row)> {
        let id = self.id_now(id);
        let row = self.rows.get(&id.0)?;
        row.archived_at_ms.is_none().then_some((id, row))
    }

    fn by_email(&self, email: &str) -> Option<u64> {
        let holds = |row: &Row| row.properties.get("email").is_some_and(|known| known == email);
        let mut live = self.rows.iter().filter(|(_, row)| row.archived_at_ms.is_none() && row.merged_into.is_none());
        live.find(|(_, row)| holds(row)).map(|(id, _)| *id)
    }

    fn refusal(&mut self, properties: &BTreeMap<String, String>) -> Option<Refusal> {
        let missing = properties.keys().find(|name| self.missing_properties.contains(name));
        if let Some(name) = missing {
            let (code, property) = (Some("PROPERTY_DOESNT_EXIST".to_owned()), Some(name.clone()));
            return Some(Refusal { reason: "no such property".to_owned(), code, property });
        }
        let refused = |(value, _): &&(String, Refusal)| properties.values().any(|written| written == value);
        let refusal = self.refusals.iter().find(refused).map(|(_, refusal)| refusal.clone())?;
        if self.refused_once {
            self.refusals.clear();
        }
        Some(refusal)
    }

    fn create(&mut self, input: &CreateInput) -> CreateOutcome {
        let fault = self.faults.pop_front();
        if let Some(existing) = self.by_email(&input.properties["email"]) {
            return CreateOutcome::Exists(ContactId(existing));
        }
        if let Some(refusal) = self.refusal(&input.properties) {
            return CreateOutcome::Refused(refusal);
        }
        if matches!(fault, Some(Fault::RequestLost)) {
            return CreateOutcome::Unknown;
        }
        self.next_id += 1;
        self.rows.insert(self.next_id, Row { properties: input.properties.clone(), ..Row::default() });
        match fault {
            Some(Fault::AnswerLost) => CreateOutcome::Unknown,
            Some(Fault::ShowsNothing) => CreateOutcome::Created(contact(ContactId(self.next_id), BTreeMap::new())),
            _ => CreateOutcome::Created(contact(ContactId(self.next_id), input.properties.clone())),
        }
    }

    fn update(&mut self, input: &UpdateInput) -> UpdateOutcome {
        let fault = self.faults.pop_front();
        match self.rows.get(&input.id.0) {
            Some(row) if row.merged_into.is_some() => return UpdateOutcome::Unknown,
            Some(row) if row.archived_at_ms.is_none() => {}
            _ => return UpdateOutcome::Missing,
        }
        if let Some(refusal) = self.refusal(&input.properties) {
            return UpdateOutcome::Refused(refusal);
        }
        if matches!(fault, Some(Fault::RequestLost)) {
            return UpdateOutcome::Unknown;
        }
        if !matches!(fault, Some(Fault::Pretends)) {
            self.rows.get_mut(&input.id.0).unwrap().properties.extend(input.properties.clone());
        }
        match fault {
            Some(Fault::AnswerLost) => UpdateOutcome::Unknown,
            Some(Fault::ShowsNothing | Fault::Pretends) => UpdateOutcome::Updated(contact(input.id, BTreeMap::new())),
            _ => UpdateOutcome::Updated(contact(input.id, input.properties.clone())),
        }
    }

    fn whole_call_fails(&mut self) -> Option<Error> {
        let Some(Fault::Fails(error)) = self.faults.front().cloned() else { return None };
        self.faults.pop_front();
        Some(error)
    }
}

fn contact(id: ContactId, mut properties: BTreeMap<String, String>) -> Contact {
    properties.retain(|_, value| !value.is_empty());
    Contact { id, properties, archived_at_ms: None, created_at_ms: None }
}

fn shown(id: ContactId, row: &Row, asked: &[String]) -> Contact {
    let mut properties = row.properties.clone();
    properties.retain(|name, _| asked.contains(name));
    contact(id, properties)
}

#[async_trait]
impl Crm for TableCrm {
    async fn read_by_email(
        &self,
        emails: &[String],
        asked: &[String],
        _: Priority,
    ) -> Result<Vec<(String, Contact)>, Error> {
        Ok(self.with(|table| {
            table.count("read_by_email");
            let found = |email: &String| {
                let id = table.by_email(email)?;
                Some((email.clone(), shown(ContactId(id), &table.rows[&id], asked)))
            };
            emails.iter().filter_map(found).collect()
        }))
    }

    async fn read_many(
        &self,
        ids: &[ContactId],
        asked: &[String],
        _: Priority,
    ) -> Result<Vec<(ContactId, Contact)>, Error> {
        Ok(self.with(|table| {
            table.count("read_many");
            let found = |id: &ContactId| table.resolve(*id).map(|(now, row)| (*id, shown(now, row, asked)));
            ids.iter().filter_map(found).collect()
        }))
    }

    async fn read_archived(&self, ids: &[ContactId], _: Priority) -> Result<Vec<(ContactId, Contact)>, Error> {
        Ok(self.with(|table| {
            table.count("read_archived");
            let archived = |id: &ContactId| {
                let now = table.id_now(*id);
                let archived_at_ms = Some(table.rows.get(&now.0)?.archived_at_ms?);
                Some((*id, Contact { archived_at_ms, ..contact(now, BTreeMap::new()) }))
            };
            ids.iter().filter_map(archived).collect()
        }))
    }

    async fn read_one(&self, id: ContactId, asked: &[String], _: Priority) -> Result<Option<Contact>, Error> {
        Ok(self.with(|table| table.resolve(id).map(|(now, row)| shown(now, row, asked))))
    }

    async fn search_in(
        &self,
        property: &str,
        values: &[String],
        asked: &[String],
        _: Priority,
    ) -> Result<Vec<Contact>, Error> {
        self.with(|table| {
            table.count("search_in");
            if table.missing_properties.iter().any(|missing| missing == property) {
                let (reason, code) = ("no such property".to_owned(), Some("PROPERTY_DOESNT_EXIST".to_owned()));
                return Err(Error::Rejected(Refusal { reason, code, property: Some(property.to_owned()) }));
            }
            let live = table.rows.iter().filter(|(_, row)| row.archived_at_ms.is_none() && row.merged_into.is_none());
            let found =
                live.filter(|(_, row)| row.properties.get(property).is_some_and(|value| values.contains(value)));
            Ok(found.map(|(id, row)| shown(ContactId(*id), row, asked)).collect())
        })
    }

    async fn create(
        &self,
        inputs: Vec<CreateInput>,
        may_send: MaySend<'_>,
        _: Priority,
    ) -> Result<Vec<(String, CreateOutcome)>, Error> {
        self.wait_for_turn().await;
        self.with(|table| {
            table.count("create");
            let outcome = |table: &mut Table, input: &CreateInput| match may_send(&input.trace) {
                true => table.create(input),
                false => CreateOutcome::NotSent,
            };
            match table.whole_call_fails() {
                Some(error) => Err(error),
                None => Ok(inputs.iter().map(|input| (input.trace.clone(), outcome(table, input))).collect()),
            }
        })
    }

    async fn update(
        &self,
        inputs: Vec<UpdateInput>,
        may_send: MaySend<'_>,
        _: Priority,
    ) -> Result<Vec<(String, UpdateOutcome)>, Error> {
        self.wait_for_turn().await;
        self.with(|table| {
            table.count("update");
            let outcome = |table: &mut Table, input: &UpdateInput| match may_send(&input.trace) {
                true => table.update(input),
                false => UpdateOutcome::NotSent,
            };
            match table.whole_call_fails() {
                Some(error) => Err(error),
                None => Ok(inputs.iter().map(|input| (input.trace.clone(), outcome(table, input))).collect()),
            }
        })
    }

    async fn archive(&self, _: ContactId, _: Priority) -> Result<(), Error> {
        unreachable!("the projector deletes nobody")
    }

    async fn gdpr_delete(&self, _: ContactKey<'_>, _: Priority) -> Result<(), Error> {
        unreachable!("the projector erases nobody")
    }

    async fn ensure_group(&self, _: &Group, _: Priority) -> Result<(), Error> {
        Ok(())
    }

    async fn ensure_properties(
        &self,
        definitions: &[PropertyDefinition],
        _: Priority,
    ) -> Result<Vec<(String, Ensured)>, Error> {
        Ok(self.with(|table| {
            table.ensured += 1;
            let missing = std::mem::replace(&mut table.missing_properties, table.lost_properties.clone());
            let ensured = |name: &String| match (table.lost_properties.contains(name), missing.contains(name)) {
                (true, _) => Ensured::Conflicting { reason: "something else in the double".to_owned() },
                (false, true) => Ensured::Restored,
                (false, false) => Ensured::Existed,
            };
            definitions.iter().map(|definition| (definition.name.clone(), ensured(&definition.name))).collect()
        }))
    }

    async fn inspect_properties(
        &self,
        definitions: &[PropertyDefinition],
        _: Priority,
    ) -> Result<Vec<(String, Standing)>, Error> {
        Ok(self.with(|table| {
            let standing =
                |name| if table.missing_properties.contains(name) { Standing::Missing } else { Standing::Fits };
            definitions.iter().map(|definition| (definition.name.clone(), standing(&definition.name))).collect()
        }))
    }

    async fn missing_scopes(&self, _: Priority) -> Result<Vec<&'static str>, Error> {
        Ok(Vec::new())
    }

    async fn custom_property_room(&self, _: Priority) -> Result<Option<Room>, Error> {
        Ok(None)
    }

    async fn account(&self, _: Priority) -> Result<Account, Error> {
        Err(Error::NotFound)
    }

    async fn daily_usage(&self, _: Priority) -> Result<Option<DailyUsage>, Error> {
        Ok(None)
    }
}
