//! `kizuna dead-letters`: what could not be used, listed, tried again or forgotten.

use crate::cli::recovery::{DeadLetters as Command, Letters};
use crate::output;
use crate::recovery::letters::{self, Letter};
use crate::settings::Settings;
use crate::wiring::Installation;
use anyhow::bail;
use schemas::Reason;
use serde_json::{Value, json};
use std::process::ExitCode;

/// Runs one of the commands.
///
/// # Errors
/// When the log cannot be read or written, and for a key that no dead letter has.
pub async fn run(command: &Command, settings: Settings, as_json: bool) -> anyhow::Result<ExitCode> {
    let installation = Installation::open(settings).await?;
    let letters = letters::all(&installation).await?;
    match command {
        Command::List { reason, show_content } => {
            list(&letters, reason.as_ref(), *show_content, installation.clock.now_ms(), as_json)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Retry(which) => retry(&installation, choose(letters, which)?, as_json).await,
        Command::Drop(which) => forget(&installation, choose(letters, which)?, as_json).await,
    }
}

fn choose(mut letters: Vec<Letter>, which: &Letters) -> anyhow::Result<Vec<Letter>> {
    if which.all {
        letters.retain(|letter| has_reason(letter, which.reason.as_ref()));
        return Ok(letters);
    }
    for typed in &which.keys {
        match letters.iter().filter(|letter| letter.is_called(typed)).count() {
            0 => bail!("no dead letter has the key {typed}; `kizuna dead-letters list` shows the keys"),
            1 => {}
            _ => bail!("several dead letters have the short key {typed}: type the whole key, from list --show-content"),
        }
    }
    letters.retain(|letter| which.keys.iter().any(|typed| letter.is_called(typed)));
    Ok(letters)
}

fn has_reason(letter: &Letter, reason: Option<&Reason>) -> bool {
    reason.is_none_or(|reason| letter.reason() == reason)
}

async fn retry(installation: &Installation, letters: Vec<Letter>, as_json: bool) -> anyhow::Result<ExitCode> {
    let keys: Vec<_> = letters.iter().map(Letter::short_key).collect();
    let outcomes = letters::retry(installation, letters).await?;
    let retried = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    let told = keys.into_iter().zip(outcomes);
    let hopeless: Vec<_> = told.filter_map(|(key, outcome)| Some((key, outcome.err()?.why()))).collect();
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

async fn forget(installation: &Installation, letters: Vec<Letter>, as_json: bool) -> anyhow::Result<ExitCode> {
    letters::forget(installation, &letters).await?;
    if as_json {
        output::json(&json!({ "dropped": letters.len() }))?;
    } else {
        output::line(&format!("{} forgotten.", letters.len()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn list(
    letters: &[Letter],
    reason: Option<&Reason>,
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
    let refused = listed.iter().any(|letter| *letter.reason() == Reason::Refused);
    let hint = if refused { "put right what HubSpot names, then: " } else { "" };
    output::line(&format!("\n{} dead letters. {hint}kizuna dead-letters retry KEY, or drop KEY", listed.len()))?;
    Ok(())
}

fn row(letter: &Letter, now_ms: i64) -> [String; 5] {
    let content = letter.content.as_ref();
    [
        letter.short_key(),
        letter.reason().as_str().to_owned(),
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
        "reason": letter.reason().as_str(),
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
