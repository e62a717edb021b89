//! What sealed secrets withstand, and where the master key comes from.

#![allow(clippy::unwrap_used)]

use connection::seal::{Field, Unopened};
use connection::{Error, Sealer};
use contact::ConnectionNumber;
use proptest::prelude::*;
use runtime::secret::Secret;
use schemas::Sealed;
use std::os::unix::fs::PermissionsExt;

const FIELDS: [Field; 4] = [Field::ChannelSecret(0), Field::ChannelSecret(1), Field::AccessToken, Field::WebhookToken];

fn sealer(byte: u8) -> Sealer {
    Sealer::from_master_key(&Secret::new(&hex::encode([byte; 32]))).unwrap()
}

fn number(number: u32) -> ConnectionNumber {
    ConnectionNumber::new(number).unwrap()
}

#[test]
fn a_sealed_secret_opens_in_its_place_only() {
    let sealed = sealer(1).seal(number(3), Field::AccessToken, &Secret::new("token"));
    for field in FIELDS {
        let opened = sealer(1).open(number(3), field, &sealed);
        if field == Field::AccessToken {
            assert_eq!(opened.unwrap().expose(), "token");
        } else {
            assert!(matches!(opened, Err(Error::Damaged(_))));
        }
    }
    assert!(matches!(sealer(1).open(number(4), Field::AccessToken, &sealed), Err(Error::Damaged(_))));
}

#[test]
fn a_wrong_master_key_is_named_with_its_remedy() {
    let sealed = sealer(1).seal(number(3), Field::AccessToken, &Secret::new("token"));
    let error = sealer(2).open(number(3), Field::AccessToken, &sealed).unwrap_err();
    let text = "the master key does not open connection 3: set KIZUNA_MASTER_KEY to the key it was sealed with";
    assert_eq!(error.to_string(), text);
}

#[test]
fn what_is_no_connections_opens_for_its_owner_alone() {
    let sealed = sealer(1).seal_for("second factor of person 1", &Secret::new("token"));
    assert_eq!(sealer(1).open_for("second factor of person 1", &sealed).unwrap().expose(), "token");
    assert_eq!(sealer(1).open_for("second factor of person 2", &sealed), Err(Unopened::Damaged));
    assert_eq!(sealer(2).open_for("second factor of person 1", &sealed), Err(Unopened::OtherMasterKey));
    assert!(FIELDS.iter().all(|field| sealer(1).open(number(1), *field, &sealed).is_err()));
    let field = sealer(1).seal(number(1), Field::AccessToken, &Secret::new("token"));
    assert_eq!(sealer(1).open_for("second factor of person 1", &field), Err(Unopened::Damaged));
}

#[test]
fn each_sealing_gives_other_bytes_and_shows_no_secret() {
    let seal = || sealer(1).seal(number(1), Field::WebhookToken, &Secret::new("0123456789abcdef")).0;
    let (first, second) = (seal(), seal());
    assert_ne!(first, second);
    assert!(!first.windows(16).any(|window| window == b"0123456789abcdef"));
}

proptest! {
    #[test]
    fn every_changed_bit_is_noticed(secret in "[!-~]{1,40}", place: prop::sample::Index, bit in 0..8_u32) {
        let mut sealed = sealer(1).seal(number(1), Field::AccessToken, &Secret::new(&secret)).0;
        let place = place.index(sealed.len());
        sealed[place] ^= 1 << bit;
        prop_assert!(sealer(1).open(number(1), Field::AccessToken, &Sealed(sealed)).is_err());
    }

    #[test]
    fn any_bytes_are_opened_or_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        prop_assert!(sealer(1).open(number(1), Field::AccessToken, &Sealed(bytes)).is_err());
    }
}

#[test]
fn the_master_key_is_32_bytes_in_hex_or_base64() {
    let sealed = sealer(7).seal(number(1), Field::AccessToken, &Secret::new("token"));
    let base64 = Sealer::from_master_key(&Secret::new("BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=")).unwrap();
    assert_eq!(base64.open(number(1), Field::AccessToken, &sealed).unwrap().expose(), "token");
    for bad in ["", "secret", &"07".repeat(31), &"07".repeat(33), &"0g".repeat(32)] {
        assert!(matches!(Sealer::from_master_key(&Secret::new(bad)), Err(Error::MasterKey { .. })), "{bad}");
    }
}

#[test]
fn the_key_file_is_made_once_and_readable_by_its_owner_only() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let sealed = Sealer::load_or_create(&data).unwrap().seal(number(1), Field::AccessToken, &Secret::new("token"));
    let again = Sealer::load_or_create(&data).unwrap();
    assert_eq!(again.open(number(1), Field::AccessToken, &sealed).unwrap().expose(), "token");
    let files: Vec<_> = std::fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files, [data.join("master.key")]);
    assert_eq!(std::fs::metadata(&files[0]).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn processes_that_start_at_once_share_one_key() {
    let dir = tempfile::tempdir().unwrap();
    let sealers: Vec<_> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..8).map(|_| scope.spawn(|| Sealer::load_or_create(dir.path()).unwrap())).collect();
        starts.into_iter().map(|start| start.join().unwrap()).collect()
    });
    let sealed = sealers[0].seal(number(1), Field::AccessToken, &Secret::new("token"));
    assert!(sealers.iter().all(|sealer| sealer.open(number(1), Field::AccessToken, &sealed).is_ok()));
}

#[test]
fn a_key_file_with_something_else_in_it_is_named() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("master.key"), "not a key").unwrap();
    let error = Sealer::load_or_create(dir.path()).err().unwrap();
    assert!(error.to_string().contains("master.key"), "{error}");
}

#[test]
fn a_key_that_is_missing_is_named_with_its_directory_and_not_made() {
    let dir = tempfile::tempdir().unwrap();
    let error = Sealer::load(dir.path()).err().unwrap().to_string();
    let wanted = format!("master.key is missing in {}: put it back from your copy", dir.path().display());
    assert!(error.starts_with(&wanted), "{error}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}
