//! Random secrets that a browser or a link carries, and what of them is stored.

use rand::TryRng;
use rand::rngs::SysRng;
use runtime::secret::Secret;
use sha2::{Digest, Sha256};

/// 256 random bits as 64 hexadecimal digits.
pub fn new() -> Secret {
    Secret::new(&hex(&random::<32>()))
}

/// 80 random bits, as people write them down.
pub fn recovery_code() -> Secret {
    let digits = hex(&random::<10>());
    Secret::new(&[&digits[..5], &digits[5..10], &digits[10..15], &digits[15..]].join("-"))
}

/// Random bytes from the operating system.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SysRng.try_fill_bytes(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// What is stored of a secret, and looked up by: it does not lead back, and the time of a look-up tells nothing of the secret.
pub fn digest(secret: &str) -> [u8; 32] {
    Sha256::digest(secret).into()
}

/// The proof that a form comes from a page that this session was shown.
pub fn form_proof(session: &Secret) -> String {
    hex(&digest(&format!("form {}", session.expose())))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
