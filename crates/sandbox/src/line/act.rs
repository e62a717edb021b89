//! What a person can do, and in which manner LINE tells it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::person::Likeness;

/// One thing a person does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Act {
    /// Adds the account as a friend, or unblocks it. Nothing is sent when already a friend.
    Follow,
    /// Blocks the account.
    Unfollow,
    /// Writes a text.
    Message {
        /// The text.
        text: String,
    },
    /// Sends a sticker.
    Sticker {
        /// Text of a message sticker.
        #[serde(default)]
        text: Option<String>,
    },
    /// Sends pictures, each an event of its own.
    Image {
        /// How many at once.
        #[serde(default = "one")]
        total: u32,
    },
    /// Sends a video.
    Video,
    /// Sends a voice message.
    Audio,
    /// Sends a file.
    File {
        /// Its name.
        #[serde(default = "file_name")]
        file_name: String,
    },
    /// Sends a place.
    Location {
        /// Title; may be absent.
        #[serde(default)]
        title: Option<String>,
        /// Address; may be absent.
        #[serde(default)]
        address: Option<String>,
    },
    /// Taps something that sends a postback.
    Postback {
        /// The action's data.
        #[serde(default = "postback_data")]
        data: String,
        /// What a date picker chose.
        #[serde(default)]
        params: Option<Value>,
    },
    /// Takes a message back.
    Unsend {
        /// Which; none = the newest one.
        #[serde(default)]
        message_id: Option<String>,
    },
    /// Changes a text that was sent.
    Edit {
        /// The new text.
        text: String,
        /// Which; none = the newest one.
        #[serde(default)]
        message_id: Option<String>,
    },
    /// Watches a video with a tracking ID to its end.
    VideoPlayComplete,
    /// Links the account with a service.
    AccountLink {
        /// `ok` or `failed`; a failed link has no source.
        #[serde(default = "ok")]
        result: String,
    },
    /// Comes near a beacon.
    Beacon {
        /// `enter`, `banner` or `stay`.
        #[serde(default = "enter")]
        beacon: String,
    },
    /// Joins, leaves or renews a membership.
    Membership {
        /// `joined`, `left` or `renewed`.
        #[serde(default = "joined")]
        membership: String,
    },
    /// Writes a text in a group the account is in.
    GroupMessage {
        /// The text.
        text: String,
        /// The group.
        #[serde(default = "group_id")]
        group_id: String,
    },
    /// Changes the profile. LINE sends nothing.
    Profile(Likeness),
    /// Deletes the LINE account. LINE sends nothing.
    DeleteAccount,
    /// Anything else: these properties, over the common ones.
    Event {
        /// Properties of the event; `type` at least.
        event: Map<String, Value>,
    },
}

fn one() -> u32 {
    1
}

fn file_name() -> String {
    "見積書.pdf".to_owned()
}

fn postback_data() -> String {
    "action=buy&itemid=111".to_owned()
}

fn ok() -> String {
    "ok".to_owned()
}

fn enter() -> String {
    "enter".to_owned()
}

fn joined() -> String {
    "joined".to_owned()
}

fn group_id() -> String {
    "Ca56f94637c0a1b2c3d4e5f60718293a4".to_owned()
}

impl Act {
    /// Its name, as in the control API's paths.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Follow => "follow",
            Self::Unfollow => "unfollow",
            Self::Message { .. } => "message",
            Self::Sticker { .. } => "sticker",
            Self::Image { .. } => "image",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::File { .. } => "file",
            Self::Location { .. } => "location",
            Self::Postback { .. } => "postback",
            Self::Unsend { .. } => "unsend",
            Self::Edit { .. } => "edit",
            Self::VideoPlayComplete => "video-play-complete",
            Self::AccountLink { .. } => "account-link",
            Self::Beacon { .. } => "beacon",
            Self::Membership { .. } => "membership",
            Self::GroupMessage { .. } => "group-message",
            Self::Profile(_) => "profile",
            Self::DeleteAccount => "delete-account",
            Self::Event { .. } => "event",
        }
    }

    /// Writes `text`.
    pub fn message(text: &str) -> Self {
        Self::Message { text: text.to_owned() }
    }
}

/// How LINE tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Manner {
    /// The event's time in milliseconds; none = now.
    pub timestamp: Option<i64>,
    /// Further copies of the event that arrive beside the first, with `isRedelivery: false`.
    pub copies: u32,
    /// Milliseconds until it is sent.
    pub delay_ms: i64,
    /// `mode: standby`: another module has the chat.
    pub standby: bool,
}
