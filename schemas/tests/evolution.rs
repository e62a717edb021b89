//! Schemas change without breaking a reader: old ones read new records, new ones old records.

#![allow(clippy::unwrap_used)]

mod samples;

use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::schema_compatibility::{Compatibility, SchemaCompatibility};
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use proptest::prelude::*;
use samples::{Sampled, check, for_each_record};
use schemas::{Codec, Kind};
use serde_json::json;
use std::fs;
use std::path::Path;

/// Every version ever released. A line, once here, is never changed or removed; a new version adds one.
const RELEASED: &str = include_str!("../released.txt");

fn parse(json: &str) -> apache_avro::Schema {
    apache_avro::Schema::parse_str(json).unwrap()
}

/// The newest schema with two more fields, as the next version might have them.
fn next_version(kind: Kind) -> String {
    let mut schema: serde_json::Value = serde_json::from_str(kind.versions().last().unwrap()).unwrap();
    let fields = schema["fields"].as_array_mut().unwrap();
    fields.insert(1, json!({"name": "language", "type": "string", "default": "ja"}));
    fields.push(json!({"name": "note", "type": ["null", "string"], "default": null}));
    schema.to_string()
}

fn field_mut<'a>(value: &'a mut Value, name: &str) -> &'a mut Value {
    let Value::Record(fields) = value else { panic!("every schema is a record") };
    &mut fields.iter_mut().find(|(field, _)| field == name).unwrap().1
}

#[test]
fn a_released_schema_is_never_changed_and_a_new_one_is_listed() {
    let line = |kind: Kind, version: usize, print: [u8; 8]| {
        format!("{} v{} {:016x}", kind.name(), version + 1, u64::from_le_bytes(print))
    };
    let shipped: Vec<_> = Kind::ALL
        .into_iter()
        .flat_map(|kind| kind.fingerprints().enumerate().map(move |(version, print)| line(kind, version, print)))
        .collect();
    assert_eq!(shipped, RELEASED.lines().collect::<Vec<_>>());
}

#[test]
fn every_schema_file_is_shipped() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("avro");
    let shipped: Vec<_> = Kind::ALL.into_iter().flat_map(|kind| kind.versions()).collect();
    let files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), shipped.len());
    for file in files {
        assert!(shipped.contains(&&fs::read_to_string(&file).unwrap().as_str()), "{}", file.display());
    }
}

#[test]
fn every_record_field_and_type_is_documented() {
    fn visit(schema: &serde_json::Value, path: &str) {
        match schema {
            serde_json::Value::Array(branches) => branches.iter().for_each(|branch| visit(branch, path)),
            serde_json::Value::Object(object) => {
                if object.contains_key("name") {
                    assert!(object.get("doc").is_some_and(|doc| doc.as_str().unwrap().ends_with(['.', '?'])), "{path}");
                }
                for field in object.get("fields").and_then(|fields| fields.as_array()).into_iter().flatten() {
                    visit(field, &format!("{path}.{}", field["name"]));
                }
                object.get("type").into_iter().for_each(|inner| visit(inner, path));
            }
            _ => {}
        }
    }
    for kind in Kind::ALL {
        kind.versions().iter().for_each(|json| visit(&serde_json::from_str(json).unwrap(), kind.name()));
    }
}

#[test]
fn all_versions_of_a_record_read_each_other() {
    for kind in Kind::ALL {
        for writer in kind.versions() {
            for reader in kind.versions() {
                let compatible = SchemaCompatibility::can_read(&parse(writer), &parse(reader));
                assert_eq!(compatible.unwrap(), Compatibility::Full, "{}", kind.name());
            }
        }
    }
}

#[test]
fn a_field_without_a_default_would_be_noticed() {
    let mut broken: serde_json::Value = serde_json::from_str(Kind::LineEvent.versions()[0]).unwrap();
    broken["fields"].as_array_mut().unwrap().push(json!({"name": "language", "type": "string"}));
    let (old, broken) = (parse(Kind::LineEvent.versions()[0]), parse(&broken.to_string()));
    assert!(SchemaCompatibility::can_read(&old, &broken).is_err());
}

#[test]
fn a_new_reader_gives_new_fields_their_defaults() {
    fn law<T: Sampled>() {
        let (old, new) = (parse(T::KIND.versions().last().unwrap()), parse(&next_version(T::KIND)));
        let reader = GenericDatumReader::builder(&old).reader_schema(&new).build().unwrap();
        for (name, record) in T::samples() {
            let bytes = Codec::default().encode(&record);
            let mut value = reader.read_value(&mut &bytes[10..]).unwrap();
            assert_eq!(*field_mut(&mut value, "language"), Value::String("ja".into()), "{name}");
            assert_eq!(*field_mut(&mut value, "note"), Value::Union(0, Box::new(Value::Null)), "{name}");
        }
    }
    for_each_record!(law);
}

/// Both ways in which an old reader may read: Avro's schema resolution, and our types given the writer's schema.
#[test]
fn an_old_reader_passes_over_new_fields() {
    fn law<T: Sampled>() {
        let (old, json) = (parse(T::KIND.versions().last().unwrap()), next_version(T::KIND));
        let new = parse(&json);
        let upgrade = GenericDatumReader::builder(&old).reader_schema(&new).build().unwrap();
        let writer = GenericDatumWriter::builder(&new).build().unwrap();
        let reader = GenericDatumReader::builder(&new).reader_schema(&old).build().unwrap();
        let back = GenericDatumWriter::builder(&old).build().unwrap();
        let ours: serde_avro_fast::Schema = json.parse().unwrap();
        check(T::any(), |record| {
            let bytes = Codec::default().encode(&record);
            let mut value = upgrade.read_value(&mut &bytes[10..]).unwrap();
            *field_mut(&mut value, "language") = Value::String("en".into());
            *field_mut(&mut value, "note") = Value::Union(1, Box::new(Value::String("new".into())));
            let written = writer.write_value_to_vec(value).unwrap();

            let resolved = reader.read_value(&mut &written[..]).unwrap();
            let resolved = [&bytes[..10], &back.write_value_to_vec(resolved).unwrap()].concat();
            prop_assert!(T::read(&Codec::default(), &resolved).as_ref() == Ok(&record));
            prop_assert!(T::read_written_with(&ours, &written) == record);
            Ok(())
        });
    }
    for_each_record!(law);
}
