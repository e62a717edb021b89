//! The codec's laws: what is written is read, and nothing else is.

#![allow(clippy::unwrap_used)]

mod samples;

use proptest::prelude::*;
use samples::{Sampled, check, for_each_record};
use schemas::{Codec, Error, HubspotContact, Kind, LineEvent, LineProfile, SchemaId};
use serde_avro_fast::ser::SerializerConfig;
use serde_avro_fast::{Schema, to_datum};
use std::borrow::Cow;
use std::collections::BTreeMap;

#[test]
fn decoding_undoes_encoding() {
    fn law<T: Sampled>() {
        check(T::any(), |record| {
            let bytes = Codec::default().encode(&record);
            prop_assert!(T::read(&Codec::default(), &bytes) == Ok(record));
            Ok(())
        });
    }
    for_each_record!(law);
}

#[test]
fn a_record_cut_short_anywhere_is_an_error() {
    fn law<T: Sampled>() {
        check(T::any(), |record| {
            let bytes = Codec::default().encode(&record);
            for end in 0..bytes.len() {
                let cut = T::read(&Codec::default(), &bytes[..end]);
                prop_assert_eq!(cut.unwrap_err(), Error::Malformed(T::KIND.name()), "cut at {}", end);
            }
            Ok(())
        });
    }
    for_each_record!(law);
}

#[test]
fn bytes_after_a_record_are_an_error() {
    fn law<T: Sampled>() {
        check((T::any(), prop::collection::vec(any::<u8>(), 1..20)), |(record, rest)| {
            let mut bytes = Codec::default().encode(&record);
            bytes.extend(rest);
            prop_assert_eq!(T::read(&Codec::default(), &bytes).unwrap_err(), Error::Malformed(T::KIND.name()));
            Ok(())
        });
    }
    for_each_record!(law);
}

#[test]
fn any_bytes_are_read_or_refused_without_a_panic() {
    fn law<T: Sampled>() {
        let fingerprint = T::KIND.fingerprints().last().unwrap();
        check(prop::collection::vec(any::<u8>(), 0..300), |body| {
            let _ = T::read(&Codec::default(), &body);
            let bytes = [&[0xc3, 0x01], &fingerprint[..], &body].concat();
            let Ok(record) = T::read(&Codec::default(), &bytes) else { return Ok(()) };
            let again = Codec::default().encode(&record);
            prop_assert!(T::read(&Codec::default(), &again) == Ok(record));
            Ok(())
        });
    }
    for_each_record!(law);
}

#[test]
fn damaged_records_are_read_or_refused_without_a_panic() {
    fn law<T: Sampled>() {
        let damage = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4);
        check((T::any(), damage), |(record, damage)| {
            let mut bytes = Codec::default().encode(&record);
            for (place, byte) in damage {
                let place = place.index(bytes.len());
                bytes[place] = byte;
            }
            let Ok(record) = T::read(&Codec::default(), &bytes) else { return Ok(()) };
            prop_assert!(T::read(&Codec::default(), &Codec::default().encode(&record)) == Ok(record));
            Ok(())
        });
    }
    for_each_record!(law);
}

#[test]
fn a_length_beyond_the_input_allocates_nothing() {
    let fingerprint = Kind::LineProfile.fingerprints().last().unwrap();
    // The first field claims 4 EiB of text.
    let bytes = [&[0xc3, 0x01], &fingerprint[..], &[0xfe; 8], &[0x7f]].concat();
    assert_eq!(Codec::default().decode::<LineProfile>(&bytes).unwrap_err(), Error::Malformed("LineProfile"));
}

#[test]
fn a_line_event_is_read_by_hand_as_the_general_decoder_reads_it() {
    fn same(bytes: &[u8]) -> Result<(), TestCaseError> {
        let general = Codec::default().decode::<LineEvent<'_>>(bytes);
        prop_assert_eq!(Codec::default().line_event(bytes), general, "{:02x?}", bytes);
        Ok(())
    }
    let head = [&[0xc3, 0x01], &Kind::LineEvent.fingerprints().last().unwrap()[..]].concat();
    check(prop::collection::vec(any::<u8>(), 0..300), |bytes| {
        same(&bytes)?;
        same(&[&head[..], &bytes].concat())
    });
    // Few values, so that numbers of ten bytes, wrong unions and lengths that fit all occur.
    let narrow = prop::sample::select(vec![0, 1, 2, 3, 4, 0x7f, 0x80, 0x81, 0xff]);
    check(prop::collection::vec(narrow, 0..40), |bytes| same(&[&head[..], &bytes].concat()));
    let oldest = LineEvent { occurred_at_ms: i64::MIN, ..LineEvent::samples().remove(0).1 };
    let mut bytes = Codec::default().encode(&oldest);
    let tenth = bytes.windows(9).position(|nine| nine == [0xff; 9]).unwrap() + 9;
    for value in 0..=u8::MAX {
        bytes[tenth] = value;
        same(&bytes).unwrap();
    }
    let damage = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3);
    check((LineEvent::any(), damage, any::<prop::sample::Index>(), any::<Vec<u8>>()), |(event, damage, end, more)| {
        let mut bytes = Codec::default().encode(&event);
        same(&bytes)?;
        same(&[&bytes[..], &more].concat())?;
        same(&bytes[..end.index(bytes.len())])?;
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        same(&bytes)
    });
}

#[test]
fn a_line_event_is_written_by_hand_as_the_general_encoder_writes_it() {
    let schema: Schema = Kind::LineEvent.versions().last().unwrap().parse().unwrap();
    let same = |event: LineEvent<'_>| {
        let general = to_datum(&event, Vec::new(), &mut SerializerConfig::new(&schema)).unwrap();
        prop_assert_eq!(&Codec::default().encode(&event)[10..], general);
        Ok(())
    };
    check(LineEvent::any(), same);
    let (_, sample) = LineEvent::samples().remove(0);
    let lengths = (0..63).map(|place| 1_i64 << place).flat_map(|power| [power - 1, power, -power]);
    for number in lengths.chain([i64::MIN, i64::MAX]) {
        same(LineEvent { occurred_at_ms: number, ..sample.clone() }).unwrap();
    }
}

#[test]
fn an_unknown_fingerprint_is_told_apart_from_damage() {
    let mut bytes = Codec::default().encode(&LineProfile::samples()[0].1);
    bytes[2] ^= 1;
    let unknown = SchemaId::Fingerprint(bytes[2..10].try_into().unwrap());
    assert_eq!(Codec::default().decode::<LineProfile>(&bytes).unwrap_err(), Error::UnknownSchema(unknown));
}

#[test]
fn a_registry_id_is_unknown_without_a_registry() {
    let error = Codec::default().decode::<LineProfile>(&[0, 0, 0, 1, 0, 2]).unwrap_err();
    assert_eq!(error, Error::UnknownSchema(SchemaId::Registered(256)));
}

#[test]
fn another_kind_of_record_is_named() {
    let bytes = Codec::default().encode(&LineProfile::samples()[0].1);
    let error = Codec::default().decode::<LineEvent<'_>>(&bytes).unwrap_err();
    assert_eq!(error, Error::OtherRecord { expected: "LineEvent", found: "LineProfile" });
}

#[test]
fn a_contact_link_that_contradicts_itself_is_malformed() {
    let samples: BTreeMap<_, _> = HubspotContact::samples().into_iter().collect();
    let mut unknown = Codec::default().encode(&samples["unknown"]);
    let gone = Codec::default().encode(&samples["gone"]);
    let link = unknown.iter().zip(&gone).position(|(a, b)| a != b).unwrap();
    unknown[link] = gone[link];
    let error = Codec::default().decode::<HubspotContact>(&unknown).unwrap_err();
    assert_eq!(error, Error::Malformed("HubspotContact"));
}

#[test]
fn reading_a_line_event_copies_nothing() {
    let bytes = Codec::default().encode(&LineEvent::samples()[0].1);
    let event = Codec::default().decode::<LineEvent<'_>>(&bytes).unwrap();
    assert!(matches!(event.webhook_event_id, Cow::Borrowed(_)));
    assert!(matches!(event.event_type, Cow::Borrowed(_)));
    assert!(matches!(event.user_id, Some(Cow::Borrowed(_))));
    assert!(matches!(event.raw, Cow::Borrowed(_)));
}

#[test]
fn debug_output_shows_no_content() {
    fn law<T: Sampled>() {
        for (_, record) in T::samples() {
            assert_eq!(format!("{record:?}"), format!("{}(..)", T::KIND.name()));
        }
    }
    for_each_record!(law);
}
