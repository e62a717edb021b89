//! Seeded randomness: identifiers, tokens, shuffles. The same seed gives the same run, for ever.

/// A SplitMix64 generator. Written out here so that no dependency's next version changes what a seed means.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Starts a sequence; `purpose` keeps the sequences of one seed apart.
    pub fn new(seed: u64, purpose: &str) -> Self {
        let folded = purpose.bytes().fold(seed, |sum, byte| sum.wrapping_mul(0x0100_0000_01b3) ^ u64::from(byte));
        Self(folded)
    }

    /// The next 64 bits.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit` (0 when `limit` is 0).
    pub fn below(&mut self, limit: u64) -> u64 {
        if limit == 0 { 0 } else { self.roll() % limit }
    }

    /// True in `percent` of a hundred cases.
    pub fn chance(&mut self, percent: u8) -> bool {
        self.below(100) < u64::from(percent)
    }

    /// Puts `items` into a random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.below(last as u64 + 1);
            items.swap(last, usize::try_from(other).unwrap_or(last));
        }
    }

    /// `length` lower-case hexadecimal digits.
    pub fn hex(&mut self, length: usize) -> String {
        self.text(length, b"0123456789abcdef")
    }

    /// `length` decimal digits, the first one not zero.
    pub fn digits(&mut self, length: usize) -> String {
        self.text(1, b"123456789") + &self.text(length.saturating_sub(1), b"0123456789")
    }

    /// `length` letters and digits, as in LINE's tokens.
    pub fn alphanumeric(&mut self, length: usize) -> String {
        self.text(length, b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
    }

    /// A version 4 UUID.
    pub fn uuid(&mut self) -> String {
        let (head, tail) = (self.roll(), self.roll());
        let variant = 0x8000 | (tail >> 48 & 0x3fff);
        format!(
            "{:08x}-{:04x}-4{:03x}-{variant:04x}-{:012x}",
            head >> 32,
            head >> 16 & 0xffff,
            head & 0xfff,
            tail & 0xffff_ffff_ffff
        )
    }

    /// A ULID whose time part is `at_ms`.
    pub fn ulid(&mut self, at_ms: i64) -> String {
        const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        let time = u64::try_from(at_ms).unwrap_or_default() & 0xffff_ffff_ffff;
        let head = (0..10).rev().map(|place| time >> (place * 5) & 31);
        let tail: Vec<u64> = (0..16).map(|_| self.below(32)).collect();
        head.chain(tail).map(|digit| char::from(ALPHABET[usize::try_from(digit).unwrap_or(0)])).collect()
    }

    fn text(&mut self, length: usize, alphabet: &[u8]) -> String {
        let limit = alphabet.len() as u64;
        (0..length).map(|_| char::from(alphabet[usize::try_from(self.below(limit)).unwrap_or(0)])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_sequence() {
        let (mut one, mut other) = (Dice::new(7, "ids"), Dice::new(7, "ids"));
        assert_eq!(one.uuid(), other.uuid());
        assert_ne!(Dice::new(7, "ids").uuid(), Dice::new(7, "tokens").uuid());
        assert_ne!(Dice::new(7, "ids").uuid(), Dice::new(8, "ids").uuid());
    }

    #[test]
    fn a_uuid_has_version_4_and_its_variant() {
        let mut dice = Dice::new(1, "");
        for _ in 0..1_000 {
            let uuid = dice.uuid();
            assert_eq!(uuid.len(), 36);
            assert_eq!(&uuid[14..15], "4");
            assert!(matches!(&uuid[19..20], "8" | "9" | "a" | "b"), "{uuid}");
        }
    }

    #[test]
    fn a_ulid_begins_with_its_time() {
        // The published sample event of 2024-01-22 and its webhookEventId.
        assert!(Dice::new(1, "").ulid(1_705_891_467_264).starts_with("01HMQGW4"));
    }

    #[test]
    fn a_shuffle_keeps_all_items() {
        let mut items: Vec<u32> = (0..100).collect();
        Dice::new(3, "").shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
