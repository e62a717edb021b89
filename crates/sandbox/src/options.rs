//! How a sandbox is started.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use runtime::clock::{Clock, SystemClock};

use crate::{hubspot, line};

/// What a sandbox is like and where it listens.
#[derive(Clone)]
pub struct Options {
    /// Where LINE's API listens; port 0 = any free one.
    pub line_addr: SocketAddr,
    /// Where HubSpot's API listens.
    pub hubspot_addr: SocketAddr,
    /// Where the control API and its page listen.
    pub control_addr: SocketAddr,
    /// The official accounts.
    pub channels: Vec<line::Channel>,
    /// How LINE behaves.
    pub line: line::Settings,
    /// How HubSpot behaves.
    pub hubspot: hubspot::Settings,
    /// The time underneath the sandbox's own.
    pub clock: Arc<dyn Clock>,
}

impl Options {
    /// Free ports of this machine, two channels of one provider; everything else follows from the seed.
    pub fn seeded(seed: u64) -> Self {
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            line_addr: anywhere,
            hubspot_addr: anywhere,
            control_addr: anywhere,
            channels: (1..=2).map(|number| line::Channel::seeded(seed, number, "provider-1")).collect(),
            line: line::Settings { seed, ..line::Settings::default() },
            hubspot: hubspot::Settings { seed, ..hubspot::Settings::default() },
            clock: Arc::new(SystemClock),
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::seeded(1)
    }
}
