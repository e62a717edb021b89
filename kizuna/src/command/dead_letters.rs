//! `kizuna dead-letters`: what could not be used, listed, tried again or forgotten.

use crate::cli::recovery::{DeadLetters as Command, Letters};
use crate::output;
use crate::recovery::letters::{Letter, Retry, read};
use crate::settings::Settings;
use crate::wiring::Installation;
use anyhow::bail;
use projector::decode::Decoder;
use serde_json::{Value, json};
use std::process::ExitCode;

/// Runs one of the commands.
///
/// # Errors
/// When the log cannot be read or written, and for a key that no dead letter has.
pub async fn run(command: &Command, settings: Settings, as_json: bool) -> anyhow::Result<ExitCode> {
    let installation = Installation::open(settings).await?;
    let letters = {
        let (log, codec) = (installation.log.clone(), installation.codec.clone());
        tokio::task::spawn_blocking(move || read(&*log, &codec)).await??
    };
    match command {
        Command::List { reason, show_content } => {
            list(&letters, reason.as_deref(), *show_content, installation.clock.now_ms(), as_json)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Retry(which) => retry(&installation, choose(&letters, which)?, as_json).await,
        Command::Drop(which) => forget(&installation, choose(&letters, which)?, as_json).await,
    }
}

fn choose<'a>(letters: &'a [Letter], which: &Letters) -> anyhow::Result<Vec<&'a Letter>> {
    if which.all {
        return Ok(letters.iter().filter(|letter| has_reason(letter, which.reason.as_deref())).collect());
    }
    let mut chosen: Vec<&Letter> = Vec::new();
    for typed in &which.keys {
        let called: Vec<_> = letters.iter().filter(|letter| letter.is_called(typed)).collect();
        match called[..] {
            [] => bail!("no dead letter has the key {typed}; `kizuna dead-letters list` shows the keys"),
            [letter] => chosen.push(letter),
            _ => bail!("several dead letters have the short key {typed}: type the whole key, from list --show-content"),
        }
    }
    chosen.dedup_by(|one, other| one.key == other.key);
    Ok(chosen)
}

fn has_reason(letter: &Letter, reason: Option<&str>) -> bool {
    reason.is_none_or(|reason| letter.reason() == reason)
}

async fn retry(installation: &Installation, letters: Vec<&Letter>, as_json: bool) -> anyhow::Result<ExitCode> {
    let names = installation.settings.property_prefix.0.clone();
    let decoder = Decoder::new(installation.codec.clone(), installation.settings.labels(), names.clone());
    let retry = Retry {
        log: &*installation.log,
        codec: &installation.codec,
        decoder: &decoder,
        names: &names,
        now_ms: installation.clock.now_ms(),
    };
    let (mut retried, mut hopeless) = (0, Vec::new());
    for letter in letters {
        match tokio::task::block_in_place(|| retry.records(letter))? {
            Ok(records) => {
                installation.log.append(records.into()).await?;
                retried += 1;
            }
            Err(why) => hopeless.push((letter.short_key(), why.why())),
        }
    }
    if as_json {
        let left: Vec<_> = hopeless.iter().map(|(key, why)| json!({ "key": key, "why": why })).collect();
        output::json(&json!({ "retried": retried, "left": left }))?;
    } else {
        for (key, why) in &hopeless {
            output::line(&format!("{key}: {why}"))?;
        }
        output::line(&format!(
            "{retried} tried again, by `kizuna up`, or at its next start. What fails again comes back here."
        ))?;
    }
    Ok(if hopeless.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn forget(installation: &Installation, letters: Vec<&Letter>, as_json: bool) -> anyhow::Result<ExitCode> {
    installation.log.append(letters.iter().map(|letter| letter.tombstone()).collect()).await?;
    if as_json {
        output::json(&json!({ "dropped": letters.len() }))?;
    } else {
        output::line(&format!("{} forgotten.", letters.len()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn list(
    letters: &[Letter],
    reason: Option<&str>,
    shows_content: bool,
    now_ms: i64,
    as_json: bool,
) -> anyhow::Result<()> {
    let listed: Vec<&Letter> = letters.iter().filter(|letter| has_reason(letter, reason)).collect();
    if as_json {
        let values: Vec<_> = listed.iter().map(|letter| as_value(letter, shows_content, now_ms)).collect();
        output::json(&json!({ "count": values.len(), "dead_letters": values }))?;
        return Ok(());
    }
    if listed.is_empty() {
        output::line("No dead letters.")?;
        return Ok(());
    }
    let rows: Vec<[String; 5]> = listed.iter().map(|letter| row(letter, now_ms)).collect();
    output::line(&output::table(["key", "reason", "from", "age", "detail"], &rows))?;
    if shows_content {
        for letter in &listed {
            let (key, content) = contents(letter);
            output::line(&format!("\n{}  {key}\n{}", letter.short_key(), output::shown(&content, 10_000)))?;
        }
    }
    let refused = listed.iter().any(|letter| letter.reason() == "refused");
    let hint = if refused { "put right what HubSpot names, then: " } else { "" };
    output::line(&format!("\n{} dead letters. {hint}kizuna dead-letters retry KEY, or drop KEY", listed.len()))?;
    Ok(())
}

fn row(letter: &Letter, now_ms: i64) -> [String; 5] {
    let content = letter.content.as_ref();
    [
        letter.short_key(),
        letter.reason().to_owned(),
        content.map(|it| origin(&it.topic, it.partition, it.offset)).unwrap_or_default(),
        content.map(|it| age(now_ms.saturating_sub(it.at_ms))).unwrap_or_default(),
        content.map(|it| output::shown(&it.detail, 80)).unwrap_or_default(),
    ]
}

fn origin(topic: &str, partition: u32, offset: i64) -> String {
    if offset < 0 { topic.to_owned() } else { format!("{topic} {partition}@{offset}") }
}

/// A time span as people say it: its largest unit.
fn age(ms: i64) -> String {
    let seconds = ms.max(0) / 1_000;
    match seconds {
        ..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// Key and bytes, as far as they are text.
fn contents(letter: &Letter) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&letter.key), letter.content.as_ref().map(|content| text(&content.value)).unwrap_or_default())
}

fn as_value(letter: &Letter, shows_content: bool, now_ms: i64) -> Value {
    let content = letter.content.as_ref();
    let mut value = json!({
        "key": letter.short_key(),
        "reason": letter.reason(),
        "detail": content.map(|it| &it.detail),
        "topic": content.map(|it| &it.topic),
        "partition": content.filter(|it| it.offset >= 0).map(|it| it.partition),
        "offset": content.filter(|it| it.offset >= 0).map(|it| it.offset),
        "at_ms": content.map(|it| it.at_ms),
        "at": content.map(|it| output::time(it.at_ms)),
        "age_seconds": content.map(|it| now_ms.saturating_sub(it.at_ms).max(0) / 1_000),
        "connection": content.and_then(|it| it.connection),
    });
    if shows_content {
        let (key, content) = contents(letter);
        value["full_key"] = json!(key);
        value["content"] = json!(content);
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_told_in_their_largest_unit() {
        for (ms, told) in [(-5, "0 s"), (59_999, "59 s"), (60_000, "1 min"), (7_200_000, "2 h"), (172_800_000, "2 d")] {
            assert_eq!(age(ms), told);
        }
    }
}
