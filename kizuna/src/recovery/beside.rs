//! The state rebuilt from the log, in a directory of its own beside the live one.

use crate::server::{GROUP, projector_settings};
use crate::wiring::Installation;
use anyhow::{Context, bail};
use connection::View;
use contact::{Connections, User, UserId};
use eventlog::{Consumer, Log, Topic};
use projector::rebuild::{Rebuilt, catch_up, rebuild};
use projector::records::Decoder;
use projector::store::files;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The directory inside that of the state.
const DIRECTORY: &str = "rebuild";

/// The lock of whoever rebuilds, or must not be rebuilt beside.
pub struct Turn {
    state: PathBuf,
    _lock: File,
}

impl Turn {
    /// Takes the lock, and removes what a rebuild that was killed left behind.
    ///
    /// # Errors
    /// When another command has it, or the directory cannot be used.
    pub fn take(installation: &Installation) -> anyhow::Result<Self> {
        let state = installation.directory("state")?;
        let path = state.join("rebuild.lock");
        let cannot = || format!("cannot use {}", path.display());
        let file = File::options().create(true).truncate(false).write(true).open(&path).with_context(cannot)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                bail!("another kizuna replay, verify or erase works in {}: wait until it ends", state.display())
            }
            Err(TryLockError::Error(error)) => return Err(error).with_context(cannot),
        }
        let turn = Self { state, _lock: file };
        turn.clear().with_context(|| format!("cannot empty {}", turn.directory().display()))?;
        Ok(turn)
    }

    /// The directory of the live state.
    pub fn state(&self) -> &Path {
        &self.state
    }

    fn directory(&self) -> PathBuf {
        self.state.join(DIRECTORY)
    }

    fn clear(&self) -> std::io::Result<()> {
        match std::fs::remove_dir_all(self.directory()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// The state beside the live one. Its files go when it is dropped.
pub struct Beside {
    /// The state.
    pub rebuilt: Rebuilt,
    /// The connections that it was looked at with.
    pub rules: Connections,
    log: Arc<dyn Log>,
    decoder: Decoder,
    turn: Turn,
}

impl Beside {
    /// Folds the whole log. `progress` is told how many records of how many are done.
    ///
    /// # Errors
    /// When the log cannot be read, or the directory cannot be used.
    pub async fn build(
        installation: &Installation,
        view: &View,
        mut progress: impl FnMut(u64, u64) + Send + 'static,
    ) -> anyhow::Result<Self> {
        let turn = Turn::take(installation)?;
        let settings = projector_settings(installation)?;
        let stores = settings.stores_in(turn.directory());
        let decoder = Decoder::new(installation.codec.clone(), settings.labels, settings.names);
        let memory = settings.restore_memory;
        let (log, rules) = (Arc::clone(&installation.log), view.snapshot().rules().clone());
        let rebuilding = tokio::task::spawn_blocking(move || {
            let progress = |done, total: u64| progress(done, total.max(done));
            let rebuilt = rebuild(memory, &*log, &decoder, &stores, &rules, progress);
            Ok(Self { rebuilt: rebuilt.context("the state cannot be rebuilt")?, rules, log, decoder, turn })
        });
        rebuilding.await?
    }

    /// Folds what came into the log since for the partition at this place, and gives what is known of these users of it by now.
    /// Blocks.
    ///
    /// # Errors
    /// When the log cannot be read, or the directory cannot be used.
    pub fn newest(&mut self, place: usize, users: &[UserId]) -> anyhow::Result<Vec<Option<User>>> {
        let (partition, number) = (&mut self.rebuilt.partitions[place], u32::try_from(place)?);
        catch_up(partition, number, &*self.log, &self.decoder, &self.rules).context("the log cannot be followed")?;
        let store = partition.store();
        let newest = users.iter().map(|id| Ok(store.user(*id)?.cloned())).collect();
        store.forget();
        newest
    }

    /// Puts it in the place of the live state, which nobody may use meanwhile.
    ///
    /// # Errors
    /// When a file cannot be moved.
    pub fn replace_live(mut self, _nobody: &Stopped) -> anyhow::Result<()> {
        self.rebuilt.partitions.clear();
        files::replace(self.turn.state(), &self.turn.directory())
            .with_context(|| format!("cannot replace the state in {}", self.turn.state().display()))
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // The next one removes what stays.
        let _ = self.turn.clear();
    }
}

/// Proof that no projector works on the state of this data directory; with the embedded log, none can start meanwhile.
pub struct Stopped {
    _membership: Option<Box<dyn Consumer>>,
}

impl Stopped {
    /// `None` when a projector runs.
    ///
    /// # Errors
    /// When it cannot be told.
    pub fn find(installation: &Installation) -> anyhow::Result<Option<Self>> {
        if installation.embedded.is_some() {
            let joined = installation.log.subscribe(GROUP, &Topic::USER_STATE, Arc::new(|_, _| Ok(0)));
            return match joined {
                Ok(membership) => Ok(Some(Self { _membership: Some(membership) })),
                Err(eventlog::Error::Unfit(_)) => Ok(None),
                Err(error) => Err(error.into()),
            };
        }
        let state = installation.directory("state")?;
        for partition in files::partitions(&state)? {
            if files::is_in_use(&state, partition)? {
                return Ok(None);
            }
        }
        Ok(Some(Self { _membership: None }))
    }
}
