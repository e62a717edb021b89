//! What a property takes: the check of a value and the form it is stored in.

use super::property::{Definition, Kind};
use super::refusal::Flaw;
use super::route::Version;
use crate::stamp;

/// The longest text value, in characters.
pub const TEXT_LIMIT: usize = 65_536;

/// A value as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    pub text: String,
    /// What HubSpot warns that it made of the value that was sent.
    pub normalised: Option<String>,
}

impl Stored {
    fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), normalised: None }
    }
}

/// Checks `raw` against the definition. An empty value clears the property and is always valid.
pub(super) fn check(definition: &Definition, raw: &str, version: Version) -> Result<Stored, Flaw> {
    let flaw = |code, message| Err(Flaw::new(&definition.name, code, message));
    if definition.read_only {
        return flaw(
            "READ_ONLY_VALUE",
            format!("{} is a read only property; its value cannot be set.", definition.name),
        );
    }
    if raw.is_empty() {
        return Ok(Stored::plain(""));
    }
    if &*definition.name == "email" {
        return email(raw).map(Stored::plain).ok_or_else(|| invalid_email(raw));
    }
    match definition.kind {
        Kind::String if raw.chars().count() > TEXT_LIMIT => {
            flaw("VALUE_TOO_LONG", format!("{} is longer than {TEXT_LIMIT} characters", definition.name))
        }
        Kind::String => Ok(Stored::plain(raw)),
        Kind::Enumeration => option(definition, raw),
        Kind::Bool if matches!(raw, "true" | "false") => Ok(Stored::plain(raw)),
        Kind::Bool => flaw("INVALID_OPTION", format!("{raw} was not one of the allowed options: [true, false]")),
        Kind::Number if raw.parse::<f64>().is_ok_and(f64::is_finite) => Ok(Stored::plain(raw)),
        Kind::Number => flaw("INVALID_NUMBER", format!("{raw} was not a valid number.")),
        Kind::DateTime => match stamp::instant_ms(raw) {
            Some(at_ms) => Ok(Stored::plain(stamp::iso(at_ms))),
            None => flaw("INVALID_DATE", format!("{raw} was not a valid long.")),
        },
        Kind::Date => date(definition, raw, version),
    }
}

/// The error of an address that is none.
pub(super) fn invalid_email(raw: &str) -> Flaw {
    Flaw::new("email", "INVALID_EMAIL", format!("Email address {raw} is invalid"))
}

/// The address as HubSpot stores it: lower case, no blanks around. None when its syntax is wrong.
pub(super) fn email(raw: &str) -> Option<String> {
    let address = raw.trim().to_lowercase();
    let (local, domain) = address.split_once('@')?;
    let local_fits = (1..=64).contains(&local.len())
        && local.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~.-".contains(&byte))
        && local.split('.').all(|part| !part.is_empty());
    let labels: Vec<&str> = domain.split('.').collect();
    let label_fits = |label: &&str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let top_fits = labels.last().is_some_and(|top| top.len() >= 2 && !top.bytes().all(|byte| byte.is_ascii_digit()));
    let fits = local_fits && labels.len() >= 2 && labels.iter().all(label_fits) && top_fits && address.len() <= 254;
    fits.then_some(address)
}

fn option(definition: &Definition, raw: &str) -> Result<Stored, Flaw> {
    let chosen: Vec<&str> = match definition.field_type.as_str() {
        "checkbox" => raw.split(';').filter(|value| !value.is_empty()).collect(),
        _ => vec![raw],
    };
    let known = |value: &&str| definition.options.iter().any(|choice| choice.value == *value);
    match chosen.iter().find(|value| !known(value)) {
        None => Ok(Stored::plain(raw)),
        Some(value) => {
            let allowed: Vec<&str> = definition.options.iter().map(|choice| choice.value.as_str()).collect();
            let message = format!("{value} was not one of the allowed options: [{}]", allowed.join(", "));
            Err(Flaw::new(&definition.name, "INVALID_OPTION", message))
        }
    }
}

fn date(definition: &Definition, raw: &str, version: Version) -> Result<Stored, Flaw> {
    let flaw = |message| Err(Flaw::new(&definition.name, "INVALID_DATE", message));
    if stamp::day_start_ms(raw).is_some() {
        return Ok(Stored::plain(raw));
    }
    let Some(at_ms) = stamp::instant_ms(raw) else { return flaw(format!("{raw} was not a valid date.")) };
    let midnight_ms = at_ms - at_ms.rem_euclid(stamp::DAY_MS);
    if at_ms != midnight_ms && version != Version::September2026 {
        return flaw(format!("{raw} is at {}, not midnight!", stamp::iso(at_ms)));
    }
    let normalised = Some(midnight_ms.to_string()).filter(|normalised| normalised != raw);
    Ok(Stored { text: stamp::day(at_ms), normalised })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::property::Catalogue;
    use super::*;

    #[test]
    fn an_address_is_stored_in_lower_case() {
        let dummy = "U0123456789abcdef0123456789abcdef@line.me";
        assert_eq!(email(dummy).unwrap(), dummy.to_lowercase());
        assert_eq!(email(" Taro@Example.CO.JP ").unwrap(), "taro@example.co.jp");
    }

    #[test]
    fn an_address_with_wrong_syntax_is_none() {
        for wrong in
            ["", "a", "a@", "@b.jp", "a@b", "a b@c.jp", "a..b@c.jp", "a@b@c.jp", "a@-b.jp", "a@b.j", "a@1.2", "あ@b.jp"]
        {
            assert_eq!(email(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn before_2026_09_a_date_must_be_midnight_and_afterwards_it_is_normalised() {
        let catalogue = Catalogue::new(0);
        let birth = catalogue.active("date_of_birth", 0).unwrap();
        let noon = "1990-01-01T12:00:00Z";
        assert!(check(birth, noon, Version::March2026).is_err());
        let stored = check(birth, noon, Version::September2026).unwrap();
        assert_eq!(stored, Stored { text: "1990-01-01".to_owned(), normalised: Some("631152000000".to_owned()) });
        assert_eq!(check(birth, "631152000000", Version::V3).unwrap(), Stored::plain("1990-01-01"));
    }
}
