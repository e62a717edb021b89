//! Why something is among the dead letters.

use serde::{Deserialize, Serialize, Serializer};

macro_rules! reasons {
    ($($(#[doc = $meaning:literal])+ $reason:ident: $word:literal;)+) => {
        /// Why something could not be used: one short word in the log, the metrics and the commands, never changed.
        #[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
        #[serde(from = "String")]
        pub enum Reason {
            $($(#[doc = $meaning])+ $reason,)+
            /// One that this version does not know, as it stands in the log.
            Other(String),
        }

        impl Reason {
            /// All that this version knows.
            pub const KNOWN: &[Self] = &[$(Self::$reason),+];

            /// The word.
            pub const fn as_str(&self) -> &str {
                match self {
                    $(Self::$reason => $word,)+
                    Self::Other(word) => word.as_str(),
                }
            }
        }
    };
}

reasons! {
    /// A record that cannot be read.
    Malformed: "malformed";
    /// HubSpot does not take a contact.
    Refused: "refused";
    /// HubSpot does not take a value, or stores another than was sent.
    Settled: "settled";
    /// A contact was merged into another person's.
    Merged: "merged";
    /// A body that LINE signed and that is not JSON.
    NotJson: "not_json";
    /// A body that LINE signed and that has no list of events.
    NoEvents: "no_events";
    /// A dead letter that cannot be read itself: said by who reads it, and in no record.
    Unreadable: "unreadable";
}

impl From<String> for Reason {
    fn from(word: String) -> Self {
        Self::KNOWN.iter().find(|known| known.as_str() == word).cloned().unwrap_or(Self::Other(word))
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_the_same_after_it_was_written_and_one_of_another_version_keeps_its_word() {
        for reason in Reason::KNOWN {
            assert_eq!(Reason::from(reason.as_str().to_owned()), *reason);
        }
        let other = Reason::from("of_another_version".to_owned());
        assert_eq!((other.as_str(), other.clone()), ("of_another_version", Reason::Other("of_another_version".into())));
    }
}
