//! What the rule tables and the laws share: records to fold, and a HubSpot that does what it is told.

use contact::{Action, Confirmation, Connection, ConnectionNumber, Connections, ContactId, Event, Profile, User};

/// Anything that changes what is known of a user.
#[derive(Clone, Debug)]
pub enum Record {
    Event(Event),
    Profile(ConnectionNumber, Profile),
    Confirmation(Confirmation),
    Erased(i64),
}

/// Folds one record in.
pub fn apply(user: &mut User, record: &Record) {
    match record.clone() {
        Record::Event(event) => user.apply(event),
        Record::Profile(connection, profile) => user.apply_profile(connection, profile),
        Record::Confirmation(confirmation) => user.apply_confirmation(confirmation),
        Record::Erased(since_ms) => user.erase(since_ms),
    }
}

/// The state after these records.
pub fn fold<'a>(records: impl IntoIterator<Item = &'a Record>) -> User {
    let mut user = User::default();
    for record in records {
        apply(&mut user, record);
    }
    user
}

/// The state as a store keeps it: two states are the same if these bytes are.
pub fn bytes(user: &User) -> Vec<u8> {
    postcard::to_stdvec(user).expect("the state is plain data")
}

/// What a HubSpot that obeys and echoes would confirm; `None` where nothing was asked of it.
///
/// A contact made by the confirmation with revision `r` has the ID `r`.
pub fn hubspot_does(action: Action, user: &User, observed_at_ms: i64) -> Option<Confirmation> {
    let contact = ContactId(user.account.revision() + 1);
    let alive = |contact| user.account.next_alive(observed_at_ms, contact, user.returned_ms());
    match action {
        Action::Nothing => None,
        Action::Create(values) => Some(Confirmation { values, ..alive(contact) }),
        Action::Update(contact, changed) => {
            let mut confirmation = alive(contact);
            confirmation.in_doubt.retain(|property| !changed.contains_key(property));
            confirmation.values.extend(changed);
            Some(confirmation)
        }
        Action::Check(contact) => Some(Confirmation { refused: user.account.refused.clone(), ..alive(contact) }),
    }
}

/// The connection with this number.
pub fn number(number: u32) -> ConnectionNumber {
    ConnectionNumber::new(number).expect("not 0")
}

/// Connections that are neither paused nor removed, and whether each makes contacts.
pub fn connections(all: impl IntoIterator<Item = (u32, bool)>) -> Connections {
    all.into_iter().map(|(of, auto_create)| Connection { number: number(of), auto_create }).collect()
}
