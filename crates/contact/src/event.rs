//! What happened to a friend, freed from LINE's JSON.

use crate::{ConnectionNumber, EventId, MessageId, UserId};
use serde::{Deserialize, Serialize};

/// Record time: when LINE says it happened, and the event's identity to break ties. Orders all events of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Moment {
    /// LINE's `timestamp`, milliseconds since 1970.
    pub time_ms: i64,
    /// Breaks ties between events of the same millisecond.
    pub id: EventId,
}

/// One thing that happened between one person and one official account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The person.
    pub user: UserId,
    /// The official account.
    pub connection: ConnectionNumber,
    /// When, in LINE's time.
    pub at: Moment,
    /// What.
    pub kind: Kind,
}

/// What happened, as far as the rules tell events apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Added the account as a friend, or unblocked it.
    Followed,
    /// Blocked the account.
    Unfollowed,
    /// Wrote in the one-to-one chat.
    Messaged {
        /// Which.
        message: MessageId,
        /// The text, or the label of what is not text.
        text: Box<str>,
    },
    /// Changed a message sent earlier.
    Edited {
        /// Which.
        message: MessageId,
        /// The new text.
        text: Box<str>,
    },
    /// Took a message back.
    Unsent {
        /// Which.
        message: MessageId,
    },
    /// Did something else that shows a person: postback, video watched, account linked, membership, beacon entered.
    Acted,
    /// Was found among the account's followers by an import.
    Imported,
    /// Was answered one-to-one: chat, workflow or API. Bulk sends and automatic replies are not answers.
    Answered,
}

impl Kind {
    /// Does it make a contact of a person never seen before?
    pub const fn makes_contact(&self) -> bool {
        match self {
            Self::Followed | Self::Messaged { .. } | Self::Acted | Self::Imported => true,
            Self::Unfollowed | Self::Edited { .. } | Self::Unsent { .. } | Self::Answered => false,
        }
    }

    /// Does it bring a contact back that was deleted in HubSpot? Only a message or a follow does.
    pub const fn brings_back(&self) -> bool {
        matches!(self, Self::Followed | Self::Messaged { .. })
    }
}
