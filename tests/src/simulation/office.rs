//! What people do in HubSpot meanwhile: delete, restore, merge, edit, remove a property. Never with a contact that the
//! projector has not seen yet.

use super::life::World;
use super::workload;
use contact::{ConnectionNumber, Field, Names, Property};
use eventlog::Topic;
use sandbox::hubspot::RecordId;
use schemas::{Codec, ContactLink, HubspotContact};
use std::collections::BTreeMap;

/// Values that a person's deed may have changed: all of a contact, from this fact of the portal's history on.
#[derive(Clone, Copy, Debug)]
pub struct Touch {
    /// The number of the first fact afterwards.
    pub facts: u64,
    /// The contact.
    pub contact: RecordId,
}

/// One deed, whichever chance brings.
pub fn deed(world: &World) -> Option<Touch> {
    let known = known(world);
    let now_ms = world.clock.now();
    let ids: Vec<RecordId> = known.values().copied().collect();
    let one = world.hazards.choose(&ids)?;
    match world.hazards.between(0, 9) {
        0..4 => delete(world, one),
        4 | 5 => restore(world),
        6 => {
            let email = format!("person{}@example.com", world.hazards.between(0, 1 << 30));
            let edit = BTreeMap::from([("email".to_owned(), email)]);
            if world.portal().edit(now_ms, one, &edit).is_ok() {
                world.hazards.count("e-mail edited");
            }
            None
        }
        7 => merge_with_stranger(world, one),
        8 if world.plan.users_merged => merge_users(world, one, world.hazards.choose(&ids)?),
        _ => {
            let field = world.hazards.choose(&Field::ALL).filter(|field| may_go(world, *field))?;
            let connection = ConnectionNumber::new(1)?;
            let name = Names::default().name(Property { connection, field });
            if world.portal().archive_property(now_ms, &name) {
                world.hazards.count("property removed");
            }
            None
        }
    }
}

fn may_go(world: &World, field: Field) -> bool {
    field != Field::UserId || !world.plan.users_merged
}

/// Contacts that people had of LINE users before the accounts were connected.
pub fn prepare(world: &World) {
    let mut portal = world.portal();
    for user in workload::users(&world.plan).iter().step_by(3).take(3) {
        let values = BTreeMap::from([
            ("email".to_owned(), format!("known-{}@example.com", &user[1..9])),
            ("line_user_id_1".to_owned(), user.clone()),
        ]);
        // A portal without contacts has no reason to refuse.
        drop(portal.add(world.clock.now() - 3_600_000, &values));
    }
}

/// The live contact of each user, as the log has it.
fn known(world: &World) -> BTreeMap<String, RecordId> {
    let mut known = BTreeMap::new();
    for record in world.log.newest(Topic::HubspotContacts).into_values() {
        let value = record.value.as_deref().unwrap_or_default();
        let Ok(contact) = Codec::default().decode::<HubspotContact>(value) else { continue };
        match contact.link {
            ContactLink::Live { contact_id } => known.insert(contact.user_id, contact_id),
            _ => known.remove(&contact.user_id),
        };
    }
    let portal = world.portal();
    let live = |(user, id): (String, RecordId)| Some((user, portal.contacts().resolve(id)?.id));
    known.into_iter().filter_map(live).collect()
}

fn delete(world: &World, id: RecordId) -> Option<Touch> {
    if world.portal().delete(world.clock.now(), id).is_ok() {
        world.hazards.count("contact deleted");
    }
    None
}

fn restore(world: &World) -> Option<Touch> {
    let mut portal = world.portal();
    let archived = portal.contacts().iter().filter(|contact| contact.archived_ms.is_some());
    let archived: Vec<RecordId> = archived.map(|contact| contact.id).collect();
    let id = world.hazards.choose(&archived)?;
    if portal.restore(world.clock.now(), id).is_ok() {
        world.hazards.count("contact restored");
        if world.hazards.between(0, 2) == 0 && portal.delete(world.clock.now(), id).is_ok() {
            world.hazards.count("contact restored and deleted again");
        }
    }
    None
}

fn merge_with_stranger(world: &World, one: RecordId) -> Option<Touch> {
    let now_ms = world.clock.now();
    let email = format!("stranger{}@example.com", world.hazards.between(0, 1 << 30));
    let stranger = world.portal().add(now_ms, &BTreeMap::from([("email".to_owned(), email)])).ok()?;
    let (primary, other) = if world.hazards.between(0, 1) == 0 { (one, stranger) } else { (stranger, one) };
    let into = world.portal().merge(now_ms, primary, other).ok()?;
    world.hazards.count("contact merged");
    Some(Touch { facts: world.facts(), contact: into })
}

/// Two LINE users, of one account or, as the same person may be, of two.
fn merge_users(world: &World, primary: RecordId, other: RecordId) -> Option<Touch> {
    let mut portal = world.portal();
    let into = portal.merge(world.clock.now(), primary, other).ok()?;
    world.hazards.count("two users merged");
    Some(Touch { facts: portal.history().total(), contact: into })
}
