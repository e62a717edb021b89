//! Changing a connection although others may change it at the same moment.
//!
//! A definition stands in the log whole, so one that was made without knowing of another one undoes it, and no lock spans the
//! processes. So each definition says which one it was made from, and whoever changes a connection reads back: where
//! definitions of others came between what was changed and what was written, what they changed is put back, and the change is
//! made again on top of it. Of several changes at the same moment none is lost; where they concern the same field, the last one
//! to be written holds.

use crate::registry;
use crate::tail::{Placed, Tail};
use crate::writing::{append, blocking};
use crate::{Connection, Error, Sealer};
use chacha20poly1305::aead::OsRng;
use chacha20poly1305::aead::rand_core::RngCore;
use contact::ConnectionNumber;
use eventlog::Log;
use schemas::{Codec, ConnectionDefinition};
use std::sync::Arc;
use std::time::Duration;

/// So many times others may come in between.
const ATTEMPTS_MAX: usize = 30;

/// A race does not go on for longer than so many definitions of one connection.
const RACE_MAX: usize = 200;

/// Waits between two attempts are shorter than this, and left to chance, so that two writers do not go on in step.
const WAIT_MS: u32 = 32;

/// Changes a connection as it stands in the log now, and gives it as it is from then on. What `change` leaves alone stays as
/// others wrote it, also those who write at the same moment; for that, `change` may be called several times, and must set
/// things rather than add to them.
///
/// # Errors
/// [`Error::NotFound`] where it was removed or never defined; [`Error::Contended`]; [`Error::OtherMasterKey`];
/// [`Error::Damaged`]; [`Error::Newer`]; [`Error::Log`].
pub async fn amend(
    log: &Arc<dyn Log>,
    codec: &Codec,
    sealer: &Sealer,
    number: ConnectionNumber,
    change: impl Fn(&mut Connection),
) -> Result<Connection, Error> {
    let changed = |before: Option<Connection>| {
        before.map(|mut connection| {
            change(&mut connection);
            connection
        })
    };
    let reading = (Arc::clone(log), codec.clone());
    let tail = blocking(move || Tail::keeping_all(&*reading.0, reading.1)).await?;
    Write { log, codec, sealer, number }.run(tail, changed).await
}

/// A definition that is to be written.
pub(crate) struct Write<'a> {
    pub log: &'a Arc<dyn Log>,
    pub codec: &'a Codec,
    pub sealer: &'a Sealer,
    pub number: ConnectionNumber,
}

impl Write<'_> {
    /// Writes what `next` makes of what is there, until nobody came in between. The tail must have kept all definitions.
    pub async fn run(
        self,
        mut tail: Tail,
        next: impl Fn(Option<Connection>) -> Option<Connection>,
    ) -> Result<Connection, Error> {
        let Self { log, codec, sealer, number } = self;
        let mut race = Race { sealer, number, others: None, ours: Vec::new(), read: None };
        for _ in 0..ATTEMPTS_MAX {
            if tail.registry.is_removed(number) {
                return Err(Error::NotFound(number));
            }
            let seen = of(number, &tail);
            race.read_on(&seen)?;
            let wanted = next(race.others.clone()).ok_or(Error::NotFound(number))?;
            let newest = seen.last();
            if newest.map(|it| race.open(it)).transpose()?.as_ref() == Some(&wanted) {
                return Ok(wanted);
            }
            let made_from = newest.map(|it| it.offset);
            let sealed = ConnectionDefinition { made_from: made_from.map(u64::cast_signed), ..wanted.seal(sealer) };
            let offset = append(log, registry::key(&sealed), codec.encode(&sealed)).await?;
            race.ours.push(offset);
            tail = blocking(move || tail.read_to(offset + 1).map(|()| tail)).await?;
            let before = of(number, &tail).into_iter().rfind(|it| it.offset < offset).map(|it| it.offset);
            if before == made_from && !tail.registry.is_removed(number) {
                return Ok(wanted);
            }
            tokio::time::sleep(Duration::from_millis(u64::from(OsRng.next_u32() % WAIT_MS))).await;
        }
        Err(Error::Contended(number))
    }
}

fn of(number: ConnectionNumber, tail: &Tail) -> Vec<&Placed> {
    tail.seen.iter().filter(|it| it.number == number).collect()
}

/// What happens to a connection while it is changed.
struct Race<'a> {
    sealer: &'a Sealer,
    number: ConnectionNumber,
    /// What the connection would be by what others changed, and by nothing of ours.
    others: Option<Connection>,
    /// Where the definitions stand that we wrote.
    ours: Vec<u64>,
    /// Definitions that were taken in so far; `None` before the first look.
    read: Option<usize>,
}

impl Race<'_> {
    fn open(&self, placed: &Placed) -> Result<Connection, Error> {
        Connection::open(self.number, &placed.definition, self.sealer)
    }

    /// Takes in what others changed. What stands there at first is as it is, unless there was a race not long before: then
    /// somebody may still be about to put back what another one undid.
    fn read_on(&mut self, seen: &[&Placed]) -> Result<(), Error> {
        let from = self.read.unwrap_or_else(|| {
            let recent = seen.len().saturating_sub(RACE_MAX);
            let is_quiet = seen[recent..].windows(2).all(|two| made_from(two[1]).is_none_or(|it| it == two[0].offset));
            if is_quiet { seen.len().saturating_sub(1) } else { recent }
        });
        for place in from..seen.len() {
            if !self.ours.contains(&seen[place].offset) {
                self.take_in(seen, place)?;
            }
        }
        self.read = Some(seen.len());
        Ok(())
    }

    fn take_in(&mut self, seen: &[&Placed], place: usize) -> Result<(), Error> {
        let theirs = match self.open(seen[place]) {
            // From a time before another master key: what came later says it all.
            Err(_) if place + 1 < seen.len() => return Ok(()),
            theirs => theirs?,
        };
        let named = made_from(seen[place]);
        let made_from = seen[..place].iter().rfind(|it| named.is_none_or(|offset| it.offset == offset));
        let made_from = made_from.and_then(|it| self.open(it).ok());
        match (&mut self.others, made_from) {
            (Some(others), Some(made_from)) => carry_over(&made_from, &theirs, others),
            (others, _) => *others = Some(theirs),
        }
        Ok(())
    }
}

/// The offset of the definition that this one was made from; `None`: the one before it.
fn made_from(placed: &Placed) -> Option<u64> {
    placed.definition.made_from.map(i64::cast_unsigned)
}

/// Changes `onto` as `after` was changed from `before`.
fn carry_over(before: &Connection, after: &Connection, onto: &mut Connection) {
    macro_rules! carry {
        ($($field:ident),+ $(,)?) => {
            // Naming all of them: the compiler tells of a field that is left out.
            let Connection { number: _, $($field),+ } = onto;
            $(if before.$field != after.$field {
                $field.clone_from(&after.$field);
            })+
        };
    }
    carry!(
        name,
        description,
        icon,
        channel_id,
        channel_secrets,
        access_token,
        webhook_token,
        bot_user_id,
        auto_create,
        state,
        properties_existed,
        created_at_ms,
        older_secrets_until_ms,
    );
}
