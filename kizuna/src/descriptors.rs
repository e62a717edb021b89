//! How many files and connections the system lets this process have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Takes as many as the system gives to whoever asks, and says how many these are.
pub fn take_all() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let taken = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    taken.map_or(current, |()| maximum).unwrap_or(u64::MAX)
}

/// Connections of clients at a time, where so many are wanted: the other half of what may be open is for the log, the state, and
/// calls to LINE and HubSpot.
pub fn for_clients(wanted: u32, allowed: u64) -> u32 {
    u32::try_from(allowed / 2).map_or(wanted, |half| half.min(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_get_half_at_the_most() {
        for (allowed, given) in [(256, 128), (1_024, 512), (524_288, 8_192), (u64::MAX, 8_192)] {
            assert_eq!(for_clients(8_192, allowed), given, "{allowed}");
        }
    }

    #[test]
    fn what_was_taken_once_is_not_less_when_taken_again() {
        assert_eq!(take_all(), take_all());
    }
}
