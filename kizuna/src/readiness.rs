//! How the parts of this process are, and why one is not as it should be: in English for `/ready`, in both languages for the console.

use crate::bilingual::{Bilingual, bilingual, for_engineers};
use contact::ConnectionNumber;
use projector::status::Status;
use std::collections::BTreeSet;

/// How each part of this process is.
pub type Readiness = runtime::admin::Readiness<Bilingual>;

/// One part of this process.
pub type Part = runtime::admin::Part<Bilingual>;

/// The parts by name, as people call them.
const TITLES: [(&str, &str, &str); 7] = [
    ("process", "Process", "プロセス"),
    ("log", "Log", "ログ"),
    ("connections", "Connections", "接続情報"),
    ("spool", "Spool", "スプール"),
    ("projector", "Projector", "プロジェクター"),
    ("line", "LINE", "LINE"),
    ("hubspot", "HubSpot", "HubSpot"),
];

/// What people call a part.
pub fn title(part: &str) -> Bilingual {
    let known = TITLES.iter().find(|(name, _, _)| *name == part);
    known.map_or_else(|| bilingual!("{part}", "{part}"), |(_, english, japanese)| bilingual!("{english}", "{japanese}"))
}

/// It has not said yet how it is.
pub fn starting() -> Bilingual {
    bilingual!("starting", "起動中です。")
}

/// It takes nothing in any more.
pub fn shutting_down() -> Bilingual {
    bilingual!("shutting down", "終了処理中です。")
}

/// The log cannot be written.
pub fn log_fails(error: &eventlog::Error) -> Bilingual {
    let detail = for_engineers(error);
    bilingual!("{error}", "ログに書き込めません{detail}。")
}

/// The connections may be out of date.
pub fn connections_are_behind(why: &str) -> Bilingual {
    let detail = for_engineers(why);
    bilingual!("{why}", "接続情報が最新ではない可能性があります{detail}。")
}

/// So many records are in the spool, and no more fit.
pub fn spool_is_full(records: u64) -> Bilingual {
    bilingual!(
        "takes no more events; {records} wait for the log",
        "これ以上イベントを保存できません。{records}件がログへの書き込みを待っています。"
    )
}

/// So many records are in the spool.
pub fn spooling(records: u64) -> Bilingual {
    bilingual!(
        "spooling: {records} events wait for the log",
        "イベントを一時保存しています。{records}件がログへの書き込みを待っています。"
    )
}

/// Why the projector is not up to date, where it is not.
pub fn projector_lags(status: &Status) -> Option<Bilingual> {
    (!status.is_ready()).then(|| match status.owned() {
        0 => bilingual!("has no partitions yet", "担当するパーティションがまだありません。"),
        owned => bilingual!(
            "{0} of {owned} partitions catch up with the log",
            "{owned}個のパーティションのうち{0}個がログを読み込み中です。",
            status.restoring()
        ),
    })
}

/// Whose credentials LINE refuses, where it does.
pub fn line_refuses(refused: &BTreeSet<ConnectionNumber>) -> Option<Bilingual> {
    let numbers: Vec<String> = refused.iter().map(ToString::to_string).collect();
    (!refused.is_empty()).then(|| {
        bilingual!(
            "refuses the credentials of connection {0}: see `kizuna connection check`",
            "アカウント{0}の認証情報が拒否されています。アカウントのページの「接続チェック」で確認してください。",
            numbers.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_a_part_is_not_ready_is_said_in_japanese_but_for_what_is_marked_as_for_engineers() {
        let damaged = eventlog::Error::Damaged("page 3".to_owned());
        let refused = ConnectionNumber::new(1).into_iter().collect();
        let told = [
            starting(),
            shutting_down(),
            log_fails(&damaged),
            connections_are_behind("the master key does not open connection 1"),
            spool_is_full(3),
            spooling(3),
            projector_lags(&Status::default()).expect("it owns nothing yet"),
            line_refuses(&refused).expect("one is refused"),
        ];
        for sentence in told {
            assert!(sentence.is_all_japanese(), "{}", sentence.japanese);
        }
        assert_eq!(log_fails(&damaged).english, damaged.to_string());
    }
}
