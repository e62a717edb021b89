//! Tells the story on a terminal.

use super::stage::Stage;
use crate::output;
use contact::{Names, Property};
use sandbox::hubspot::Contact;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::io;
use tokio::time::Instant;

/// Says what happens, or nothing where a program listens.
pub struct Narrator {
    speaks: bool,
    scenes: Cell<u32>,
    began: Cell<Instant>,
}

impl Narrator {
    /// A narrator who speaks or not.
    pub fn new(speaks: bool) -> Self {
        Self { speaks, scenes: Cell::new(0), began: Cell::new(Instant::now()) }
    }

    fn say(&self, text: &str) -> io::Result<()> {
        if self.speaks { output::line(text) } else { Ok(()) }
    }

    /// What is going to happen.
    ///
    /// # Errors
    /// As for everything here: when standard output is closed.
    pub fn opening(&self) -> io::Result<()> {
        self.say(
            "Two official accounts of a shop, a sandbox of LINE, a sandbox of HubSpot, and Kizuna between them.\n\
             Everything runs on this machine. Each event is a real signed webhook; each value below is what HubSpot shows.",
        )
    }

    /// Somebody does something.
    ///
    /// # Errors
    /// When standard output is closed.
    pub fn scene(&self, what: &str) -> io::Result<()> {
        self.scenes.set(self.scenes.get() + 1);
        self.began.set(Instant::now());
        self.say(&format!("\n{}. {what}", self.scenes.get()))
    }

    /// What HubSpot came to show, as far as these properties of the contact go.
    ///
    /// # Errors
    /// When standard output is closed.
    pub fn outcome(&self, stage: &Stage, what: &str, contact: &Contact, properties: &[&str]) -> io::Result<()> {
        let took = self.began.get().elapsed().as_millis();
        self.say(&format!("   {what}"))?;
        let row = |name: &&str| [format!("     {}", stage.label(name)), shown(contact, name)];
        self.say(&output::columns(&properties.iter().map(row).collect::<Vec<_>>()))?;
        self.say(&format!("   ({took} ms after the webhook)"))
    }

    /// A word beside the story.
    ///
    /// # Errors
    /// When standard output is closed.
    pub fn remark(&self, what: &str) -> io::Result<()> {
        self.say(&format!("   {what}"))
    }

    /// All contacts, the addresses, and how to go on.
    ///
    /// # Errors
    /// When standard output is closed.
    pub fn closing(&self, stage: &Stage, serves: bool) -> io::Result<()> {
        self.say("\nThe contacts in HubSpot now:")?;
        for contact in stage.live_contacts() {
            let ours = properties(&contact);
            let rows: Vec<_> =
                ours.iter().map(|name| [format!("  {}", stage.label(name)), shown(&contact, name)]).collect();
            self.say(&format!("\n  {} (contact {})", contact.email().unwrap_or("no e-mail"), contact.id))?;
            self.say(&output::columns(&rows))?;
        }
        if serves { self.still_serving(stage) } else { self.ended(stage) }
    }

    fn still_serving(&self, stage: &Stage) -> io::Result<()> {
        let directory = stage.directory().display();
        self.say(&format!(
            "\nStill running, until Ctrl-C. Go on:\n\
             \x20 play a friend, see the contacts   {page}\n\
             \x20 metrics and health                {admin}/metrics, /ready\n\
             \x20 why a value is what it is         KIZUNA_DATA_DIR={directory} kizuna contact show {person}\n\
             \x20 the connected accounts            KIZUNA_DATA_DIR={directory} kizuna connection list",
            page = stage.page(),
            admin = stage.admin_url(),
            person = stage.live_contacts().iter().find_map(|it| it.email().map(str::to_owned)).unwrap_or_default(),
        ))
    }

    fn ended(&self, stage: &Stage) -> io::Result<()> {
        self.say(&format!(
            "\nIt ran at {page} (sandbox) and {admin} (metrics and health), and ends now. Go on:\n\
             \x20 stay up and play along    kizuna demo --serve\n\
             \x20 try your own flows        kizuna sandbox --help\n\
             \x20 connect a real account    kizuna up, then kizuna connection add --help",
            page = stage.page(),
            admin = stage.admin_url(),
        ))
    }
}

/// The properties of ours that a contact has, account by account, in the order in which HubSpot shows them.
fn properties(contact: &Contact) -> Vec<String> {
    let names = Names::default();
    let ours: BTreeSet<Property> = contact.values.keys().filter_map(|name| names.property(name)).collect();
    ours.into_iter().map(|property| names.name(property)).collect()
}

fn shown(contact: &Contact, property: &str) -> String {
    output::shown(&contact.value(property).unwrap_or_default(), 60)
}
