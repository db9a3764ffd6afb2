//! Passwords: how good one must be, and Argon2id (RFC 9106) with the parameters
//! OWASP names as the least: 19 MiB, two passes, one lane. A few at a time, so
//! that a flood of sign-ins cannot eat a small server's memory.

use std::sync::LazyLock;

use argon2::password_hash::phc::PasswordHash as Parsed;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use crate::error::{Error, Result};

pub const SHORTEST: usize = 12;
/// Beyond this a password is an attack on the hash.
pub const LONGEST: usize = 256;
const AT_ONCE: usize = 2;

static ROOM: Semaphore = Semaphore::const_new(AT_ONCE);

/// A password as it is stored: a PHC string.
#[derive(Clone)]
pub struct PasswordHash(pub String);

/// What a stranger's password is compared with, so that an unknown address takes
/// as long as a known one.
static NOBODY: LazyLock<Option<PasswordHash>> = LazyLock::new(|| compute("nobody's password").ok());

/// Hashes what a person chose; refuses what others would guess.
pub async fn hash(password: &str, about: &[&str]) -> Result<PasswordHash> {
    check(password, about)?;
    let password = password.to_owned();
    off_thread(move || compute(&password)).await?
}

/// Without a stored hash it takes the same time and is false.
pub async fn verify(password: &str, stored: Option<PasswordHash>) -> Result<bool> {
    if LONGEST < password.len() {
        return Ok(false);
    }
    let password = password.to_owned();
    off_thread(move || {
        let known = stored.is_some();
        let stored = stored.or_else(|| NOBODY.clone());
        let parsed = stored.as_ref().and_then(|it| Parsed::new(&it.0).ok());
        let same = parsed.is_some_and(|it| {
            engine().is_ok_and(|engine| engine.verify_password(password.as_bytes(), &it).is_ok())
        });
        known && same
    })
    .await
}

/// The length counts most; what anybody would try first is refused. `about`:
/// words that belong to the person or the shop.
pub fn check(password: &str, about: &[&str]) -> Result<()> {
    let invalid = |say| {
        Err(Error::Invalid {
            field: "password",
            say,
        })
    };
    let length = password.chars().count();
    if length < SHORTEST {
        return invalid(|t| t.error_password_short(SHORTEST as i64).into());
    }
    if LONGEST < password.len() {
        return invalid(|t| t.error_field_too_long(LONGEST as i64).into());
    }
    let lower = password.to_lowercase();
    let mut rest = lower.clone();
    let mut own_words: Vec<String> = Vec::new();
    for text in about.iter().map(|it| it.to_lowercase()) {
        own_words.push(text.chars().filter(|c| c.is_alphanumeric()).collect());
        own_words.push(text.clone());
        own_words.extend(
            text.split(|c: char| !c.is_alphanumeric())
                .map(str::to_owned),
        );
    }
    // Whole names first: without its middle, an address would look like chance.
    own_words.sort_by_key(|it| std::cmp::Reverse(it.len()));
    let words = own_words
        .into_iter()
        .chain(COMMON.iter().map(|it| (*it).to_owned()));
    for word in words.filter(|it| 4 <= it.len()) {
        rest = rest.replace(&word, "");
    }
    let mut letters: Vec<char> = lower.chars().collect();
    letters.sort_unstable();
    letters.dedup();
    let left = rest.chars().filter(|c| c.is_alphabetic()).count();
    let digits_only = lower.chars().all(|c| c.is_ascii_digit());
    if letters.len() < 5 || left + rest.len() < 6 || digits_only {
        return invalid(|t| t.error_password_common().into());
    }
    Ok(())
}

/// What the lists of leaked passwords are made of, once padded to this length.
const COMMON: &[&str] = &[
    "password",
    "passwort",
    "parola",
    "passw0rd",
    "p@ssw0rd",
    "p@ssword",
    "motdepasse",
    "azerty",
    "qwertyuiop",
    "qwerty",
    "qwertz",
    "asdfghjkl",
    "asdfgh",
    "zxcvbnm",
    "1q2w3e4r",
    "1qaz2wsx",
    "q1w2e3r4",
    "123456789",
    "12345678",
    "1234567",
    "123456",
    "12345",
    "1234",
    "987654321",
    "abcdefgh",
    "abcdef",
    "abcd",
    "abc123",
    "iloveyou",
    "letmein",
    "welcome",
    "admin",
    "root",
    "login",
    "master",
    "dragon",
    "monkey",
    "football",
    "baseball",
    "sunshine",
    "princess",
    "superman",
    "batman",
    "trustno1",
    "shadow",
    "michael",
    "secret",
    "changeme",
    "default",
    "bonjour",
    "soleil",
    "sifre",
    "istanbul",
    "galatasaray",
    "fenerbahce",
    "besiktas",
    "йцукен",
    "пароль",
    "любовь",
    "shopbell",
    "livechat",
    "2024",
    "2025",
    "2026",
    "2027",
];

fn compute(password: &str) -> Result<PasswordHash> {
    let failed = |e: &dyn std::fmt::Display| Error::internal("hashing a password", e.to_string());
    let hash = engine()
        .map_err(|e| failed(&e))?
        .hash_password(password.as_bytes())
        .map_err(|e| failed(&e))?;
    Ok(PasswordHash(hash.to_string()))
}

fn engine() -> Result<Argon2<'static>, argon2::Error> {
    let params = Params::new(19 * 1024, 2, 1, None)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let _turn = ROOM
        .acquire()
        .await
        .map_err(|e| Error::internal("waiting to hash", e))?;
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| Error::internal("hashing a password", e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_anybody_would_guess_is_refused() {
        for bad in [
            "short",
            "aaaaaaaaaaaaaaaa",
            "password1234",
            "Password2026!",
            "123456789012",
            "qwertyuiop12",
            "mugsandmore1",
            "ada@mugs.example",
        ] {
            assert!(
                check(bad, &["Mugs and More", "ada@mugs.example"]).is_err(),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_long_sentence_in_any_language_is_good() {
        for good in [
            "correct horse battery",
            "мой кот любит рыбу",
            "on-va-au-marche-8",
        ] {
            assert!(check(good, &["Mugs and More"]).is_ok(), "{good}");
        }
    }

    #[test]
    fn a_password_matches_its_own_hash_only() {
        let stored = compute("correct horse battery").unwrap();
        let parsed = Parsed::new(&stored.0).unwrap();
        let verify = |it: &str| engine().unwrap().verify_password(it.as_bytes(), &parsed);
        assert!(verify("correct horse battery").is_ok());
        assert!(verify("correct horse batterY").is_err());
        assert!(stored.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    }
}
