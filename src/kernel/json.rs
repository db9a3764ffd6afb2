//! JSON from outside (RFC 8259).

use serde::de::{DeserializeOwned, Error};

/// Reads what must be an object, all the way down. serde takes a list for a
/// struct, field by field in their order, which nobody means who writes to us.
/// Nothing that is read here holds a list on purpose; the first that does needs
/// a finer check.
pub fn from_json<T: DeserializeOwned>(text: &[u8]) -> Result<T, serde_json::Error> {
    match has_list(text) {
        true => Err(serde_json::Error::custom("a list where none is meant")),
        false => serde_json::from_slice(text),
    }
}

fn has_list(text: &[u8]) -> bool {
    let (mut quoted, mut escaped) = (false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = quoted,
            b'"' => quoted = !quoted,
            b'[' if !quoted => return true,
            _ => (),
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Inner {
        word: String,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Outer {
        inner: Inner,
    }

    #[test]
    fn a_list_stands_in_for_no_object_and_brackets_in_words_are_words() {
        let read = |text: &str| from_json::<Outer>(text.as_bytes()).ok();
        let good = |word: &str| {
            let word = word.to_owned();
            Some(Outer {
                inner: Inner { word },
            })
        };
        assert_eq!(read(r#"{"inner":{"word":"[a]"}}"#), good("[a]"));
        assert_eq!(read(r#"{"inner":{"word":"\"["}}"#), good("\"["));
        for bad in [r#"[{"word":"a"}]"#, r#"[["a"]]"#, r#"{"inner":["a"]}"#] {
            assert!(serde_json::from_str::<Outer>(bad).is_ok(), "serde takes it");
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
