//! How much of an append librdkafka is given at a time: what does not fit into its queue it refuses.

use crate::record::NewRecord;
use rdkafka::ClientConfig;
use std::ops::Range;

/// What a part of an append may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    records: usize,
    bytes: usize,
}

impl Room {
    /// Half of the producer's queue, so that there is some left for other appends. A limit of 0 is none.
    pub(super) fn in_queue(config: &ClientConfig) -> Self {
        let half = |name, unit: usize| {
            let most = config.get(name).and_then(|text| text.parse::<usize>().ok()).filter(|most| *most > 0);
            most.map_or(usize::MAX, |most| most.saturating_mul(unit) / 2)
        };
        Self { records: half("queue.buffering.max.messages", 1), bytes: half("queue.buffering.max.kbytes", 1024) }
    }

    /// The records from a place on that go together: as many as there is room for, and one at the least.
    pub(super) fn part(self, records: &[NewRecord], from: usize) -> Range<usize> {
        let mut left = self.bytes;
        let fits = |record: &&NewRecord| match left.checked_sub(record.size()) {
            Some(less) => {
                left = less;
                true
            }
            None => false,
        };
        let count = records[from..].iter().take(self.records).take_while(fits).count();
        from..records.len().min(from + count.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::Settings;
    use crate::record::Topic;

    fn parts(room: Room, sizes: &[usize]) -> Vec<Range<usize>> {
        let record = |size: &usize| NewRecord { topic: Topic::LineEvents, key: vec![0; *size], value: None };
        let records: Vec<_> = sizes.iter().map(record).collect();
        let mut parts: Vec<Range<usize>> = Vec::new();
        while parts.last().map_or(0, |part| part.end) < records.len() {
            parts.push(room.part(&records, parts.last().map_or(0, |part| part.end)));
        }
        parts
    }

    #[test]
    fn a_part_has_as_many_records_as_there_is_room_for_and_one_at_the_least() {
        let room = Room { records: 3, bytes: 10 };
        assert_eq!(parts(room, &[1; 7]), [0..3, 3..6, 6..7]);
        assert_eq!(parts(room, &[6, 4, 1, 11, 1]), [0..2, 2..3, 3..4, 4..5]);
        assert_eq!(parts(Room { records: 0, bytes: 0 }, &[1, 1]), [0..1, 1..2]);
    }

    #[test]
    fn a_part_takes_half_of_the_producers_queue_where_that_has_a_limit() {
        let room = Room::in_queue(&Settings::new("kafka:9092").producer());
        assert_eq!(room, Room { records: 10_000, bytes: 32 << 20 });
        let room = Room::in_queue(ClientConfig::new().set("queue.buffering.max.messages", "0"));
        assert_eq!(room.records, usize::MAX);
    }
}
