//! A record of the log, in either framing.

use schemas::{
    Codec, ConnectionClaim, ConnectionDefinition, DeadLetter, HubspotContact, HubspotEvent, LineEvent, LineProfile,
    OutboxMessage, SentMessage,
};

/// What can be decoded is the same record when it was encoded and decoded again; anything else is an error.
pub fn record(bytes: &[u8]) {
    let codec = Codec::default();
    macro_rules! settles {
        ($($record:ty),+) => {
            $(if let Ok(record) = codec.decode::<$record>(bytes) {
                let once = codec.encode(&record);
                let again = codec.decode::<$record>(&once).expect("what was encoded can be decoded");
                assert!(codec.encode(&again) == once, "and is the same record");
            })+
        };
    }
    settles!(LineEvent<'_>, LineProfile, HubspotContact, HubspotEvent, OutboxMessage, SentMessage);
    settles!(ConnectionClaim, ConnectionDefinition, DeadLetter);
}
