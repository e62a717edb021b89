//! Webhooks on their way out, without a socket: a model says what is due, somebody posts it and reports the answer.

use serde::Serialize;

/// One HTTP POST a platform wants to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its number within the model.
    pub number: u64,
    /// Where to.
    pub url: String,
    /// Headers, the signature among them.
    pub headers: Vec<(&'static str, String)>,
    /// The exact bytes.
    pub body: Vec<u8>,
    /// How long the platform waits for an answer, in milliseconds.
    pub timeout_ms: u64,
}

/// How the receiver reacted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reaction {
    /// It answered with this status.
    Status(u16),
    /// No connection.
    CouldNotConnect,
    /// No answer in time.
    TimedOut,
    /// Something else, as an answer that is no HTTP.
    Unclassified,
}

impl Reaction {
    /// Whether the receiver took the delivery.
    pub fn accepted(self) -> bool {
        matches!(self, Self::Status(200..=299))
    }

    /// The status, 0 without an answer.
    pub fn status(self) -> u16 {
        match self {
            Self::Status(status) => status,
            _ => 0,
        }
    }

    /// LINE's word for it in error statistics and in the webhook test.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Status(200..=299) => "OK",
            Self::Status(_) => "ERROR_STATUS_CODE",
            Self::CouldNotConnect => "COULD_NOT_CONNECT",
            Self::TimedOut => "REQUEST_TIMEOUT",
            Self::Unclassified => "UNCLASSIFIED",
        }
    }
}

/// A model that calls others.
pub trait Caller {
    /// When the next delivery is due, by the sandbox's clock.
    fn next_due_ms(&self) -> Option<i64>;

    /// Takes out what is due.
    fn take_due(&mut self, now_ms: i64) -> Vec<Delivery>;

    /// Reports how a delivery ended; the model decides whether it comes again.
    fn answered(&mut self, now_ms: i64, number: u64, reaction: Reaction);
}
