//! A part of the users of a store, small enough to be held in memory while the whole log is read.

use super::row_key;
use contact::UserId;
use eventlog::RecordRef;

/// The users from one place in the store to another. Slices have no users in common and together have all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    pub(super) first: i64,
    pub(super) last: i64,
}

impl Slice {
    /// All users.
    pub const ALL: Self = Self { first: i64::MIN, last: i64::MAX };

    /// Is it about a user of this slice? The key tells, as it tells the partition; a record about nobody is in the first slice.
    pub fn holds(self, record: RecordRef<'_>) -> bool {
        self == Self::ALL || (self.first..=self.last).contains(&place(record))
    }

    /// The slice of the same width that follows, or as much of it as there is; `None` after the last.
    pub fn next(self) -> Option<Self> {
        let first = self.last.checked_add(1)?;
        let last = first.saturating_add_unsigned(self.last.abs_diff(self.first));
        Some(Self { first, last })
    }

    /// How many of so many records are done, when so many of all were passed for this slice and all for those before it.
    pub fn done(self, passed: u64, all: u64) -> u64 {
        let (before, width) = (self.first.abs_diff(i64::MIN), u128::from(self.last.abs_diff(self.first)) + 1);
        ((u128::from(before) * u128::from(all) + width * u128::from(passed)) >> 64) as u64
    }
}

fn place(record: RecordRef<'_>) -> i64 {
    let user = std::str::from_utf8(record.topic.partition_key(record.key)).ok().and_then(UserId::parse);
    user.map_or(i64::MIN, row_key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use eventlog::Topic;

    #[test]
    fn every_user_is_in_one_slice() {
        let mut slice = Slice { first: i64::MIN, last: i64::MIN / 3 };
        let mut slices = vec![slice];
        while let Some(next) = slice.next() {
            assert_eq!(next.first, slice.last + 1);
            slice = next;
            slices.push(slice);
        }
        assert_eq!((slices.len(), slice.last), (3, i64::MAX));
        for number in [0, 1, u128::MAX / 3, u128::MAX / 2, u128::MAX] {
            let key = format!("{}/1/01H", UserId::from_u128(number)).into_bytes();
            let (topic, value) = (Topic::LineEvents, None);
            let record = RecordRef { topic, partition: 0, offset: 0, appended_at_ms: 0, key: &key, value };
            assert_eq!(slices.iter().filter(|slice| slice.holds(record)).count(), 1, "{number}");
        }
    }

    #[test]
    fn what_is_done_grows_with_each_slice() {
        assert_eq!(Slice::ALL.done(30, 100), 30);
        let first = Slice { first: i64::MIN, last: -1 };
        assert_eq!((first.done(100, 100), first.next().map(|second| second.done(50, 100))), (50, Some(75)));
    }
}
