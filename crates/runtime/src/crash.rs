//! Places at which a process can be made to die, for the tests that kill Kizuna between any two of its effects.
//!
//! In a build with debug assertions, the variable `KIZUNA_CRASH_AT` names one place, `projector.stored`, or one pass through
//! it, `projector.stored:3`; the process dies there as abruptly as by `kill -9`. With `KIZUNA_CRASH_WHEN` passes count only
//! once the file of that name exists. In a release build a point is nothing at all.

/// The variables that arm a place; they are no settings.
#[cfg(debug_assertions)]
pub const VARIABLES: [&str; 2] = ["KIZUNA_CRASH_AT", "KIZUNA_CRASH_WHEN"];

/// A place with a name. Nothing runs after it where the process is to die there: no destructor, no flush, no other thread.
#[cfg(debug_assertions)]
pub fn point(name: &str) {
    use std::sync::LazyLock;
    static ARMED: LazyLock<Option<Armed>> = LazyLock::new(|| {
        let [at, when] = VARIABLES.map(std::env::var_os);
        Some(Armed::parse(&at?.into_string().ok()?, when.map(Into::into)))
    });
    if ARMED.as_ref().is_some_and(|armed| armed.is_due(name)) {
        std::process::abort();
    }
}

/// A place with a name. This build has no crash points: it is nothing.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub const fn point(_name: &str) {}

/// Where to die, how many more times to pass there first, and the file without which passes do not count.
#[cfg(debug_assertions)]
struct Armed {
    name: String,
    passes_left: std::sync::atomic::AtomicI64,
    when: Option<std::path::PathBuf>,
}

#[cfg(debug_assertions)]
impl Armed {
    fn parse(text: &str, when: Option<std::path::PathBuf>) -> Self {
        let (name, pass) = text.rsplit_once(':').unwrap_or((text, "1"));
        let pass: i64 = pass.parse().unwrap_or_else(|_| panic!("{}: {pass:?} is no number of passes", VARIABLES[0]));
        Self { name: name.to_owned(), passes_left: pass.into(), when }
    }

    fn is_due(&self, name: &str) -> bool {
        use std::sync::atomic::Ordering;
        self.name == name
            && self.when.as_ref().is_none_or(|file| file.exists())
            && self.passes_left.fetch_sub(1, Ordering::SeqCst) == 1
    }
}

#[cfg(all(test, debug_assertions))]
mod tests {
    use super::*;

    #[test]
    fn it_is_time_at_the_named_pass_of_the_named_place_and_never_again() {
        let armed = Armed::parse("here:2", None);
        assert!(!armed.is_due("there"));
        assert_eq!([armed.is_due("here"), armed.is_due("here"), armed.is_due("here")], [false, true, false]);
        assert!(Armed::parse("here", None).is_due("here"));
    }

    #[test]
    fn passes_count_once_the_file_is_there() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("now");
        let armed = Armed::parse("here", Some(file.clone()));
        assert!(!armed.is_due("here"));
        std::fs::write(&file, "").expect("written");
        assert!(armed.is_due("here"));
    }
}
