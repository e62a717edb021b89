//! Why something is among the dead letters, as a page calls it.

use super::language::Language;

/// What is shown of a reason; another version may have others.
pub fn told(reason: &str, language: Language) -> &str {
    let known = KNOWN.iter().find(|(name, _, _)| *name == reason);
    known.map_or(reason, |(_, english, japanese)| match language {
        Language::English => english,
        Language::Japanese => japanese,
    })
}

/// The reasons, as the records have them.
const KNOWN: [(&str, &str, &str); 7] = [
    ("malformed", "The record cannot be read", "記録を読み取れません"),
    ("merged", "Merged with another person's contact", "別の人のコンタクトに統合されています"),
    ("refused", "HubSpot refuses the contact", "HubSpotがコンタクトを受け付けません"),
    ("settled", "HubSpot does not take a value", "HubSpotがプロパティーの値を受け付けません"),
    ("not_json", "Signed, but not JSON", "署名は正しいものの、本文がJSONではありません"),
    ("no_events", "Signed, but without a list of events", "署名は正しいものの、本文にイベントの一覧がありません"),
    ("unreadable", "The dead letter itself cannot be read", "このデータ自体を読み取れません"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recovery::letters::Letter;
    use line::webhook::Unusable;

    #[test]
    fn every_reason_is_told_in_the_language_of_the_reader() {
        let of_projector = ["malformed", "merged", "refused", "settled"];
        let of_ingest = [Unusable::NotJson, Unusable::NoEvents].map(Unusable::reason);
        let unreadable = Letter { key: Vec::new(), content: None };
        for reason in of_projector.into_iter().chain(of_ingest).chain([unreadable.reason()]) {
            let (english, japanese) = (told(reason, Language::English), told(reason, Language::Japanese));
            assert!(english.is_ascii() && english != reason && !japanese.is_ascii(), "{reason}");
        }
        assert_eq!(told("of another version", Language::Japanese), "of another version");
    }
}
