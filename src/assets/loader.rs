//! The loader with a site's look inside, made when it is first asked for.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use sha2::{Digest, Sha256};

/// Where the look belongs, quotes included.
const PLACE: &str = "'__LOOK__'";
/// More looks than there are sites, with some that have just been changed.
const KEPT: usize = 64;

/// `/w.js` in each form in which it can be sent.
pub struct Loader {
    pub text: Vec<u8>,
    /// Brotli (RFC 7932), as tight as it gets.
    pub br: Vec<u8>,
    pub etag: String,
}

static MADE: LazyLock<Mutex<HashMap<String, Arc<Loader>>>> = LazyLock::new(Mutex::default);

/// `look`: an object, as a script writes it.
pub fn loader(look: &str) -> Option<Arc<Loader>> {
    let kept = || MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(made) = kept().get(look) {
        return Some(Arc::clone(made));
    }
    let made = Arc::new(make(look)?);
    let mut kept = kept();
    if kept.len() >= KEPT {
        kept.clear();
    }
    kept.insert(look.to_owned(), Arc::clone(&made));
    Some(made)
}

fn make(look: &str) -> Option<Loader> {
    let plain = super::find("/widget/loader.js")?;
    let script = std::str::from_utf8(plain.bytes).ok()?;
    let text = script.replace(PLACE, look);
    let mut etag = String::from("\"");
    for byte in Sha256::digest(&text).iter().take(8) {
        let _ = write!(etag, "{byte:02x}");
    }
    etag.push('"');
    Some(Loader {
        br: super::compress(text.as_bytes(), super::TIGHTEST)?,
        text: text.into_bytes(),
        etag,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_stands_in_its_place_and_changes_the_tag() {
        let plain = loader("{}").unwrap();
        let blue = loader("{\"color\":\"#00f\"}").unwrap();
        let text = String::from_utf8(blue.text.clone()).unwrap();
        assert!(text.contains("={\"color\":\"#00f\"};"), "{text}");
        assert!(!text.contains("__LOOK__"));
        assert_ne!(plain.etag, blue.etag);
        assert!(Arc::ptr_eq(&blue, &loader("{\"color\":\"#00f\"}").unwrap()));
        assert!(blue.br.len() < blue.text.len() / 2);
    }
}
