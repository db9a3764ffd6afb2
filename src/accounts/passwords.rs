//! Passwords: how good one must be, and Argon2id (RFC 9106) with the parameters
//! OWASP names as the least: 19 MiB, two passes, one lane. Two at a time, in
//! memory that is kept and used again, so that a flood of sign-ins cannot eat a
//! small server's memory. One of the two is for those who proved before who they
//! are: strangers wait for each other only, and not in a long line.
//!
//! A password is hashed in Unicode's composed form (NFC): the same key makes
//! another sequence of signs on another system, and nobody sees the difference.

use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Instant;

use argon2::password_hash::phc::{Output, PasswordHash as Parsed, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use tokio::sync::Semaphore;

use crate::error::{Error, Result};
use crate::kernel::{comparable, composed, decomposed};

pub const SHORTEST: usize = 12;
/// Beyond this a password is an attack on the hash.
pub const LONGEST: usize = 256;
/// Strangers who are being answered or wait for it: a second or two of work.
const STRANGERS: usize = 32;
/// When the next stranger may try, in seconds, where there are so many.
const SOON: u64 = 5;
/// KiB that one hash takes.
const MEMORY: u32 = 19 * 1024;

static PROVEN: Semaphore = Semaphore::const_new(1);
static STRANGER: Semaphore = Semaphore::const_new(1);
static LINE: Semaphore = Semaphore::const_new(STRANGERS);
/// The memory of those two, while nobody uses it. Given back to the
/// allocator, pieces of this size stay with the process, a few for each thread.
static MEMORIES: Mutex<Vec<Vec<Block>>> = Mutex::new(Vec::new());

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Signed in, with a link from his mailbox, or in a browser that is known.
    Proven,
    /// Anybody at all.
    Stranger,
}

/// A password as it is stored: a PHC string.
#[derive(Clone)]
pub struct PasswordHash(pub String);

/// What a stranger's password is compared with, so that an unknown address takes
/// as long as a known one.
static NOBODY: LazyLock<Option<PasswordHash>> = LazyLock::new(|| compute("nobody's password").ok());

/// Hashes what a person chose; refuses what others would guess.
pub async fn hash(password: &str, about: &[&str]) -> Result<PasswordHash> {
    check(password, about)?;
    let password = composed(password);
    // Nobody chooses one who has not shown a link, a code or a session.
    off_thread(Turn::Proven, move || compute(&password)).await?
}

/// Without a stored hash it takes the same time and is false.
///
/// # Errors
/// `TooMany` where a stranger would have to wait for too many others.
pub async fn verify(password: &str, stored: Option<PasswordHash>, turn: Turn) -> Result<bool> {
    let forms = forms(password);
    // What was hashed was no longer than this; what is typed may be.
    if forms.first().is_none_or(|it| LONGEST < it.len()) {
        return Ok(false);
    }
    let (known, others) = (stored.is_some(), forms.len() as u32 - 1);
    let (same, took) = off_thread(turn, move || {
        let began = Instant::now();
        let stored = stored.or_else(|| NOBODY.clone());
        let parsed = stored.as_ref().and_then(|it| Parsed::new(&it.0).ok());
        let same = parsed.is_some_and(|it| {
            // Nobody has older forms: his time passes below, and costs nothing.
            let forms = if known { &forms[..] } else { &forms[..1] };
            let mut matches = forms.iter().map(|form| matches(form, &it).unwrap_or(false));
            matches.any(|it| it)
        });
        (same, began.elapsed())
    })
    .await?;
    if !known && 0 < others {
        tokio::time::sleep(took * others).await;
    }
    Ok(known && same)
}

/// What may have been hashed: the composed form, and, before that was the rule,
/// whatever the keyboard made. All the same, and one, where there are no accents.
fn forms(password: &str) -> Vec<String> {
    let mut forms = vec![composed(password)];
    for older in [password.to_owned(), decomposed(password)] {
        if !forms.contains(&older) {
            forms.push(older);
        }
    }
    forms
}

/// The length counts most; what anybody would try first is refused. `about`:
/// words that belong to the person or the shop.
pub fn check(password: &str, about: &[&str]) -> Result<()> {
    let invalid = |say| Err(Error::invalid("password", say));
    let password = composed(password);
    let length = password.chars().count();
    if length < SHORTEST {
        return invalid(|t| t.error_password_short(SHORTEST as i64).into());
    }
    if LONGEST < password.len() {
        return invalid(|t| t.error_field_too_long(LONGEST as i64).into());
    }
    let lower = comparable(&password);
    let mut rest = lower.clone();
    let mut own_words: Vec<String> = Vec::new();
    for text in about.iter().map(|it| comparable(it)) {
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
        .chain(COMMON.iter().map(|it| comparable(it)));
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
    let params = Params::new(MEMORY, 2, 1, None).map_err(|e| failed(&e))?;
    let (algorithm, version) = (Algorithm::Argon2id, Version::V0x13);
    let salt = Salt::generate();
    let mut out = [0; Params::DEFAULT_OUTPUT_LEN];
    let engine = Argon2::new(algorithm, version, params.clone());
    run(&engine, password, &salt, &mut out).map_err(|e| failed(&e))?;
    let hash = Parsed {
        algorithm: algorithm.ident(),
        version: Some(version.into()),
        params: (&params).try_into().map_err(|e| failed(&e))?,
        salt: Some(salt),
        hash: Some(Output::new(&out).map_err(|e| failed(&e))?),
    };
    Ok(PasswordHash(hash.to_string()))
}

/// Whether a stored hash is this password's, with the parameters it was made
/// with. None where those are none that this program ever wrote.
fn matches(password: &str, stored: &Parsed) -> Option<bool> {
    let algorithm = Algorithm::try_from(stored.algorithm.as_str()).ok()?;
    let version = Version::try_from(stored.version?).ok()?;
    let params = Params::try_from(stored).ok()?;
    if MEMORY < params.m_cost() {
        return None;
    }
    let expected = stored.hash.as_ref()?;
    let mut buffer = [0; Output::MAX_LENGTH];
    let out = buffer.get_mut(..expected.len())?;
    let engine = Argon2::new(algorithm, version, params);
    run(&engine, password, stored.salt.as_ref()?, out).ok()?;
    // This comparison takes the same time wherever the two differ.
    Output::new(out).ok().map(|it| it == *expected)
}

/// Borrows one of the kept memories, and makes it at its first use.
fn run(engine: &Argon2, password: &str, salt: &[u8], out: &mut [u8]) -> argon2::Result<()> {
    let kept = || MEMORIES.lock().unwrap_or_else(PoisonError::into_inner);
    let mut memory = kept().pop().unwrap_or_default();
    memory.resize(MEMORY as usize, Block::new());
    let done =
        engine.hash_password_into_with_memory(password.as_bytes(), salt, out, &mut memory[..]);
    kept().push(memory);
    done
}

/// The turn is kept by the work itself: whoever hangs up meanwhile does not
/// make room for one more.
async fn off_thread<T: Send + 'static>(
    turn: Turn,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    let too_many = |_| Error::TooMany { retry_after: SOON };
    let (place, lane) = match turn {
        Turn::Proven => (None, &PROVEN),
        Turn::Stranger => (Some(LINE.try_acquire().map_err(too_many)?), &STRANGER),
    };
    let turn = lane
        .acquire()
        .await
        .map_err(|e| Error::internal("waiting to hash", e))?;
    let work = move || {
        let _held = (place, turn);
        work()
    };
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| Error::internal("hashing a password", e))
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;
    use futures_util::stream::FuturesUnordered;

    use super::*;

    #[tokio::test]
    async fn whoever_is_known_waits_for_no_stranger_and_strangers_wait_in_a_short_line() {
        let stored = compute("correct horse battery").unwrap();
        let guess = |turn| super::verify("correct horse battery", Some(stored.clone()), turn);
        let mut strangers: FuturesUnordered<_> = (0..100).map(|_| guess(Turn::Stranger)).collect();
        let mut known = std::pin::pin!(guess(Turn::Proven));
        let (mut answered, mut refused) = (0, 0);
        let right = loop {
            // He comes last.
            tokio::select! {
                biased;
                Some(stranger) = strangers.next() => match stranger {
                    Err(Error::TooMany { .. }) => refused += 1,
                    right => answered += usize::from(right.unwrap()),
                },
                right = &mut known => break right.unwrap(),
            }
        };
        assert!(right);
        assert_eq!(refused, 100 - STRANGERS);
        assert!(answered < STRANGERS / 2, "{answered} went before him");
        drop(strangers);
        assert!(guess(Turn::Stranger).await.unwrap(), "the line moves on");
    }

    /// Time stands still but for what is slept, which only the unknown name does:
    /// a known one spends it at work.
    #[tokio::test(start_paused = true)]
    async fn an_unknown_name_takes_the_time_of_the_older_forms_without_the_work() {
        let stored = compute("correct horse battery").unwrap();
        let accents = "caf\u{e9} du marche\u{301}";
        assert_eq!(forms(accents).len(), 3);
        let slept = async |password: &str, stored: Option<PasswordHash>| {
            let began = tokio::time::Instant::now();
            let right = super::verify(password, stored, Turn::Proven).await;
            assert!(!right.unwrap());
            began.elapsed()
        };
        assert!(slept("wrong horse battery", None).await.is_zero());
        assert!(slept(accents, Some(stored)).await.is_zero());
        assert!(!slept(accents, None).await.is_zero());
    }

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

    fn verify(password: &str, stored: &str) -> bool {
        let parsed = Parsed::new(stored).unwrap();
        let mut forms = forms(password).into_iter();
        forms.any(|form| matches(&form, &parsed) == Some(true))
    }

    #[test]
    fn a_password_matches_its_own_hash_only() {
        let stored = compute("correct horse battery").unwrap().0;
        assert!(verify("correct horse battery", &stored));
        assert!(!verify("correct horse batterY", &stored));
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    }

    /// Made by the reference program of Argon2 with the same parameters.
    #[test]
    fn a_hash_that_another_program_made_is_understood() {
        let stored = "$argon2id$v=19$m=19456,t=2,p=1$YW4tb2xkZXItc2FsdDEyMw$gCh/e8EnWKJYshToXYBJV7Suffirwd4zihPUvIdT5xk";
        assert!(verify("correct horse battery", stored));
        assert!(!verify("correct horse batteries", stored));
    }

    #[test]
    fn the_memory_is_kept_and_makes_no_difference_to_the_next_password() {
        let one = compute("correct horse battery").unwrap().0;
        let other = compute("мой кот любит рыбу").unwrap().0;
        for _ in 0..3 {
            assert!(verify("correct horse battery", &one));
            assert!(verify("мой кот любит рыбу", &other));
            assert!(!verify("correct horse battery", &other));
        }
    }

    #[tokio::test]
    async fn the_length_is_that_of_the_composed_form_at_both_ends() {
        let composed = "\u{e9}à\u{ee}\u{f6}ûñçø".repeat(LONGEST / 16);
        let typed = decomposed(&composed);
        assert!(composed.len() == LONGEST && LONGEST < typed.len());
        let stored = hash(&typed, &[]).await.unwrap();
        assert!(
            super::verify(&typed, Some(stored.clone()), Turn::Proven)
                .await
                .unwrap()
        );
        assert!(
            super::verify(&composed, Some(stored.clone()), Turn::Proven)
                .await
                .unwrap()
        );
        let longer = format!("{composed}x");
        assert!(hash(&longer, &[]).await.is_err());
        assert!(
            !super::verify(&longer, Some(stored), Turn::Proven)
                .await
                .unwrap()
        );
    }

    #[test]
    fn an_accent_is_the_same_however_the_keyboard_writes_it() {
        let (composed, decomposed) = ("caf\u{e9} du march\u{e9}", "cafe\u{301} du marche\u{301}");
        let stored = compute(&super::composed(composed)).unwrap().0;
        assert!(verify(composed, &stored) && verify(decomposed, &stored));
        // As they were stored before: whatever had been typed.
        let older = compute(decomposed).unwrap().0;
        assert!(verify(composed, &older) && verify(decomposed, &older));
        assert!(!verify("cafe du marche", &stored));
    }
}
