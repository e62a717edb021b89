//! Comparing beside a running `up`, in rounds.
//!
//! What it wrote since the state was rebuilt would pass for a person's edit: whoever differs is compared again with what the log
//! has told by then, until it tells nothing new.

use super::Drift;
use contact::{User, UserId};

/// How often somebody is compared of whom the log tells something new each time; then nothing is said of them.
const ROUNDS_MAX: usize = 5;

/// Whoever differs, as the state was when HubSpot was asked.
pub type Drifts = Vec<(UserId, User, Drift)>;

/// What came of comparing a page of users.
#[derive(Debug, Default)]
pub struct Compared {
    /// Who differs for certain.
    pub drifts: Drifts,
    /// Of how many the log told something new each time.
    pub not_compared: u64,
}

/// `compare` asks HubSpot and gives whoever differs. `newest` gives what the log tells by now of these users, in their order; none
/// of whom nothing is known any more.
///
/// # Errors
/// The first of either.
pub async fn compare_in_rounds(
    mut users: Vec<(UserId, User)>,
    mut compare: impl AsyncFnMut(&[(UserId, User)]) -> anyhow::Result<Drifts>,
    mut newest: impl FnMut(&[UserId]) -> anyhow::Result<Vec<Option<User>>>,
) -> anyhow::Result<Compared> {
    let mut compared = Compared::default();
    for _ in 0..ROUNDS_MAX {
        let drifts = compare(&users).await?;
        users.clear();
        if drifts.is_empty() {
            break;
        }
        let ids: Vec<UserId> = drifts.iter().map(|(id, ..)| *id).collect();
        for ((id, user, drift), now) in drifts.into_iter().zip(newest(&ids)?) {
            match now {
                Some(now) if now == user => compared.drifts.push((id, user, drift)),
                Some(now) => users.push((id, now)),
                None => {}
            }
        }
        if users.is_empty() {
            break;
        }
    }
    compared.not_compared = users.len() as u64;
    Ok(compared)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::recovery::drift::Finding;
    use contact::{ConnectionNumber, Event, EventId, Kind, Moment};

    const RESTLESS: UserId = UserId::from_u128(1);
    const CALM: UserId = UserId::from_u128(2);

    /// Somebody who followed at that time.
    fn follower(id: UserId, time_ms: i64) -> User {
        let mut user = User::default();
        let at = Moment { time_ms, id: EventId(0) };
        user.apply(Event { user: id, connection: ConnectionNumber::new(1).unwrap(), at, kind: Kind::Followed });
        user
    }

    fn differing(users: &[(UserId, User)]) -> Drifts {
        let differs = |(id, user): &(UserId, User)| {
            (*id, user.clone(), Drift { findings: vec![Finding::Refused], ..Drift::default() })
        };
        users.iter().map(differs).collect()
    }

    fn names(drifts: &Drifts) -> Vec<UserId> {
        drifts.iter().map(|(id, ..)| *id).collect()
    }

    #[tokio::test]
    async fn whoever_differs_after_the_log_told_nothing_new_differs_for_certain() {
        let page = vec![(RESTLESS, follower(RESTLESS, 0)), (CALM, follower(CALM, 0))];
        let mut compared = Vec::new();
        let compare = async |users: &[(UserId, User)]| {
            compared.push(users.len());
            Ok(differing(users))
        };
        let newest =
            |ids: &[UserId]| Ok(ids.iter().map(|id| Some(follower(*id, i64::from(*id == RESTLESS)))).collect());
        let found = compare_in_rounds(page, compare, newest).await.unwrap();
        assert_eq!((names(&found.drifts), found.not_compared), (vec![CALM, RESTLESS], 0));
        assert_eq!(compared, [2, 1]);
    }

    #[tokio::test]
    async fn whoever_is_in_step_with_what_the_log_told_meanwhile_does_not_differ() {
        let page = vec![(RESTLESS, follower(RESTLESS, 0))];
        let compare = async |users: &[(UserId, User)]| {
            let is_old = users.iter().all(|(_, user)| *user == follower(RESTLESS, 0));
            Ok(if is_old { differing(users) } else { Drifts::new() })
        };
        let found = compare_in_rounds(page, compare, |_| Ok(vec![Some(follower(RESTLESS, 1))])).await.unwrap();
        assert_eq!((names(&found.drifts), found.not_compared), (vec![], 0));
    }

    #[tokio::test]
    async fn of_whom_the_log_tells_something_new_each_time_nothing_is_said_but_how_many_they_are() {
        let page = vec![(RESTLESS, follower(RESTLESS, 0)), (CALM, follower(CALM, 0))];
        let mut told = 0;
        let newest = |ids: &[UserId]| {
            told += 1;
            Ok(ids.iter().map(|id| Some(follower(*id, if *id == RESTLESS { told } else { 0 }))).collect())
        };
        let found = compare_in_rounds(page, async |users| Ok(differing(users)), newest).await.unwrap();
        assert_eq!((names(&found.drifts), found.not_compared), (vec![CALM], 1));
    }

    #[tokio::test]
    async fn of_whom_nothing_is_known_any_more_nothing_is_said() {
        let page = vec![(CALM, follower(CALM, 0))];
        let found = compare_in_rounds(page, async |users| Ok(differing(users)), |_| Ok(vec![None])).await.unwrap();
        assert_eq!((names(&found.drifts), found.not_compared), (vec![], 0));
    }
}
