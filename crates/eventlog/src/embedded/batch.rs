//! Records that were appended to a partition together, as one row of its table holds them.
//!
//! A row is found by the offset of the last record that was appended with it; that stays when compaction removes the record.
//! Beside it stand when the records were appended, their CRC-32C, and the records, each of them as twelve bytes followed by
//! its key and value:
//!
//! | Bytes | A number, lowest byte first |
//! | --- | --- |
//! | 4 | how far before the row's its offset is |
//! | 4 | the length of the key |
//! | 4 | 0 for a tombstone, one more than the length of the value for others |

use crate::Error;
use rusqlite::Row;
use std::borrow::Cow;

/// Bytes that the records of one row take at the most, unless one record alone takes more: with what stands around them they
/// fill a page of the file, so that they lie side by side in it.
pub(super) const BYTES_MAX: usize = 16_000;

/// Bytes in front of a record's key.
const HEAD_BYTES: usize = 12;

/// A record of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    pub offset: u64,
    pub key: &'a [u8],
    /// `None` is a tombstone.
    pub value: Option<&'a [u8]>,
}

impl Entry<'_> {
    /// Bytes of key and value.
    pub(super) fn size(&self) -> usize {
        self.key.len() + self.value.map_or(0, <[u8]>::len)
    }

    /// Bytes that it takes in a batch.
    pub(super) fn stored_size(&self) -> usize {
        HEAD_BYTES + self.size()
    }
}

/// The records of a row.
pub(super) struct Batch<'a> {
    /// The offset of the last record that was appended with it.
    pub last: u64,
    pub appended_at_ms: i64,
    records: Cow<'a, [u8]>,
}

impl<'a> Batch<'a> {
    /// A batch of records in the order of their offsets, none of which is after `last`.
    pub(super) fn of<'e>(last: u64, appended_at_ms: i64, entries: impl IntoIterator<Item = Entry<'e>>) -> Self {
        let length = |bytes: usize| u32::try_from(bytes).expect("no record is larger than the log takes");
        let mut records = Vec::new();
        for Entry { offset, key, value } in entries {
            let before = u32::try_from(last - offset).expect("no row holds so many records");
            for number in [before, length(key.len()), value.map_or(0, |value| 1 + length(value.len()))] {
                records.extend_from_slice(&number.to_le_bytes());
            }
            records.extend_from_slice(key);
            records.extend_from_slice(value.unwrap_or_default());
        }
        Self { last, appended_at_ms, records: records.into() }
    }

    /// What a row holds, its columns in the order of [`super::table::COLUMNS`].
    pub(super) fn read(row: &'a Row<'_>) -> Result<Self, Error> {
        let columns = || Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get::<_, i32>(2)?, row.get_ref(3)?.as_blob()?));
        let (last, appended_at_ms, checksum, records) = columns().map_err(super::database::failure)?;
        let last = u64::try_from(last).map_err(|_| Error::Damaged("negative offset".into()))?;
        let batch = Self { last, appended_at_ms, records: records.into() };
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
        let mut head = [0; 16];
        head[..8].copy_from_slice(&self.last.to_le_bytes());
        head[8..].copy_from_slice(&self.appended_at_ms.to_le_bytes());
        crc32c::crc32c_append(crc32c::crc32c(&head), &self.records).cast_signed()
    }

    /// The records, ascending. After one that cannot be read there are no more.
    pub(super) fn entries(&self) -> impl Iterator<Item = Result<Entry<'_>, Error>> {
        let mut left = &*self.records;
        std::iter::from_fn(move || {
            (!left.is_empty()).then(|| {
                let read = entry(self.last, &mut left);
                read.ok_or_else(|| {
                    left = &[];
                    Error::Damaged(format!("the records up to offset {} have another form", self.last))
                })
            })
        })
    }
}

/// Takes the next record off.
fn entry<'a>(last: u64, left: &mut &'a [u8]) -> Option<Entry<'a>> {
    let [before, key, value] = [number(left)?, number(left)?, number(left)?];
    let offset = last.checked_sub(before.into())?;
    let key = left.split_off(..key as usize)?;
    let value = match value.checked_sub(1) {
        None => None,
        Some(length) => Some(left.split_off(..length as usize)?),
    };
    Some(Entry { offset, key, value })
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

    fn entries<'a>(batch: &'a Batch<'_>) -> Vec<Entry<'a>> {
        batch.entries().map(Result::unwrap).collect()
    }

    proptest! {
        #[test]
        fn a_batch_gives_back_what_it_was_made_of(
            last in 100..u64::MAX,
            records in prop::collection::vec((any::<Vec<u8>>(), any::<Option<Vec<u8>>>()), 0..20),
            step in 1..5_u64,
        ) {
            let entry = |(number, (key, value)): (usize, &'_ (Vec<u8>, Option<Vec<u8>>))| (last - 99 + number as u64 * step, key.clone(), value.clone());
            let owned: Vec<_> = records.iter().enumerate().map(entry).collect();
            let made: Vec<_> =
                owned.iter().map(|(offset, key, value)| Entry { offset: *offset, key, value: value.as_deref() }).collect();
            let batch = Batch::of(last, 7, made.iter().copied());
            prop_assert_eq!(batch.records().len(), made.iter().map(Entry::stored_size).sum::<usize>());
            prop_assert_eq!(entries(&batch), made);
        }

        #[test]
        fn bytes_of_another_form_give_an_error_and_then_nothing(bytes: Vec<u8>) {
            let batch = Batch { last: 9, appended_at_ms: 7, records: bytes.into() };
            let read: Vec<_> = batch.entries().collect();
            prop_assert!(read.iter().rev().skip(1).all(Result::is_ok));
        }
    }

    #[test]
    fn a_row_in_another_place_has_another_checksum() {
        let at = |last, appended_at_ms| Batch {
            last,
            appended_at_ms,
            records: Batch::of(9, 7, [Entry { offset: 9, key: b"k", value: None }]).records,
        };
        assert_eq!(at(9, 7).checksum(), at(9, 7).checksum());
        assert_ne!(at(9, 7).checksum(), at(10, 7).checksum());
        assert_ne!(at(9, 7).checksum(), at(9, 8).checksum());
    }
}
