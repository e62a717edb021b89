//! For whoever claims, looks and changes one after the other: what was read of the topic is not read again.

use crate::registry::{Decision, Registry};
use crate::tail::Tail;
use crate::writing::{append, blocking, unavailable};
use crate::{Connection, Error, Sealer, changing};
use contact::{ConnectionNumber, Plan};
use eventlog::Log;
use schemas::{Codec, ConnectionClaim};
use std::sync::Arc;
use uuid::Uuid;

/// A number that is the caller's to define.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The number.
    pub number: ConnectionNumber,
    /// The channel had this number before: somebody stopped half-way, or adds the same account again.
    pub resumed: bool,
}

/// Claims a number, as [`Editor::claim`] does.
///
/// # Errors
/// Those of [`Editor::claim`].
pub async fn claim(
    log: &Arc<dyn Log>,
    codec: &Codec,
    plan: Plan,
    channel_id: &str,
    now_ms: i64,
) -> Result<Claimed, Error> {
    Editor::open(log, codec).await?.claim(plan, channel_id, now_ms).await
}

/// The topic as read so far.
pub struct Editor {
    log: Arc<dyn Log>,
    codec: Codec,
    /// Away while it reads; lost where the log failed.
    tail: Option<Tail>,
    registry: Registry,
}

impl Editor {
    /// Reads the topic.
    ///
    /// # Errors
    /// [`Error::Newer`]; [`Error::Log`].
    pub async fn open(log: &Arc<dyn Log>, codec: &Codec) -> Result<Self, Error> {
        let (log, codec) = (Arc::clone(log), codec.clone());
        let reading = (Arc::clone(&log), codec.clone());
        let tail = blocking(move || Tail::keeping_all(&*reading.0, reading.1)).await?;
        Ok(Self { log, codec, registry: tail.registry.clone(), tail: Some(tail) })
    }

    /// What stood in the log when it was opened.
    pub const fn registry(&self) -> &Registry {
        &self.registry
    }

    async fn caught_up(&mut self) -> Result<Tail, Error> {
        let tail = self.tail.take().ok_or_else(|| unavailable("the log failed before"))?;
        let log = Arc::clone(&self.log);
        blocking(move || tail.catch_up(&*log)).await
    }

    /// Claims a number for a channel, within the plan's quota. Any number of processes may do so at once: each gets another
    /// number, and together never more than the plan allows. A channel that has a connection gets that one's number again.
    ///
    /// # Errors
    /// [`Error::QuotaReached`]; [`Error::Newer`]; [`Error::Log`], after which the same may be done again, with another editor.
    pub async fn claim(&mut self, plan: Plan, channel_id: &str, now_ms: i64) -> Result<Claimed, Error> {
        let connections_max = plan.connections_max();
        let mut tail = self.caught_up().await?;
        loop {
            match tail.registry.foresee(channel_id, connections_max) {
                Decision::Existing(number) => return Ok(self.claimed(tail, number, true)),
                Decision::QuotaReached { max } => return Err(Error::QuotaReached { max }),
                Decision::Accepted(_) => {}
            }
            // A new ID each time: the fold and compaction both rely on it.
            let claim = ConnectionClaim {
                id: Uuid::new_v4().to_string(),
                channel_id: channel_id.to_owned(),
                connections_max,
                removed: tail.registry.removed().map(ConnectionNumber::get).collect(),
                at_ms: now_ms,
            };
            let end = append(&self.log, schemas::key::claim(&claim.id), self.codec.encode(&claim)).await? + 1;
            tail = blocking(move || tail.read_to(end).map(|()| tail)).await?;
            match tail.registry.decision(&claim.id) {
                Some(Decision::Accepted(number)) => return Ok(self.claimed(tail, number, false)),
                // Somebody else was first. What is true now is foreseen above; where a removal came in between, it is worth a
                // new claim that counts on it.
                Some(_) => {}
                None => return Err(unavailable("the log does not give back a claim that it took")),
            }
        }
    }

    fn claimed(&mut self, tail: Tail, number: ConnectionNumber, resumed: bool) -> Claimed {
        self.tail = Some(tail);
        Claimed { number, resumed }
    }

    /// Makes a connection out of what stands in the log under its number, if anything does, and gives it as it is from then
    /// on. `next` may be called several times.
    ///
    /// # Errors
    /// [`Error::NotFound`] where it was removed; [`Error::Contended`]; [`Error::OtherMasterKey`]; [`Error::Damaged`];
    /// [`Error::Newer`]; [`Error::Log`].
    pub async fn settle(
        mut self,
        sealer: &Sealer,
        number: ConnectionNumber,
        next: impl Fn(Option<&Connection>) -> Connection,
    ) -> Result<Connection, Error> {
        let tail = self.caught_up().await?;
        let write = changing::Write { log: &self.log, codec: &self.codec, sealer, number };
        write.run(tail, |before| Some(next(before.as_ref()))).await
    }
}
