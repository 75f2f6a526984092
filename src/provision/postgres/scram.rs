//! A password and what the server keeps of it, made here: the password itself never travels to the server or into its log.

use crate::provision::contract::Fault;
use crate::secret::{self, Secret};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::{digest, hmac, pbkdf2};
use std::num::NonZeroU32;

/// The rounds that PostgreSQL uses itself; the password is random, so more would buy nothing.
const ROUNDS: NonZeroU32 = NonZeroU32::MIN.saturating_add(4095);

/// A fresh password.
pub(super) fn password() -> Result<Secret, Fault> {
    secret::hex::<24>().map(Secret::new).map_err(|fault| Fault::passing(fault.to_string()))
}

/// What the server keeps: enough to check the password, not enough to use it.
pub(super) fn verifier(password: &Secret) -> Result<String, Fault> {
    let salt = secret::bytes::<16>().map_err(|fault| Fault::passing(fault.to_string()))?;
    Ok(with_salt(password, &salt, ROUNDS))
}

fn with_salt(password: &Secret, salt: &[u8], rounds: NonZeroU32) -> String {
    let mut salted = [0; digest::SHA256_OUTPUT_LEN];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, salt, password.reveal().as_bytes(), &mut salted);
    let key = hmac::Key::new(hmac::HMAC_SHA256, &salted);
    let client = hmac::sign(&key, b"Client Key");
    let stored = digest::digest(&digest::SHA256, client.as_ref());
    let server = hmac::sign(&key, b"Server Key");
    let shown = |bytes: &[u8]| STANDARD.encode(bytes);
    format!("SCRAM-SHA-256${rounds}:{}${}:{}", shown(salt), shown(stored.as_ref()), shown(server.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verifier_is_the_one_of_the_standard() {
        // RFC 7677: user `user`, password `pencil`; its server key checks the signature given there.
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let made = with_salt(&Secret::new("pencil"), &salt, ROUNDS);
        assert_eq!(
            made,
            "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
        );
    }

    #[test]
    fn each_password_is_fresh() {
        assert_ne!(password().unwrap(), password().unwrap());
    }
}
