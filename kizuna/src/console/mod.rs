//! The web console: what the commands do, in a browser, for a team.
//!
//! Pages are made on the server and need no script. Who may do what stands in one table, [`routes`], and every request passes
//! [`guard`] first. Accounts, sessions and the record of changes are the console's own; all else it asks of the same
//! functions as the command line.

mod access;
mod accounts;
mod contact_link;
mod deed;
mod device;
mod events;
mod findings;
mod form;
mod guard;
mod headers;
mod language;
mod page;
mod pages;
mod password;
mod path;
mod qr;
mod reasons;
mod replays;
mod routes;
mod steps;
mod throttle;
mod token;
mod totp;
mod words;

use crate::friends::Friends;
use crate::friends::census::Census;
use crate::readiness::Readiness;
use crate::wiring::Installation;
use accounts::{Accounts, Handle};
use connection::View;
use contact_link::ContactLinks;
use password::Passwords;
use replays::Replays;
use runtime::shutdown::Shutdown;
use runtime::web;
use std::net::SocketAddr;
use std::sync::Arc;
use throttle::Throttle;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// The console. Clones are the same one.
#[derive(Clone)]
pub struct Console(Arc<Inner>);

struct Inner {
    installation: Installation,
    view: Arc<View>,
    readiness: Option<Readiness>,
    accounts: Handle,
    passwords: Passwords,
    throttle: Throttle,
    /// For browsers from which somebody signed in before: those that nobody knows cannot use it up.
    device_throttle: Throttle,
    /// Of its own: whoever knows a password could otherwise begin anew with it after each few codes.
    code_throttle: Throttle,
    friends: Friends,
    census: Census,
    contact_links: ContactLinks,
    replays: Replays,
    /// Whoever reads a whole partition of the log for a page waits for a turn.
    log_turns: Semaphore,
    /// Where it listens.
    address: SocketAddr,
}

/// Pages that may read the log at the same time.
const LOG_READERS: usize = 2;

impl Console {
    /// Opens its accounts in the data directory. `readiness` tells of the parts of this process, where it has others.
    ///
    /// # Errors
    /// When its files cannot be used.
    pub fn open(
        installation: Installation,
        view: Arc<View>,
        readiness: Option<Readiness>,
        address: SocketAddr,
    ) -> anyhow::Result<Self> {
        let directory = installation.directory("console")?;
        let accounts = Accounts::open(&directory, Arc::clone(&installation.clock), installation.sealer.clone());
        let accounts = accounts.map_err(unusable)?;
        let throttle = || Throttle::new(Arc::clone(&installation.clock));
        let (throttle, device_throttle, code_throttle) = (throttle(), throttle(), throttle());
        let friends = Friends::of(&installation)?;
        let census = Census::new(friends.clone(), Arc::clone(&installation.clock));
        let contact_links = ContactLinks::new(installation.crm.clone());
        Ok(Self(Arc::new(Inner {
            installation,
            view,
            readiness,
            accounts: Handle::to(accounts),
            passwords: Passwords::default(),
            throttle,
            device_throttle,
            code_throttle,
            friends,
            census,
            contact_links,
            replays: Replays::default(),
            log_turns: Semaphore::new(LOG_READERS),
            address,
        })))
    }

    /// The address that people open.
    pub fn url(&self) -> String {
        let public = self.0.installation.settings.console_url.as_ref();
        public.map_or_else(|| format!("http://{}", reached(self.0.address)), ToString::to_string)
    }

    /// While nobody can sign in yet: the address at which the first administrator sets a password, once.
    ///
    /// # Errors
    /// When the accounts cannot be read or written.
    pub async fn first_link(&self) -> anyhow::Result<Option<String>> {
        if self.0.accounts.ask(Accounts::has_administrator).await.map_err(unusable)? {
            return Ok(None);
        }
        self.link().await.map(Some)
    }

    /// A new address at which somebody becomes administrator, once; earlier ones of this kind no longer work.
    ///
    /// # Errors
    /// When the accounts cannot be written.
    pub async fn link(&self) -> anyhow::Result<String> {
        let token = self.0.accounts.ask(Accounts::invite_administrator).await.map_err(unusable)?;
        Ok(format!("{}/welcome/{}", self.url(), token.expose()))
    }

    /// Switches somebody's second factor off, for when neither the app nor a recovery code is left. False where nobody has this
    /// name.
    ///
    /// # Errors
    /// When the accounts cannot be written.
    pub async fn reset_second_factor(&self, name: &str, by: &'static str) -> anyhow::Result<bool> {
        let name = name.to_owned();
        let reset = move |accounts: &Accounts| {
            let Some(person) = accounts.person_named(&name)? else { return anyhow::Ok(false) };
            accounts.reset_second_factor(&person, by)?;
            anyhow::Ok(true)
        };
        self.0.accounts.ask(reset).await
    }

    /// Serves until the shutdown is requested.
    pub async fn serve(self, listener: TcpListener, shutdown: Shutdown) {
        web::serve(listener, web::Bounds::default(), routes::router(self), shutdown.requested()).await;
    }
}

/// Where this machine reaches what listens there: that on all of its addresses is no address that browsers open.
fn reached(address: SocketAddr) -> String {
    if address.ip().is_unspecified() { format!("localhost:{}", address.port()) } else { address.to_string() }
}

/// Says what to do, where it is known.
fn unusable(error: anyhow::Error) -> anyhow::Error {
    let advice =
        "the console's files are damaged: move console/ in the data directory away; the console then begins anew";
    let is_damage = accounts::is_damage(&error);
    error.context(if is_damage { advice } else { "cannot use the console's files (console/ in the data directory)" })
}

#[cfg(test)]
mod tests;
