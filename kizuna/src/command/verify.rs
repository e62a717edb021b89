//! `kizuna verify`: HubSpot compared with the state, and what is done about it.

use crate::cli::recovery::Verify;
use crate::output;
use crate::recovery::beside::Beside;
use crate::recovery::drift::rounds::{Compared, Drifts, compare_in_rounds};
use crate::recovery::drift::{Difference, Drift, Finding, Subject};
use crate::recovery::listing::Listing;
use crate::recovery::progress::Progress;
use crate::settings::Settings;
use crate::wiring::Installation;
use anyhow::Context;
use contact::{Connections, ContactId, Field, Link, Names, Property, User, UserId};
use eventlog::{NewRecord, Topic};
use hubspot::{Contact, Crm, Error, Priority};
use projector::records::confirmation_record;
use projector::sync::answers::EMAIL;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::process::ExitCode;
use std::sync::Arc;

/// Users compared at a time: one call to HubSpot.
const PAGE: usize = 100;

/// Compares, tells, and records what HubSpot really holds if told to.
///
/// # Errors
/// Without access to HubSpot, and when the log cannot be read or HubSpot does not answer.
pub async fn run(verify: &Verify, settings: Settings, as_json: bool) -> anyhow::Result<ExitCode> {
    let installation = Installation::open(settings).await?;
    let crm =
        installation.crm.clone().context("KIZUNA_HUBSPOT_TOKEN is not set: there is no HubSpot to compare with")?;
    let view = installation.view().await?;
    let mut beside = Beside::build(&installation, &view, Progress::of_records()).await?;
    let comparison = Comparison {
        crm,
        names: installation.settings.property_prefix.0.clone(),
        rules: beside.rules.clone(),
        searches: !verify.no_search,
        installation: installation.clone(),
    };
    let (mut listing, mut tally) = (Listing::begin(as_json)?, Tally::default());
    let mut progress = Progress::of("people compared");
    for place in 0..beside.rebuilt.partitions.len() {
        let mut after = None;
        loop {
            let page = beside.rebuilt.partitions[place].store().users(after, PAGE)?;
            let people = page.users.len() as u64;
            let compare = async |users: &[_]| comparison.compare(users).await;
            let newest = |ids: &[_]| beside.newest(place, ids);
            let Compared { drifts, not_compared } = compare_in_rounds(page.users, compare, newest).await?;
            for (id, user, drift) in &drifts {
                tell(*id, user, drift, &comparison.names, &mut listing)?;
                drift.findings.iter().for_each(|finding| *tally.counts.entry(finding.kind()).or_default() += 1);
            }
            if verify.repair {
                tally.repaired += comparison.repair(&drifts).await?;
            }
            tally.people += people;
            tally.not_compared += not_compared;
            progress.tell(tally.people, None);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    drop(progress);
    listing.end(&tally.as_value(), &tally.in_words(verify.repair))?;
    Ok(ExitCode::SUCCESS)
}

/// What pages are compared with.
struct Comparison {
    crm: Arc<dyn Crm>,
    names: Names,
    rules: Connections,
    searches: bool,
    installation: Installation,
}

/// What was asked of HubSpot about a page of users.
#[derive(Default)]
struct Answers {
    live: HashMap<ContactId, Contact>,
    archived: HashMap<ContactId, Option<i64>>,
    carriers: HashMap<UserId, BTreeSet<ContactId>>,
}

impl Comparison {
    async fn compare(&self, users: &[(UserId, User)]) -> anyhow::Result<Drifts> {
        let asked_at_ms = self.installation.clock.now_ms();
        let (rules, names) = (&self.rules, &self.names);
        let subjects: Vec<_> =
            users.iter().map(|(id, user)| Subject { id: *id, user, rules, names, asked_at_ms }).collect();
        let answers = self.ask(&subjects).await.context("HubSpot could not be read")?;
        let mut drifts = Vec::new();
        for subject in subjects {
            let contact = subject.contact();
            let found = contact.and_then(|id| answers.live.get(&id));
            let archived_at_ms = contact.and_then(|id| answers.archived.get(&id).copied().flatten());
            let mut drift = subject.compare(found, archived_at_ms);
            let mut others = answers.carriers.get(&subject.id).cloned().unwrap_or_default();
            let is_itself = |id: &ContactId| found.is_some_and(|found| found.id == *id) || Some(*id) == contact;
            others.retain(|id| !is_itself(id));
            if found.is_some() && !others.is_empty() {
                drift.findings.push(Finding::Duplicate { others });
            }
            if !drift.findings.is_empty() {
                drifts.push((subject.id, subject.user.clone(), drift));
            }
        }
        Ok(drifts)
    }

    async fn ask(&self, subjects: &[Subject<'_>]) -> Result<Answers, Error> {
        let mut answers = Answers::default();
        let ids: Vec<ContactId> = subjects.iter().filter_map(Subject::contact).collect();
        if ids.is_empty() {
            return Ok(answers);
        }
        let properties = self.properties(subjects);
        let live = patiently(async || self.crm.read_many(&ids, &properties, Priority::Backfill).await).await?;
        answers.live = live.into_iter().collect();
        let is_missing = |subject: &&Subject<'_>| matches!(subject.user.account.link, Link::Live(id) if !answers.live.contains_key(&id));
        let missing: Vec<ContactId> = subjects.iter().filter(is_missing).filter_map(Subject::contact).collect();
        if !missing.is_empty() {
            let archived = patiently(async || self.crm.read_archived(&missing, Priority::Backfill).await).await?;
            answers.archived = archived.into_iter().map(|(id, contact)| (id, contact.archived_at_ms)).collect();
        }
        if self.searches {
            answers.carriers = self.search(subjects).await?;
        }
        Ok(answers)
    }

    /// All contacts that carry one of these users.
    async fn search(&self, subjects: &[Subject<'_>]) -> Result<HashMap<UserId, BTreeSet<ContactId>>, Error> {
        let mut carriers: HashMap<UserId, BTreeSet<ContactId>> = HashMap::new();
        let numbers: BTreeSet<_> = subjects.iter().flat_map(|it| it.user.friends().map(|(number, _)| number)).collect();
        for connection in numbers.into_iter().filter(|number| self.rules.get(*number).is_some()) {
            let name = self.names.name(Property { connection, field: Field::UserId });
            let linked = subjects.iter().filter(|it| it.contact().is_some() && it.user.friend(connection).is_some());
            let ids: Vec<String> = linked.map(|subject| subject.id.to_string()).collect();
            let asked = std::slice::from_ref(&name);
            let found = patiently(async || self.crm.search_in(&name, &ids, asked, Priority::Backfill).await).await?;
            for contact in found {
                if let Some(user) = contact.properties.get(&name).and_then(|id| UserId::parse(id)) {
                    carriers.entry(user).or_default().insert(contact.id);
                }
            }
        }
        Ok(carriers)
    }

    /// Our properties of every connection that knows one of these users, and of those whose values are known: what is recorded
    /// is all that was read. And what tells whose a contact is: its address, and whom it shows to the others that are kept in
    /// step.
    fn properties(&self, subjects: &[Subject<'_>]) -> Vec<String> {
        let known = subjects.iter().flat_map(|subject| subject.user.friends().map(|(number, _)| number));
        let confirmed = subjects.iter().flat_map(|subject| subject.user.account.values.keys());
        let in_step = known.filter(|number| self.rules.get(*number).is_some());
        let numbers: BTreeSet<_> = in_step.chain(confirmed.map(|property| property.connection)).collect();
        let known = numbers.into_iter().flat_map(|number| self.names.of_connection(number)).map(|(_, name)| name);
        let user_id = |connection| self.names.name(Property { connection, field: Field::UserId });
        let whose = self.rules.numbers().map(user_id).chain([EMAIL.to_owned()]);
        known.chain(whose).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Records what HubSpot really holds; the projector does the rest.
    async fn repair(&self, drifts: &Drifts) -> anyhow::Result<u64> {
        let mut records = Vec::new();
        for (id, _, drift) in drifts {
            let Some((truth, reason)) = &drift.truth else { continue };
            let record = confirmation_record(*id, truth, reason.as_deref(), &self.names);
            let key = schemas::key::hubspot_contact(&id.to_string());
            let value = Some(self.installation.codec.encode(&record));
            records.push(NewRecord { topic: Topic::HubspotContacts, key, value });
        }
        let repaired = records.len() as u64;
        self.installation.log.append(records).await?;
        Ok(repaired)
    }
}

/// Asks again for as long as HubSpot only asks for time.
async fn patiently<T>(ask: impl AsyncFn() -> Result<T, Error>) -> Result<T, Error> {
    loop {
        match ask().await {
            Err(error) if error.wait().is_some() => tokio::time::sleep(error.wait().unwrap_or_default()).await,
            answer => return answer,
        }
    }
}

/// What was found in all.
#[derive(Default)]
struct Tally {
    people: u64,
    /// Of whom nothing can be said, because they changed all the while.
    not_compared: u64,
    counts: BTreeMap<&'static str, u64>,
    repaired: u64,
}

impl Tally {
    fn drift(&self) -> u64 {
        self.counts.values().sum()
    }

    fn as_value(&self) -> Value {
        let of = |kind| (kind, self.counts.get(kind).copied().unwrap_or_default());
        let counts: BTreeMap<_, _> = Finding::KINDS.map(of).into();
        json!({
            "people": self.people,
            "not_compared": self.not_compared,
            "drift": self.drift(),
            "counts": counts,
            "repaired": self.repaired,
        })
    }

    fn in_words(&self, repairs: bool) -> String {
        let compared = match self.not_compared {
            0 => format!("{} people compared.", self.people),
            more => format!(
                "{} people compared. {more} more changed all the while: compare them at a quieter time.",
                self.people - more
            ),
        };
        if self.counts.is_empty() {
            return format!("{compared} HubSpot holds what the state says.");
        }
        let counts: Vec<_> = self.counts.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        let head = format!("{compared} Differences: {}.", counts.join(", "));
        match (repairs, self.repaired) {
            (false, _) => format!("{head}\nNothing was changed. To heal: kizuna verify --repair"),
            (true, repaired) => format!(
                "{head}\n{repaired} contacts are recorded as HubSpot holds them; `kizuna up` writes what differs from the state, \
                 at its next start if it does not run."
            ),
        }
    }
}

fn tell(id: UserId, user: &User, drift: &Drift, names: &Names, listing: &mut Listing) -> std::io::Result<()> {
    let contact = match user.account.link {
        Link::Live(contact) | Link::Gone { contact, .. } => Some(contact.to_string()),
        _ => None,
    };
    for finding in &drift.findings {
        let mut value = json!({ "user_id": id.to_string(), "contact_id": contact, "kind": finding.kind() });
        if let Value::Object(members) = details(finding, names)
            && let Some(row) = value.as_object_mut()
        {
            row.extend(members);
        }
        let whom = contact.clone().unwrap_or_else(|| id.to_string());
        listing.row(&value, || format!("{:<10} {whom}{}", finding.kind(), in_words(finding, names)))?;
    }
    Ok(())
}

fn details(finding: &Finding, names: &Names) -> Value {
    match finding {
        Finding::Edited(difference) | Finding::Unwritten(difference) => {
            let Difference { property, held, confirmed, wanted } = difference;
            json!({ "property": names.name(*property), "in_hubspot": held, "confirmed": confirmed, "wanted": wanted })
        }
        Finding::Gone { since_ms } => json!({ "since_ms": since_ms, "since": output::time(*since_ms) }),
        Finding::Merged { into } => json!({ "into": into.to_string() }),
        Finding::Duplicate { others } => {
            json!({ "others": others.iter().map(ContactId::to_string).collect::<Vec<_>>() })
        }
        Finding::Uncreated | Finding::Refused | Finding::Restored => json!({}),
    }
}

fn in_words(finding: &Finding, names: &Names) -> String {
    match finding {
        Finding::Edited(difference) | Finding::Unwritten(difference) => format!(
            "  {}: \"{}\", should be \"{}\"",
            names.name(difference.property),
            output::shown(&difference.held, 40),
            output::shown(&difference.wanted, 40)
        ),
        Finding::Gone { since_ms } => format!("  deleted {}", output::time(*since_ms)),
        Finding::Merged { into } => format!("  into {into}"),
        Finding::Duplicate { others } => {
            format!("  also {}", others.iter().map(ContactId::to_string).collect::<Vec<_>>().join(", "))
        }
        Finding::Uncreated | Finding::Refused | Finding::Restored => String::new(),
    }
}
