//! What came in: the newest event in the log, and what a running process refused.

use super::Finding;
use super::running::Metrics;
use crate::bilingual::{Bilingual, bilingual, for_engineers, time_in_japan};
use crate::output;
use crate::wiring::Installation;
use ::connection::Connection;
use anyhow::Context;
use contact::ConnectionNumber;
use eventlog::{Log, Record, Topic};
use schemas::{Codec, LineEvent};
use std::sync::Arc;
use std::time::Duration;

/// After so long without an event somebody should see whether LINE still sends.
const SILENCE_MS: i64 = 7 * 24 * 3_600_000;

/// Records in the first look at the end of a partition; each further look is twice as wide.
const FIRST_LOOK: u64 = 1_000;

/// How long a partition may take to give what it holds.
const ANSWER_WAIT: Duration = Duration::from_secs(10);

/// Looks at the log, and at a process that runs beside.
///
/// # Errors
/// When the log cannot be read.
pub async fn check(installation: &Installation, connection: &Connection) -> anyhow::Result<Vec<Finding>> {
    let (log, codec, number) = (Arc::clone(&installation.log), installation.codec.clone(), connection.number);
    let newest = tokio::task::spawn_blocking(move || newest_event(&*log, &codec, number)).await??;
    let mut findings = vec![last_event(newest, installation.clock.now_ms())];
    findings.extend(refusals(installation, number).await);
    Ok(findings)
}

fn ask_for_one() -> Bilingual {
    bilingual!(
        "write to the account from a telephone; if nothing comes, the findings about the webhook tell why",
        "スマートフォンからアカウントにメッセージを送ってください。届かない場合は、Webhookの項目で原因を確認してください。"
    )
}

fn run_beside() -> Bilingual {
    bilingual!(
        "run this where `kizuna up` or `kizuna ingest` runs, with the same KIZUNA_ADMIN_LISTEN",
        "kizuna upまたはkizuna ingestと同じサーバーで、同じKIZUNA_ADMIN_LISTENを設定して実行してください。"
    )
}

pub(super) fn last_event(newest: Option<i64>, now_ms: i64) -> Finding {
    match newest {
        None => Finding::warning(
            "events_none",
            bilingual!("no event of this account ever came", "このアカウントのイベントはまだ一度も届いていません。"),
            ask_for_one(),
        ),
        Some(at_ms) if now_ms - at_ms > SILENCE_MS => {
            let (utc, jst) = (output::time(at_ms), time_in_japan(at_ms));
            let sentence = bilingual!(
                "the last event came more than a week ago, at {utc}",
                "最後のイベントは1週間以上前（{jst}）です。"
            );
            Finding::warning("events_old", sentence, ask_for_one())
        }
        Some(at_ms) => {
            let (utc, jst) = (output::time(at_ms), time_in_japan(at_ms));
            Finding::good("events", bilingual!("the last event came at {utc}", "最後のイベントは{jst}に届きました。"))
        }
    }
}

async fn refusals(installation: &Installation, number: ConnectionNumber) -> Vec<Finding> {
    let admin = installation.settings.admin_listen;
    let metrics = match Metrics::fetch(admin).await {
        Ok(metrics) => metrics,
        Err(error) => {
            let detail = for_engineers(&error);
            let sentence = bilingual!(
                "no process at {admin} (KIZUNA_ADMIN_LISTEN) tells what it refused: {error}",
                "{admin}（KIZUNA_ADMIN_LISTEN）のプロセスから、拒否した件数を取得できませんでした{detail}。"
            );
            return vec![Finding::unknown("signatures_unknown", sentence, run_beside())];
        }
    };
    let of = number.to_string();
    let webhooks = |outcome| {
        metrics.counter("kizuna_ingest_webhooks_total", &[("connection", &of), ("outcome", outcome)]).unwrap_or(0)
    };
    let wrong =
        |of| metrics.counter("kizuna_ingest_verification_failures_total", &[("connection", of), ("reason", "wrong")]);
    // A connection made since the start shows up with its first webhook, the unknown senders in every process that takes webhooks.
    let wrong = wrong(&of).or_else(|| wrong("none").map(|_| 0));
    let mut findings = vec![signatures(number, wrong, webhooks("accepted"))];
    findings.extend(destinations(number, webhooks("wrong_destination")));
    findings.extend(not_stored(webhooks("unavailable")));
    findings
}

/// `wrong` is `None` where the process takes no webhooks.
pub(super) fn signatures(number: ConnectionNumber, wrong: Option<u64>, accepted: u64) -> Finding {
    let remedy = bilingual!(
        "enter the channel secret that stands at LINE Developers console (LINE Developersコンソール) > the channel > Basic \
         settings (チャネル基本設定), if it is another one: `kizuna connection rotate {number}`; see docs/operations.md, \
         KizunaSignatureWrong",
        "LINE Developersコンソール ＞ チャネル ＞ チャネル基本設定のチャネルシークレットが登録済みのものと異なる場合は、\
         「シークレット・トークンの更新」で入力してください（docs/operations.md、KizunaSignatureWrong）。"
    );
    match (wrong, accepted) {
        (None, _) => Finding::unknown(
            "signatures_unknown",
            bilingual!(
                "the process at KIZUNA_ADMIN_LISTEN takes no webhooks",
                "KIZUNA_ADMIN_LISTENのプロセスは、Webhookを受信していません。"
            ),
            run_beside(),
        ),
        (Some(0), 0) => Finding::good(
            "signatures",
            bilingual!(
                "no webhook since the process started",
                "プロセスの起動以降、このアカウントのWebhookはまだ届いていません。"
            ),
        ),
        (Some(0), _) => {
            let sentence = bilingual!(
                "no signature was wrong since the process started; {accepted} webhooks were accepted",
                "プロセスの起動以降、不正な署名はありません。受け付けたWebhookは{accepted}件です。"
            );
            Finding::good("signatures", sentence)
        }
        (Some(wrong), 0) => Finding::broken(
            "signatures_wrong",
            bilingual!(
                "all {wrong} webhooks since the process started had a wrong signature",
                "プロセスの起動以降に届いたWebhook {wrong}件すべての署名が不正でした。"
            ),
            remedy,
        ),
        (Some(wrong), accepted) => Finding::warning(
            "signatures_some_wrong",
            bilingual!(
                "{wrong} webhooks since the process started had a wrong signature, {accepted} were accepted",
                "プロセスの起動以降、署名が不正なWebhookが{wrong}件、受け付けたWebhookが{accepted}件ありました。"
            ),
            remedy,
        ),
    }
}

pub(super) fn destinations(number: ConnectionNumber, wrong: u64) -> Option<Finding> {
    (wrong > 0).then(|| {
        Finding::broken(
            "destination_wrong",
            bilingual!(
                "{wrong} signed webhooks since the process started were for another account",
                "プロセスの起動以降、別のアカウント宛ての署名付きWebhookが{wrong}件ありました。"
            ),
            bilingual!(
                "enter the credentials of this connection's own channel: `kizuna connection rotate {number}` \
                 (docs/operations.md, KizunaWrongDestination)",
                "このアカウントのチャネルの認証情報を「シークレット・トークンの更新」で入力してください。別のアカウントは新しく\
                 接続してください（docs/operations.md、KizunaWrongDestination）。"
            ),
        )
    })
}

pub(super) fn not_stored(count: u64) -> Option<Finding> {
    (count > 0).then(|| {
        Finding::warning(
            "webhooks_not_stored",
            bilingual!(
                "{count} webhooks since the process started were answered 503, because nothing took their events in time; LINE sends \
                 them again only where \"Webhook redelivery\" is on",
                "プロセスの起動以降、保存が間に合わず503を返したWebhookが{count}件ありました。「Webhookの再送」がオンの場合だけ、LINEが再送します。"
            ),
            bilingual!(
                "switch \"Webhook redelivery\" (Webhookの再送) on at LINE Developers console (LINE Developersコンソール) > the \
                 channel > Messaging API, and see docs/operations.md, KizunaWebhooksNotStored",
                "LINE Developersコンソール ＞ チャネル ＞ Messaging API設定で「Webhookの再送」をオンにし、docs/operations.mdの\
                 KizunaWebhooksNotStoredを確認してください。"
            ),
        )
    })
}

/// When the newest event of a connection was received: each partition is read from its end until one is found.
fn newest_event(log: &dyn Log, codec: &Codec, number: ConnectionNumber) -> anyhow::Result<Option<i64>> {
    let mut newest = None;
    for partition in 0..log.partitions(Topic::LineEvents) {
        newest = newest.max(newest_in(log, codec, number, partition)?);
    }
    Ok(newest)
}

fn newest_in(log: &dyn Log, codec: &Codec, number: ConnectionNumber, partition: u32) -> anyhow::Result<Option<i64>> {
    let span = log.span(Topic::LineEvents, partition)?;
    let (mut end, mut width) = (span.next, FIRST_LOOK);
    while end > span.first {
        let begin = end.saturating_sub(width).max(span.first);
        let mut newest = None;
        let mut reader = log.reader(Topic::LineEvents, partition, begin)?;
        let mut next = begin;
        while next < end {
            let records = reader.next(FIRST_LOOK as usize, ANSWER_WAIT)?;
            let Some(last) = records.last() else { break };
            next = last.offset + 1;
            for record in records.iter().filter(|record| is_of(number, record)) {
                newest = newest.max(Some(received_at(codec, record)?));
            }
        }
        if newest.is_some() {
            return Ok(newest);
        }
        (end, width) = (begin, width * 2);
    }
    Ok(None)
}

/// Tombstones and marks of erasures are no events.
fn is_of(number: ConnectionNumber, record: &Record) -> bool {
    let key = schemas::key::read_line_event(&record.key);
    record.value.is_some() && key.is_some_and(|(_, connection, _)| connection == number.get())
}

fn received_at(codec: &Codec, record: &Record) -> anyhow::Result<i64> {
    let value = record.value.as_deref().context("a tombstone is no event")?;
    let event: LineEvent<'_> = codec.decode(value).context("an event in the log cannot be read")?;
    Ok(event.received_at_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_week_of_silence_is_worth_a_warning() {
        assert_eq!(last_event(Some(0), SILENCE_MS).code, "events");
        assert_eq!(last_event(Some(0), SILENCE_MS + 1).code, "events_old");
    }

    #[test]
    fn a_japanese_sentence_has_the_time_of_japan() {
        for now_ms in [0, SILENCE_MS + 1] {
            let sentence = last_event(Some(0), now_ms).sentence;
            assert!(sentence.english.contains("1970-01-01 00:00:00Z"), "{sentence:?}");
            assert!(sentence.japanese.contains("1970-01-01 09:00:00 JST"), "{sentence:?}");
        }
    }

    #[test]
    fn what_was_not_stored_is_a_warning_that_names_redelivery() {
        assert!(not_stored(0).is_none());
        let finding = not_stored(2).expect("a finding");
        assert!(
            finding.remedy.is_some_and(|remedy| remedy.english.contains("redelivery"))
                && finding.sentence.is_translated()
        );
    }

    #[test]
    fn wrong_signatures_break_the_connection_only_where_no_other_webhook_was_accepted() {
        let signatures = |wrong, accepted| signatures(ConnectionNumber::new(1).expect("not 0"), wrong, accepted);
        assert_eq!(signatures(Some(3), 0).code, "signatures_wrong");
        assert_eq!(signatures(Some(3), 1).code, "signatures_some_wrong");
        assert_eq!(signatures(Some(0), 0).code, "signatures");
        assert_eq!(signatures(None, 0).code, "signatures_unknown");
    }
}
