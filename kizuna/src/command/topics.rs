//! `kizuna topics`: prepares Kafka.

use crate::cli::Topics;
use crate::output;
use crate::settings::Settings;
use anyhow::Context;
use eventlog::kafka::{KafkaLog, create_topics};
use runtime::clock::SystemClock;
use serde_json::json;
use std::process::ExitCode;
use std::sync::Arc;

/// Runs one of the commands.
///
/// # Errors
/// Without brokers, and when Kafka refuses or cannot be reached.
pub async fn run(command: &Topics, settings: &Settings, as_json: bool) -> anyhow::Result<ExitCode> {
    let Topics::Create = command;
    let kafka =
        settings.kafka_log().context("KIZUNA_KAFKA_BROKERS is not set: the embedded log makes its own topics")?;
    let created: Vec<&str> = create_topics(&kafka).await?.into_iter().map(eventlog::Topic::name).collect();
    // Connecting makes sure of everything that the log's promises rest on.
    KafkaLog::connect(kafka, Arc::new(SystemClock)).await?;
    if as_json {
        output::json(&json!({ "created": created }))?;
    } else if created.is_empty() {
        output::line("All topics exist, with settings that lose nothing.")?;
    } else {
        output::line(&format!("Made {}. All topics exist, with settings that lose nothing.", created.join(", ")))?;
    }
    Ok(ExitCode::SUCCESS)
}
