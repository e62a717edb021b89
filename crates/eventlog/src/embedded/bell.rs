//! Wakes the readers of this process as soon as one of their topics got records.

use crate::record::Topic;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Weak};
use std::time::Duration;

/// A set of topics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Topics(u32);

impl Topics {
    /// Adds a topic.
    pub(super) fn insert(&mut self, topic: Topic) {
        self.0 |= 1 << topic as u32;
    }

    /// Has it a topic in common with another set?
    fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl FromIterator<Topic> for Topics {
    fn from_iter<I: IntoIterator<Item = Topic>>(topics: I) -> Self {
        let mut set = Self::default();
        topics.into_iter().for_each(|topic| set.insert(topic));
        set
    }
}

/// What one waiting reader listens to. It stays rung until its reader has heard it, so a record that arrives between
/// looking and waiting is not missed.
pub(super) struct Bell {
    topics: Topics,
    rung: Mutex<bool>,
    ringing: Condvar,
}

impl Bell {
    /// Waits until the bell is rung or the time is up.
    pub(super) fn wait(&self, limit: Duration) {
        let rung = self.rung.lock().expect("nobody panics while holding a bell");
        let (mut rung, _) =
            self.ringing.wait_timeout_while(rung, limit, |rung| !*rung).expect("nobody panics while holding a bell");
        *rung = false;
    }

    fn ring(&self) {
        *self.rung.lock().expect("nobody panics while holding a bell") = true;
        self.ringing.notify_one();
    }
}

/// The bells of all readers of one open log.
#[derive(Default)]
pub(super) struct Bells(Mutex<Vec<Weak<Bell>>>);

impl Bells {
    /// A bell that rings for some topics, for as long as it is held.
    pub(super) fn hang(&self, topics: Topics) -> Arc<Bell> {
        let bell = Arc::new(Bell { topics, rung: Mutex::new(false), ringing: Condvar::new() });
        let mut bells = self.all();
        bells.retain(|bell| bell.strong_count() > 0);
        bells.push(Arc::downgrade(&bell));
        bell
    }

    /// Rings for topics that got records.
    pub(super) fn ring(&self, topics: Topics) {
        self.all()
            .iter()
            .filter_map(Weak::upgrade)
            .filter(|bell| bell.topics.meets(topics))
            .for_each(|bell| bell.ring());
    }

    fn all(&self) -> MutexGuard<'_, Vec<Weak<Bell>>> {
        self.0.lock().expect("nobody panics while holding the bells")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    /// Longer than a bell that rings is ever waited for.
    const LONG: Duration = Duration::from_secs(60);

    fn is_heard(bell: &Bell, limit: Duration) -> bool {
        let since = Instant::now();
        bell.wait(limit);
        since.elapsed() < limit
    }

    #[test]
    fn a_bell_that_rang_before_the_wait_is_heard_once() {
        let bells = Bells::default();
        let bell = bells.hang([Topic::LineEvents].into_iter().collect());
        bells.ring([Topic::LineEvents, Topic::LineSent].into_iter().collect());
        assert!(is_heard(&bell, LONG));
        assert!(!is_heard(&bell, Duration::from_millis(5)));
    }

    #[test]
    fn a_bell_rings_while_somebody_waits() {
        let bells = Bells::default();
        let bell = bells.hang([Topic::LineEvents].into_iter().collect());
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| is_heard(&bell, LONG));
            bells.ring([Topic::LineEvents].into_iter().collect());
            assert!(waiting.join().expect("the wait does not panic"));
        });
    }

    #[test]
    fn a_bell_is_silent_for_topics_it_was_not_hung_for() {
        let bells = Bells::default();
        let bell = bells.hang([Topic::LineEvents].into_iter().collect());
        bells.ring([Topic::LineSent, Topic::DeadLetters].into_iter().collect());
        assert!(!is_heard(&bell, Duration::from_millis(5)));
    }

    #[test]
    fn a_bell_that_was_taken_down_is_forgotten() {
        let bells = Bells::default();
        drop(bells.hang(Topics::default()));
        let _kept = bells.hang(Topics::default());
        assert_eq!(bells.all().len(), 1);
    }
}
