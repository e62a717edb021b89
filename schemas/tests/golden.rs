//! Bytes that every later version must read, and that this version still writes.
//!
//! `golden/<record>/v<n>/<sample>.bin` holds a record as version n wrote it, the `.json` beside it what it says; byte strings
//! that are no UTF-8 are shown with one character per byte. `KIZUNA_WRITE_GOLDEN=1 cargo test -p schemas --test golden encoder` adds the files
//! of new samples or versions. It changes none that exist.

#![allow(clippy::unwrap_used)]

mod samples;

use samples::{Sampled, for_each_record};
use schemas::{Codec, Error};
use serde::Deserialize;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

fn folder<T: Sampled>() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(T::FOLDER)
}

/// Byte strings, which serde gives as arrays of numbers, as texts.
fn readable(value: &mut Value) {
    for name in ["raw", "key", "value", "access_token", "webhook_token"] {
        value.get_mut(name).into_iter().for_each(show_bytes);
    }
    let secrets = value.get_mut("channel_secrets").and_then(Value::as_array_mut);
    secrets.into_iter().flatten().for_each(show_bytes);
}

fn show_bytes(value: &mut Value) {
    if let Ok(bytes) = Vec::<u8>::deserialize(&*value) {
        let text = String::from_utf8(bytes);
        *value = text.unwrap_or_else(|error| error.into_bytes().into_iter().map(char::from).collect()).into();
    }
}

fn json<T: Sampled>(record: &T) -> Value {
    let mut value = serde_json::to_value(record).unwrap();
    readable(&mut value);
    value
}

/// As much of `value` as `pattern` has: a golden file says nothing about fields that came after it.
fn narrowed(value: &Value, pattern: &Value) -> Value {
    match (value, pattern) {
        (Value::Object(fields), Value::Object(patterns)) => {
            let known = |(name, pattern): (&String, &Value)| Some((name.clone(), narrowed(fields.get(name)?, pattern)));
            patterns.iter().filter_map(known).collect()
        }
        _ => value.clone(),
    }
}

fn add(path: &Path, content: &[u8]) {
    if std::env::var_os("KIZUNA_WRITE_GOLDEN").is_some() && !path.exists() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

fn golden_files<T: Sampled>() -> Vec<PathBuf> {
    let versions = fs::read_dir(folder::<T>()).unwrap().map(|version| version.unwrap().path());
    let files = versions.flat_map(|version| fs::read_dir(version).unwrap().map(|file| file.unwrap().path()));
    files.filter(|file| file.extension().is_some_and(|extension| extension == "bin")).collect()
}

#[test]
fn the_encoder_still_writes_the_golden_files() {
    fn law<T: Sampled>() {
        let folder = folder::<T>().join(format!("v{}", T::KIND.versions().len()));
        for (name, record) in T::samples() {
            let (bin, text) = (folder.join(format!("{name}.bin")), folder.join(format!("{name}.json")));
            let bytes = Codec::default().encode(&record);
            add(&bin, &bytes);
            add(&text, format!("{:#}\n", json(&record)).as_bytes());
            assert_eq!(fs::read(&bin).unwrap(), bytes, "{}", bin.display());
        }
    }
    for_each_record!(law);
}

#[test]
fn every_golden_file_decodes_for_ever() {
    fn law<T: Sampled>() {
        let versions = fs::read_dir(folder::<T>()).unwrap().count();
        assert_eq!(versions, T::KIND.versions().len(), "{} has golden files of each version", T::FOLDER);
        for bin in golden_files::<T>() {
            let record = T::read(&Codec::default(), &fs::read(&bin).unwrap()).unwrap();
            let expected = serde_json::from_slice(&fs::read(bin.with_extension("json")).unwrap()).unwrap();
            assert_eq!(narrowed(&json(&record), &expected), expected, "{}", bin.display());
        }
    }
    for_each_record!(law);
}

#[test]
fn a_golden_file_cut_anywhere_is_an_error() {
    fn law<T: Sampled>() {
        for bin in golden_files::<T>() {
            let bytes = fs::read(&bin).unwrap();
            for end in 0..bytes.len() {
                let error = T::read(&Codec::default(), &bytes[..end]).unwrap_err();
                assert_eq!(error, Error::Malformed(T::KIND.name()), "{} cut at {end}", bin.display());
            }
        }
    }
    for_each_record!(law);
}
