//! Who is a friend of a connection already, by its log.

use crate::person::each_record;
use crate::recovery::progress::Progress;
use anyhow::bail;
use contact::{ConnectionNumber, UserId};
use eventlog::{Log, Topic};
use projector::records::{Decoder, Error, Input};
use runtime::shutdown::Shutdown;
use std::collections::HashMap;

/// How somebody stands who is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Did something that makes a contact.
    Acted,
    /// Was erased, and did nothing of that kind since.
    Erased,
}

/// Everybody whom the log knows as a friend of one connection, or as erased.
#[derive(Debug, Default)]
pub struct Known(HashMap<UserId, Standing>);

impl Known {
    /// How this person stands; `None` of somebody new.
    pub fn get(&self, user: UserId) -> Option<Standing> {
        self.0.get(&user).copied()
    }

    /// Reads all events. Blocks. `None` when it was stopped.
    ///
    /// # Errors
    /// When the log cannot be read, or a newer version wrote it.
    pub fn read(
        log: &dyn Log,
        decoder: &Decoder,
        connection: ConnectionNumber,
        shutdown: &Shutdown,
    ) -> anyhow::Result<Option<Self>> {
        let (mut known, mut progress, mut read) = (Self::default(), Progress::of("records read"), 0);
        for partition in 0..log.partitions(Topic::LineEvents) {
            if shutdown.is_requested() {
                return Ok(None);
            }
            each_record(log, Topic::LineEvents, partition, |record| {
                read += 1;
                progress.tell(read, None);
                match decoder.input(record.lend()) {
                    Ok(input) => known.note(&input, connection),
                    Err(Error::Unusable(_)) => {}
                    Err(newer @ Error::Newer { .. }) => bail!(newer),
                }
                Ok(())
            })?;
        }
        Ok(Some(known))
    }

    fn note(&mut self, input: &Input, connection: ConnectionNumber) {
        match input {
            Input::Event { event, .. } if event.connection == connection && event.kind.makes_contact() => {
                self.0.insert(event.user, Standing::Acted);
            }
            Input::Erased(user, _) => {
                self.0.insert(*user, Standing::Erased);
            }
            _ => {}
        }
    }
}
