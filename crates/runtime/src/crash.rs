//! Places at which a process can be made to die, for the tests that kill Kizuna between any two of its effects.
//!
//! With the feature `crash-points`, the variable [`VARIABLE`] names one place, `projector.stored`, or one pass through it,
//! `projector.stored:3`; the process dies there as abruptly as by `kill -9`. Without the feature a point is nothing at all.

/// Names the place to die at.
#[cfg(feature = "crash-points")]
pub const VARIABLE: &str = "KIZUNA_CRASH_AT";

/// A place with a name. Nothing runs after it where the process is to die there: no destructor, no flush, no other thread.
#[cfg(feature = "crash-points")]
pub fn point(name: &str) {
    use std::sync::LazyLock;
    static ARMED: LazyLock<Option<Armed>> =
        LazyLock::new(|| std::env::var(VARIABLE).ok().map(|text| Armed::parse(&text)));
    if ARMED.as_ref().is_some_and(|armed| armed.is_due(name)) {
        std::process::abort();
    }
}

/// A place with a name. This build has no crash points: it is nothing.
#[cfg(not(feature = "crash-points"))]
#[inline(always)]
pub const fn point(_name: &str) {}

/// Where to die, and how many more times to pass there first.
#[cfg(feature = "crash-points")]
struct Armed {
    name: String,
    passes_left: std::sync::atomic::AtomicI64,
}

#[cfg(feature = "crash-points")]
impl Armed {
    fn parse(text: &str) -> Self {
        let (name, pass) = text.rsplit_once(':').unwrap_or((text, "1"));
        let pass: i64 = pass.parse().unwrap_or_else(|_| panic!("{VARIABLE}: {pass:?} is no number of passes"));
        Self { name: name.to_owned(), passes_left: pass.into() }
    }

    fn is_due(&self, name: &str) -> bool {
        use std::sync::atomic::Ordering;
        self.name == name && self.passes_left.fetch_sub(1, Ordering::SeqCst) == 1
    }
}

#[cfg(all(test, feature = "crash-points"))]
mod tests {
    use super::*;

    #[test]
    fn it_is_time_at_the_named_pass_of_the_named_place_and_never_again() {
        let armed = Armed::parse("here:2");
        assert!(!armed.is_due("there"));
        assert_eq!([armed.is_due("here"), armed.is_due("here"), armed.is_due("here")], [false, true, false]);
        assert!(Armed::parse("here").is_due("here"));
    }
}
