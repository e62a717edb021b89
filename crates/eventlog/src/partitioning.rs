//! Which partition a key belongs to: Kafka's default partitioner, so that any Kafka client finds a user where we put them.

use crate::record::Topic;

/// The partition of a record among `partitions`, by the part of the key that its topic is partitioned by.
///
/// # Panics
/// When `partitions` is 0, which no topic has.
pub fn partition(topic: Topic, key: &[u8], partitions: u32) -> u32 {
    (murmur2(topic.partition_key(key)) & 0x7fff_ffff) % partitions
}

/// The 32-bit hash of Kafka's `Utils.murmur2`: MurmurHash2 with Kafka's seed.
pub fn murmur2(data: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;

    let length = u32::try_from(data.len()).expect("a key is far shorter than 4 GiB");
    let mut hash = SEED ^ length;
    let (words, tail) = data.as_chunks::<4>();
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    if !tail.is_empty() {
        let last = tail.iter().rev().fold(0, |word, byte| (word << 8) | u32::from(*byte));
        hash = (hash ^ last).wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn murmur2_agrees_with_the_vectors_of_kafkas_own_tests() {
        let vectors: [(&[u8], i32); 6] = [
            (b"21", -973_932_308),
            (b"foobar", -790_332_482),
            (b"a-little-bit-long-string", -985_981_536),
            (b"a-little-bit-longer-string", -1_486_304_829),
            (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            (b"abc", 479_470_107),
        ];
        for (key, hash) in vectors {
            assert_eq!(murmur2(key).cast_signed(), hash, "{}", key.escape_ascii());
        }
    }

    #[test]
    fn a_user_has_the_same_partition_on_every_topic_of_user_state() {
        let user = "U0123456789abcdef0123456789abcdef";
        let keys = [format!("{user}/1/01ABC"), format!("{user}/2"), user.to_owned(), format!("{user}/some-command")];
        for partitions in 1..20 {
            let found: Vec<u32> = Topic::USER_STATE
                .iter()
                .zip(&keys)
                .map(|(topic, key)| partition(*topic, key.as_bytes(), partitions))
                .collect();
            assert!(found.iter().all(|it| *it == found[0] && *it < partitions), "{found:?} of {partitions}");
        }
    }

    #[test]
    fn users_spread_evenly_over_the_partitions() {
        let mut counts = [0_u32; 12];
        for number in 0..12_000_u32 {
            let key = format!("U{:032x}/1/event", u128::from(number) * 0x9e37_79b9_7f4a_7c15);
            counts[partition(Topic::LineEvents, key.as_bytes(), 12) as usize] += 1;
        }
        assert!(counts.iter().all(|count| (850..1_150).contains(count)), "{counts:?}");
    }
}
