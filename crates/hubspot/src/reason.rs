//! HubSpot's refusals in words for people, with nothing personal in them.
//!
//! HubSpot quotes the values it refuses: e-mails, names, messages. For the codes known, the words are our own. For
//! others HubSpot's message is kept, without what was sent and without what looks like an address, an ID or a
//! quotation.

use std::borrow::Cow;

/// What is struck out becomes this.
const STRUCK: &str = "…";

/// Longer messages are cut.
const CHARACTERS_MAX: usize = 200;

/// Does the code say that a property is not, or no longer, what we defined?
pub(crate) fn is_of_definition(code: &str) -> bool {
    matches!(code, "PROPERTY_DOESNT_EXIST" | "INVALID_OPTION" | "READ_ONLY_VALUE")
}

/// Words for a refusal.
pub(crate) fn readable<'a>(
    code: &str,
    property: Option<&str>,
    message: &str,
    sent: impl IntoIterator<Item = &'a str>,
) -> String {
    let property = property.unwrap_or("a property");
    match code {
        "PROPERTY_DOESNT_EXIST" => format!("{property} does not exist in the portal"),
        "INVALID_OPTION" => format!("a value is not among the options of {property}"),
        "READ_ONLY_VALUE" => format!("{property} is read-only"),
        "INVALID_EMAIL" => "HubSpot does not accept the e-mail address".into(),
        "MISSING_REQUIRED_PROPERTY" => format!("a rule of the portal requires a value for {property}"),
        "MISSING_CONDITIONAL_REQUIRED_PROPERTY" => {
            format!("a conditional rule of the portal requires a value for {property}")
        }
        "CONFLICT" => "another contact has the e-mail address".into(),
        _ if message.is_empty() => {
            format!("HubSpot gives no reason but {}", if code.is_empty() { "none" } else { code })
        }
        _ => quotable(message, sent),
    }
}

/// HubSpot's message without personal values.
fn quotable<'a>(message: &str, sent: impl IntoIterator<Item = &'a str>) -> String {
    let mut values: Vec<_> = sent.into_iter().map(str::trim).filter(|value| !value.is_empty()).collect();
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    let message = values.into_iter().fold(Cow::Borrowed(message), |message, value| strike_value(message, value));
    let message = message.split("[{").next().unwrap_or_default();
    let message = strike_quotations(message);
    let words: Vec<_> = message.split_whitespace().map(|word| if is_personal(word) { STRUCK } else { word }).collect();
    words.join(" ").chars().take(CHARACTERS_MAX).collect()
}

/// Strikes a value out where it stands as a word of its own, not within other words.
fn strike_value<'a>(message: Cow<'a, str>, value: &str) -> Cow<'a, str> {
    let mut struck = String::new();
    let mut kept_to = 0;
    for (start, _) in message.match_indices(value) {
        let end = start + value.len();
        let within = |neighbour: Option<char>| neighbour.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
        if within(message[..start].chars().next_back()) || within(message[end..].chars().next()) {
            continue;
        }
        struck.push_str(&message[kept_to..start]);
        struck.push_str(STRUCK);
        kept_to = end;
    }
    if kept_to == 0 {
        return message;
    }
    struck.push_str(&message[kept_to..]);
    struck.into()
}

/// Strikes out what stands between quotation marks, unless it is spelt like an internal name.
fn strike_quotations(message: &str) -> String {
    let mut parts = message.split('"');
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for (place, part) in parts.enumerate() {
        let quoted = place % 2 == 0;
        kept.push('"');
        kept.push_str(if quoted && !is_internal_name(part) { STRUCK } else { part });
    }
    kept
}

fn is_internal_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

/// An e-mail address, a LINE user ID, or an address of a page or picture.
fn is_personal(word: &str) -> bool {
    let hex_digits = word.bytes().filter(u8::is_ascii_hexdigit).count();
    word.contains('@') || word.contains("://") || hex_digits >= 32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_words_for_known_codes_are_our_own() {
        let words = |code, message| readable(code, Some("line_follow_1"), message, []);
        assert_eq!(
            words("INVALID_OPTION", "Taro was not one of the allowed options: [Yes]"),
            "a value is not among the options of line_follow_1"
        );
        assert_eq!(
            words("INVALID_EMAIL", "Email address taro@example.com is invalid"),
            "HubSpot does not accept the e-mail address"
        );
        assert_eq!(
            words("MISSING_REQUIRED_PROPERTY", "A value for firstname must be provided"),
            "a rule of the portal requires a value for line_follow_1"
        );
    }

    #[test]
    fn what_was_sent_is_struck_out_of_other_messages() {
        let said = readable(
            "ODD",
            None,
            "Hello, I am Taro is too long for line_user_name_1",
            ["Taro", "Hello, I am Taro", "n"],
        );
        assert_eq!(said, "… is too long for line_user_name_1");
    }

    #[test]
    fn addresses_user_ids_and_quotations_are_struck_out() {
        let said = readable(
            "ODD",
            None,
            "Value \"Hello there\" of \"line_last_response_1\" by u0123456789abcdef0123456789abcdef@line.me, \
             U0123456789abcdef0123456789abcdef at https://profile.line-scdn.net/x was refused",
            [],
        );
        assert_eq!(said, "Value \"…\" of \"line_last_response_1\" by … … at … was refused");
    }

    #[test]
    fn a_refusal_without_a_message_still_says_its_code() {
        assert_eq!(readable("ODD", None, "", []), "HubSpot gives no reason but ODD");
    }

    proptest! {
        #[test]
        fn no_sent_word_survives(
            value in "[A-Za-zあ-ん][A-Za-zあ-ん ]{3,20}[a-z]",
            before in "[a-z ]{0,10}",
            after in "[a-z ]{0,10}",
            margin in "[ \u{3000}]{0,2}",
        ) {
            let message = format!("{before} {value} {after}");
            let said = readable("ODD", None, &message, [&*format!("{margin}{value}{margin}")]);
            prop_assert!(!said.contains(&value), "{said}");
        }

        #[test]
        fn any_message_can_be_read(message: String, value: String) {
            let said = readable("ODD", None, &message, [&*value]);
            prop_assert!(said.chars().count() <= CHARACTERS_MAX);
        }
    }
}
