//! The way to the accounts from requests: their file is read and written on threads that may wait for it, so that nobody else
//! waits where it is slow or another process writes.

use super::Accounts;
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// Leads to the accounts. There is no other way for a request.
#[derive(Clone)]
pub struct Handle(Arc<Accounts>);

impl Handle {
    /// To these accounts.
    pub fn to(accounts: Accounts) -> Self {
        Self(Arc::new(accounts))
    }

    /// Does something with them.
    ///
    /// # Errors
    /// As the work does, and when it panics.
    pub async fn ask<T, E>(&self, work: impl FnOnce(&Accounts) -> Result<T, E> + Send + 'static) -> anyhow::Result<T>
    where
        T: Send + 'static,
        E: Into<anyhow::Error> + Send + 'static,
    {
        let accounts = Arc::clone(&self.0);
        spawn_blocking(move || work(&accounts)).await?.map_err(Into::into)
    }

    /// The accounts themselves: tests may wait.
    #[cfg(test)]
    pub fn at_once(&self) -> &Accounts {
        &self.0
    }
}
