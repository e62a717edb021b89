//! Topics by the names that they have on the cluster.

use crate::record::Topic;

/// The names of all topics: a prefix, usually empty, and the topic's own name.
#[derive(Clone, Debug)]
pub(super) struct Names(Vec<(Topic, String)>);

impl Names {
    pub(super) fn new(prefix: &str) -> Self {
        Self(Topic::ALL.iter().map(|topic| (*topic, format!("{prefix}{topic}"))).collect())
    }

    /// A topic's name on the cluster.
    pub(super) fn name(&self, topic: Topic) -> &str {
        let found = self.0.iter().find(|(known, _)| *known == topic);
        &found.expect("Topic::ALL holds every topic").1
    }

    /// The topic that has a name on the cluster.
    pub(super) fn topic(&self, name: &str) -> Option<Topic> {
        self.0.iter().find(|(_, known)| known == name).map(|(topic, _)| *topic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_found_by_its_name_and_no_other() {
        let names = Names::new("staging.");
        for topic in Topic::ALL {
            assert_eq!(names.topic(names.name(topic)), Some(topic));
        }
        assert_eq!(names.name(Topic::LineEvents), "staging.line.events");
        assert_eq!(names.topic("line.events"), None);
    }
}
