//! Where the quotation marks and the backslashes of a JSON text are, and its control characters where they count, found for many
//! bytes at once.
//!
//! Half of an event is short texts. To look for the end of each on its own costs more than to note all ends in advance.

use wide::u8x16;

/// Bytes that are looked at together, a bit for each.
const BLOCK: usize = u64::BITS as usize;

/// The places of the marks ahead, ascending; with `CONTROLS`, control characters are marks too.
pub(crate) struct Marks<'a, const CONTROLS: bool> {
    text: &'a [u8],
    /// Where the block begins.
    block: usize,
    /// The marks of the block that are ahead, a bit each.
    ahead: u64,
}

impl<'a, const CONTROLS: bool> Marks<'a, CONTROLS> {
    /// All marks of a text.
    #[inline]
    pub fn of(text: &'a [u8]) -> Self {
        Self { text, block: 0, ahead: marks::<CONTROLS>(text) }
    }

    /// The place of the next mark; passes it.
    #[inline(always)]
    pub fn next(&mut self) -> Option<usize> {
        while self.ahead == 0 {
            self.block += BLOCK;
            self.ahead = marks::<CONTROLS>(self.text.get(self.block..)?);
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
fn marks<const CONTROLS: bool>(text: &[u8]) -> u64 {
    if let Some(block) = text.first_chunk() {
        return marks_of::<CONTROLS>(block);
    }
    let mut block = [b' '; BLOCK];
    block[..text.len()].copy_from_slice(text);
    marks_of::<CONTROLS>(&block)
}

#[inline]
fn marks_of<const CONTROLS: bool>(block: &[u8; BLOCK]) -> u64 {
    const LANES: usize = 16;
    let (quotation_mark, backslash, control) = (u8x16::splat(b'"'), u8x16::splat(b'\\'), u8x16::splat(b' ' - 1));
    let (parts, _) = block.as_chunks::<LANES>();
    parts.iter().enumerate().fold(0, |marks, (index, part)| {
        let part = u8x16::new(*part);
        let mut hits = part.simd_eq(quotation_mark) | part.simd_eq(backslash);
        if CONTROLS {
            hits |= part.min(control).simd_eq(part);
        }
        marks | u64::from(hits.to_bitmask()) << (LANES * index)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all<const CONTROLS: bool>(text: &str) -> Vec<usize> {
        let mut marks = Marks::<CONTROLS>::of(text.as_bytes());
        std::iter::from_fn(|| marks.next()).collect()
    }

    proptest! {
        #[test]
        fn every_mark_is_found_in_its_order(text in r#"["\\ax \x00-\x1f\x7f\u{80}-\u{ff}]{0,200}"#) {
            let places = |is_mark: fn(u8) -> bool| -> Vec<usize> {
                text.bytes().enumerate().filter_map(|(place, byte)| is_mark(byte).then_some(place)).collect()
            };
            prop_assert_eq!(all::<false>(&text), places(|byte| matches!(byte, b'"' | b'\\')));
            prop_assert_eq!(all::<true>(&text), places(|byte| matches!(byte, b'"' | b'\\' | ..b' ')));
        }
    }

    #[test]
    fn only_the_mark_at_that_place_is_skipped() {
        let far = [b'x'; 2 * BLOCK];
        let text = [&far[..], b"\"\"", &far[..], b"\\"].concat();
        let mut marks = Marks::<false>::of(&text);
        marks.skip(1);
        marks.skip(2 * BLOCK);
        assert_eq!(marks.next(), Some(2 * BLOCK + 1));
        marks.skip(2 * BLOCK);
        assert_eq!((marks.next(), marks.next()), (Some(4 * BLOCK + 2), None));
    }
}
