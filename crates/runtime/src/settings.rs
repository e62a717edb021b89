//! Settings: declared once, read through a trait, refused all at once.
//!
//! [`settings!`](crate::settings!) declares a struct whose fields name their variable and default and whose doc comments are
//! the reference. [`Source`] holds what was given: environment variables over a `kizuna.toml`. Every bad value and every
//! unknown name is collected, so an operator sees the whole list at the first start and not one line per start.

mod problem;
mod reader;
mod source;
mod value;

pub use problem::{Invalid, Problem};
pub use reader::{Environment, Reader};
pub use source::{File, Source};
pub use value::{BaseUrl, Family, Field, Value, WebOrigin, Whole};

/// What every variable of ours begins with.
pub const PREFIX: &str = "KIZUNA_";

/// One setting as declared, for the documentation and its test.
#[derive(Clone, Copy, Debug)]
pub struct Declared {
    /// The environment variable, as `KIZUNA_LISTEN`.
    pub variable: &'static str,
    /// The value where none is given; `None`: there is no value then.
    pub default: Option<&'static str>,
    /// What a good value is, as "an address and a port, as 127.0.0.1:8080".
    pub expected: fn() -> String,
    /// Is it never shown, and may it also be given as the name of a file, in the variable with `_FILE` after its name?
    pub secret: bool,
    /// What it is for.
    pub help: &'static str,
}

impl Declared {
    /// The key in `kizuna.toml`, as `listen`.
    pub fn key(&self) -> String {
        self.variable.strip_prefix(PREFIX).unwrap_or(self.variable).to_ascii_lowercase()
    }
}

/// Declares a struct of settings with a constructor `read(&mut Source)` and a constant `DECLARED`.
///
/// A field's type says what a good value is ([`settings::Value`](crate::settings::Value)); an `Option` may be left out.
///
/// ```
/// use runtime::settings::{Source, Whole};
///
/// runtime::settings! {
///     /// What this program can be told.
///     pub struct Settings {
///         /// Where it listens.
///         listen: std::net::SocketAddr = "KIZUNA_LISTEN" default "127.0.0.1:8080",
///         /// How many partitions a new log gets.
///         partitions: Option<Whole<1, 256>> = "KIZUNA_PARTITIONS",
///     }
/// }
/// let given = std::collections::BTreeMap::from([("KIZUNA_PARTITIONS".to_owned(), "4".to_owned())]);
/// let mut source = Source::new(&given, None);
/// let settings = Settings::read(&mut source);
/// source.finish().expect("nothing wrong");
/// assert_eq!(settings.expect("all read").partitions.map(Whole::get), Some(4));
/// assert_eq!(Settings::DECLARED[0].help, "Where it listens.");
/// ```
#[macro_export]
macro_rules! settings {
    ($(#[$doc:meta])* $vis:vis struct $name:ident {
        $($(#[doc = $help:literal])+ $field:ident: $kind:ty = $variable:literal $(default $default:literal)?,)+
    }) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        $vis struct $name {
            $($(#[doc = $help])+ pub $field: $kind,)+
        }

        impl $name {
            /// Every setting of this struct.
            $vis const DECLARED: &'static [$crate::settings::Declared] = &[
                $($crate::settings::Declared {
                    variable: $variable,
                    default: $crate::settings!(@default $($default)?),
                    expected: <$kind as $crate::settings::Field>::expected,
                    secret: <$kind as $crate::settings::Field>::SECRET,
                    help: concat!($($help),+).trim_ascii(),
                },)+
            ];

            /// Reads every setting; what is wrong with them is collected in the source, and then there are none.
            $vis fn read(source: &mut $crate::settings::Source) -> Option<Self> {
                $(let $field = <$kind as $crate::settings::Field>::read(
                    source, $variable, $crate::settings!(@default $($default)?));)+
                Some(Self { $($field: $field?),+ })
            }
        }
    };
    (@default) => { None };
    (@default $default:literal) => { Some($default) };
}
