//! Where the quotation marks and the backslashes of a JSON text are, found for many bytes at once.
//!
//! Half of an event is short texts. To look for the end of each on its own costs more than to note all ends in advance.

use wide::u8x16;

/// Bytes that are looked at together, a bit for each.
const BLOCK: usize = u64::BITS as usize;

/// The places of the marks ahead, ascending.
pub(super) struct Marks<'a> {
    text: &'a [u8],
    /// Where the block begins.
    block: usize,
    /// The marks of the block that are ahead, a bit each.
    ahead: u64,
}

impl<'a> Marks<'a> {
    /// All marks of a text.
    #[inline]
    pub fn of(text: &'a [u8]) -> Self {
        Self { text, block: 0, ahead: marks(text) }
    }

    /// The place of the next mark; passes it.
    #[inline(always)]
    pub fn next(&mut self) -> Option<usize> {
        while self.ahead == 0 {
            self.block += BLOCK;
            self.ahead = marks(self.text.get(self.block..)?);
        }
        let place = self.block + self.ahead.trailing_zeros() as usize;
        self.ahead &= self.ahead - 1;
        Some(place)
    }

    /// Passes the mark at this place if it is the next one.
    pub fn skip(&mut self, place: usize) {
        let mut beyond = Self { ..*self };
        if beyond.next() == Some(place) {
            *self = beyond;
        }
    }
}

/// The marks among the first bytes, a bit each.
#[inline]
fn marks(text: &[u8]) -> u64 {
    if let Some(block) = text.first_chunk() {
        return marks_of(block);
    }
    let mut block = [0; BLOCK];
    block[..text.len()].copy_from_slice(text);
    marks_of(&block)
}

#[inline]
fn marks_of(block: &[u8; BLOCK]) -> u64 {
    const LANES: usize = 16;
    let (quotation_mark, backslash) = (u8x16::splat(b'"'), u8x16::splat(b'\\'));
    let (parts, _) = block.as_chunks::<LANES>();
    parts.iter().enumerate().fold(0, |marks, (index, part)| {
        let part = u8x16::new(*part);
        let hits = part.simd_eq(quotation_mark) | part.simd_eq(backslash);
        marks | u64::from(hits.to_bitmask()) << (LANES * index)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(text: &[u8]) -> Vec<usize> {
        let mut marks = Marks::of(text);
        std::iter::from_fn(|| marks.next()).collect()
    }

    proptest! {
        #[test]
        fn every_mark_is_found_in_its_order(text in r#"["\\ax]{0,200}"#) {
            let is_mark = |(place, byte)| matches!(byte, b'"' | b'\\').then_some(place);
            let expected: Vec<usize> = text.bytes().enumerate().filter_map(is_mark).collect();
            prop_assert_eq!(all(text.as_bytes()), expected);
        }
    }

    #[test]
    fn only_the_mark_at_that_place_is_skipped() {
        let far = [b'x'; 2 * BLOCK];
        let text = [&far[..], b"\"\"", &far[..], b"\\"].concat();
        let mut marks = Marks::of(&text);
        marks.skip(1);
        marks.skip(2 * BLOCK);
        assert_eq!(marks.next(), Some(2 * BLOCK + 1));
        marks.skip(2 * BLOCK);
        assert_eq!((marks.next(), marks.next()), (Some(4 * BLOCK + 2), None));
    }
}
