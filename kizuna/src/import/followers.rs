//! LINE's list of an account's friends, page by page.

use crate::recovery::progress::Progress;
use anyhow::{anyhow, bail};
use contact::UserId;
use line::Error;
use line::api::{Channel, Client, FollowerPage};
use rand::SeedableRng;
use rand::rngs::SmallRng;
use runtime::backoff::Backoff;
use runtime::shutdown::Shutdown;
use std::collections::HashSet;
use std::time::Duration;
use tokio::time::sleep;

/// Waits between two attempts at a page. Jitter is for many at a time; this is one.
const WAITS: Backoff = Backoff { base: Duration::from_secs(1), cap: Duration::from_secs(30), jitter: 0.0 };

/// Attempts at one page: with [`WAITS`], about three minutes.
const ATTEMPTS: usize = 10;

/// Why LINE lists the friends of some accounts only, and what becomes of those of the others.
const NOT_LISTED: &str = "LINE lists the friends of verified and premium accounts only (認証済アカウント, プレミアムアカウント), and \
    says that this account is neither. Nothing is lost: every friend becomes a contact at the first message, tap, or other \
    action. To import all of them at once, apply for verification in LINE Official Account Manager \
    (アカウント認証をリクエスト), then run this again";

/// The friends.
pub struct Listed {
    /// Each once, in LINE's order.
    pub users: Vec<UserId>,
    /// Pages that it took.
    pub calls: usize,
}

/// Lists all friends of the account. Blocked, deleted and non-consenting people are not among them. `None` when it was
/// stopped.
///
/// # Errors
/// What LINE refuses, with what to do; and what stays wrong for minutes.
pub async fn list(line: &Client, channel: &Channel, shutdown: &Shutdown) -> anyhow::Result<Option<Listed>> {
    let mut progress = Progress::of("friends listed");
    let (mut seen, mut listed) = (HashSet::new(), Listed { users: Vec::new(), calls: 0 });
    let mut start: Option<String> = None;
    loop {
        let page = tokio::select! {
            page = page(line, channel, start.as_deref()) => page?,
            () = shutdown.clone().requested() => return Ok(None),
        };
        listed.calls += 1;
        listed.users.extend(page.users.into_iter().filter(|user| seen.insert(*user)));
        progress.tell(listed.users.len() as u64, None);
        match page.next {
            None => return Ok(Some(listed)),
            next if next == start => bail!("LINE names the same page twice: run this again later"),
            next => start = next,
        }
    }
}

async fn page(line: &Client, channel: &Channel, start: Option<&str>) -> anyhow::Result<FollowerPage> {
    let mut waits = WAITS.waits(SmallRng::seed_from_u64(0)).take(ATTEMPTS - 1);
    loop {
        match line.follower_ids(channel, start).await {
            Ok(page) => return Ok(page),
            Err(Error::NotAllowed { .. }) => bail!(NOT_LISTED),
            Err(error) if error.is_transient() => match waits.next() {
                Some(wait) => sleep(wait).await,
                None => return Err(anyhow!(error).context("LINE does not list the friends: run this again later")),
            },
            Err(error) => return Err(anyhow!(error).context("LINE does not list the friends")),
        }
    }
}
