//! What can be typed: commands, flags, and the help that teaches them.

pub mod connection;
pub mod import;
pub mod recovery;

use clap::{Args, Parser, Subcommand};
use contact::{ConnectionNumber, UserId};
use runtime::secret::Secret;
use std::path::PathBuf;

const AFTER_HELP: &str = "\
Try it, no accounts needed:
  kizuna demo

Run it:
  export KIZUNA_HUBSPOT_TOKEN=...    # a HubSpot access token
  export KIZUNA_PUBLIC_URL=https://line.example.jp
  kizuna up
  kizuna connection add --channel-id 1234567890 --channel-secret-file s.txt

Settings come from kizuna.toml and from KIZUNA_* variables, which take precedence; docs/configuration.md lists them all.

Exit status: 0 done, 1 it could not be done, 2 the command line or the settings are wrong, 130 ended at once by a second \
signal, or by Ctrl-C at a question, before anything was done.";

/// Connects LINE Official Accounts to HubSpot: every friend a contact, every message on it.
#[derive(Debug, Parser)]
#[command(name = "kizuna", version, after_help = AFTER_HELP, max_term_width = 100)]
pub struct Cli {
    /// Settings file, instead of kizuna.toml in the working directory.
    #[arg(long, global = true, value_name = "FILE", display_order = 900)]
    pub config: Option<PathBuf>,

    /// Print results as JSON, for programs.
    #[arg(long, global = true, display_order = 901)]
    pub json: bool,

    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// See it work, without any account: sandboxes of LINE and HubSpot, a short story, a real sync.
    Demo(Demo),
    /// Run everything in one process: take webhooks in and keep HubSpot in step.
    Up,
    /// Run only the part that takes webhooks in (needs Kafka).
    Ingest,
    /// Run only the part that keeps HubSpot in step (needs Kafka).
    Projector,
    /// Serve only the web console, which `kizuna up` serves too.
    Console(Console),
    /// Serve the sandboxes of LINE and HubSpot alone, to try flows offline.
    Sandbox(Sandbox),
    /// Connect LINE Official Accounts.
    #[command(subcommand)]
    Connection(Connection),
    /// Make contacts of the friends whom an account has already.
    Import(import::Import),
    /// Look at what is known of a person.
    #[command(subcommand)]
    Contact(Contact),
    /// Rebuild the state from the log, or show what a rebuild would change in HubSpot.
    Replay(recovery::Replay),
    /// Compare HubSpot with the state: list what differs, or heal it.
    Verify(recovery::Verify),
    /// See to records that could not be used.
    #[command(subcommand)]
    DeadLetters(recovery::DeadLetters),
    /// Erase a person: in HubSpot, in the log and in the state.
    Erase(recovery::Erase),
    /// Prepare Kafka.
    #[command(subcommand)]
    Topics(Topics),
}

/// `kizuna demo`.
#[derive(Args, Debug)]
#[command(after_help = "\
Everything runs on this machine, in a temporary directory that is removed at the end; no account, no network.

On a terminal the servers stay up afterwards until Ctrl-C, so that you can look around; in a script it ends by itself, with \
status 1 if HubSpot did not come to show what the story tells.

Examples:
  kizuna demo                    # the story, then look around
  kizuna demo --serve --json     # print addresses and contacts, then serve
  kizuna demo --keep ./demo      # keep the data, and look at it later with:
  KIZUNA_DATA_DIR=./demo kizuna connection list")]
pub struct Demo {
    /// Keep the data in this directory, which must be empty or new.
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,

    /// Stay up after the story until Ctrl-C, also in a script.
    #[arg(long)]
    pub serve: bool,
}

/// `kizuna console`.
#[derive(Args, Debug)]
#[command(after_help = "\
At its first start it prints a link at which the first administrator sets a password; the link works once.

With --link it prints a new one and ends, beside a running `kizuna up` too: for when the link or the password was lost.

With --reset-second-factor NAME, in the same way, it switches the second factor of somebody off who lost the app and the \
recovery codes.")]
pub struct Console {
    /// Print a link at which somebody becomes administrator, and end.
    #[arg(long)]
    pub link: bool,
    /// Switch the second factor of this person off, and end.
    #[arg(long, value_name = "NAME", conflicts_with = "link")]
    pub reset_second_factor: Option<String>,
}

/// `kizuna sandbox`.
#[derive(Args, Debug)]
#[command(after_help = "\
Prints one line of JSON with line_api_url, hubspot_api_url, hubspot_token, control_url and line_channels (each with \
channel_id, channel_secret, access_token, bot_user_id), then serves until Ctrl-C. control_url is also a page for the browser.

Example:
  kizuna sandbox > sandbox.json &
  until [ -s sandbox.json ]; do sleep 0.1; done
  export KIZUNA_LINE_API_URL=$(jq -r .line_api_url sandbox.json)
  export KIZUNA_HUBSPOT_API_URL=$(jq -r .hubspot_api_url sandbox.json)
  export KIZUNA_HUBSPOT_TOKEN=$(jq -r .hubspot_token sandbox.json)
  export KIZUNA_PUBLIC_URL=http://127.0.0.1:8080
  kizuna up")]
pub struct Sandbox {
    /// Port of LINE's API on this machine; 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub line_port: u16,

    /// Port of HubSpot's API on this machine; 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub hubspot_port: u16,

    /// Port of the controls and their page on this machine; 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub control_port: u16,

    /// Gives IDs, secrets and tokens: the same seed, the same sandbox.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// `kizuna connection`.
#[derive(Debug, Subcommand)]
pub enum Connection {
    /// Connect an official account: check it, make its seven properties in HubSpot, set its webhook.
    Add(Box<AddConnection>),
    /// List the connected accounts.
    List {
        /// Removed ones too.
        #[arg(long)]
        all: bool,
    },
    /// Show one connected account with its webhook address.
    Show {
        /// Its number.
        #[arg(value_parser = connection_number)]
        number: ConnectionNumber,
    },
    /// Change a connected account: name, description, icon, new friends, pause.
    Set(connection::SetConnection),
    /// Give a connected account a new channel secret or access token, without a restart.
    Rotate(connection::RotateConnection),
    /// Look for what keeps an account from working, in LINE, in HubSpot and here, and say what to do about it.
    #[command(after_help = "\
Changes nothing, apart from one call of the webhook address by LINE. Exit status 1 when something is broken; warnings and \
what could not be found out leave it at 0. What a running `kizuna up` refused is read from KIZUNA_ADMIN_LISTEN.

Examples:
  kizuna connection check 1
  kizuna connection check 1 --json |
    jq '.findings[] | select(.severity != \"good\")'")]
    Check {
        /// Its number.
        #[arg(value_parser = connection_number)]
        number: ConnectionNumber,
    },
    /// Disconnect an account for good. Its contacts and properties stay in HubSpot; its number is never used again.
    Remove {
        /// Its number.
        #[arg(value_parser = connection_number)]
        number: ConnectionNumber,
        /// Do not ask on a terminal; without one nobody is asked.
        #[arg(long)]
        yes: bool,
    },
}

/// `kizuna connection add`.
#[derive(Args, Debug)]
#[command(after_help = "\
Where to find them in LINE Developers console (LINE Developersコンソール):
  channel ID, channel secret   Basic settings (チャネル基本設定)
  access token                 Messaging API (Messaging API設定)

The access token is the long-lived channel access token. It is not needed: without it Kizuna works with short-lived tokens \
made from channel ID and channel secret.

Examples:
  kizuna connection add --channel-id 1234567890 --channel-secret-file s.txt
  pass line/shop |
    kizuna connection add --channel-id 1234567890 --channel-secret -
  kizuna connection add --name 本店 --channel-id 1234567890 \\
    --channel-secret-file s.txt --access-token-file t.txt

Was it interrupted, or did a step fail? Put that right and run the same command again: it continues where it stopped, and \
nothing is created twice. A secret on the command line can be seen by other users of the machine: prefer a file or \
standard input.

Exit status: 0 when the account is connected and no step failed, else 1. A failed webhook test alone leaves it at 0, because \
`kizuna up` may be started later.")]
pub struct AddConnection {
    /// Name for your team; LINE's display name of the account if left out.
    #[arg(long)]
    pub name: Option<String>,

    /// Channel ID of the account's Messaging API channel.
    #[arg(long, value_name = "ID")]
    pub channel_id: String,

    #[command(flatten)]
    pub secret: ChannelSecret,

    #[command(flatten)]
    pub token: AccessToken,

    /// What the account is for.
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,

    /// Address of a picture; LINE's picture of the account if left out.
    #[arg(long, value_name = "URL")]
    pub icon: Option<String>,

    /// Make no contact of a friend by itself; only keep contacts that exist in step.
    #[arg(long)]
    pub no_auto_create: bool,

    /// Make no call to LINE: nothing is checked there and no webhook is set.
    #[arg(long)]
    pub skip_line_checks: bool,
}

/// Exactly one way to give the channel secret.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub struct ChannelSecret {
    /// Channel secret; `-` asks for it, or reads a line from standard input.
    #[arg(long, value_name = "SECRET", value_parser = typed_secret)]
    pub channel_secret: Option<TypedSecret>,

    /// File that holds the channel secret.
    #[arg(long, value_name = "FILE")]
    pub channel_secret_file: Option<PathBuf>,
}

/// At most one way to give the access token.
#[derive(Args, Debug)]
#[group(required = false, multiple = false)]
pub struct AccessToken {
    /// Long-lived channel access token; `-` asks for it, or reads a line from standard input, after the channel
    /// secret's.
    #[arg(long, value_name = "TOKEN", value_parser = typed_secret)]
    pub access_token: Option<TypedSecret>,

    /// File that holds the access token.
    #[arg(long, value_name = "FILE")]
    pub access_token_file: Option<PathBuf>,
}

/// A secret as typed.
#[derive(Clone, Debug)]
pub enum TypedSecret {
    /// `-`: a line of standard input.
    Line,
    /// The secret itself.
    Text(Secret),
}

/// `kizuna contact`.
#[derive(Debug, Subcommand)]
pub enum Contact {
    /// Show a person's state, contact and properties, and for each property the event that set it.
    #[command(after_help = "\
Reads the log itself, so it works beside a running `kizuna up` and without one. The output is personal data.

Examples:
  kizuna contact show U8e742f61d673b39c7fff3cecb7536ef0
  kizuna contact show u8e742f61d673b39c7fff3cecb7536ef0@line.me --json")]
    Show {
        /// LINE user ID (U and 32 digits), or the contact's e-mail address at line.me.
        #[arg(value_parser = user)]
        user: UserId,
    },
    /// Find friends by a part of their name, or list them.
    #[command(after_help = "\
Looks through the state on this machine, beside a running `kizuna up` too. Capitals, full and half width, and katakana or \
hiragana make no difference. The output is personal data.

Examples:
  kizuna contact find さくら
  kizuna contact find --connection 1 --waiting --json")]
    Find {
        /// A part of the name, a LINE user ID, or an e-mail address at line.me; everybody if left out.
        text: Option<String>,
        /// Only friends of this connection.
        #[arg(long, value_name = "N", value_parser = connection_number)]
        connection: Option<ConnectionNumber>,
        /// Only those who wait for an answer.
        #[arg(long)]
        waiting: bool,
    },
}

/// `kizuna topics`.
#[derive(Debug, Subcommand)]
pub enum Topics {
    /// Create the topics that are missing in Kafka, as the KIZUNA_KAFKA_* settings say.
    Create,
}

/// Never fails: a message about a bad value would show it.
#[expect(clippy::unnecessary_wraps, reason = "the form of a value parser")]
fn typed_secret(text: &str) -> Result<TypedSecret, std::convert::Infallible> {
    Ok(if text == "-" { TypedSecret::Line } else { TypedSecret::Text(Secret::new(text)) })
}

pub(crate) fn connection_number(text: &str) -> Result<ConnectionNumber, String> {
    let number = text.parse().ok().and_then(ConnectionNumber::new);
    number.ok_or_else(|| "a connection's number is 1 or more; `kizuna connection list` shows them".to_owned())
}

fn user(text: &str) -> Result<UserId, String> {
    let user = UserId::parse(text).or_else(|| UserId::from_dummy_email(text));
    user.ok_or_else(|| "a LINE user ID is U and 32 lower-case hexadecimal digits".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split_whitespace())
    }

    fn refused(line: &str) -> String {
        parse(line).expect_err("not accepted").to_string()
    }

    #[test]
    fn the_declaration_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_help_and_every_flag_says_what_it_does() {
        fn check(command: &clap::Command, path: &str) {
            let path = format!("{path} {}", command.get_name());
            assert!(command.get_about().is_some(), "{path}");
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{path} {}", argument.get_id());
            }
            for sub in command.get_subcommands() {
                check(sub, &path);
            }
        }
        check(&Cli::command(), "");
    }

    /// Does a line of help stand by itself: an example, a row, or the end of a paragraph?
    fn is_whole(line: &str) -> bool {
        line.is_empty() || line.starts_with("  ") || line.ends_with(['.', ':', ')'])
    }

    #[test]
    fn long_help_is_wrapped_by_clap_alone_and_no_example_is_broken_at_80_columns() {
        fn check(command: &clap::Command, path: &str) {
            let path = format!("{path} {}", command.get_name());
            let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(after.lines().all(is_whole), "{path}: {after}");
            let shown = command.clone().term_width(80).render_long_help().to_string();
            for line in after.lines().filter(|line| line.starts_with("  ")) {
                assert!(shown.lines().any(|other| other == line), "{path}: {line}");
            }
            for sub in command.get_subcommands() {
                check(sub, &path);
            }
        }
        check(&Cli::command(), "");
    }

    #[test]
    fn json_and_config_may_stand_after_the_command() {
        let cli = parse("kizuna connection list --json --config other.toml").expect("accepted");
        assert!(cli.json);
        assert_eq!(cli.config, Some("other.toml".into()));
    }

    #[test]
    fn a_connection_needs_its_channel_and_one_channel_secret() {
        assert!(refused("kizuna connection add --channel-secret s").contains("--channel-id"));
        assert!(refused("kizuna connection add --channel-id 1").contains("--channel-secret"));
        refused("kizuna connection add --channel-id 1 --channel-secret s --channel-secret-file f");
        parse("kizuna connection add --channel-id 1 --channel-secret-file f --access-token -").expect("accepted");
    }

    #[test]
    fn typed_secrets_are_not_in_debug_output_or_messages() {
        let line = "kizuna connection add --channel-id 1 --channel-secret hunter2 --access-token hunter3";
        let shown = format!("{:?}", parse(line).expect("accepted"));
        assert!(!shown.contains("hunter"), "{shown}");
        assert!(!refused(&format!("{line} --colour")).contains("hunter"));
    }

    #[test]
    fn a_dash_reads_standard_input() {
        let cli = parse("kizuna connection add --channel-id 1 --channel-secret -").expect("accepted");
        let Command::Connection(Connection::Add(add)) = cli.command else { panic!("another command") };
        assert!(matches!(add.secret.channel_secret, Some(TypedSecret::Line)));
    }

    #[test]
    fn a_person_is_named_by_user_id_or_by_the_address_at_line() {
        for good in ["U8e742f61d673b39c7fff3cecb7536ef0", "u8e742f61d673b39c7fff3cecb7536ef0@line.me"] {
            parse(&format!("kizuna contact show {good}")).expect(good);
        }
        assert!(refused("kizuna contact show 8e74").contains("U and 32"));
    }

    #[test]
    fn connections_count_from_one() {
        parse("kizuna connection show 1").expect("accepted");
        refused("kizuna connection show 0");
        refused("kizuna connection remove one");
    }
}
