//! The codes of an authenticator app: RFC 6238 with what every app can do, which is SHA-1, 30 seconds and six digits.

use super::token;
use runtime::secret::Secret;
use totp_rs::{Builder, Totp};

/// Steps by which the clock of a phone may be wrong, each way.
const SKEW: u16 = 1;

/// What an app shows above the name.
const ISSUER: &str = "Kizuna";

/// A new secret: 160 random bits, in base32 as people type it.
pub fn new_secret() -> Secret {
    Secret::new(&totp_rs::Secret::new_stack(token::random()).to_base32())
}

/// The number of the half minute that a code is for, if it is one of about now.
pub fn step(secret: &Secret, code: &str, now_ms: i64) -> Option<i64> {
    let seconds = u64::try_from(now_ms / 1_000).ok()?;
    let step = totp(secret, "")?.check(code, seconds)?;
    i64::try_from(step).ok()
}

/// What an app reads from a picture: the secret, and for whom it is.
pub fn uri(secret: &Secret, name: &str) -> Option<Secret> {
    totp(secret, name)?.to_url().ok().map(|uri| Secret::new(&uri))
}

fn totp(secret: &Secret, name: &str) -> Option<Totp> {
    let bytes = totp_rs::Secret::try_from_base32(secret.expose()).ok()?;
    // A colon would separate issuer and name.
    let name = name.replace(':', " ");
    Builder::new().with_secret(bytes).with_skew(SKEW).with_issuer(Some(ISSUER)).with_account_name(name).build().ok()
}

/// The code of a moment, as an app would show it.
#[cfg(test)]
pub fn code(secret: &Secret, now_ms: i64) -> String {
    totp(secret, "").expect("a secret").generate(u64::try_from(now_ms).expect("after 1970") / 1_000).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// "12345678901234567890" in base32.
    const RFC_SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    #[test]
    fn codes_are_those_of_rfc_6238() {
        // The last six of the eight digits in its appendix B.
        for (seconds, digits) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let secret = Secret::new(RFC_SECRET);
            assert_eq!(code(&secret, seconds * 1_000), digits);
            assert_eq!(step(&secret, digits, seconds * 1_000), Some(seconds / 30));
        }
    }

    #[test]
    fn a_clock_may_be_wrong_by_one_step_each_way_and_no_more() {
        let (secret, at_ms) = (new_secret(), 1_750_000_000_000);
        for (steps, is_accepted) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] {
            let shown = code(&secret, at_ms + steps * 30_000);
            assert_eq!(step(&secret, &shown, at_ms).is_some(), is_accepted, "{steps}");
        }
        for bad in ["", "00000", "0000000", "abcdef", "１２３４５６"] {
            assert_eq!(step(&secret, bad, at_ms), None, "{bad}");
        }
    }

    #[test]
    fn an_app_reads_for_whom_the_secret_is() {
        let uri = uri(&Secret::new(RFC_SECRET), "花子: 本店").expect("an address");
        assert_eq!(
            uri.expose(),
            format!(
                "otpauth://totp/Kizuna:%E8%8A%B1%E5%AD%90%20%20%E6%9C%AC%E5%BA%97?secret={RFC_SECRET}&issuer=Kizuna"
            )
        );
        assert_ne!(new_secret(), new_secret());
    }
}
