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

/// What it means, and what to do about it.
pub const fn explained(reason: &Reason, language: Language) -> &'static str {
    let (english, japanese) = match reason {
        Reason::Malformed => (
            "Somebody else wrote into the log, or bytes were damaged. Try it again with a version that can read it.",
            "Kizuna以外が書き込んだか、データが破損しています。読み取れるバージョンに更新してから再試行してください。",
        ),
        Reason::Refused => (
            "HubSpot takes no contact of this person, for instance because of the portal's own rules. Put that right, then try \
             it again; when the person's values change that happens by itself.",
            "ポータルのルールなどにより、HubSpotがこの人のコンタクトを受け付けません。原因を直してから再試行してください。値が変わったときは自動で再試行されます。",
        ),
        Reason::Settled => (
            "HubSpot refuses the value of a property, or keeps another: its type or its options were changed. Put the property \
             back as it was, then try it again.",
            "HubSpotがプロパティーの値を拒否したか、別の値を保存しています。型や選択肢が変更されています。元に戻してから再試行してください。",
        ),
        Reason::Merged => (
            "HubSpot shows another LINE user of the same account under this contact. A merge cannot be undone there.",
            "HubSpotのこのコンタクトには、同じアカウントの別のLINEユーザーが表示されます。統合はHubSpotで元に戻せません。",
        ),
        Reason::NotJson | Reason::NoEvents => (
            "It is no webhook, so there is nothing to try again: drop it.",
            "Webhookではないため、再試行できません。破棄してください。",
        ),
        Reason::Unreadable => (
            "This version cannot read it. Upgrade, or drop it.",
            "このバージョンでは読み取れません。アップグレードするか、破棄してください。",
        ),
        Reason::Other(_) => {
            ("Another version of Kizuna gave this reason.", "別のバージョンのKizunaが記録した理由です。")
        }
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
            let [english, japanese] = [Language::English, Language::Japanese].map(|it| explained(reason, it));
            assert!(english.is_ascii() && !japanese.is_ascii(), "{reason:?}");
        }
        assert_eq!(told(&Reason::Other("of another version".into()), Language::Japanese), "of another version");
    }
}
