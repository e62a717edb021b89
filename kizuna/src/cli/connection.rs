//! `kizuna connection rotate` and `set`: what can be typed to change a connected account.

use super::{AccessToken, TypedSecret, connection_number, typed_secret};
use clap::{ArgGroup, Args};
use contact::ConnectionNumber;
use std::path::PathBuf;

/// `kizuna connection rotate`.
#[derive(Args, Debug)]
#[command(
    group = ArgGroup::new("new").required(true).multiple(true).args(
        ["channel_secret", "channel_secret_file", "access_token", "access_token_file", "stateless"]),
    after_help = "\
Have this command ready before you issue a channel secret anew in LINE Developers console (LINE Developersコンソール) > the \
channel > Basic settings (チャネル基本設定): LINE ends the old one at once, and until the new one is here its webhooks are \
refused; with Webhook redelivery (Webhookの再送) on, LINE sends them again. Webhooks signed with the old one before are taken \
for another 24 hours. LINE is asked whether all fits together before anything changes; a running Kizuna follows within two \
seconds, without a restart.

Examples:
  kizuna connection rotate 1 --channel-secret-file secret.txt
  pass line/shop-token | kizuna connection rotate 1 --access-token -
  kizuna connection rotate 1 --stateless    # back to short-lived tokens"
)]
pub struct RotateConnection {
    /// Its number.
    #[arg(value_parser = connection_number)]
    pub number: ConnectionNumber,

    /// New channel secret; `-` asks for it, or reads a line from standard input.
    #[arg(long, value_name = "SECRET", value_parser = typed_secret)]
    pub channel_secret: Option<TypedSecret>,

    /// File that holds the new channel secret.
    #[arg(long, value_name = "FILE", conflicts_with = "channel_secret")]
    pub channel_secret_file: Option<PathBuf>,

    #[command(flatten)]
    pub token: AccessToken,

    /// Use no long-lived token any more, but short-lived ones made from channel ID and channel secret.
    #[arg(long, conflicts_with_all = ["access_token", "access_token_file"])]
    pub stateless: bool,

    /// Make no call to LINE: nothing is checked there.
    #[arg(long)]
    pub skip_line_checks: bool,
}

/// `kizuna connection set`.
#[derive(Args, Debug)]
#[command(
    group = ArgGroup::new("changed").required(true).multiple(true).args(
        ["name", "description", "icon", "auto_create", "no_auto_create", "pause", "resume"]),
    after_help = "\
While a connection is paused its webhooks are taken and its events stored, but nothing is written to HubSpot for it. Once \
it is resumed, HubSpot is brought to what has come up meanwhile. A running Kizuna follows within two seconds.

Examples:
  kizuna connection set 1 --name 渋谷店 --icon https://example.jp/s.png
  kizuna connection set 1 --pause"
)]
pub struct SetConnection {
    /// Its number.
    #[arg(value_parser = connection_number)]
    pub number: ConnectionNumber,

    /// Name for your team.
    #[arg(long)]
    pub name: Option<String>,

    /// What the account is for; '' for nothing.
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,

    /// Address of a picture; '' for none.
    #[arg(long, value_name = "URL")]
    pub icon: Option<String>,

    /// Make a contact of a friend who does something for the first time.
    #[arg(long)]
    pub auto_create: bool,

    /// Make no contact of a friend by itself; only keep contacts that exist in step.
    #[arg(long, conflicts_with = "auto_create")]
    pub no_auto_create: bool,

    /// Store events, and write nothing to HubSpot for this account until it is resumed.
    #[arg(long)]
    pub pause: bool,

    /// End a pause.
    #[arg(long, conflicts_with = "pause")]
    pub resume: bool,
}

#[cfg(test)]
mod tests {
    use crate::cli::Cli;
    use clap::Parser;

    fn accepts(line: &str) -> bool {
        Cli::try_parse_from(line.split_whitespace()).is_ok()
    }

    #[test]
    fn a_rotation_says_what_is_new() {
        assert!(!accepts("kizuna connection rotate 1"));
        assert!(!accepts("kizuna connection rotate 1 --skip-line-checks"));
        assert!(!accepts("kizuna connection rotate 1 --stateless --access-token t"));
        assert!(!accepts("kizuna connection rotate 1 --channel-secret s --channel-secret-file f"));
        assert!(accepts("kizuna connection rotate 1 --channel-secret - --access-token-file f"));
        assert!(accepts("kizuna connection rotate 1 --stateless"));
    }

    #[test]
    fn a_change_says_what_is_changed_and_does_not_contradict_itself() {
        assert!(!accepts("kizuna connection set 1"));
        assert!(!accepts("kizuna connection set 1 --pause --resume"));
        assert!(!accepts("kizuna connection set 1 --auto-create --no-auto-create"));
        assert!(accepts("kizuna connection set 1 --name x --no-auto-create --pause"));
    }
}
