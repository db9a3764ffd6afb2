use super::Device;
use crate::kernel::Browser;

/// A language tag (BCP 47) as far as we use it; anything else is unknown.
pub fn clean_lang(text: &str) -> String {
    let tag = |it: &str| {
        !it.is_empty()
            && it.len() <= 16
            && it.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    match tag(text) {
        true => text.to_owned(),
        false => "und".to_owned(),
    }
}

/// Puts into words what a browser calls itself; the raw string stays beside it.
pub fn recognise(device: Device) -> Device {
    let found = Browser::of(&device.raw);
    Device {
        browser: found.name,
        browser_version: found.version,
        system: found.system,
        ..device
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_named_with_its_version() {
        let raw = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
        let of = |raw: &str| {
            recognise(Device {
                raw: raw.to_owned(),
                ..Device::default()
            })
        };
        assert_eq!(of(raw).words(), "Firefox 140.0, Linux");
        assert_eq!(of(raw).raw, raw);
        assert_eq!(of("").words(), "");
    }

    #[test]
    fn a_language_tag_is_short_and_plain() {
        assert_eq!(clean_lang("pt-BR"), "pt-BR");
        assert_eq!(clean_lang("<script>"), "und");
        assert_eq!(clean_lang(""), "und");
    }
}
