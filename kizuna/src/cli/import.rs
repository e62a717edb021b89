//! `kizuna import`.

use super::connection_number;
use clap::Args;
use contact::ConnectionNumber;

/// `kizuna import`.
#[derive(Args, Debug)]
#[command(after_help = "\
A new connection knows nobody: friends become contacts as they write, tap or follow again. This makes contacts of all of \
them at once, from LINE's list of followers, which LINE gives to verified and premium accounts only. People who blocked the \
account are not on the list.

Imported friends get LINE Follow = Yes and the time of the import as LINE ID Sync Date. Whoever is a contact already is passed \
over, and contacts that people deleted in HubSpot stay deleted. LINE sends nothing to anybody because of an import; but a \
HubSpot workflow that greets new contacts, or contacts with LINE Follow = Yes, would greet everybody: switch it off before, or \
have it leave out the contacts of that day.

It can be stopped at any time; run it again, and it goes on. `kizuna up` then looks up names and pictures and makes the \
contacts, after everything that happens meanwhile.

Examples:
  kizuna import 1 --dry-run    # how many would it be, and what would it cost?
  kizuna import 1")]
pub struct Import {
    /// The connection's number.
    #[arg(value_parser = connection_number)]
    pub number: ConnectionNumber,

    /// Only count: how many friends, how many of them new, how many calls.
    #[arg(long)]
    pub dry_run: bool,

    /// Do not ask on a terminal; without one nobody is asked.
    #[arg(long)]
    pub yes: bool,
}
