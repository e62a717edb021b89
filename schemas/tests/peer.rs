//! Our bytes are standard Avro: an independent implementation reads them, and we read its.

#![allow(clippy::unwrap_used)]

mod samples;

use apache_avro::rabin::Rabin;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::writer::datum::GenericDatumWriter;
use proptest::prelude::*;
use samples::{Sampled, check, for_each_record};
use schemas::{Codec, Kind};

fn newest(kind: Kind) -> apache_avro::Schema {
    apache_avro::Schema::parse_str(kind.versions().last().unwrap()).unwrap()
}

#[test]
fn fingerprints_are_the_peers() {
    for kind in Kind::ALL {
        for (json, ours) in kind.versions().iter().zip(kind.fingerprints()) {
            let theirs = apache_avro::Schema::parse_str(json).unwrap().fingerprint::<Rabin>();
            assert_eq!(theirs.bytes, ours, "{}", kind.name());
        }
    }
}

#[test]
fn the_peer_reads_what_we_write_and_we_read_what_it_writes() {
    fn law<T: Sampled>() {
        let schema = newest(T::KIND);
        let reader = GenericDatumReader::builder(&schema).build().unwrap();
        let writer = GenericDatumWriter::builder(&schema).build().unwrap();
        check(T::any(), |record| {
            let bytes = Codec::default().encode(&record);
            let (header, mut body) = bytes.split_at(10);
            let value = reader.read_value(&mut body).unwrap();
            prop_assert!(body.is_empty(), "the peer leaves {} bytes", body.len());
            let theirs = [header, &writer.write_value_to_vec(value).unwrap()].concat();
            prop_assert!(T::read(&Codec::default(), &theirs) == Ok(record));
            Ok(())
        });
    }
    for_each_record!(law);
}
