//! The commands that look after what is there: replay, verify, dead-letters, erase.

use super::user;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgGroup, Args, Subcommand};
use contact::UserId;
use schemas::Reason;

/// `kizuna replay`.
#[derive(Args, Debug)]
#[command(after_help = "\
The state is what one gets by reading the log from its beginning, so it can be thrown away and made again at any time. This \
does it beside the live state: nothing is sent, and a running `kizuna up` is not disturbed.

With --dry-run that is all: you see what would be written to HubSpot, property by property, and how many calls it would take. \
Zero changes mean that HubSpot is in step with the log. Without --dry-run the new state takes the place of the old one, for \
which `kizuna up` must be stopped; when it starts again it writes exactly the changes that were listed.

The list shows personal data. Contacts that people deleted stay deleted.

Examples:
  kizuna replay --dry-run    # what would change?
  kizuna replay --dry-run --json | jq '{changes, contacts, calls}'
  systemctl stop kizuna && kizuna replay && systemctl start kizuna")]
pub struct Replay {
    /// Only show what would change in HubSpot; leave the state as it is.
    #[arg(long)]
    pub dry_run: bool,
}

/// `kizuna verify`.
#[derive(Args, Debug)]
#[command(after_help = "\
Reads every linked contact from HubSpot, a hundred a call, and compares. Each line \
names a contact and what is the matter with it:
  edited       a person changed one of our properties in HubSpot
  unwritten    the state is ahead: `kizuna up` is going to write it
  uncreated    the person has no contact yet, but should have (as above)
  refused      HubSpot does not take the values; see `kizuna dead-letters list`
  gone         somebody deleted the contact, unnoticed so far
  merged       somebody merged the contact into another one
  restored     somebody restored a contact from the recycle bin
  duplicate    several contacts carry this LINE user; merge them in HubSpot

--repair records what HubSpot really holds, from which `kizuna up` overwrites edits with the state's values. It never \
deletes, never brings a deleted contact back, and leaves duplicates to you. The output is personal data.

Examples:
  kizuna verify
  kizuna verify --no-search    # quicker on large portals: finds no duplicates
  kizuna verify --repair --json | jq .counts")]
pub struct Verify {
    /// Record what HubSpot really holds, so that the differences are overwritten or followed.
    #[arg(long)]
    pub repair: bool,

    /// Do not look for duplicates, which takes a search for every 70 contacts, at most four a second.
    #[arg(long)]
    pub no_search: bool,
}

/// `kizuna dead-letters`.
#[derive(Debug, Subcommand)]
pub enum DeadLetters {
    /// List what could not be used, with the reason.
    #[command(after_help = "\
Reasons: malformed (a record that cannot be read), refused (HubSpot does not take a contact), settled (HubSpot stores another \
value in a property than was sent), merged (a contact was merged into another person's), not_json and no_events (a body that \
LINE signed but that is not a webhook), unreadable (a dead letter that cannot be read itself).

Examples:
  kizuna dead-letters list
  kizuna dead-letters list --reason refused --json
  kizuna dead-letters list --show-content    # with contents: personal data")]
    List {
        /// Only those with this reason.
        #[arg(long, value_name = "REASON", value_parser = reason())]
        reason: Option<Reason>,
        /// Show keys and contents too. They are personal data.
        #[arg(long)]
        show_content: bool,
    },
    /// Try again what could not be used, once its cause is put right.
    #[command(after_help = "\
A record goes back into its topic and is read again; a contact that HubSpot refused is sent again. What fails again comes \
back as a dead letter. It works beside a running `kizuna up`, which does the work; otherwise at its next start.

Examples:
  kizuna dead-letters retry 3f9a0c51d2be
  kizuna dead-letters retry --all --reason refused")]
    Retry(Letters),
    /// Forget what could not be used. The records it came from stay in the log.
    #[command(after_help = "\
Examples:
  kizuna dead-letters drop 3f9a0c51d2be
  kizuna dead-letters drop --all --reason malformed")]
    Drop(Letters),
}

fn reason() -> impl TypedValueParser<Value = Reason> {
    PossibleValuesParser::new(Reason::KNOWN.iter().map(Reason::as_str)).map(Reason::from)
}

/// Which dead letters.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("which").required(true).args(["keys", "all"]))]
pub struct Letters {
    /// Their keys, as `kizuna dead-letters list` shows them.
    #[arg(value_name = "KEY")]
    pub keys: Vec<String>,

    /// All of them.
    #[arg(long)]
    pub all: bool,

    /// With --all: only those with this reason.
    #[arg(long, value_name = "REASON", value_parser = reason(), conflicts_with = "keys")]
    pub reason: Option<Reason>,
}

/// `kizuna erase`.
#[derive(Args, Debug)]
#[command(after_help = "\
What it does, in this order: tells the log that the person is erased, so that nothing of the past is sent any more; deletes \
the contact in HubSpot for good; removes the person's events, profiles, messages and dead letters from the log; makes the \
state forget. Afterwards a replay knows nothing of the past. Should the person write or follow again, a new contact is made \
that knows only what happened since then (HubSpot may refuse the old e-mail address after a deletion for good).

What remains is the LINE user ID with the time of the erasure, without which old data could come back. Copies that people \
exported and backups are out of reach: after restoring an older backup, erase again. On Kafka the bytes go when the brokers \
compact the topics, at the latest after max.compaction.lag.ms.

Was it interrupted, or did HubSpot not answer? Run the same command again.

Examples:
  kizuna erase U8e742f61d673b39c7fff3cecb7536ef0
  kizuna erase u8e742f61d673b39c7fff3cecb7536ef0@line.me --yes --json
  kizuna erase U8e742f61d673b39c7fff3cecb7536ef0 --for-good")]
pub struct Erase {
    /// LINE user ID (U and 32 digits), or the contact's e-mail address at line.me.
    #[arg(value_parser = user)]
    pub user: UserId,

    /// Do not ask on a terminal; without one nobody is asked.
    #[arg(long)]
    pub yes: bool,

    /// Move the contact to HubSpot's recycle bin instead of deleting it for good.
    #[arg(long)]
    pub keep_in_recycle_bin: bool,

    /// Make no contact of the person ever again, whatever the person does. This cannot be undone.
    #[arg(long)]
    pub for_good: bool,
}

#[cfg(test)]
mod tests {
    use crate::cli::Cli;
    use clap::Parser;

    fn refused(line: &str) -> String {
        Cli::try_parse_from(line.split_whitespace()).expect_err(line).to_string()
    }

    #[test]
    fn dead_letters_are_chosen_by_keys_or_all_and_a_refusal_names_both() {
        for command in ["retry", "drop"] {
            let line = format!("kizuna dead-letters {command}");
            assert!(refused(&line).contains("<KEY|--all>"), "{}", refused(&line));
            assert!(refused(&format!("{line} --reason refused")).contains("<KEY|--all>"));
            refused(&format!("{line} 3f9a0c51d2be --all"));
            refused(&format!("{line} 3f9a0c51d2be --reason refused"));
            for good in ["3f9a0c51d2be 3f9a0c51d2bf", "--all", "--all --reason refused"] {
                Cli::try_parse_from(format!("{line} {good}").split_whitespace()).expect(good);
            }
        }
    }

    #[test]
    fn a_reason_that_does_not_exist_is_refused_with_those_that_do() {
        for command in ["list", "retry --all", "drop --all"] {
            let told = refused(&format!("kizuna dead-letters {command} --reason refuse"));
            assert!(told.contains("malformed, refused, settled, merged, not_json, no_events, unreadable"), "{told}");
        }
    }
}
