//! Secrets: made here, hashed here, and never printed.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// A value the operator or a person gave us in confidence. It has no `Serialize`
/// and prints as `***`, so it cannot slip into a log or an answer.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    pub fn reveal(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// 256 random bits that open something: a session, a visitor's chat, a reset link.
/// Only its hash is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

/// What is stored and looked up. A plain hash is enough for a high-entropy
/// secret (OWASP ASVS 5.0, 6.5.2).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash(pub [u8; 32]);

impl Token {
    pub fn random() -> Self {
        Self(URL_SAFE_NO_PAD.encode(random_bytes::<32>()))
    }

    /// Only what could be one of ours: so that a lookup never sees an empty or
    /// an over-long string.
    pub fn parse(text: &str) -> Option<Self> {
        let ours = text.len() == 43
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        ours.then(|| Self(text.to_owned()))
    }

    pub fn reveal(&self) -> &str {
        &self.0
    }

    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.0.as_bytes()).into())
    }

    /// A second secret that whoever holds this one can compute, and nobody else:
    /// the anti-forgery token of a session needs no column of its own.
    pub fn derive(&self, purpose: &str) -> String {
        let digest = Sha256::new()
            .chain_update(purpose)
            .chain_update([0])
            .chain_update(&self.0)
            .finalize();
        URL_SAFE_NO_PAD.encode(digest)
    }

    pub fn derives(&self, purpose: &str, claimed: &str) -> bool {
        self.derive(purpose)
            .as_bytes()
            .ct_eq(claimed.as_bytes())
            .into()
    }
}

/// 128 random bits as text, for names that must not be guessed but are no secrets.
pub fn random_key() -> String {
    URL_SAFE_NO_PAD.encode(random_bytes::<16>())
}

fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // Without randomness every secret would be guessable, so there is no fallback.
    if let Err(error) = getrandom::fill(&mut bytes) {
        panic!("the operating system gives no random numbers: {error}");
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_prints_as_stars() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "***");
    }

    #[test]
    fn only_our_own_tokens_parse() {
        let token = Token::random();
        assert!(Token::parse(token.reveal()).is_some());
        for not_ours in ["", "short", &"x".repeat(44), &"é".repeat(43)] {
            assert!(Token::parse(not_ours).is_none());
        }
    }

    #[test]
    fn a_derived_token_is_bound_to_its_secret_and_its_purpose() {
        let token = Token::random();
        let csrf = token.derive("csrf");
        assert!(token.derives("csrf", &csrf));
        assert!(!token.derives("other", &csrf));
        assert!(!Token::random().derives("csrf", &csrf));
    }
}
