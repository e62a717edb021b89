//! Records of a partition that follow one another, as one row of its table holds them.
//!
//! The newest row of a partition is filled further until the next record does not fit. A row is found by the offset of the last
//! record that it got; that stays when compaction removes the record. Beside it stand the offset and the time of the first one,
//! the CRC-32C of all that, and the records, each of them as sixteen bytes followed by its key and value:
//!
//! | Bytes | A number, lowest byte first |
//! | --- | --- |
//! | 4 | how far after the first one's its offset is |
//! | 4 | how many milliseconds after the first one it was appended |
//! | 4 | the length of the key |
//! | 4 | 0 for a tombstone, one more than the length of the value for others |

use super::database::failure;
use crate::Error;
use rusqlite::Row;
use std::borrow::Cow;

/// Bytes that the records of one row take at the most, unless one record alone takes more: with what stands around them they
/// fill a page of the file, so that they lie side by side in it.
pub(super) const BYTES_MAX: usize = 16_000;

/// Bytes in front of a record's key.
const HEAD_BYTES: usize = 16;

/// A record of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    pub offset: u64,
    pub appended_at_ms: i64,
    pub key: &'a [u8],
    /// `None` is a tombstone.
    pub value: Option<&'a [u8]>,
}

impl Entry<'_> {
    /// Bytes of key and value.
    pub(super) fn size(&self) -> usize {
        self.key.len() + self.value.map_or(0, <[u8]>::len)
    }
}

/// The records of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Batch<'a> {
    /// The offset of the first record that it got.
    pub first: u64,
    /// The offset of the last one.
    pub last: u64,
    /// When the first one was appended, milliseconds since 1970.
    pub began_at_ms: i64,
    records: Cow<'a, [u8]>,
}

impl<'a> Batch<'a> {
    /// A batch that begins with this record, whatever its size.
    pub(super) fn begin(entry: Entry<'_>) -> Self {
        let Entry { offset, appended_at_ms, .. } = entry;
        let mut batch = Self { first: offset, last: offset, began_at_ms: appended_at_ms, records: Cow::default() };
        batch.write(0, 0, entry);
        batch
    }

    /// Takes one more record, after all the others. Not if the row would become too large, or the clock was set back: then it
    /// begins another one.
    pub(super) fn take(&mut self, entry: Entry<'_>) -> bool {
        let after = u32::try_from(entry.offset - self.first);
        let later_ms = entry.appended_at_ms.checked_sub(self.began_at_ms).map(u32::try_from);
        let fits = self.records.len() + HEAD_BYTES + entry.size() <= BYTES_MAX;
        let (Ok(after), Some(Ok(later_ms)), true) = (after, later_ms, fits) else { return false };
        self.write(after, later_ms, entry);
        self.last = entry.offset;
        true
    }

    fn write(&mut self, after: u32, later_ms: u32, entry: Entry<'_>) {
        let length = |bytes: usize| u32::try_from(bytes).expect("no record is larger than the log takes");
        let Entry { key, value, .. } = entry;
        let records = self.records.to_mut();
        for number in [after, later_ms, length(key.len()), value.map_or(0, |value| 1 + length(value.len()))] {
            records.extend_from_slice(&number.to_le_bytes());
        }
        records.extend_from_slice(key);
        records.extend_from_slice(value.unwrap_or_default());
    }

    /// The same without some of the records; `None` if none is left. Its place stays.
    pub(super) fn retaining(&self, keeps: impl Fn(&Entry<'_>) -> bool) -> Result<Option<Batch<'static>>, Error> {
        let mut left =
            Batch { first: self.first, last: self.last, began_at_ms: self.began_at_ms, records: Cow::default() };
        let mut rest = &*self.records;
        while !rest.is_empty() {
            let before = rest;
            let entry = self.entry(&mut rest).ok_or_else(|| self.malformed())?;
            if keeps(&entry) {
                left.records.to_mut().extend_from_slice(&before[..before.len() - rest.len()]);
            }
        }
        Ok((!left.records.is_empty()).then_some(left))
    }

    /// What a row holds, its columns in the order of [`super::table::COLUMNS`].
    pub(super) fn read(row: &'a Row<'_>) -> Result<Self, Error> {
        let columns = || {
            let records = row.get_ref(4)?.as_blob()?;
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get(2)?, row.get::<_, i32>(3)?, records))
        };
        let (last, first, began_at_ms, checksum, records) = columns().map_err(failure)?;
        let [first, last] = [first, last].map(u64::try_from);
        let (Ok(first), Ok(last)) = (first, last) else { return Err(Error::Damaged("negative offset".into())) };
        let batch = Self { first, last, began_at_ms, records: records.into() };
        if checksum != batch.checksum() {
            return Err(Error::Damaged(format!("the records up to offset {last} do not match their checksum")));
        }
        Ok(batch)
    }

    /// The same, of which nothing is lent.
    pub(super) fn into_owned(self) -> Batch<'static> {
        Batch { records: Cow::Owned(self.records.into_owned()), ..self }
    }

    /// As they are stored.
    pub(super) fn records(&self) -> &[u8] {
        &self.records
    }

    /// Over the records and the row's place, so that a damaged, moved or swapped row is noticed.
    pub(super) fn checksum(&self) -> i32 {
        let mut head = [0; 24];
        head[..8].copy_from_slice(&self.first.to_le_bytes());
        head[8..16].copy_from_slice(&self.last.to_le_bytes());
        head[16..].copy_from_slice(&self.began_at_ms.to_le_bytes());
        crc32c::crc32c_append(crc32c::crc32c(&head), &self.records).cast_signed()
    }

    /// The records, ascending. After one that cannot be read there are no more.
    pub(super) fn entries(&self) -> impl Iterator<Item = Result<Entry<'_>, Error>> {
        let mut rest = &*self.records;
        std::iter::from_fn(move || {
            (!rest.is_empty()).then(|| {
                let read = self.entry(&mut rest);
                read.ok_or_else(|| {
                    rest = &[];
                    self.malformed()
                })
            })
        })
    }

    /// Takes the next record off.
    fn entry<'r>(&self, rest: &mut &'r [u8]) -> Option<Entry<'r>> {
        let [after, later_ms, key, value] = [number(rest)?, number(rest)?, number(rest)?, number(rest)?];
        let offset = self.first.checked_add(after.into()).filter(|offset| *offset <= self.last)?;
        let appended_at_ms = self.began_at_ms.checked_add(later_ms.into())?;
        let key = rest.split_off(..key as usize)?;
        let value = match value.checked_sub(1) {
            None => None,
            Some(length) => Some(rest.split_off(..length as usize)?),
        };
        Some(Entry { offset, appended_at_ms, key, value })
    }

    fn malformed(&self) -> Error {
        Error::Damaged(format!("the records up to offset {} have another form", self.last))
    }
}

fn number(left: &mut &[u8]) -> Option<u32> {
    let (number, rest) = left.split_first_chunk()?;
    *left = rest;
    Some(u32::from_le_bytes(*number))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;

    fn entry(offset: u64, appended_at_ms: i64, key: &[u8]) -> Entry<'_> {
        Entry { offset, appended_at_ms, key, value: None }
    }

    fn entries<'a>(batch: &'a Batch<'_>) -> Vec<Entry<'a>> {
        batch.entries().map(Result::unwrap).collect()
    }

    fn any_record() -> impl Strategy<Value = (u64, i64, Vec<u8>, Option<Vec<u8>>)> {
        (1..5_u64, 0..5_i64, any::<Vec<u8>>(), any::<Option<Vec<u8>>>())
    }

    proptest! {
        #[test]
        fn a_batch_gives_back_what_it_took(records in prop::collection::vec(any_record(), 1..20), kept: u32) {
            let (mut offset, mut at_ms) = (u64::from(u32::MAX), 1_780_000_000_000);
            let place = |(step, later_ms, key, value): &'_ (u64, i64, Vec<u8>, Option<Vec<u8>>)| {
                offset += step;
                at_ms += later_ms;
                (offset, at_ms, key.clone(), value.clone())
            };
            let placed: Vec<_> = records.iter().map(place).collect();
            let taken: Vec<Entry<'_>> = placed
                .iter()
                .map(|(offset, appended_at_ms, key, value)| Entry {
                    offset: *offset,
                    appended_at_ms: *appended_at_ms,
                    key,
                    value: value.as_deref(),
                })
                .collect();
            let mut batch = Batch::begin(taken[0]);
            for entry in &taken[1..] {
                prop_assert!(batch.take(*entry));
            }
            prop_assert_eq!((batch.first, batch.last), (taken[0].offset, taken[taken.len() - 1].offset));
            prop_assert_eq!(entries(&batch), taken.clone());

            let keeps = |entry: &Entry<'_>| kept & (1 << (entry.offset % 32)) != 0;
            let expected: Vec<_> = taken.into_iter().filter(keeps).collect();
            match batch.retaining(keeps).unwrap() {
                None => prop_assert_eq!(expected, vec![]),
                Some(left) => {
                    prop_assert_eq!((left.first, left.last), (batch.first, batch.last));
                    prop_assert_eq!(entries(&left), expected);
                }
            }
        }

        #[test]
        fn bytes_of_another_form_give_an_error_and_then_nothing(bytes: Vec<u8>) {
            let batch = Batch { first: 3, last: 9, began_at_ms: 7, records: bytes.into() };
            let read: Vec<_> = batch.entries().collect();
            prop_assert!(read.iter().rev().skip(1).all(Result::is_ok));
            prop_assert_eq!(batch.retaining(|_| true).is_err(), read.last().is_some_and(Result::is_err));
        }
    }

    #[test]
    fn a_batch_takes_no_more_than_a_page_holds() {
        let large = [0; BYTES_MAX - 2 * HEAD_BYTES - 1];
        let mut batch = Batch::begin(entry(0, 7, &large));
        assert!(!batch.take(entry(1, 7, b"ab")));
        assert!(batch.take(entry(1, 7, b"a")));
        assert_eq!(batch.records().len(), BYTES_MAX);
    }

    #[test]
    fn a_clock_that_was_set_back_begins_another_row() {
        let mut batch = Batch::begin(entry(0, 7, b"a"));
        assert!(!batch.take(entry(1, 6, b"b")));
        assert!(!batch.take(entry(1, 8 + i64::from(u32::MAX), b"b")));
        assert!(batch.take(entry(1, 7 + i64::from(u32::MAX), b"b")));
    }

    #[test]
    fn a_row_in_another_place_has_another_checksum() {
        let batch = Batch::begin(entry(9, 7, b"k"));
        for moved in [
            Batch { first: 8, ..batch.clone() },
            Batch { last: 10, ..batch.clone() },
            Batch { began_at_ms: 8, ..batch.clone() },
        ] {
            assert_ne!(moved.checksum(), batch.checksum());
        }
    }
}
