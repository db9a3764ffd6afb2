//! An email address as people type it: trimmed, lower case, one `@`, no tricks.
//! The check is deliberately small; the mail server has the last word.

use std::fmt;

use super::text::composed;

/// RFC 5321 4.5.3.1.3 allows a path of 256 octets with its angle brackets.
const MAX: usize = 254;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EmailAddress(String);

impl EmailAddress {
    pub fn parse(text: &str) -> Option<Self> {
        // The domain may have letters of any language, however a keyboard makes them.
        let text = composed(text.trim()).to_lowercase();
        let (local, domain) = text.rsplit_once('@')?;
        let atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
        let label = |label: &str| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_alphanumeric() || c == '-')
        };
        let good = text.len() <= MAX
            && !local.is_empty()
            && local.len() <= 64
            && local.chars().all(atom)
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..")
            && domain.contains('.')
            && domain.split('.').all(label);
        good.then_some(Self(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_normalised() {
        let address = EmailAddress::parse("  Ada@Shop.Example ");
        assert_eq!(
            address.map(|it| it.to_string()),
            Some("ada@shop.example".into())
        );
    }

    #[test]
    fn a_domain_with_an_accent_is_the_same_from_every_keyboard() {
        let one = EmailAddress::parse("ada@caf\u{e9}.example");
        assert!(one.is_some());
        assert_eq!(one, EmailAddress::parse("ada@cafe\u{301}.example"));
    }

    #[test]
    fn what_could_smuggle_a_header_or_a_second_recipient_is_refused() {
        for bad in [
            "",
            "ada",
            "ada@",
            "@shop.example",
            "ada@localhost",
            "ada@shop.example\r\nBcc: all@shop.example",
            "ada@shop.example, bob@shop.example",
            "a b@shop.example",
            "ada@-shop.example",
            "<ada@shop.example>",
            "ada@shop..example",
        ] {
            assert_eq!(EmailAddress::parse(bad), None, "{bad}");
        }
    }
}
