//! Browsers from which somebody signed in before: whoever guesses elsewhere does not keep them waiting.
//!
//! Such a browser carries a number, sealed for the name that signed in, of which nothing is stored. It opens nothing; attempts from
//! there are only counted for themselves.

use super::Console;
use super::guard::cookie;
use super::token;
use axum::http::HeaderMap;
use runtime::secret::Secret;
use schemas::Sealed;

const COOKIE: &str = "kizuna_device";

/// How long a browser is known, seconds.
const KNOWN_FOR: u32 = 365 * 24 * 60 * 60;

impl Console {
    /// The number of the browser, if somebody of this name signed in from it before.
    pub fn known_device(&self, headers: &HeaderMap, name: &str) -> Option<Secret> {
        let sealed = Sealed(hex::decode(cookie(headers, COOKIE)?).ok()?);
        self.0.installation.sealer.open_for(&owner(name), &sealed).ok()
    }

    /// The header that makes the browser known for this name.
    pub fn device_cookie(&self, name: &str) -> String {
        let Sealed(sealed) = self.0.installation.sealer.seal_for(&owner(name), &token::new());
        let secure = if self.is_secure() { "; Secure" } else { "" };
        let sealed = hex::encode(sealed);
        format!("{COOKIE}={sealed}; Path=/login; HttpOnly; SameSite=Strict; Max-Age={KNOWN_FOR}{secure}")
    }
}

fn owner(name: &str) -> String {
    format!("device of {}", name.to_lowercase())
}
