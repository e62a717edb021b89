//! Why something is among the dead letters, as a page calls it.

use super::language::Language;
use schemas::Reason;

/// What is shown of a reason: the word itself where another version gave it.
pub fn told(reason: &Reason, language: Language) -> &str {
    let (english, japanese) = match reason {
        Reason::Malformed => ("The record cannot be read", "記録を読み取れません"),
        Reason::Refused => ("HubSpot refuses the contact", "HubSpotがコンタクトを受け付けません"),
        Reason::Settled => ("HubSpot does not take a value", "HubSpotがプロパティーの値を受け付けません"),
        Reason::Merged => ("Merged with another person's contact", "別の人のコンタクトに統合されています"),
        Reason::NotJson => ("Signed, but not JSON", "署名は正しいものの、本文がJSONではありません"),
        Reason::NoEvents => {
            ("Signed, but without a list of events", "署名は正しいものの、本文にイベントの一覧がありません")
        }
        Reason::Unreadable => ("The dead letter itself cannot be read", "このデータ自体を読み取れません"),
        Reason::Other(word) => (&**word, &**word),
    };
    match language {
        Language::English => english,
        Language::Japanese => japanese,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_told_in_the_language_of_the_reader() {
        for reason in Reason::KNOWN {
            let (english, japanese) = (told(reason, Language::English), told(reason, Language::Japanese));
            assert!(english.is_ascii() && english != reason.as_str() && !japanese.is_ascii(), "{reason:?}");
        }
        assert_eq!(told(&Reason::Other("of another version".into()), Language::Japanese), "of another version");
    }
}
