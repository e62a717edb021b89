//! `kizuna connection`: connects, lists, shows, checks, changes and removes official accounts.

mod changes;

use super::agreement::{agreed, is_watched, secret_line};
use crate::checkup::{self, Finding, Severity};
use crate::cli::{AddConnection, Connection as Command, TypedSecret};
use crate::onboarding::change::check_icon;
use crate::onboarding::rotation::older_secret_until_ms;
use crate::onboarding::step::{Outcome, Step};
use crate::onboarding::{self, Report, Request, webhook_path};
use crate::output;
use crate::settings::Settings;
use crate::wiring::Installation;
use ::connection::{Connection, Editor, Registry, State};
use anyhow::{Context, bail, ensure};
use contact::ConnectionNumber;
use runtime::secret::Secret;
use runtime::shutdown::Shutdown;
use serde_json::{Value, json};
use std::io::{self, BufRead};
use std::path::Path;
use std::process::ExitCode;

/// Runs one of the commands.
///
/// # Errors
/// When it could not be done.
pub async fn run(
    command: &Command,
    settings: Settings,
    as_json: bool,
    shutdown: &Shutdown,
) -> anyhow::Result<ExitCode> {
    match command {
        Command::Add(add) => {
            let request = request(add, &mut io::stdin().lock())?;
            let report = onboarding::add(&Installation::open(settings).await?, request).await?;
            print_report(&report, as_json)?;
            Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Command::List { all } => list(&Installation::open(settings).await?, *all, as_json).await,
        Command::Show { number } => show(&Installation::open(settings).await?, *number, as_json).await,
        Command::Set(set) => changes::set(&Installation::open(settings).await?, set, as_json).await,
        Command::Rotate(rotate) => {
            let rotation = changes::rotation(rotate, &mut io::stdin().lock())?;
            changes::rotate(&Installation::open(settings).await?, rotate, rotation, as_json).await
        }
        Command::Check { number } => check(&Installation::open(settings).await?, *number, as_json).await,
        Command::Remove { number, yes } => {
            remove(&Installation::open(settings).await?, *number, *yes, as_json, shutdown).await
        }
    }
}

/// What was typed, with the secrets fetched from where they are.
fn request(add: &AddConnection, input: &mut dyn BufRead) -> anyhow::Result<Request> {
    let (typed, file) = (add.secret.channel_secret.as_ref(), add.secret.channel_secret_file.as_deref());
    let channel_secret = secret("the channel secret", typed, file, input)?;
    let (typed, file) = (add.token.access_token.as_ref(), add.token.access_token_file.as_deref());
    let access_token = secret("the access token", typed, file, input)?;
    let is_id = !add.channel_id.is_empty() && add.channel_id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    ensure!(is_id, "--channel-id must be the channel's ID, as 1234567890");
    add.icon.as_deref().map_or(Ok(()), check_icon)?;
    Ok(Request {
        name: add.name.clone(),
        description: add.description.clone(),
        icon: add.icon.clone(),
        channel_id: add.channel_id.clone(),
        channel_secret: channel_secret.context("a channel secret is needed")?,
        access_token,
        auto_create: add.no_auto_create.then_some(false),
        skip_line_checks: add.skip_line_checks,
    })
}

fn secret(
    what: &str,
    typed: Option<&TypedSecret>,
    file: Option<&Path>,
    input: &mut dyn BufRead,
) -> anyhow::Result<Option<Secret>> {
    let secret = match (typed, file) {
        (Some(TypedSecret::Text(secret)), _) => secret.clone(),
        (Some(TypedSecret::Line), _) => {
            let line = secret_line(what, input).with_context(|| format!("cannot read {what} from standard input"))?;
            Secret::new(&line)
        }
        (None, Some(path)) => {
            let text = std::fs::read_to_string(path);
            Secret::new(&text.with_context(|| format!("cannot read {what} from {}", path.display()))?)
        }
        (None, None) => return Ok(None),
    };
    ensure!(!secret.is_empty(), "{what} is empty");
    ensure!(secret.expose().bytes().all(|byte| byte.is_ascii_graphic()), "{what} has characters that LINE never uses");
    Ok(Some(secret))
}

fn print_report(report: &Report, as_json: bool) -> io::Result<()> {
    if as_json {
        return output::json(report);
    }
    match (report.number, &report.name, &report.webhook_url) {
        (Some(number), Some(name), Some(url)) => {
            output::line(&format!("Connection {number}: {}\nWebhook: {url}\n", output::shown(name, 60)))?;
        }
        _ => output::line("Not connected.\n")?,
    }
    print_steps(&report.steps)
}

fn print_steps(steps: &[Step]) -> io::Result<()> {
    steps.iter().try_for_each(|step| output::line(&described(step)))
}

fn described(step: &Step) -> String {
    let result = match step.result {
        Outcome::Done => "done   ",
        Outcome::Skipped => "skipped",
        Outcome::Failed => "FAILED ",
        Outcome::ByHand => "by hand",
    };
    let by_hand = step.by_hand.as_ref().map(|what| format!("\n           -> {what}")).unwrap_or_default();
    format!("  {result}  {}: {}{by_hand}", step.name.replace('_', " "), step.detail)
}

async fn list(installation: &Installation, with_removed: bool, as_json: bool) -> anyhow::Result<ExitCode> {
    let known = installation.view().await?.snapshot();
    let shown: Vec<_> = known.all().filter(|it| with_removed || it.state != State::Removed).collect();
    let plan = installation.settings.plan();
    let in_use = known.all().filter(|it| it.state != State::Removed).count() + known.unfinished().len();
    if as_json {
        let unfinished =
            known.unfinished().iter().map(|(number, channel)| json!({"number": number.get(), "channel_id": channel}));
        output::json(&json!({
            "connections": shown.iter().map(|it| summary(it)).collect::<Vec<_>>(),
            "unfinished": unfinished.collect::<Vec<_>>(),
            "plan": plan.to_string(), "in_use": in_use, "max": plan.connections_max(),
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<[String; 5]> = shown.iter().map(|it| row(it)).collect();
    if rows.is_empty() {
        output::line("No official account is connected. `kizuna connection add --help` tells how.")?;
    } else {
        output::line(&output::table(["number", "name", "state", "channel", "added"], &rows))?;
    }
    for (number, channel) in known.unfinished() {
        output::line(&format!(
            "Number {number} was begun for channel {channel} and not finished: add that channel again, or \
             remove {number}."
        ))?;
    }
    output::line(&format!("\n{in_use} of {} that the plan {plan} allows.", plan.connections_max()))?;
    Ok(ExitCode::SUCCESS)
}

fn row(connection: &Connection) -> [String; 5] {
    [
        connection.number.to_string(),
        output::shown(&connection.name, 30),
        state(connection.state).to_owned(),
        connection.channel_id.clone(),
        output::time(connection.created_at_ms),
    ]
}

const fn state(state: State) -> &'static str {
    match state {
        State::Active => "active",
        State::Paused => "paused",
        State::Removed => "removed",
    }
}

/// What may be seen of a connection by anybody who may see lists.
fn summary(connection: &Connection) -> Value {
    json!({
        "number": connection.number.get(),
        "name": connection.name,
        "description": connection.description,
        "icon": connection.icon,
        "state": state(connection.state),
        "channel_id": connection.channel_id,
        "bot_user_id": connection.bot_user_id,
        "auto_create": connection.auto_create,
        "has_access_token": connection.access_token.is_some(),
        "created_at_ms": connection.created_at_ms,
    })
}

async fn show(installation: &Installation, number: ConnectionNumber, as_json: bool) -> anyhow::Result<ExitCode> {
    let connection = find(installation, number).await?;
    let is_removed = connection.state == State::Removed;
    let path = (!is_removed).then(|| webhook_path(&connection));
    let url = path.as_deref().map(|path| installation.settings.webhook_url(path));
    let properties: Vec<_> = installation.settings.property_prefix.0.of_connection(number).into();
    let older_until_ms = older_secret_until_ms(&connection, installation.clock.now_ms());
    if as_json {
        let mut shown = summary(&connection);
        shown["webhook_path"] = json!(path);
        shown["webhook_url"] = json!(url);
        shown["older_secret_until_ms"] = json!(older_until_ms);
        shown["properties"] =
            properties.iter().map(|(property, name)| json!({"name": name, "label": property.label()})).collect();
        output::json(&shown)?;
        return Ok(ExitCode::SUCCESS);
    }
    let token = if connection.access_token.is_some() { "long-lived" } else { "short-lived, made from ID and secret" };
    let mut lines = vec![
        format!("Connection   {number}: {}", output::shown(&connection.name, 60)),
        format!("State        {}", state(connection.state)),
        format!("Added        {}", output::time(connection.created_at_ms)),
        format!(
            "Channel      {}, bot {}",
            connection.channel_id,
            connection.bot_user_id.as_deref().unwrap_or("not known")
        ),
        format!("Access token {token}"),
        format!("New friends  {}", if connection.auto_create { "become contacts" } else { "become no contacts" }),
    ];
    let optional = [("Description  ", &connection.description), ("Icon         ", &connection.icon)];
    let given = optional.iter().filter(|(_, text)| !text.is_empty());
    lines.extend(given.map(|(label, text)| format!("{label}{}", output::shown(text, 200))));
    lines.extend(older_until_ms.map(|until| format!("Old secret   counts until {}", output::time(until))));
    lines.extend(url.map(|url| format!("Webhook      {url}")));
    lines.push(format!("Properties   {} … {}", properties[0].1, properties[properties.len() - 1].1));
    output::line(&lines.join("\n"))?;
    Ok(ExitCode::SUCCESS)
}

async fn check(installation: &Installation, number: ConnectionNumber, as_json: bool) -> anyhow::Result<ExitCode> {
    let report = checkup::check(installation, number).await?;
    if as_json {
        output::json(&report)?;
    } else {
        output::line(&format!("Connection {number}: {}\n", output::shown(&report.name, 60)))?;
        report.findings.iter().try_for_each(|finding| output::line(&found(finding)))?;
    }
    Ok(if report.is_broken() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn found(finding: &Finding) -> String {
    let severity = match finding.severity {
        Severity::Good => "good   ",
        Severity::Warning => "warning",
        Severity::Broken => "BROKEN ",
        Severity::Unknown => "unknown",
    };
    let remedy = finding.remedy.as_ref().map(|what| format!("\n           -> {what}")).unwrap_or_default();
    format!("  {severity}  {}: {}{remedy}", finding.code, output::shown(&finding.sentence.english, 400))
}

async fn find(installation: &Installation, number: ConnectionNumber) -> anyhow::Result<Connection> {
    let found = installation.view().await?.snapshot().by_number(number);
    let found = found
        .with_context(|| format!("there is no connection {number}; `kizuna connection list` shows those there are"))?;
    Ok(found.as_ref().clone())
}

/// What a number that can be removed is called; nothing where it was claimed and never defined.
fn removable(registry: &Registry, number: ConnectionNumber) -> Result<&str, ::connection::Error> {
    let is_claimed = registry.claimed().any(|(claimed, _)| claimed == number);
    let defined = registry.definition(number);
    if !is_claimed && defined.is_none() {
        return Err(::connection::Error::NotFound(number));
    }
    Ok(defined.map_or("", |definition| definition.name.as_str()))
}

fn removal_question(number: ConnectionNumber, name: &str) -> String {
    let name = if name.is_empty() { "never finished".to_owned() } else { output::shown(name, 60) };
    format!("Remove connection {number} ({name}) for good? Its events are refused from now on.")
}

async fn remove(
    installation: &Installation,
    number: ConnectionNumber,
    yes: bool,
    as_json: bool,
    shutdown: &Shutdown,
) -> anyhow::Result<ExitCode> {
    // Without opening its secrets: a connection whose key is lost can be removed, too.
    let editor = Editor::open(&installation.log, &installation.codec).await?;
    let name = removable(editor.registry(), number)?;
    if !yes && is_watched() && !agreed(&removal_question(number, name), shutdown).await? {
        bail!("not removed");
    }
    ::connection::remove(&installation.log, &installation.codec, number, installation.clock.now_ms()).await?;
    if as_json {
        output::json(&json!({ "number": number.get(), "state": "removed" }))?;
    } else {
        output::line(&format!(
            "Connection {number} is removed; its number is not used again. Contacts and properties stay in HubSpot.\n\
             In LINE Developers console (LINE Developersコンソール), turn off Use webhook (Webhookの利用) or enter another address."
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::Parser;

    fn read(flags: &str, input: &str) -> anyhow::Result<Request> {
        let line = format!("kizuna connection add --channel-id 1234567890 {flags}");
        let cli = Cli::try_parse_from(line.split_whitespace()).expect("accepted");
        let crate::cli::Command::Connection(Command::Add(add)) = cli.command else { panic!("another command") };
        request(&add, &mut input.as_bytes())
    }

    #[test]
    fn secrets_come_from_standard_input_line_by_line() {
        let request = read("--channel-secret - --access-token -", "the-secret\nthe-token\n").expect("both are there");
        assert_eq!(request.channel_secret, Secret::new("the-secret"));
        assert_eq!(request.access_token, Some(Secret::new("the-token")));
    }

    #[test]
    fn a_secret_comes_from_a_file_without_its_line_end() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("secret");
        std::fs::write(&path, "the-secret\r\n").expect("written");
        let request = read(&format!("--channel-secret-file {}", path.display()), "").expect("it is there");
        assert_eq!(request.channel_secret, Secret::new("the-secret"));
    }

    #[test]
    fn an_empty_or_strange_secret_is_refused_without_being_shown() {
        for input in ["", "\n", "hunter 2\n", "ひみつ\n"] {
            let refused = read("--channel-secret -", input).expect_err("no secret").to_string();
            assert!(refused.starts_with("the channel secret"), "{refused}");
            assert!(!refused.contains("hunter") && !refused.contains('ひ'), "{refused}");
        }
    }

    #[test]
    fn whoever_removes_is_asked_with_number_and_name() {
        let number = ConnectionNumber::new(3).expect("not 0");
        assert!(removal_question(number, "本店").starts_with("Remove connection 3 (本店) for good?"));
        assert!(removal_question(number, "").starts_with("Remove connection 3 (never finished) for good?"));
        let refused = removable(&Registry::default(), number).expect_err("nobody claimed it").to_string();
        assert!(refused.contains("no connection 3; `kizuna connection list`"), "{refused}");
    }

    #[test]
    fn an_icon_is_an_https_address() {
        read("--channel-secret s --icon https://example.jp/i.png", "").expect("good");
        read("--channel-secret s --icon http://example.jp/i.png", "").expect_err("not https");
    }
}
