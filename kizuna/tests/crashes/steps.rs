//! The steps between a webhook and a contact at which Kizuna dies.

use crate::kinds::{Call, Kind};

/// Which process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Ingest,
    Projector,
}

/// When it dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// When it passes the point of this name after the act.
    At(&'static str),
    /// By `kill -9`, as soon as LINE has its answer.
    Answered,
    /// When it passes this point after it was asked to stop.
    Stopping(&'static str),
    /// When it passes this point at its start, with an empty state store.
    Restoring(&'static str),
    /// When it passes this point because another member joins the group. On Kafka only.
    Rebalancing(&'static str),
}

/// A step, with the name that `docs/operations.md` gives it.
pub struct Step {
    pub id: &'static str,
    pub what: &'static str,
    pub role: Role,
    pub death: Death,
    needs: Needs,
}

/// Which kinds come to the step.
enum Needs {
    Nothing,
    SeveralEvents,
    Calls(&'static [Call]),
}

use Death::{Answered, At, Rebalancing, Restoring, Stopping};
use Needs::{Calls, Nothing, SeveralEvents};
use Role::{Ingest, Projector};

const fn step(id: &'static str, what: &'static str, role: Role, death: Death, needs: Needs) -> Step {
    Step { id, what, role, death, needs }
}

const WRITES: Needs = Calls(&[Call::Create, Call::Update, Call::Check]);

/// All steps, in the order of an event's way.
pub static STEPS: [Step; 19] = [
    step("I1", "webhook received", Ingest, At("ingest.received"), Nothing),
    step("I2", "signature verified", Ingest, At("ingest.verified"), Nothing),
    step("I3", "some of its events handed to the log", Ingest, At("log.half"), SeveralEvents),
    step("I4", "durable, not answered", Ingest, At("ingest.durable"), Nothing),
    step("I5", "answered", Ingest, Answered, Nothing),
    step("P1", "records fetched", Projector, At("projector.fetched"), Nothing),
    step("P2", "folded, not durable", Projector, At("projector.folded"), Nothing),
    step("P3", "state durable", Projector, At("projector.stored"), Nothing),
    step(
        "P3b",
        "profile looked up, not recorded",
        Projector,
        At("projector.profile.answered"),
        Calls(&[Call::Profile]),
    ),
    step("P4", "creation carried out, answer lost", Projector, At("projector.create.answered"), Calls(&[Call::Create])),
    step("P4b", "update announced, not sent", Projector, At("projector.update.announced"), Calls(&[Call::Update])),
    step("P5", "update carried out, answer lost", Projector, At("projector.update.answered"), Calls(&[Call::Update])),
    step("P5b", "contact looked at, answer lost", Projector, At("projector.check.answered"), Calls(&[Call::Check])),
    step("P6", "answer read, not recorded", Projector, At("projector.answer.read"), WRITES),
    step("P7", "answer recorded, not folded", Projector, At("projector.answer.recorded"), WRITES),
    step("P8", "partitions revoked", Projector, Rebalancing("projector.revoked"), Nothing),
    step("P9", "asked to stop", Projector, Stopping("projector.leaving"), Nothing),
    step("P9b", "giving partitions back at the stop", Projector, Stopping("projector.revoked"), Nothing),
    step("P10", "restoring", Projector, Restoring("projector.restoring"), Nothing),
];

impl Step {
    /// Does an event of this kind come to the step?
    pub fn concerns(&self, kind: &Kind) -> bool {
        match self.needs {
            Nothing => true,
            SeveralEvents => kind.is_several_at_once(),
            Calls(calls) => calls.iter().any(|call| kind.makes(*call)),
        }
    }

    /// The point to arm; none where the process is killed from outside.
    pub fn point(&self) -> Option<&'static str> {
        match self.death {
            At(point) | Stopping(point) | Restoring(point) | Rebalancing(point) => Some(point),
            Answered => None,
        }
    }
}
